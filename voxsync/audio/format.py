"""What the bytes of an audio stream are, and the MIME text that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voxsync.errors import FormatError

__all__ = ["AudioFormat"]

# Encoding -> media type. The two kinds the mimi service documents.
_MEDIA_TYPES = {"pcm16": "audio/x-pcm", "flac": "audio/x-flac"}
_ENCODINGS = {media: encoding for encoding, media in _MEDIA_TYPES.items()}
# Bounded: int() of thousands of digits is refused by Python in words of its own.
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """The format of one audio stream.

    Attributes:
        encoding: `"pcm16"` (headerless signed 16-bit little-endian samples,
            channels interleaved) or `"flac"` (a native FLAC stream, made by the
            caller). Default `"pcm16"`.
        sample_rate: Frames per second, 1 or more. Default 16000; mimi's nict-asr
            is also used with 44100 and 48000 by its official samples.
        channels: 1 or more. Default 1, the only number mimi's SDK sends.
        bit_depth: Bits per sample: 16 for pcm16, 4 to 32 for flac. Default 16.

    Raises:
        TypeError: A number is not an `int`, the encoding not a `str`.
        ValueError: A value is out of range.
    """

    encoding: str = "pcm16"
    sample_rate: int = 16000
    channels: int = 1
    bit_depth: int = 16

    def __post_init__(self) -> None:
        if not isinstance(self.encoding, str):
            raise TypeError(
                f"encoding must be a str, not {type(self.encoding).__name__}"
            )
        if self.encoding not in _MEDIA_TYPES:
            known = ", ".join(sorted(_MEDIA_TYPES))
            raise ValueError(
                f"encoding {self.encoding!r} is not known: use one of {known}"
            )
        for name in ("sample_rate", "channels", "bit_depth"):
            value = getattr(self, name)
            # True is an int to Python and a mistake to everybody else.
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an int, not {type(value).__name__}")
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, not {value}")
        if self.encoding == "pcm16" and self.bit_depth != 16:
            raise ValueError(
                f"bit_depth of pcm16 is 16, not {self.bit_depth}: convert the samples"
            )
        if not 4 <= self.bit_depth <= 32:
            raise ValueError(
                f"bit_depth of flac is 4 to 32 bits, not {self.bit_depth}: it counts "
                "bits per sample, not per second"
            )

    @property
    def bytes_per_frame(self) -> int:
        """Bytes between two places where the stream may be cut: 1 for flac."""
        return 1 if self.encoding == "flac" else self.channels * self.bit_depth // 8

    @property
    def content_type(self) -> str:
        """The MIME text, without spaces, as mimi's official SDK writes it."""
        return (
            f"{_MEDIA_TYPES[self.encoding]};bit={self.bit_depth}"
            f";rate={self.sample_rate};channels={self.channels}"
        )

    @classmethod
    def from_content_type(cls, text: str) -> AudioFormat:
        """Read a MIME text, however it is spaced, cased, quoted or ordered.

        Args:
            text: E.g. `audio/x-pcm; bit=16; rate=48000`. A missing `bit` is 16, a
                missing `rate` 16000, missing `channels` 1: the service's documented
                defaults. Other parameters are ignored.

        Raises:
            FormatError: Not a known media type, or a parameter makes no sense.
        """
        media, *parameters = text.split(";")
        encoding = _ENCODINGS.get(media.strip().lower())
        if encoding is None:
            known = ", ".join(sorted(_ENCODINGS))
            raise FormatError(
                f"media type {media.strip()!r} is not known: use one of {known}"
            )
        found = {"bit": 16, "rate": 16000, "channels": 1}
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            key, value = key.strip().lower(), value.strip().strip('"').strip()
            if key not in found:
                continue
            if _NUMBER.fullmatch(value) is None:
                raise FormatError(
                    f"{key} must be a whole number, not {value!r}: write e.g. "
                    f"{key}={found[key]}"
                )
            found[key] = int(value)
        try:
            return cls(encoding, found["rate"], found["channels"], found["bit"])
        except ValueError as exc:
            raise FormatError(str(exc)) from exc

    def seconds(self, nbytes: int) -> float:
        """How long `nbytes` bytes of this format play, in seconds.

        Raises:
            FormatError: flac is compressed; its length does not follow from bytes.
        """
        if self.encoding == "flac":
            raise FormatError(
                "the duration of flac does not follow from its size: count frames "
                "before encoding"
            )
        return nbytes / (self.bytes_per_frame * self.sample_rate)
