"""What callers hand over as audio, checked and made into bytes, and back.

numpy takes 0.1 s to import, so it is imported only by who has arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from voxsync.errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.format import AudioFormat

    AudioData: TypeAlias = bytes | bytearray | memoryview | NDArray[np.int16]

__all__ = ["bytes_to_int16", "looks_like_wav", "split", "to_bytes"]

_SAMPLE_BYTES = 2
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
    if format.encoding == "flac":
        return taken
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
    return np.frombuffer(fixed, dtype="<i2")


def _array_to_bytes(data: object, format: AudioFormat) -> bytes:
    import numpy as np  # noqa: PLC0415 - slow to import

    if not isinstance(data, np.ndarray):
        raise TypeError(
            f"audio must be bytes, bytearray, memoryview or a numpy array of int16, "
            f"not {type(data).__name__}"
        )
    if format.encoding == "flac":
        raise TypeError(
            "flac must be given as bytes: encode the samples first, or declare pcm16"
        )
    if data.dtype.kind != "i" or data.dtype.itemsize != _SAMPLE_BYTES:
        raise FormatError(
            f"samples must be int16, not {data.dtype}: for floats from -1 to 1 use "
            "(x.clip(-1, 1) * 32767).astype('int16')"
        )
    if data.ndim != 1:
        raise FormatError(
            f"samples must be mono, shape (frames,), not {data.shape}: give one "
            "channel, e.g. x[:, 0]"
        )
    return data.astype("<i2", copy=False).tobytes()
