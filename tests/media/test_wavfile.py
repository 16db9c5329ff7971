"""Sound files as units: played to the last frame, written to survive a crash."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import wave

import numpy as np
import pytest

from tests.audio.wav_files import by_wave, chunk, layout, riff, wav
from tests.media.toys import Feed
from voxsync.audio.wav import WavHeader, decode
from voxsync.clocks import VirtualClock
from voxsync.errors import FormatError, InvalidState, MediaError
from voxsync.media import wavfile
from voxsync.media.callback import BufferSink, CallbackSink, CallbackSource
from voxsync.media.link import Link
from voxsync.media.source import EndOfStream
from voxsync.media.wavfile import WavReader, WavWriter

WAIT = 20.0


def noise(frames, seed=1):
    """Samples that are all different."""
    dice = np.random.default_rng(seed)
    return dice.integers(-32768, 32768, frames).astype(np.int16)


def file_of(samples, **format):
    """A WAV file in memory."""
    return io.BytesIO(wav(samples.astype("<i2").tobytes(), **format))


def written(data):
    """Rate and samples of a file, by the standard library."""
    source = io.BytesIO(data) if isinstance(data, bytes) else str(data)
    with wave.open(source, "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = file.readframes(file.getnframes())
        assert len(frames) == file.getnframes() * 2
        return file.getframerate(), np.frombuffer(frames, "<i2")


def rest(reader, frames=1000):
    """All that is left."""
    blocks = [np.zeros(0, np.int16)]
    try:
        while True:
            blocks.append(reader.read(frames, WAIT))
    except EndOfStream:
        return np.concatenate(blocks)


def heard(unit):
    """The errors that the unit will tell, and an event for the first."""
    errors, told = [], threading.Event()

    def take(event):
        errors.append(event.error)
        told.set()

    unit.addEventListener("error", take)
    return errors, told


class Gate:
    """A file object that gives samples when it is opened."""

    def __init__(self, data, after=44):
        self.file = io.BytesIO(data)
        self.after = after
        self.open = threading.Event()
        self.reached = threading.Event()

    def read(self, size):
        if self.file.tell() >= self.after:
            self.reached.set()
            assert self.open.wait(WAIT)
        return self.file.read(size)


# Reading


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


@pytest.mark.parametrize("rate", [11025, 48000])
def test_into_a_file(tmp_path, rate):
    """The copy of a file is the file."""
    samples = noise(rate * 2 + 13)
    first, second = tmp_path / "first.wav", tmp_path / "second.wav"
    by_wave(str(first), samples.tobytes(), rate=rate)
    with WavReader(first) as reader, WavWriter(second, rate) as writer:
        reader.send_media_to(writer, paced=False).wait(WAIT)
        assert second.read_bytes() == first.read_bytes()  # not closed yet
    assert second.read_bytes() == first.read_bytes()


def test_into_a_file_of_another_rate(tmp_path):
    """Resampled on the way, to the right length."""
    path = tmp_path / "a.wav"
    file = file_of(noise(48000), rate=48000)
    with WavReader(file) as reader, WavWriter(path) as writer:
        reader.send_media_to(writer, paced=False).wait(WAIT)
    rate, found = written(path)
    assert (rate, len(found)) == (16000, 16000)


def test_into_two_sinks():
    """Both get the same, which is all."""
    samples = noise(16000)
    gate = Gate(file_of(samples).getvalue())
    memory, file = BufferSink(), io.BytesIO()
    with WavReader(gate) as reader, WavWriter(file) as writer:
        first = reader.send_media_to(memory, paced=False)
        assert gate.reached.wait(WAIT)
        second = reader.send_media_to(writer, paced=False)
        gate.open.set()
        first.wait(WAIT)
        second.wait(WAIT)
    assert np.array_equal(memory.frames, samples)
    assert np.array_equal(written(file.getvalue())[1], samples)


# Writing


def test_a_file_is_written(tmp_path):
    """Arrays and bytes, over what was there; a closed file takes nothing."""
    path = tmp_path / "out.wav"
    path.write_bytes(bytes(100_000))
    writer = WavWriter(path, 8000)
    assert (writer.name, writer.sample_rate) == ("out.wav", 8000)
    assert len(written(path)[1]) == 0
    writer.write(np.array([1, -2], ">i2"))
    writer.write(b"\x03\x00")
    writer.write(b"")
    with pytest.raises(FormatError):
        writer.write(np.zeros(3))
    writer.close()
    writer.close()
    rate, found = written(path)
    assert (rate, found.tolist()) == (8000, [1, -2, 3])
    assert path.stat().st_size == 50
    assert writer.stats.frames == 3
    with pytest.raises(InvalidState, match=r"out\.wav is closed"):
        writer.write(b"ab")
    reader = WavReader(io.BytesIO(wav(b"ab")))
    with pytest.raises(InvalidState, match=r"out\.wav is closed"):
        reader.send_media_to(writer)


@pytest.mark.parametrize("name", ["a.raw", "a.PCM"])
def test_bare_samples_are_written(tmp_path, name):
    """No header, whatever the length."""
    path = tmp_path / name
    with WavWriter(path) as writer:
        writer.write(noise(20_000))
    assert path.read_bytes() == noise(20_000).tobytes()


def test_what_cannot_be_written(tmp_path):
    """Errors come at once, in the system's own words."""
    with pytest.raises(FileNotFoundError):
        WavWriter(tmp_path / "none" / "a.wav")
    with pytest.raises(IsADirectoryError):
        WavWriter(tmp_path)
    with pytest.raises(TypeError, match="a path or a binary file"):
        WavWriter(3)
    with pytest.raises(ValueError, match="sample_rate must be"):
        WavWriter(tmp_path / "a.wav", 999)
    assert not (tmp_path / "a.wav").exists()
    with pytest.raises(OSError, match="No space left"):
        WavWriter("/dev/full")


def test_a_file_object_is_left_open():
    """It is written from where it is; what stands before stays."""
    file = io.BytesIO(b"before")
    file.seek(6)
    writer = WavWriter(file)
    writer.write(noise(40_000))
    writer.close()
    assert not file.closed
    assert file.getvalue()[:6] == b"before"
    assert np.array_equal(written(file.getvalue()[6:])[1], noise(40_000))
    assert file.tell() == len(file.getvalue())


def test_it_can_be_read_while_it_is_written(tmp_path):
    """A second at a time; between, the header tells of what is there."""
    path = tmp_path / "a.wav"
    samples = noise(4000)
    with WavWriter(path, 1000) as writer:
        for second in range(4):
            writer.write(samples[second * 1000 : second * 1000 + 999])
            assert len(written(path)[1]) == second * 1000
            writer.write(samples[second * 1000 + 999 : second * 1000 + 1000])
            assert np.array_equal(written(path)[1], samples[: second * 1000 + 1000])


KILLED = """
import sys, numpy as np
from voxsync.media import WavWriter
writer = WavWriter(sys.argv[1], 8000)
for second in range(3):
    writer.write(np.arange(second * 8000, (second + 1) * 8000, dtype=np.int16))
writer.write(np.zeros(4000, np.int16))
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_program_leaves_a_file_that_plays(tmp_path):
    """Up to the last whole second, at least."""
    path = tmp_path / "a.wav"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline() == "written\n"
        child.send_signal(signal.SIGKILL)
    assert np.array_equal(written(path)[1], np.arange(24_000, dtype=np.int16))
    with WavReader(path) as reader:
        assert np.array_equal(rest(reader), np.arange(24_000, dtype=np.int16))


def test_a_pipe_is_written():
    """Its header says "up to the end", and what reads it needs no more."""
    out, into = os.pipe()
    samples = noise(5000)
    with os.fdopen(into, "wb") as file, WavWriter(file) as writer:
        writer.write(samples)  # fits into the pipe
    with os.fdopen(out, "rb") as file:
        head = file.read(44)
        assert head[4:8] == head[40:44] == b"\xff\xff\xff\xff"
        assert file.read() == samples.tobytes()


def test_a_pipe_that_nobody_reads(monkeypatch):
    """Closing does not wait for ever."""
    monkeypatch.setattr(wavfile, "_PATIENCE", 0.05)
    file = Unseekable()
    writer = WavWriter(file)
    file.open.clear()
    thread = threading.Thread(target=lambda: writer.write(b"ab"))
    thread.start()
    assert file.reached.wait(WAIT)
    with pytest.raises(MediaError, match="does not take what is being written"):
        writer.close()
    with pytest.raises(InvalidState, match="is closed"):
        writer.write(b"ab")
    file.open.set()
    thread.join()
    writer.close()


def test_4_gib_are_the_limit(monkeypatch, tmp_path):
    """What the header cannot tell is refused; what was written stays right."""
    monkeypatch.setattr(wavfile, "MOST_DATA_BYTES", 100)
    path = tmp_path / "a.wav"
    with WavWriter(path) as writer:
        writer.write(noise(50))
        for _ in range(2):
            with pytest.raises(MediaError, match="is full: a WAV file holds 4 GiB"):
                writer.write(b"ab")
        assert isinstance(writer.error, MediaError)
    assert np.array_equal(written(path)[1], noise(50))
    for target in (tmp_path / "a.raw", Unseekable()):
        with WavWriter(target) as writer:
            writer.write(noise(51))


class Unseekable:
    """A file object that is only written, some bytes at a time."""

    def __init__(self, most=7):
        self.most = most
        self.data = b""
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def write(self, data):
        if self.most is None:
            return None
        if not self.open.is_set():
            self.reached.set()
            assert self.open.wait(WAIT)
        self.data += bytes(data[: self.most])
        return min(self.most, len(data))

    def flush(self):
        pass


def test_a_file_that_takes_little():
    """The rest is written again; a file that does not block is refused."""
    file = Unseekable()
    with WavWriter(file) as writer:
        writer.write(noise(100))
        assert file.data[44:] == noise(100).tobytes()
        file.most = None
        with pytest.raises(BlockingIOError, match="make it block"):
            writer.write(b"ab")
        with pytest.raises(InvalidState, match=r"has failed \(.*make it block"):
            writer.write(b"ab")


def test_a_file_object_that_takes_nothing():
    """It is found out at once."""
    with pytest.raises(BlockingIOError, match="make it block"):
        WavWriter(Unseekable(None))


class Full(io.BytesIO):
    """A disk that is full at some place."""

    limit = 1000

    def write(self, data):
        if self.tell() + len(data) > self.limit:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk():
    """The link ends with the error, the unit tells of it, what is there stays."""
    file = Full()
    with WavWriter(file) as writer, WavReader(file_of(noise(2000))) as reader:
        errors, told = heard(writer)
        link = reader.send_media_to(writer, paced=False)
        with pytest.raises(OSError, match="No space left"):
            link.wait(WAIT)
        assert told.wait(WAIT)
        assert errors == [link.error] == [writer.error]
        with pytest.raises(InvalidState, match="has failed"):
            reader.send_media_to(writer)
    found = written(file.getvalue())[1]
    assert np.array_equal(found, noise(2000)[: len(found)])
    assert len(found) == 320


def test_a_disk_that_fails_at_the_end():
    """The link does not say that all is well, nor does the unit."""
    file = Full()
    with WavReader(file_of(noise(10))) as reader:
        writer = WavWriter(file)

        def flush():
            raise OSError(5, "Input/output error")

        file.flush = flush
        errors, told = heard(writer)
        link = reader.send_media_to(writer, paced=False)
        with pytest.raises(OSError, match="Input/output"):
            link.wait(WAIT)
        assert told.wait(WAIT)
        assert errors == [link.error]
        with pytest.raises(OSError, match="Input/output"):
            writer.close()


def test_an_error_of_closing(tmp_path):
    """It is raised, and the file is closed all the same."""
    path = tmp_path / "a.wav"
    writer = WavWriter(path)
    inner = writer._file
    writer._file = Full()
    writer._file.limit = 0
    writer._opened = False
    with pytest.raises(OSError, match="No space left"):
        writer.close()
    writer.close()
    inner.close()


def test_closed_while_a_link_writes():
    """The link ends without an error; the file holds what was taken."""
    file = io.BytesIO()
    some = threading.Event()

    def make(frames):
        some.set()
        return np.ones(frames, np.int16)

    source = CallbackSource(make)
    writer = WavWriter(file)
    link = source.send_media_to(writer)
    assert some.wait(WAIT)
    writer.close()
    link.wait(WAIT)
    assert len(written(file.getvalue())[1]) == writer.stats.frames
    source.close()


def dropped(caplog):
    return [record.args for record in caplog.records if "dropped" in record.msg]


def test_closed_while_audio_waits(caplog):
    """Nothing is lost silently: one warning tells how much."""
    feed = Feed()
    feed.clock = VirtualClock()  # time stands still: nearly all of it waits
    writer = WavWriter(io.BytesIO(), name="it.wav")
    link = feed.send_media_to(writer)
    feed.give(16000)
    writer.close()
    writer.close()
    link.wait(WAIT)
    ((name, source, seconds),) = dropped(caplog)
    assert (name, source) == ("it.wav", feed.name)
    assert round(seconds * 16000) == 16000 - writer.stats.frames == link.stats.cleared
    assert link.stats.cleared > 15000
    feed.close()


def test_what_others_dropped_is_not_told_of(caplog):
    """Who clears or stops a link knows it, and what is too little of a microphone."""
    for ends in (Link.stop, Link.clear):
        feed = Feed()
        feed.clock = VirtualClock()
        with WavWriter(io.BytesIO()) as writer:
            link = feed.send_media_to(writer)
            feed.give(16000)
            ends(link)
            feed.clock.advance(1.0)  # the block in hand is looked at again
            until(lambda link=link: link.stats.cleared + link.stats.frames == 16000)
        assert dropped(caplog) == []
        feed.close()
    feed = Feed()
    feed.is_clock = True
    with WavWriter(io.BytesIO()) as writer:
        link = feed.send_media_to(writer)
        feed.give(100)
        until(lambda: len(link._pipe) == 100)
    assert link.stats.cleared == 100
    assert dropped(caplog) == []
    feed.close()


def until(true):
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.001)


def test_what_is_not_wanted_is_not_written():
    """A block that was cleared on its way; and the end of a link that came late."""
    file = io.BytesIO()
    with WavWriter(file) as writer:
        assert writer._put(noise(10), lambda: False) is False
        writer._finish(lambda: True)
        assert writer.stats.frames == 0
    writer._finish(lambda: True)
    assert len(file.getvalue()) == 44


def test_levels():
    """As of every unit."""
    with WavReader(file_of(noise(800))) as reader:
        rest(reader)
        assert reader.level.peak > -1
    with WavWriter(io.BytesIO()) as writer:
        writer.write(noise(800))
        assert writer.level.peak > -1


def test_a_callback_gets_the_file():
    """Block by block, each 20 ms."""
    blocks = []
    with WavReader(file_of(noise(1000))) as reader:
        reader.send_media_to(CallbackSink(blocks.append), paced=False).wait(WAIT)
    assert [len(block) for block in blocks] == [320, 320, 320, 40]
    assert np.array_equal(np.concatenate(blocks), noise(1000))


def test_a_file_that_nobody_closed_is_whole_at_the_end_of_the_program(tmp_path):
    """As Python's own files are: not only up to the last whole second."""
    path = tmp_path / "forgotten.wav"
    code = (
        "import numpy as np, sys\n"
        "from voxsync.media import WavWriter\n"
        "writer = WavWriter(sys.argv[1])\n"
        "writer.write(np.ones(24321, np.int16))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=30)
    with wave.open(str(path)) as file:
        assert file.getnframes() == 24321


@pytest.mark.parametrize("name", ["a.mp3", "a.FLAC"])
def test_another_formats_name_is_refused(tmp_path, name):
    """Before a file is made that no player knows what to do with."""
    with pytest.raises(FormatError, match="another format"):
        WavWriter(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
