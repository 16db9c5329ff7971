"""A streaming FLAC encoder: every 20 ms of audio leave as one frame, at once.

Fixed predictors and Rice codes (RFC 9639, 9.2.5 and 9.2.7): speech becomes 0.57 of
its size. Better predictors gain little and cost a multiple of the time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from voxsync.audio.pcm import check_block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["FlacEncoder"]

_BITS = 16
_MAX_RATE = (1 << 20) - 1  # STREAMINFO has 20 bits for it
_MIN_BLOCK = 16  # the last block may be shorter
# Rates that a frame header has a code for.
_RATE_CODES = {
    88200: 1,
    176400: 2,
    192000: 3,
    8000: 4,
    16000: 5,
    22050: 6,
    24000: 7,
    32000: 8,
    44100: 9,
    48000: 10,
    96000: 11,
}
_CONSTANT, _VERBATIM, _FIXED = 0x00, 0x02, 0x10  # subframe headers; order << 1 added
_ORDERS = 5  # fixed predictors 0 to 4
_MAX_RICE = 14  # 15 is the escape code
# Fields before the first partition: header, up to 4 warm-up samples, method.
_LEAD = _ORDERS + 1


class FlacEncoder:
    """Encodes mono samples block by block; what it makes is lossless.

    The stream's length and MD5 are left open in its header, as they must be in a
    stream; `flac -d` warns of the MD5 and decodes.

    Args:
        sample_rate: 1 to 1,048,575 Hz.
        bits: Per sample: 16, the only depth there is here.

    Attributes:
        block_frames: Frames that are encoded together: 20 ms, rounded down (220 at
            11,025 Hz), 16 at least.

    Raises:
        ValueError: An argument is out of range.

    Thread: one at a time.
    """

    _held: NDArray[np.int16]

    def __init__(self, sample_rate: int, bits: int = _BITS) -> None:
        if not 1 <= sample_rate <= _MAX_RATE:
            raise ValueError(
                f"sample_rate must be 1 to {_MAX_RATE} Hz, not {sample_rate}"
            )
        if bits != _BITS:
            raise ValueError(f"bits must be {_BITS}, not {bits}: blocks are int16")
        self.block_frames = max(_MIN_BLOCK, sample_rate // 50)
        self._rate = sample_rate
        # The code, and what it says stands at the header's end. A rate above 65,535
        # without a code is that of STREAMINFO (0).
        self._rate_code, self._rate_bytes = _RATE_CODES.get(sample_rate, 0), b""
        if not self._rate_code and sample_rate < 1 << 16:
            self._rate_code, self._rate_bytes = 13, sample_rate.to_bytes(2, "big")
        self.reset()

    def encode(self, block: NDArray[np.int16]) -> bytes:
        """Take samples, return the frames that became full.

        Args:
            block: int16, shape `(frames,)`, any length. Less than `block_frames` of
                all blocks are held back.

        Returns:
            Whole FLAC frames, the first time with the stream's header before them;
            empty while nothing is full.

        Raises:
            TypeError, FormatError: Not such a block.
        """
        samples = check_block(block, "block")
        if self._held.size:
            samples = np.concatenate((self._held, samples))
        size = self.block_frames
        whole = len(samples) - len(samples) % size
        made = [self._frame(samples[at : at + size]) for at in range(0, whole, size)]
        # Copied: the caller may use its buffer again.
        self._held = samples[whole:].copy()
        return self._with_header(made) if made else b""

    def flush(self) -> bytes:
        """End the stream: return what is held back, as a shorter frame.

        A stream without any audio is a header only. The next `encode` begins a new
        stream.
        """
        made = [self._frame(self._held)] if self._held.size else []
        stream = self._with_header(made)
        self.reset()
        return stream

    def reset(self) -> None:
        """Forget what is held back; the next `encode` begins a new stream."""
        self._held = np.empty(0, np.int16)
        self._number = 0
        self._has_begun = False

    def _with_header(self, frames: list[bytes]) -> bytes:
        if not self._has_begun:
            self._has_begun = True
            frames.insert(0, self._stream_header())
        return b"".join(frames)

    def _stream_header(self) -> bytes:
        """The marker and STREAMINFO; frame sizes, length and MD5 are 0 = unknown."""
        size = self.block_frames.to_bytes(2, "big")
        fields = self._rate << 44 | (_BITS - 1) << 36  # mono is 0
        last_block_of_34_bytes = b"\x80\x00\x00\x22"
        return b"".join(
            (
                b"fLaC",
                last_block_of_34_bytes,
                size * 2,  # least and most frames of a block
                bytes(6),
                fields.to_bytes(8, "big"),
                bytes(16),
            )
        )

    def _frame(self, samples: NDArray[np.int16]) -> bytes:
        count = len(samples)
        size_code, size_bytes = (6, 1) if count <= 256 else (7, 2)
        header = b"".join(
            (
                b"\xff\xf8",  # every block but the last has the same size
                bytes((size_code << 4 | self._rate_code, 0x08)),  # mono, 16 bits
                _coded_number(self._number),
                (count - 1).to_bytes(size_bytes, "big"),
                self._rate_bytes,
            )
        )
        header += _crc(header, _crc_table(8, 0x07)).to_bytes(1, "big")
        frame = header + _subframe(samples)
        self._number += 1
        # Two bytes at a time; a zero in front changes no CRC that begins with 0.
        words = np.frombuffer(frame if len(frame) % 2 == 0 else b"\0" + frame, ">u2")
        return frame + _crc(words.tolist(), _crc_table(16, 0x8005)).to_bytes(2, "big")


def _subframe(samples: NDArray[np.int16]) -> bytes:
    """Encode in the smallest of three ways; verbatim is always possible."""
    big_endian = samples.astype(">i2")
    if samples.min() == samples.max():
        return bytes((_CONSTANT,)) + big_endian[:1].tobytes()
    fixed = _fixed(samples) if len(samples) >= _MIN_BLOCK else None
    return fixed or bytes((_VERBATIM,)) + big_endian.tobytes()


def _fixed(samples: NDArray[np.int16]) -> bytes | None:
    """Encode what a predictor leaves as Rice codes; None if verbatim is as small."""
    count = len(samples)
    differences = np.empty((_ORDERS, count), np.int32)
    differences[0] = samples
    for order in range(1, _ORDERS):
        before = differences[order - 1]
        # Of each row, the first `order` columns mean nothing and are not looked at.
        np.subtract(before[1:], before[:-1], out=differences[order, 1:])
        differences[order, 0] = 0
    sums = np.abs(differences[:, _ORDERS - 1 :]).sum(axis=1)
    order = int(sums.argmin())

    # Four partitions with a parameter each, where the block can be cut so and the
    # first has room for the warm-up samples.
    split = next(
        tried
        for tried in (2, 1, 0)
        if count % (1 << tried) == 0 and count >> tried >= _ORDERS
    )
    left = differences[order]
    folded = (left << 1) ^ (left >> 31)  # 0, -1, 1, -2, ... -> 0, 1, 2, 3, ...
    folded[:order] = 0
    parts = folded.reshape(1 << split, -1)
    frames = parts.shape[1]
    rices = [
        _rice(total, frames - (0 if place else order))
        for place, total in enumerate(parts.sum(axis=1).tolist())
    ]
    rice = np.array(rices)[:, np.newaxis]
    lengths = (parts >> rice) + (rice + 1)  # that many zeros, a one, `rice` bits
    lengths[0, :order] = 0
    total = 8 + _BITS * order + 6 + 4 * len(rices) + int(lengths.sum())
    if total >= 8 + _BITS * count:
        return None

    ones = 1 << rice
    values = np.zeros(_LEAD + (frames + 1) * len(rices), np.int64)
    widths = np.zeros_like(values)
    values[0], widths[0] = _FIXED | order << 1, 8
    values[1 : order + 1], widths[1 : order + 1] = samples[:order], _BITS
    values[1 : order + 1] &= 0xFFFF
    values[_LEAD - 1], widths[_LEAD - 1] = split, 6  # the method is 0
    codes = values[_LEAD:].reshape(len(rices), -1)
    codes[:, :1] = rice
    codes[:, 1:] = ones | (parts & (ones - 1))
    codes[0, 1 : order + 1] = 0  # in the lead, as warm-up samples
    code_widths = widths[_LEAD:].reshape(len(rices), -1)
    code_widths[:, 0] = 4
    code_widths[:, 1:] = lengths
    return _pack(values, widths, total)


def _rice(total: int, count: int) -> int:
    """The parameter for `count` numbers with this sum: log2 of their mean."""
    return min(max((total // count).bit_length() - 1, 0), _MAX_RICE)


def _pack(values: NDArray[np.int64], widths: NDArray[np.int64], total: int) -> bytes:
    """Write fields one behind the other, most significant bit first.

    Args:
        values: Of 16 bits at most; zeros fill the rest of a field.
        widths: Bits of each field; a field of none has the value 0.
        total: The sum of the widths.
    """
    ends = np.cumsum(widths)
    # A field ends somewhere in 32-bit word `at` (or before it) and may begin in the
    # one before; words are counted from 1, so that there is one before.
    at = ends >> 5
    wide = values << (32 - (ends & 31))
    count = (total + 31) // 32 + 2
    # No two fields share a bit, so adding them is or-ing them; exact in floats.
    words = np.bincount(at, wide >> 32, count)
    words += np.bincount(at + 1, wide & 0xFFFFFFFF, count)
    return words.astype(">u4").tobytes()[4 : 4 + (total + 7) // 8]


def _coded_number(number: int) -> bytes:
    """The number of a frame, coded as UTF-8 codes a character (up to 36 bits)."""
    if number < 0x80:
        return bytes((number,))
    tail: list[int] = []
    while number >= 0x40 >> len(tail):
        tail.insert(0, 0x80 | number & 0x3F)
        number >>= 6
    return bytes((0xFF00 >> len(tail) + 1 & 0xFF | number, *tail))


def _crc(words: Iterable[int], table: list[int]) -> int:
    """The checksum of words that are as wide as itself."""
    crc = 0
    for word in words:
        crc = table[crc ^ word]
    return crc


@cache
def _crc_table(width: int, polynomial: int) -> list[int]:
    """What each word becomes after `width` shifts: 256 or 65,536 entries."""
    values = np.arange(1 << width)
    for _ in range(width):
        carry = values >> width - 1
        values = (values << 1 & (1 << width) - 1) ^ carry * polynomial
    return values.tolist()
