"""WAV: the header that says what the samples are, read and written, and the samples.

Own parsing, because the standard library's `wave` cannot do it: it reads neither
floats nor G.711 nor (in Python 3.11) the extensible header, takes every size on trust
and a header as long as the file, and reports what it does not know in three kinds of
exception. libsndfile, which can, would be one more library to install for 200 lines.

What is read: RIFF, RF64 and BW64; whole numbers of 8 to 32 bits, floats of 32 and 64,
G.711; plain or extensible. The first data chunk counts. Whatever comes before it must
fit into `HEADER_LIMIT`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from voxsync.audio.g711 import alaw_decode, ulaw_decode
from voxsync.audio.pcm import float_to_int16, mix_down
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "ENCODINGS",
    "HEADER_LIMIT",
    "MOST_DATA_BYTES",
    "WavHeader",
    "decode",
    "pack_header",
    "parse_header",
]

HEADER_LIMIT = 65536
"""Bytes that are read in search of the first sample, at most."""

MOST_DATA_BYTES = 0xFFFFFFFF - 36 - 1
"""Bytes of 16-bit samples whose size a WAV header can tell."""

ENCODINGS = {
    "pcm8": 1,
    "pcm16": 2,
    "pcm24": 3,
    "pcm32": 4,
    "float32": 4,
    "float64": 8,
    "ulaw": 1,
    "alaw": 1,
}
"""What samples may be, and bytes for each: pcm8 is unsigned, the rest signed,
little-endian; floats are full scale at 1.0; ulaw and alaw are G.711."""

_RATES = range(1000, 768_001)  # those of a media unit
_NOT_TOLD = 0xFFFFFFFF  # a size that its writer did not know, or that stands in ds64
_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# What follows the format's number in the GUID of an extensible header.
_GUID = bytes.fromhex("000000001000800000aa00389b71")
_G711 = {_ALAW: "alaw", _ULAW: "ulaw"}
# Formats in a WAV file that are none of ours, and marks of files that are no WAV.
_CODECS = {
    2: "ADPCM",
    0x11: "ADPCM",
    0x31: "GSM 6.10",
    0x50: "MPEG",
    0x55: "MP3",
    0xFF: "AAC",
}
_MARKS = {
    b"RIFX": "a big-endian WAV",
    b"FORM": "an AIFF",
    b"fLaC": "a FLAC",
    b"OggS": "an Ogg",
    b"ID3": "an MP3",
    b".snd": "an AU",
    b"caff": "a CAF",
    b"RIFF": "a RIFF, but not a WAV",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WavHeader:
    """What the samples of a file are, and where.

    Attributes:
        encoding: One of `ENCODINGS`.
        sample_rate: Frames per second.
        channels: 1 or more, interleaved.
        bits: Of a sample, as the header says: 20 where 24 hold 20.
        data_offset: Bytes before the first sample.
        data_bytes: Bytes of samples, as the header says: the file may be shorter, and
            the last frame cut; None = it does not say, up to the end of the file.
    """

    encoding: str
    sample_rate: int
    channels: int
    bits: int
    data_offset: int = 0
    data_bytes: int | None = None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: a sample of every channel."""
        return self.channels * ENCODINGS[self.encoding]


def parse_header(read: Callable[[int], bytes]) -> WavHeader:
    """Read a header, up to the first sample.

    Args:
        read: Called as `read(n)`; returns the next n bytes, fewer only at the end.
            Never asked for more than `HEADER_LIMIT` all together.

    Raises:
        FormatError: Not a WAV file, or one of samples that cannot be read.
    """
    head = _Head(read)
    mark, riff_bytes = head.begin()
    long_sizes: tuple[int, int] | None = None
    layout: tuple[str, int, int, int] | None = None
    while True:
        name, size = head.chunk()
        if name == b"data":
            break
        if name == b"fmt ":
            if layout is not None:
                raise FormatError("it has two formats (fmt chunks): it is damaged")
            layout = _parse_format(head.body(size))
        elif name == b"ds64" and mark != b"RIFF":
            long_sizes = _parse_sizes(head.body(size))
        else:
            head.body(size)
    if layout is None:
        raise FormatError(
            "its samples come before their format (no fmt chunk): it is damaged"
        )
    if long_sizes is not None:
        riff_bytes, told = long_sizes
        size = told if size == _NOT_TOLD else size
    encoding, sample_rate, channels, bits = layout
    return WavHeader(
        encoding=encoding,
        sample_rate=sample_rate,
        channels=channels,
        bits=bits,
        data_offset=head.position,
        data_bytes=_data_bytes(size, riff_bytes, head.position),
    )


def decode(data: bytes, header: WavHeader) -> NDArray[np.int16]:
    """The frames as int16 `(frames,)`, all channels mixed to one.

    16 and 8 bits and G.711 are exact; whatever is finer is rounded to the nearest of
    16 bits (halves to the even one) and held at full scale. That is done for each
    channel, before they are mixed (`mix_down`).

    Args:
        data: Whole frames.
        header: What they are.

    Raises:
        FormatError: A part of a frame, or a float that is NaN.
    """
    if len(data) % header.frame_bytes:
        raise FormatError(
            f"{len(data)} bytes are not whole frames of {header.frame_bytes} bytes: "
            "keep the rest for the next block"
        )
    samples = _decode(data, header.encoding)
    if header.channels == 1:
        return samples
    return mix_down(samples.reshape(-1, header.channels))


def pack_header(sample_rate: int, data_bytes: int | None) -> bytes:
    """The 44 bytes before samples of 16 bits, mono.

    Args:
        sample_rate: Frames per second.
        data_bytes: Of all samples, even, at most `MOST_DATA_BYTES`; None = not known
            and never filled in (a pipe): read to the end.
    """
    told = _NOT_TOLD if data_bytes is None else data_bytes
    riff = _NOT_TOLD if data_bytes is None else data_bytes + 36
    layout = struct.pack("<HHIIHH", _PCM, 1, sample_rate, sample_rate * 2, 2, 16)
    return struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16) + (
        layout + struct.pack("<4sI", b"data", told)
    )


class _Head:
    """What was read of a header; refuses to read on and on."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.position = 0

    def begin(self) -> tuple[bytes, int]:
        """The mark of the file, and its size as it says."""
        start = self._read(12)
        self.position = 12
        if not start:
            raise FormatError("it is empty: not a WAV file")
        if start[:4] in (b"RIFF", b"RF64", b"BW64") and start[8:12] == b"WAVE":
            return start[:4], int.from_bytes(start[4:8], "little")
        raise FormatError(f"{_what(start)}: convert it to WAV")

    def chunk(self) -> tuple[bytes, int]:
        """Name and size of the next chunk."""
        found = self._take(8)
        return found[:4], int.from_bytes(found[4:], "little")

    def body(self, size: int) -> bytes:
        """What a chunk holds; each fills an even number of bytes."""
        return self._take(size + size % 2)[:size]

    def _take(self, size: int) -> bytes:
        if self.position + size > HEADER_LIMIT:
            raise FormatError(
                f"no samples within its first {HEADER_LIMIT} bytes: it is damaged, or "
                "save it without pictures and notes"
            )
        found = self._read(size)
        self.position += size
        if len(found) < size:
            raise FormatError("it ends before its first sample: it is cut off")
        return found


def _what(start: bytes) -> str:
    """What a file is that begins so and is no WAV file."""
    for mark, what in _MARKS.items():
        if start.startswith(mark):
            return f"{what} file"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:
        return "an MP3 file"
    return "not a WAV file (it does not begin with RIFF)"


def _parse_sizes(body: bytes) -> tuple[int, int]:
    """The sizes of the file and of its data, where 32 bits do not do."""
    if len(body) < 16:
        raise FormatError("its sizes (ds64 chunk) are incomplete: it is damaged")
    riff, data = struct.unpack_from("<QQ", body)
    return riff, data


def _parse_format(body: bytes) -> tuple[str, int, int, int]:
    """Encoding, rate, channels, bits."""
    if len(body) < 16:
        raise FormatError("its format (fmt chunk) is incomplete: it is damaged")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE:
        if len(body) < 40:
            raise FormatError("its format (fmt chunk) is incomplete: it is damaged")
        tag = int.from_bytes(body[24:26], "little")
        if body[26:40] != _GUID:
            raise FormatError("its samples are of no known format: convert it to PCM")
    encoding = _encoding(tag, bits)
    if rate not in _RATES:
        raise FormatError(
            f"{rate} frames per second; 1000 to 768000 can be read: it is damaged"
        )
    if not channels:
        raise FormatError("its header says 0 channels: it is damaged")
    expected = channels * ENCODINGS[encoding]
    if align != expected:
        raise FormatError(
            f"{align} bytes per frame, but {channels} channel(s) of {bits} bits take "
            f"{expected}: it is damaged"
        )
    return encoding, rate, channels, bits


def _encoding(tag: int, bits: int) -> str:
    if tag == _PCM and 1 <= bits <= 32:
        return f"pcm{(bits + 7) // 8 * 8}"  # fewer bits fill their bytes from the top
    if tag == _FLOAT and bits in (32, 64):
        return f"float{bits}"
    if tag in _G711 and bits == 8:
        return _G711[tag]
    if tag in (_PCM, _FLOAT, _ALAW, _ULAW):
        raise FormatError(f"samples of {bits} bits cannot be read: convert it to 16")
    codec = _CODECS.get(tag, f"format {tag:#06x}")
    raise FormatError(f"its samples are compressed ({codec}): convert it to PCM")


def _data_bytes(size: int, riff_bytes: int, position: int) -> int | None:
    """What the size of the data chunk means.

    Who writes to a pipe, or is killed, leaves 0 or the largest number there. A 0 is
    meant where the file, as it says, goes on behind it.
    """
    told_nothing = riff_bytes == _NOT_TOLD or riff_bytes + 8 <= position
    if size == _NOT_TOLD or (size == 0 and told_nothing):
        return None
    return size


def _decode(data: bytes, encoding: str) -> NDArray[np.int16]:
    if encoding == "pcm16":
        return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
    if encoding == "ulaw":
        return ulaw_decode(data)
    if encoding == "alaw":
        return alaw_decode(data)
    if encoding == "pcm8":
        return (np.frombuffer(data, np.uint8).astype(np.int16) - 128) * np.int16(256)
    if encoding == "pcm24":
        # A zero below makes them 32 bits of the same height.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return _round(wide.reshape(-1).view("<i4"))
    if encoding == "pcm32":
        return _round(np.frombuffer(data, "<i4"))
    width = ENCODINGS[encoding]
    return _from_floats(np.frombuffer(data, f"<f{width}"))


def _from_floats(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    # Asked first: arithmetic with a signalling NaN would warn.
    if np.isnan(samples).any():
        raise FormatError("there is a NaN among its samples: it is damaged")
    return float_to_int16(samples)


def _round(samples: NDArray[np.int32]) -> NDArray[np.int16]:
    return np.minimum(np.rint(samples / 65536), 32767).astype(np.int16)
