import struct
import wave

import pytest

from voxsync.audio import AudioFormat
from voxsync.cli.exits import Usage
from voxsync.cli.recording import open_recording
from voxsync.errors import FormatError


def flac(rate=44100, channels=1, bits=24, frames=88200, magic=b"fLaC"):
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | frames
    streaminfo = bytes(10) + packed.to_bytes(8, "big") + bytes(16)
    return magic + b"\x80\0\0\x22" + streaminfo + bytes(1000)


def test_a_wav_file_declares_its_own_rate(make_wav):
    """The rate of the file is that of the session; the bytes are the samples."""
    found = open_recording(make_wav(seconds=0.25, rate=44100))
    assert found.audio == AudioFormat(sample_rate=44100)
    assert found.seconds == pytest.approx(0.25)
    blocks = list(found.blocks())
    assert [len(block) for block in blocks] == [8820, 8820, 4410]
    assert found.size == sum(map(len, blocks))
    assert found.bytes_per_second == 88200


def test_the_header_of_a_pipe_is_not_believed(make_wav):
    """A size beyond the end of the file is that of a program that wrote to a pipe."""
    path = make_wav(seconds=1.0)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0x7FFFFFFE)
    path.write_bytes(data)
    found = open_recording(path)
    assert found.seconds == 1.0
    assert sum(map(len, found.blocks())) == 32000


@pytest.mark.parametrize(("channels", "width"), [(2, 2), (1, 1), (1, 3)])
def test_other_samples_are_refused_with_what_to_do(make_wav, channels, width):
    """Stereo and other widths are named, and "convert" is said."""
    path = make_wav(channels=channels, width=width)
    with pytest.raises(FormatError, match=r"16 bit, mono.*convert"):
        open_recording(path)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"nothing like it at all" * 9])
def test_what_is_no_wav_file_is_refused(tmp_path, data):
    """Whatever the module `wave` thinks of it, the message is ours."""
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="not a WAV file of plain PCM"):
        open_recording(path)


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
    assert b"".join(found.blocks()) == bytes(16000)


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
    assert found.bytes_per_second == found.size / 2
    assert b"".join(found.blocks()) == path.read_bytes()


def test_flac_without_a_length_cannot_be_paced(tmp_path):
    """A stream's header may leave the number of samples out."""
    path = tmp_path / "x.flac"
    path.write_bytes(flac(frames=0))
    found = open_recording(path)
    assert found.seconds is None
    with pytest.raises(FormatError, match="how long"):
        assert found.bytes_per_second


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


def test_other_kinds_of_files_are_refused(tmp_path):
    """The message lists what can be sent."""
    with pytest.raises(FormatError, match=r"\.wav, \.flac"):
        open_recording(tmp_path / "x.mp3")


def test_wave_module_is_as_expected():
    """What we catch is what the standard library raises."""
    assert issubclass(wave.Error, Exception)
