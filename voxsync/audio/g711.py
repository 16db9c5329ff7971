"""G.711, the telephone's 8-bit codes: mu-law (PCMU) and A-law (PCMA), by tables.

The codes are those of ITU-T G.711 and, for all samples and codes, those of the
`audioop` module that Python had until 3.12.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from voxsync.audio.pcm import check_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["alaw_decode", "alaw_encode", "ulaw_decode", "ulaw_encode"]

_BIAS = 33  # mu-law: makes the borders of its segments powers of two
_CLIP = 8158  # mu-law: the largest 14-bit magnitude that has a code
_EVEN_BITS = 0x55  # A-law sends every other bit inverted
_SIGN = 0x80


def ulaw_encode(block: NDArray[np.int16]) -> bytes:
    """Encode samples as mu-law, one byte each.

    Args:
        block: int16, shape `(frames,)`, of full scale (not 14-bit); any length.

    Raises:
        TypeError, FormatError: Not such a block.

    Thread: any.
    """
    return _encode(block, _ulaw_codes())


def ulaw_decode(data: bytes | bytearray | memoryview) -> NDArray[np.int16]:
    """Decode mu-law to int16, shape `(frames,)`; every byte is a code.

    Thread: any.
    """
    return _decode(data, _ulaw_samples())


def alaw_encode(block: NDArray[np.int16]) -> bytes:
    """Encode samples as A-law, one byte each.

    Args:
        block: int16, shape `(frames,)`, of full scale (not 13-bit); any length.

    Raises:
        TypeError, FormatError: Not such a block.

    Thread: any.
    """
    return _encode(block, _alaw_codes())


def alaw_decode(data: bytes | bytearray | memoryview) -> NDArray[np.int16]:
    """Decode A-law to int16, shape `(frames,)`; every byte is a code.

    Thread: any.
    """
    return _decode(data, _alaw_samples())


def _encode(block: NDArray[np.int16], codes: NDArray[np.uint8]) -> bytes:
    # Seen as unsigned, a sample is its own place in the table.
    return codes[check_block(block, "block").view(np.uint16)].tobytes()


def _decode(
    data: bytes | bytearray | memoryview, samples: NDArray[np.int16]
) -> NDArray[np.int16]:
    return samples[np.frombuffer(bytes(data), np.uint8)]


def _every_sample() -> NDArray[np.int32]:
    """All samples in the order of their unsigned selves: 0 ... 32767, -32768 ... -1."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


# Two threads that come first at once build a table twice, and the same.
@cache
def _ulaw_codes() -> NDArray[np.uint8]:
    samples = _every_sample() >> 2  # 14 bits count
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    segment = _bit_length(magnitude) - 6
    code = segment << 4 | magnitude >> (segment + 1) & 0x0F
    # All bits are sent inverted, so that silence is full of ones.
    codes: NDArray[np.int32] = ~(code | np.where(samples < 0, _SIGN, 0)) & 0xFF
    return codes.astype(np.uint8)


@cache
def _ulaw_samples() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 1) + _BIAS << (code >> 4 & 7)) - _BIAS
    samples: NDArray[np.int64] = np.where(code & _SIGN, -magnitude, magnitude) << 2
    return samples.astype(np.int16)


@cache
def _alaw_codes() -> NDArray[np.uint8]:
    samples = _every_sample() >> 3  # 13 bits count
    # Its positive half has the zero, so that the halves are mirrored about -1/2.
    magnitude = np.where(samples < 0, ~samples, samples)
    segment = np.maximum(_bit_length(magnitude) - 5, 0)
    # Segments 0 and 1 have steps of one size, each later one doubles it.
    code = segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F
    codes: NDArray[np.int32] = (code | np.where(samples < 0, 0, _SIGN)) ^ _EVEN_BITS
    return codes.astype(np.uint8)


@cache
def _alaw_samples() -> NDArray[np.int16]:
    code = np.arange(256) ^ _EVEN_BITS
    segment = code >> 4 & 7
    # Half a step is added: the middle of what was encoded so.
    step = ((code & 0x0F) << 1) + 1 + np.where(segment > 0, 32, 0)
    magnitude = step << np.maximum(segment - 1, 0) << 3
    samples: NDArray[np.int64] = np.where(code & _SIGN, magnitude, -magnitude)
    return samples.astype(np.int16)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many bits each value needs; 0 needs none."""
    lengths: NDArray[np.int32] = np.frexp(values.astype(np.float64))[1]
    return lengths
