"""Sound files as units that write: what is there survives a crash."""

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

from tests.audio.wav_files import by_wave, wav
from tests.media.sound_files import WAIT, Gate, file_of, heard, noise, rest, written
from tests.media.toys import Feed
from voxsync.clocks import VirtualClock
from voxsync.errors import FormatError, InvalidState, MediaError
from voxsync.media import wavwriter
from voxsync.media.callback import BufferSink, CallbackSource
from voxsync.media.link import Link
from voxsync.media.wavreader import WavReader
from voxsync.media.wavwriter import WavWriter

# Links


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


# Files


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
    monkeypatch.setattr(wavwriter, "_PATIENCE", 0.05)
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
    monkeypatch.setattr(wavwriter, "MOST_DATA_BYTES", 100)
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
    with WavWriter(io.BytesIO()) as writer:
        writer.write(noise(800))
        assert writer.level.peak > -1


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
