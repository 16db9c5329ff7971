"""Sound files as units that play: to the last frame."""

import io
import threading

import numpy as np
import pytest

from tests.audio.wav_files import by_wave, chunk, layout, riff, wav
from tests.media.sound_files import WAIT, Gate, file_of, heard, noise, rest
from voxsync.audio.wav import WavHeader, decode
from voxsync.errors import FormatError, InvalidState
from voxsync.media.callback import BufferSink, CallbackSink
from voxsync.media.source import EndOfStream
from voxsync.media.wavreader import WavReader


def test_a_file_is_read(tmp_path):
    """What it is, and every frame of it, once."""
    samples = noise(1234)
    path = tmp_path / "talk.wav"
    by_wave(str(path), samples.tobytes(), rate=22050)
    with WavReader(path) as reader:
        assert (reader.name, reader.sample_rate) == ("talk.wav", 22050)
        assert (reader.channels, reader.bits) == (1, 16)
        assert reader.frames_total == 1234
        assert reader.duration == 1234 / 22050
        assert not reader.is_clock
        assert not reader.is_pushed
        assert np.array_equal(reader.read(100, WAIT), samples[:100])
        assert np.array_equal(rest(reader), samples[100:])
        assert reader.stats.frames == 1234
        with pytest.raises(EndOfStream):
            reader.read(1, WAIT)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_any_pcm(width, channels):
    """All widths and numbers of channels, at 192 kHz, block by block as at once."""
    data = np.random.default_rng(2).bytes(channels * width * 700)
    file = io.BytesIO()
    by_wave(file, data, channels, width, 192_000)
    file.seek(0)
    with WavReader(file) as reader:
        assert (reader.sample_rate, reader.channels) == (192_000, channels)
        found = rest(reader, 97)
    header = WavHeader(
        encoding=f"pcm{width * 8}",
        sample_rate=192_000,
        channels=channels,
        bits=width * 8,
    )
    assert np.array_equal(found, decode(data, header))
    assert not file.closed


@pytest.mark.parametrize("samples", [noise(0), noise(1)])
def test_little_or_nothing(samples):
    """No frames are no mistake: the end comes at once."""
    with WavReader(file_of(samples), loop=False) as reader:
        assert reader.duration == len(samples) / 16000
        assert np.array_equal(rest(reader), samples)


def test_bare_samples(tmp_path):
    """What the name or `encoding` says has no header."""
    samples = noise(50)
    for name, more in (("a.raw", {}), ("a.PCM", {}), ("a", {"encoding": "pcm16"})):
        path = tmp_path / name
        path.write_bytes(samples.tobytes())
        with WavReader(str(path), sample_rate=8000, **more) as reader:
            assert (reader.name, reader.sample_rate) == (name, 8000)
            assert np.array_equal(rest(reader), samples)
    stereo = io.BytesIO(samples.tobytes())
    with WavReader(stereo, sample_rate=8000, channels=2, encoding="pcm16") as reader:
        assert (reader.channels, reader.frames_total) == (2, 25)
        assert len(rest(reader)) == 25


def test_files_that_cannot_be_played(tmp_path):
    """The error comes at once, names the file, and leaves nothing open."""
    path = tmp_path / "song.wav"
    path.write_bytes(b"ID3\x04")
    with pytest.raises(FormatError, match=r"^song\.wav: an MP3 file: convert it"):
        WavReader(path)
    with pytest.raises(FormatError, match=r"^the file: it is empty"):
        WavReader(io.BytesIO())
    with pytest.raises(FormatError, match=r"^mine: it is empty"):
        WavReader(io.BytesIO(), name="mine")
    with pytest.raises(FormatError, match="it is a folder"):
        WavReader(tmp_path)
    with pytest.raises(FileNotFoundError):
        WavReader(tmp_path / "none.wav")
    raw = tmp_path / "a.raw"
    raw.write_bytes(b"ab")
    for rate, error in ((999, ValueError), (768_001, ValueError), (8e3, TypeError)):
        with pytest.raises(error, match="sample_rate must be"):
            WavReader(raw, sample_rate=rate)


def test_nan_ends_the_file():
    """The link says why."""
    file = io.BytesIO(wav(b"\0\0\xc0\x7f" * 10, tag=3, bits=32))
    with WavReader(file) as reader:
        errors, told = heard(reader)
        link = reader.send_media_to(BufferSink(), paced=False)
        with pytest.raises(FormatError, match="NaN among its samples"):
            link.wait(WAIT)
        assert told.wait(WAIT)
        assert errors == [link.error]


def test_a_cut_file_is_played_and_told_of():
    """What is there is heard, then one error event tells of the rest, once."""
    samples = noise(100)
    data = riff(chunk(b"fmt ", layout()), chunk(b"data", samples.tobytes(), 400))
    with WavReader(io.BytesIO(data), name="cut.wav") as reader:
        errors, told = heard(reader)
        assert np.array_equal(rest(reader), samples)
        assert told.wait(WAIT)
        reader.rewind()
        assert np.array_equal(rest(reader), samples)
    (error,) = errors
    assert isinstance(error, FormatError)
    assert str(error) == (
        "cut.wav: it ends after 100 frames of the 200 that its header tells: "
        "the rest is missing"
    )


def test_rewind(tmp_path):
    """Again from the first frame: in the middle and after the end."""
    samples = noise(3000)
    path = tmp_path / "a.wav"
    path.write_bytes(file_of(samples).getvalue())
    with WavReader(path) as reader:
        assert np.array_equal(reader.read(10, WAIT), samples[:10])
        reader.rewind()
        assert np.array_equal(rest(reader), samples)
        reader.rewind()
        reader.rewind()
        for _ in range(2):
            sink = BufferSink()
            reader.send_media_to(sink, paced=False).wait(WAIT)
            assert np.array_equal(sink.frames, samples)
            with pytest.raises(InvalidState, match=r"a\.wav was read to its end: rew"):
                reader.send_media_to(BufferSink(), paced=False)
            reader.rewind()


def test_after_the_end():
    """No link; half-way there is one; a pipe cannot be rewound; a loop has no end."""
    samples = noise(1000)
    with WavReader(file_of(samples)) as reader:
        reader.read(400, WAIT)
        reader.send_media_to(sink := BufferSink(), paced=False).wait(WAIT)
        assert np.array_equal(sink.frames, samples[400:])
    with WavReader(file_of(samples), name="it") as reader:
        assert (
            len(reader.read(1000, WAIT)) == 1000
        )  # all of it; the end is not seen yet
        with pytest.raises(InvalidState, match="it was read to its end: rewind"):
            reader.send_media_to(BufferSink())
        reader.close()
        with pytest.raises(InvalidState, match="it is closed"):
            reader.send_media_to(BufferSink())
    gate = Gate(file_of(samples).getvalue())
    gate.open.set()
    with WavReader(gate, name="it") as reader:
        rest(reader)
        with pytest.raises(InvalidState, match="it was read to its end: open the file"):
            reader.send_media_to(BufferSink())
    with WavReader(file_of(samples), loop=True) as reader:
        reader.read(1000, WAIT)
        reader.send_media_to(BufferSink()).stop()
    with WavReader(file_of(noise(0))) as reader:  # it has an end, but was not read
        reader.send_media_to(BufferSink(), paced=False).wait(WAIT)
        with pytest.raises(InvalidState, match="was read to its end"):
            reader.send_media_to(BufferSink())


def test_rewind_frees_who_reads():
    """Whoever waits in `read` is told the end, as by `close`."""
    gate = Gate(file_of(noise(10)).getvalue())
    gate.seekable = lambda: True
    gate.tell = gate.file.tell
    gate.seek = gate.file.seek
    reader = WavReader(gate)
    over = threading.Event()

    def wait_for_it():
        with pytest.raises(EndOfStream):
            reader.read(10)
        over.set()

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    assert gate.reached.wait(WAIT)
    reader.rewind()
    gate.open.set()
    assert over.wait(WAIT)
    thread.join()
    assert len(rest(reader)) == 10
    reader.close()


def test_pipes_play_once():
    """They can be neither rewound nor looped."""
    gate = Gate(file_of(noise(10)).getvalue())
    gate.open.set()
    with WavReader(gate) as reader:
        assert reader.frames_total == 10
        with pytest.raises(InvalidState, match="is a pipe"):
            reader.rewind()
        assert np.array_equal(rest(reader), noise(10))
    with pytest.raises(ValueError, match="plays once: leave loop out"):
        WavReader(Gate(file_of(noise(10)).getvalue()), loop=True)
    endless = Gate(wav(b""))
    endless.file = io.BytesIO(
        riff(chunk(b"fmt ", layout()), chunk(b"data", b""), size=0)
    )
    endless.open.set()
    with WavReader(endless) as reader:
        assert reader.frames_total is None
        assert reader.duration is None


def test_loop(tmp_path):
    """The first frame follows the last."""
    samples = noise(70)
    path = tmp_path / "a.wav"
    path.write_bytes(file_of(samples).getvalue())
    with WavReader(path, loop=True) as reader:
        found = np.concatenate([reader.read(100, WAIT) for _ in range(5)])
    assert np.array_equal(found, np.resize(samples, 500))


def test_a_loop_of_nothing():
    """It ends; else it would go round for ever."""
    with WavReader(file_of(noise(0)), loop=True) as reader:
        assert len(rest(reader)) == 0


def test_a_loop_over_a_file_that_was_emptied():
    """The same, when the samples go while it plays."""
    file = file_of(noise(10))
    with WavReader(file, loop=True) as reader:
        assert len(reader.read(10, WAIT)) == 10
        file.truncate(44)
        assert len(rest(reader)) == 0


def test_close(tmp_path):
    """It ends links, is idempotent, and final."""
    path = tmp_path / "a.wav"
    path.write_bytes(file_of(noise(16000 * 60)).getvalue())
    reader = WavReader(path)
    link = reader.send_media_to(BufferSink())
    reader.close()
    reader.close()
    link.wait(WAIT)
    for call in (reader.rewind, lambda: reader.read(1, WAIT)):
        with pytest.raises(InvalidState, match=r"a\.wav is closed"):
            call()
    with pytest.raises(InvalidState, match="is closed"):
        reader.send_media_to(BufferSink())


def test_closed_while_it_is_read(monkeypatch, tmp_path):
    """What the file says of being closed is no error then; else it is one."""
    path = tmp_path / "a.wav"
    path.write_bytes(file_of(noise(10)).getvalue())
    reader = WavReader(path)

    def read(frames):
        raise ValueError("read of closed file")

    monkeypatch.setattr(reader._file, "read", read)
    with pytest.raises(ValueError, match="of closed file"):
        reader._produce(1)
    reader.close()
    with pytest.raises(EndOfStream):
        reader._produce(1)


# Links


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_into_memory(rate):
    """At equal rates every bit arrives, and no other."""
    samples = noise(rate * 3 + 7)
    sink = BufferSink(sample_rate=rate)
    with WavReader(file_of(samples, rate=rate)) as reader:
        reader.send_media_to(sink, paced=False).wait(WAIT)
    assert np.array_equal(sink.frames, samples)


def test_a_callback_gets_the_file():
    """Block by block, each 20 ms."""
    blocks = []
    with WavReader(file_of(noise(1000))) as reader:
        reader.send_media_to(CallbackSink(blocks.append), paced=False).wait(WAIT)
    assert [len(block) for block in blocks] == [320, 320, 320, 40]
    assert np.array_equal(np.concatenate(blocks), noise(1000))


def test_levels():
    """As of every unit."""
    with WavReader(file_of(noise(800))) as reader:
        rest(reader)
        assert reader.level.peak > -1
