"""Samples: what callers hand over, checked, made into bytes and back, and measured.

numpy takes 0.1 s to import, so it is imported only by who has arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from voxsync.errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.format import AudioFormat

    AudioData: TypeAlias = bytes | bytearray | memoryview | NDArray[np.int16]

__all__ = [
    "FLOOR_DBFS",
    "Level",
    "bytes_to_int16",
    "check_block",
    "float_to_int16",
    "gain",
    "int16_to_bytes",
    "int16_to_float32",
    "level",
    "looks_like_wav",
    "mix_down",
    "split",
    "to_bytes",
]

FLOOR_DBFS = -120.0
"""What `level` says of silence: dBFS, below the step of 16-bit audio (-90.3)."""

_SAMPLE_BYTES = 2
_FULL_SCALE = 32768  # so that -32768 is -1.0 and 0 dBFS, and nothing is above
_MOST_GAIN = 100.0  # dB; 90.3 lifts the smallest sample to full scale
# The 64-bit and the big-endian relative carry the same "WAVE" at byte 8.
_WAV_MARKS = (b"RIFF", b"RF64", b"RIFX")


def to_bytes(data: AudioData, format: AudioFormat, *, first: bool = False) -> bytes:
    """Check one block of audio and return it as bytes that nobody can change.

    Args:
        data: `bytes` are passed through uncopied. `bytearray` and `memoryview` (of
            whatever item type: its bytes count) are copied, so the caller may use
            its buffer again. For raw audio also numpy arrays of int16, any byte
            order, shape `(frames,)`.
        format: What the bytes are said to be.
        first: The block is the first of its stream: raw audio that begins with the
            header of a WAV file is refused, since it would be heard as a click.

    Raises:
        TypeError: Not a type that holds audio.
        FormatError: The samples are not what `format` says.
    """
    if isinstance(data, bytes):
        taken = data
    elif isinstance(data, (bytearray, memoryview)):
        taken = bytes(data)
    else:
        taken = _array_to_bytes(data, format)
    if format.encoding in ("flac", "opus"):
        return taken  # compressed: no borders that we could see
    if first and looks_like_wav(taken):
        raise FormatError(
            "this is a WAV file, not raw samples: open it with the wave module and "
            "send what readframes() returns"
        )
    frame_bytes = format.bytes_per_frame
    if len(taken) % frame_bytes:
        raise FormatError(
            f"{len(taken)} bytes are not whole frames of {frame_bytes} bytes: keep "
            "the rest for the next block"
        )
    return taken


def looks_like_wav(data: bytes) -> bool:
    """Whether the bytes begin with the header of a WAV file (the first 12 decide)."""
    return data[:4] in _WAV_MARKS and data[8:12] == b"WAVE"


def split(data: bytes, limit: int = 32768, frame_bytes: int = 2) -> list[bytes]:
    """Cut audio into messages that the service takes, never through a frame.

    Args:
        data: Whole frames, as `to_bytes` returns them; nothing yields no piece.
        limit: Most bytes per piece. Default 32768: half of what mimi documents,
            and what the oldest of its statements allows.
        frame_bytes: `AudioFormat.bytes_per_frame`. Default 2.

    Raises:
        ValueError: Not even one frame fits into `limit`.
    """
    step = limit - limit % frame_bytes
    if step < 1:
        raise ValueError(
            f"limit {limit} is less than one frame of {frame_bytes} bytes: raise it"
        )
    if len(data) <= step:
        return [data] if data else []
    return [data[at : at + step] for at in range(0, len(data), step)]


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a block is.

    Attributes:
        peak: The largest sample, in dBFS: 0.0 for one of -32768, -0.0003 for 32767.
        rms: The root of the mean square, in dBFS: that of a full-scale square wave
            is 0, that of a full-scale sine -3.01.

    Both lie between `FLOOR_DBFS` (silence, or no samples) and 0.0.
    """

    peak: float = FLOOR_DBFS
    rms: float = FLOOR_DBFS


def bytes_to_int16(data: bytes | bytearray | memoryview) -> NDArray[np.int16]:
    """The samples of raw 16-bit audio: int16, shape `(frames,)`, read-only.

    Raises:
        FormatError: An odd number of bytes.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    fixed = bytes(data)  # free for bytes; a buffer that changes would change the array
    if len(fixed) % _SAMPLE_BYTES:
        raise FormatError(
            f"{len(fixed)} bytes are not whole 16-bit samples: keep the rest for the "
            "next block"
        )
    # Little-endian in the bytes; a host of the other order gets its own.
    return np.frombuffer(fixed, dtype="<i2").astype(np.int16, copy=False)


def int16_to_bytes(block: NDArray[np.int16]) -> bytes:
    """The samples as raw 16-bit audio, little-endian whatever the host is.

    Raises:
        TypeError, FormatError: Not int16 of shape `(frames,)`.
    """
    return check_block(block).astype("<i2", copy=False).tobytes()


def check_block(block: object, what: str = "samples") -> NDArray[np.int16]:
    """Return the block if it is audio as voxsync knows it: mono, int16, `(frames,)`.

    Args:
        block: Any length, 0 included; of the other byte order it is converted, else
            it is returned uncopied.
        what: How the messages call it. Default "samples".

    Raises:
        TypeError: No numpy array.
        FormatError: Another dtype or shape.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    if not isinstance(block, np.ndarray):
        raise TypeError(
            f"{what} must be a numpy array of int16, not {type(block).__name__}"
        )
    if block.dtype.kind != "i" or block.dtype.itemsize != _SAMPLE_BYTES:
        raise FormatError(
            f"{what} must be int16, not {block.dtype}: for floats from -1 to 1 use "
            "voxsync.audio.pcm.float_to_int16(x)"
        )
    if block.ndim != 1:
        raise FormatError(
            f"{what} must be mono, shape (frames,), not {block.shape}: give one "
            "channel, e.g. x[:, 0]"
        )
    return block.astype(np.int16, copy=False)


def float_to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Make int16 of floats from -1 to 1; what is beyond is clipped.

    Args:
        samples: float16, float32 or float64, any shape; 1.0 is full scale (32768,
            of which 32767 is left), as `int16_to_float32` makes it.

    Returns:
        The nearest int16 each (halves to the even one), in the same shape.

    Raises:
        FormatError: Not floats, or one of them is NaN.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    found = np.asarray(samples)
    if found.dtype.kind != "f":
        raise FormatError(
            f"samples must be floats from -1 to 1, not {found.dtype}: int16 needs no "
            "conversion"
        )
    # Clipped first: the largest floats would overflow when scaled.
    wide = np.clip(found, -1.0, 1.0).astype(np.float64) * _FULL_SCALE
    if np.isnan(wide).any():
        raise FormatError(
            "there is a NaN among the samples: look for a division by zero before"
        )
    return np.minimum(np.rint(wide), _FULL_SCALE - 1).astype(np.int16)


def int16_to_float32(block: NDArray[np.int16]) -> NDArray[np.float32]:
    """The samples as float32 from -1.0 to 0.99997; `float_to_int16` turns back.

    Args:
        block: int16, shape `(frames,)`.

    Raises:
        TypeError, FormatError: Not int16 of shape `(frames,)`.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    return check_block(block).astype(np.float32) / np.float32(_FULL_SCALE)


def mix_down(frames: NDArray[np.int16]) -> NDArray[np.int16]:
    """Mix all channels to one: the mean, rounded to nearest (halves to the even one).

    Args:
        frames: int16, shape `(frames, channels)`, 1 channel or more.

    Returns:
        int16, shape `(frames,)`. Never overflows, since a mean does not.

    Raises:
        FormatError: Another dtype or shape.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    if frames.ndim != 2 or not frames.shape[1]:  # frames and channels
        raise FormatError(
            f"frames must have shape (frames, channels), not {frames.shape}: mono "
            "needs no mixing"
        )
    first = check_block(frames[:, 0], "frames")
    if frames.shape[1] == 1:
        return first
    mixed: NDArray[np.int16] = np.rint(frames.mean(axis=1)).astype(np.int16)
    return mixed


def gain(block: NDArray[np.int16], decibels: float) -> NDArray[np.int16]:
    """Make a block louder or softer; what would not fit is held at full scale.

    Args:
        block: int16, shape `(frames,)`.
        decibels: dB, up to 100; 0 changes nothing, -6.02 halves, `-math.inf` mutes.

    Returns:
        A new block, rounded to nearest.

    Raises:
        TypeError, FormatError: Not int16 of shape `(frames,)`.
        ValueError: `decibels` is NaN or above 100.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    if not decibels <= _MOST_GAIN:  # so put, NaN is caught too
        raise ValueError(
            f"decibels must be at most {_MOST_GAIN:.0f}, not {decibels}: 90 dB lift "
            "the smallest sample to full scale"
        )
    scaled = np.rint(check_block(block) * 10.0 ** (decibels / 20))
    held: NDArray[np.int16] = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype(
        "i2"
    )
    return held


def level(block: NDArray[np.int16]) -> Level:
    """Measure how loud a block is.

    Args:
        block: int16, shape `(frames,)`; no samples are silence.

    Raises:
        TypeError, FormatError: Not int16 of shape `(frames,)`.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    samples = check_block(block)
    if not samples.size:
        return Level()
    # As floats: neither -(-32768) nor a square has room in int16.
    wide = samples.astype(np.float64)
    peak = max(float(wide.max()), -float(wide.min()))
    return Level(_dbfs(peak), _dbfs(math.sqrt(float(wide @ wide) / samples.size)))


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 20 * math.log10(amplitude / _FULL_SCALE))


def _array_to_bytes(data: object, format: AudioFormat) -> bytes:
    import numpy as np  # noqa: PLC0415 - slow to import

    if not isinstance(data, np.ndarray):
        raise TypeError(
            f"audio must be bytes, bytearray, memoryview or a numpy array of int16, "
            f"not {type(data).__name__}"
        )
    if format.encoding != "pcm16":
        raise TypeError(
            f"{format.encoding} must be given as bytes: encode the samples first, or "
            "declare pcm16"
        )
    return int16_to_bytes(data)
