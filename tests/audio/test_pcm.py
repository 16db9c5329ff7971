"""Audio as callers have it, made into bytes, and back."""

import array
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.audio import AudioFormat
from voxsync.audio.pcm import (
    FLOOR_DBFS,
    Level,
    bytes_to_int16,
    check_block,
    float_to_int16,
    gain,
    int16_to_bytes,
    int16_to_float32,
    level,
    looks_like_wav,
    mix_down,
    split,
    to_bytes,
)
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
    with pytest.raises(FormatError, match=f"int16, not {dtype}: .*float_to_int16"):
        to_bytes(np.zeros(4, dtype), PCM)


@pytest.mark.parametrize("shape", [(), (4, 1), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    """An array that is not mono is refused with the way to pick a channel."""
    with pytest.raises(FormatError, match=r"x\[:, 0\]"):
        to_bytes(np.zeros(shape, np.int16), PCM)


@pytest.mark.parametrize("encoding", ["flac", "opus", "ulaw", "alaw"])
def test_arrays_are_linear(encoding):
    """Samples cannot be sent where something encoded was declared."""
    with pytest.raises(TypeError, match=f"{encoding} must .*encode the samples first"):
        to_bytes(np.zeros(4, np.int16), AudioFormat(encoding))


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


@pytest.mark.parametrize("encoding", ["flac", "opus"])
def test_compressed_audio_has_no_borders(encoding):
    """Compressed bytes pass through, whatever their number and content."""
    declared = AudioFormat(encoding)
    assert to_bytes(b"fLa", declared, first=True) == b"fLa"
    assert to_bytes(bytearray(WAV), declared, first=True) == WAV


def test_telephone_codes_are_whole_bytes():
    """One byte is a frame; a WAV file of them is refused like any other."""
    ulaw = AudioFormat("ulaw")
    assert to_bytes(b"abc", ulaw, first=True) == b"abc"
    with pytest.raises(FormatError, match="wave module"):
        to_bytes(WAV, ulaw, first=True)
    with pytest.raises(FormatError, match="3 bytes are not whole frames of 2"):
        to_bytes(b"abc", AudioFormat("alaw", channels=2))


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


def samples_of(*values):
    """An int16 block."""
    return np.array(values, np.int16)


@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
def test_int16_to_bytes(dtype):
    """The bytes are little-endian, whatever the order of the array."""
    assert int16_to_bytes(np.array([1, -2], dtype)) == b"\x01\x00\xfe\xff"


def test_check_block_passes_what_is_right():
    """A block is passed on uncopied, or in the order of this machine; may be empty."""
    block = samples_of(1, -2)
    assert check_block(block) is block or np.shares_memory(check_block(block), block)
    swapped = check_block(np.array([1, -2], ">i2"))
    assert swapped.dtype == np.int16
    assert swapped.dtype.isnative
    assert swapped.tolist() == [1, -2]
    assert check_block(samples_of()).size == 0


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (b"ab", TypeError, "the reply must be a numpy array of int16, not bytes"),
        (np.zeros(2), FormatError, "the reply must be int16, not float64: .*float_to"),
        (np.zeros(2, "u2"), FormatError, "the reply must be int16, not uint16"),
        (np.zeros((2, 1), "i2"), FormatError, "the reply must be mono, .*x"),
    ],
)
def test_check_block_names_what_is_wrong(block, error, words):
    """The message calls the block what the caller calls it."""
    with pytest.raises(error, match=words):
        check_block(block, "the reply")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_float_to_int16(dtype):
    """Floats are scaled by 32768, rounded to nearest and clipped, in any width."""
    values = [0.0, 0.5, -0.5, 1.0, -1.0, 7.0, -7.0, np.inf, -np.inf, 1 / 65536]
    made = float_to_int16(np.array(values, dtype))
    full = [0, 16384, -16384, 32767, -32768, 32767, -32768, 32767, -32768, 0]
    assert made.tolist() == full
    assert made.dtype == np.int16


def test_float_to_int16_rounds():
    """What lies between two steps goes to the nearer one; halves to the even one."""
    steps = np.array([0.4, 0.6, -0.6, 1.5, 2.5, -1.5]) / 32768
    assert float_to_int16(steps).tolist() == [0, 1, -1, 2, 2, -2]


def test_float_to_int16_keeps_the_shape():
    """Several channels stay several channels."""
    assert float_to_int16(np.zeros((3, 2), np.float32)).shape == (3, 2)
    assert float_to_int16(np.zeros(0)).shape == (0,)


def test_the_largest_floats_are_clipped():
    """No float is too large to be clipped, and none warns."""
    most = np.finfo(np.float32).max
    assert float_to_int16(np.array([most, -most], np.float32)).tolist() == [
        32767,
        -32768,
    ]


def test_nan_is_no_sample():
    """A NaN is a mistake further up and becomes no sample."""
    with pytest.raises(FormatError, match="NaN among the samples"):
        float_to_int16(np.array([0.0, np.nan], np.float32))


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.complex64, np.bool_])
def test_only_floats_are_scaled(dtype):
    """Integers were scaled by somebody else already."""
    with pytest.raises(FormatError, match="must be floats from -1 to 1"):
        float_to_int16(np.zeros(3, dtype))


def test_int16_float_round_trip():
    """All 65,536 samples come back from float32, none is beyond 1."""
    every = np.arange(-32768, 32768).astype(np.int16)
    made = int16_to_float32(every)
    assert made.dtype == np.float32
    assert (made.min(), made.max()) == (-1.0, np.float32(32767 / 32768))
    assert np.array_equal(float_to_int16(made), every)


def test_int16_to_float32_checks():
    """What is no block is refused."""
    with pytest.raises(FormatError, match="must be int16"):
        int16_to_float32(np.zeros(3))


@pytest.mark.parametrize(
    ("frame", "mixed"),
    [
        ((7,), 7),
        ((32767, 32767), 32767),
        ((-32768, -32768), -32768),
        ((-32768, 32767), 0),
        ((1, 2), 2),
        ((2, 3), 2),
        ((-1, -2), -2),
        ((1, 1, 2), 1),
        ((1, 2, 2), 2),
        ((-32768,) * 7, -32768),
    ],
)
def test_mix_down(frame, mixed):
    """The mean of all channels, rounded to nearest, halves to even, no overflow."""
    made = mix_down(np.array([frame, frame], np.int16))
    assert made.tolist() == [mixed, mixed]
    assert made.dtype == np.int16


def test_mix_down_of_nothing():
    """No frames stay no frames."""
    assert mix_down(np.zeros((0, 2), np.int16)).shape == (0,)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (np.zeros(4, np.int16), "shape .frames, channels., not .4,."),
        (np.zeros((4, 0), np.int16), "shape .frames, channels."),
        (np.zeros((4, 2)), "frames must be int16, not float64"),
    ],
)
def test_mix_down_refuses(frames, words):
    """What has no channels, or no int16, cannot be mixed."""
    with pytest.raises(FormatError, match=words):
        mix_down(frames)


@pytest.mark.parametrize(
    ("decibels", "expected"),
    [
        (0, [1000, -1000, 32767, -32768]),
        (20, [10000, -10000, 32767, -32768]),
        (-20, [100, -100, 3277, -3277]),
        (100, [32767, -32768, 32767, -32768]),
        (-math.inf, [0, 0, 0, 0]),
    ],
)
def test_gain(decibels, expected):
    """Samples are scaled and rounded; what does not fit is held at full scale."""
    block = samples_of(1000, -1000, 32767, -32768)
    made = gain(block, decibels)
    assert made.tolist() == expected
    assert made.dtype == np.int16
    assert not np.shares_memory(made, block)


@pytest.mark.parametrize("decibels", [math.nan, math.inf, 100.1])
def test_gain_refuses(decibels):
    """A gain that nothing would survive is a mistake of unit."""
    with pytest.raises(ValueError, match="at most 100"):
        gain(samples_of(1), decibels)


def test_gain_checks():
    """What is no block is refused."""
    with pytest.raises(FormatError, match="must be mono"):
        gain(np.zeros((2, 2), np.int16), 0)


def test_level_of_full_scale():
    """A square wave of full scale is 0 dBFS in both; -32768 overflows nowhere."""
    assert level(samples_of(-32768)) == Level(0.0, 0.0)
    assert level(samples_of(-32768).repeat(4800)) == Level(0.0, 0.0)
    square = level(samples_of(32767, -32767).repeat(100))
    assert square.peak == square.rms == pytest.approx(0.0, abs=0.001)


def test_level_of_a_sine():
    """A sine's root mean square is 3.01 dB below its peak."""
    sine = np.rint(16384 * np.sin(np.arange(1600) * 0.1 * np.pi)).astype(np.int16)
    found = level(sine)
    assert found.peak == pytest.approx(-6.02, abs=0.01)
    assert found.rms == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize("block", [samples_of(), samples_of(0, 0, 0)])
def test_level_of_silence(block):
    """Silence, and no audio at all, are at the floor, not at minus infinity."""
    assert level(block) == Level(FLOOR_DBFS, FLOOR_DBFS) == Level()
    assert FLOOR_DBFS == -120.0


def test_the_floor_is_the_lowest():
    """One step in a long silence is no lower than silence."""
    block = np.zeros(48000, np.int16)
    block[5] = -1
    assert level(block) == Level(pytest.approx(-90.31, abs=0.01), FLOOR_DBFS)


def test_level_checks():
    """What is no block is refused."""
    with pytest.raises(TypeError, match="numpy array"):
        level([1, 2])
