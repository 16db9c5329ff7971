import struct
import threading
import wave
from pathlib import Path

import pytest

from voxsync.audio import AudioFormat
from voxsync.cli.exits import Usage
from voxsync.cli.recording import check_rate, open_recording
from voxsync.errors import FormatError


def flac(rate=44100, channels=1, bits=24, frames=88200, magic=b"fLaC"):
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | frames
    streaminfo = bytes(10) + packed.to_bytes(8, "big") + bytes(16)
    return magic + b"\x80\0\0\x22" + streaminfo + bytes(1000)


def blocks(recording):
    """All of them, and what was said meanwhile."""
    said = []
    return list(recording.blocks(said.append)), said


def test_a_wav_file_declares_its_own_rate(make_wav):
    """The rate of the file is that of the session; the bytes are the samples."""
    found = open_recording(make_wav(seconds=0.25, rate=44100))
    assert found.audio == AudioFormat(sample_rate=44100)
    assert found.seconds == pytest.approx(0.25)
    got, said = blocks(found)
    assert [len(block) for block in got] == [8820, 8820, 4410]
    assert found.position(22050) == pytest.approx(0.25)
    assert said == []


def test_the_header_of_a_pipe_is_not_believed(make_wav):
    """A size beyond the end of the file is that of a program that wrote to a pipe."""
    path = make_wav(seconds=1.0)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0x7FFFFFFE)
    path.write_bytes(data)
    found = open_recording(path)
    assert found.seconds == 1.0
    got, said = blocks(found)
    assert sum(map(len, got)) == 32000
    assert said == []


def test_a_file_that_ends_too_early_is_sent_and_that_is_said(make_wav):
    """A download that was cut off: better half the text than none."""
    path = make_wav(seconds=1.0)
    path.write_bytes(path.read_bytes()[: 44 + 16000])
    said, told = [], threading.Event()
    found = open_recording(path)
    got = list(found.blocks(lambda words: (said.append(words), told.set())))
    assert (found.seconds, sum(map(len, got))) == (0.5, 16000)
    assert told.wait(10)
    assert "the rest is missing" in said[0]
    assert said[0].startswith(f"voxsync: {path}: ")


@pytest.mark.parametrize(("channels", "width"), [(2, 2), (1, 1), (1, 3), (6, 4)])
def test_other_samples_become_16_bits_mono(tmp_path, channels, width):
    """Full scale down is full scale down in every width and on every channel."""
    path = tmp_path / "x.wav"
    lowest = {1: b"\0"}.get(width, bytes(width - 1) + b"\x80")
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, 8000, 0, "NONE", ""))
        file.writeframes(lowest * channels * 1000)
    found = open_recording(path)
    assert (found.audio, found.seconds) == (AudioFormat(sample_rate=8000), 0.125)
    assert b"".join(blocks(found)[0]) == b"\0\x80" * 1000


def test_floats(tmp_path):
    """What audio editors save by default."""
    path = tmp_path / "x.wav"
    layout = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
    samples = struct.pack("<4f", 0.0, 0.5, -0.5, -1.0)
    path.write_bytes(
        struct.pack("<4sI4s4sI", b"RIFF", 52, b"WAVE", b"fmt ", 16)
        + layout + struct.pack("<4sI", b"data", 16) + samples
    )  # fmt: skip
    got, _ = blocks(open_recording(path))
    assert struct.unpack("<4h", b"".join(got)) == (0, 16384, -16384, -32768)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"RIFF", "not a WAV"),
        (b"nothing like it at all" * 9, "not a WAV"),
        (b"ID3\x04" + bytes(50), "an MP3 file: convert it to WAV"),
    ],
)
def test_what_is_no_wav_file_is_refused(tmp_path, data, words):
    """With its whole name, and what it is where that is known."""
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=words) as caught:
        open_recording(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_without_audio_is_refused(make_wav):
    """The service would close a session without audio."""
    with pytest.raises(FormatError, match="no audio"):
        open_recording(make_wav(seconds=0))


@pytest.mark.parametrize("name", ["x.raw", "x.PCM"])
def test_raw_samples_need_a_rate(tmp_path, name):
    """A file without a header says nothing of itself."""
    path = tmp_path / name
    path.write_bytes(bytes(16000))
    with pytest.raises(Usage, match="--rate"):
        open_recording(path)
    found = open_recording(path, 8000)
    assert (found.audio, found.seconds) == (AudioFormat(sample_rate=8000), 1.0)
    assert b"".join(blocks(found)[0]) == bytes(16000)


def test_a_rate_is_only_for_raw_samples(make_wav):
    """A WAV file cannot be told another rate than its own."""
    with pytest.raises(Usage, match="says it itself"):
        open_recording(make_wav(), 8000)


def test_flac_passes_through(tmp_path):
    """Rate, depth and length come from the header; the bytes are not touched."""
    path = tmp_path / "x.flac"
    path.write_bytes(flac())
    found = open_recording(path)
    assert found.audio == AudioFormat("flac", 44100, 1, 24)
    assert found.seconds == 2.0
    size = path.stat().st_size
    assert found.position(size // 2) == 1.0
    assert found.position(size + 1) == 2.0
    assert b"".join(blocks(found)[0]) == path.read_bytes()


def test_flac_without_a_length(tmp_path):
    """A stream's header may leave the number of samples out."""
    path = tmp_path / "x.flac"
    path.write_bytes(flac(frames=0))
    found = open_recording(path)
    assert found.seconds is None
    assert found.position(100) == 0.0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (flac(magic=b"OggS"), "not a native FLAC"),
        (b"fLaC", "not a native FLAC"),
        (flac(channels=2), "only mono"),
        (flac(rate=0), "damaged"),
    ],
)
def test_other_flac_is_refused(tmp_path, data, words):
    """Not FLAC, stereo, damaged."""
    path = tmp_path / "x.flac"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=words):
        open_recording(path)


def test_a_rate_that_is_needed_or_is_not():
    """Seen by the name alone, before anything is opened."""
    check_rate(Path("x.raw"), 8000)
    check_rate(Path("x.wav"), None)
    with pytest.raises(Usage, match="need --rate"):
        check_rate(Path("none.pcm"), None)
    with pytest.raises(Usage, match="says it itself"):
        check_rate(Path("none.wav"), 8000)
