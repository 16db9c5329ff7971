"""Audio as callers have it, made into bytes, and back."""

import array
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.audio import AudioFormat
from voxsync.audio.pcm import bytes_to_int16, looks_like_wav, split, to_bytes
from voxsync.errors import FormatError

PCM = AudioFormat()
FLAC = AudioFormat("flac")
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


def test_bytes_are_passed_through_uncopied():
    """Bytes cannot change, so they need no copy."""
    data = bytes(range(64))
    assert to_bytes(data, PCM) is data


@pytest.mark.parametrize("wrap", [bytearray, lambda data: memoryview(bytearray(data))])
def test_buffers_may_be_used_again(wrap):
    """What was taken does not follow later changes of the caller's buffer."""
    data = wrap(b"\x01\x02\x03\x04")
    taken = to_bytes(data, PCM)
    data[0] = 99
    assert type(taken) is bytes
    assert taken == b"\x01\x02\x03\x04"


def test_any_memoryview_counts_by_its_bytes():
    """A view of 16-bit items is as good as one of bytes; so is one with gaps."""
    samples = array.array("h", [1, -2, 3])
    assert to_bytes(memoryview(samples), PCM) == samples.tobytes()
    assert to_bytes(memoryview(b"a-b-")[::2], PCM) == b"ab"


@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
def test_arrays_of_either_byte_order(dtype):
    """An int16 array gives little-endian bytes whatever its own order is."""
    samples = np.array([1, -2, 258], dtype)
    assert to_bytes(samples, PCM) == b"\x01\x00\xfe\xff\x02\x01"


def test_arrays_with_gaps():
    """A column of a two-dimensional array is taken as it is."""
    stereo = np.array([[1, 9], [2, 9]], np.int16)
    taken = to_bytes(stereo[:, 0], PCM)
    stereo[:] = 0
    assert taken == b"\x01\x00\x02\x00"


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16", "int8", "int32"])
def test_other_dtypes_are_refused(dtype):
    """Samples of another type are refused with the way to convert them."""
    with pytest.raises(FormatError, match=f"int16, not {dtype}: .*astype"):
        to_bytes(np.zeros(4, dtype), PCM)


@pytest.mark.parametrize("shape", [(), (4, 1), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    """An array that is not mono is refused with the way to pick a channel."""
    with pytest.raises(FormatError, match=r"x\[:, 0\]"):
        to_bytes(np.zeros(shape, np.int16), PCM)


def test_arrays_are_no_flac():
    """Samples cannot be sent where FLAC was declared."""
    with pytest.raises(TypeError, match="encode the samples first"):
        to_bytes(np.zeros(4, np.int16), FLAC)


@pytest.mark.parametrize("data", ["text", None, [1, 2], array.array("h", [1])])
@pytest.mark.parametrize("declared", [PCM, FLAC])
def test_what_is_no_audio(data, declared):
    """Another type is a TypeError that lists the right ones."""
    with pytest.raises(TypeError, match="bytes, bytearray, memoryview or a numpy"):
        to_bytes(data, declared)


@pytest.mark.parametrize(("size", "channels"), [(1, 1), (3, 1), (2, 2), (6, 2)])
def test_parts_of_frames_are_refused(size, channels):
    """Bytes that end within a frame would shift all audio behind them."""
    with pytest.raises(FormatError, match=f"{size} bytes are not whole frames"):
        to_bytes(bytes(size), AudioFormat(channels=channels))


def test_flac_has_no_borders():
    """FLAC bytes pass through, whatever their number and content."""
    assert to_bytes(b"fLa", FLAC, first=True) == b"fLa"
    assert to_bytes(bytearray(WAV), FLAC, first=True) == WAV


def test_a_wav_file_is_no_raw_audio():
    """A WAV header is refused at the start of raw audio, and only there."""
    with pytest.raises(FormatError, match="wave module"):
        to_bytes(WAV, PCM, first=True)
    with pytest.raises(FormatError, match="wave module"):
        to_bytes(np.frombuffer(WAV, "<i2"), PCM, first=True)
    assert to_bytes(WAV, PCM) == WAV
    assert to_bytes(b"\x00\x00", PCM, first=True) == b"\x00\x00"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (WAV, True),
        (b"RF64\xff\xff\xff\xffWAVE", True),
        (b"RIFX\x00\x00\x00\x04WAVE", True),
        (b"RIFF\x00\x00\x00\x00AVI ", False),
        (b"RIFF", False),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00WAVE", False),
        (b"", False),
    ],
)
def test_looks_like_wav(data, found):
    """The first 12 bytes tell a WAV file."""
    assert looks_like_wav(data) is found


def test_what_fits_is_not_split():
    """Audio within the limit stays one uncopied piece; none gives no piece."""
    data = bytes(32768)
    assert split(data)[0] is data
    assert len(split(data)) == 1
    assert split(b"") == []


def test_pieces_end_on_frame_borders():
    """An odd limit is rounded down to whole frames."""
    assert split(b"aabbccd", limit=5) == [b"aabb", b"ccd"]
    assert split(b"aabbcc", limit=1, frame_bytes=1) == [bytes((c,)) for c in b"aabbcc"]


@pytest.mark.parametrize("limit", [1, 0])
def test_a_limit_below_one_frame(limit):
    """A limit that no frame fits into is refused."""
    with pytest.raises(ValueError, match="raise it"):
        split(b"aa", limit=limit)


@given(st.binary(max_size=300), st.integers(1, 6), st.integers(0, 60))
def test_split_reassembles(data, frame_bytes, more):
    """The pieces together are the audio; none is empty, too long or cut wrongly."""
    limit = frame_bytes + more
    pieces = split(data, limit, frame_bytes)
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= limit for piece in pieces)
    assert all(len(piece) % frame_bytes == 0 for piece in pieces[:-1])


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_bytes_to_int16(wrap):
    """Raw bytes become a read-only array that later changes do not reach."""
    source = bytearray(b"\x01\x00\xfe\xff")
    data = source if wrap is bytearray else wrap(source)
    samples = bytes_to_int16(data)
    source[0] = 7
    assert samples.tolist() == [1, -2]
    assert samples.dtype == np.int16
    assert not samples.flags.writeable


def test_bytes_to_int16_needs_whole_samples():
    """An odd byte is refused, not dropped."""
    with pytest.raises(FormatError, match="keep the rest"):
        bytes_to_int16(b"\x00\x00\x00")


@given(st.lists(st.integers(-32768, 32767)))
def test_array_round_trip(values):
    """int16 -> bytes -> int16 is the identity."""
    samples = np.array(values, np.int16)
    assert bytes_to_int16(to_bytes(samples, PCM)).tolist() == values


def test_bytes_need_no_numpy():
    """Who sends bytes does not wait for numpy to be imported."""
    program = (
        "import sys; from voxsync.audio import AudioFormat; from voxsync.audio import "
        "pcm; import voxsync.dialects.mimi; pcm.split(pcm.to_bytes(b'ab', "
        "AudioFormat(), first=True)); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
