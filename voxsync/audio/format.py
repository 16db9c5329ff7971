"""What the bytes of an audio stream are, and the texts that say so, both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voxsync.errors import FormatError

__all__ = ["AudioFormat"]

# Encoding -> media type. The first two are those that mimi documents, PCMU and PCMA
# stand in RFC 4856, opus in RFC 7587.
_MEDIA_TYPES = {
    "pcm16": "audio/x-pcm",
    "flac": "audio/x-flac",
    "ulaw": "audio/PCMU",
    "alaw": "audio/PCMA",
    "opus": "audio/opus",
}
_ENCODINGS = {media.lower(): encoding for encoding, media in _MEDIA_TYPES.items()}
# Read, never written: Gemini's name for pcm16 (`gemini_mime_type` writes that one),
# and FLAC's registered name (RFC 9639).
_ENCODINGS |= {"audio/pcm": "pcm16", "audio/flac": "flac"}
_LINEAR_BE = "audio/l16"
_USUAL_RATES = {"ulaw": 8000, "alaw": 8000, "opus": 48000}
_G711 = ("ulaw", "alaw")
# What VoxEngine takes, exactly (its own enumeration), and what that is.
_VOXIMPLANT = {
    "PCM8": ("pcm16", 8000),  # 8 is the rate in kHz, not the bits
    "PCM16": ("pcm16", 16000),
    "ULAW": ("ulaw", 8000),
    "ALAW": ("alaw", 8000),
    "OPUS": ("opus", 48000),
}
_VOXIMPLANT_NAMES = {what: name for name, what in _VOXIMPLANT.items()}
# What has been seen in its place. Linear names without a rate of their own get 8000:
# VoxEngine's default encoding is PCM8.
_VOXIMPLANT_ALIASES = {
    **{name.lower(): what for name, what in _VOXIMPLANT.items()},
    **dict.fromkeys(("audio/l16", "audio/pcm", "l16", "pcm"), ("pcm16", 8000)),
    "slin16": ("pcm16", 16000),
    **dict.fromkeys(
        (
            "audio/x-mulaw",
            "audio/mulaw",
            "audio/basic",
            "audio/pcmu",
            "pcmu",
            "mulaw",
            "g711_ulaw",
        ),
        ("ulaw", 8000),
    ),
    **dict.fromkeys(
        ("audio/x-alaw", "audio/alaw", "audio/pcma", "pcma", "g711_alaw"),
        ("alaw", 8000),
    ),
    **dict.fromkeys(("audio/opus", "audio/ogg"), ("opus", 48000)),
}
# Bounded: int() of thousands of digits is refused by Python in words of its own.
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, init=False)
class AudioFormat:
    """The format of one audio stream.

    Attributes:
        encoding: `"pcm16"` (headerless signed 16-bit little-endian samples,
            channels interleaved), `"flac"` (a native FLAC stream), `"ulaw"` or
            `"alaw"` (G.711, one byte per sample) or `"opus"` (packets, without a
            container). Default `"pcm16"`.
        sample_rate: Frames per second, 1 or more. Default: 8000 for ulaw and alaw,
            48000 for opus (the only one it has), else 16000; mimi's nict-asr is
            also used with 44100 and 48000 by its official samples.
        channels: 1 or more, for opus 1. Default 1, the only number mimi's SDK sends.
        bit_depth: Bits per sample. Default, and the only value but for flac: 8 for
            ulaw and alaw, 16 for pcm16 and opus; flac has 4 to 32, default 16.

    Raises:
        TypeError: A number is not an `int`, the encoding not a `str`.
        ValueError: A value is out of range.
    """

    encoding: str
    sample_rate: int
    channels: int
    bit_depth: int

    def __init__(
        self,
        encoding: str = "pcm16",
        sample_rate: int | None = None,
        channels: int = 1,
        bit_depth: int | None = None,
    ) -> None:
        if not isinstance(encoding, str):
            raise TypeError(f"encoding must be a str, not {type(encoding).__name__}")
        if encoding not in _MEDIA_TYPES:
            known = ", ".join(sorted(_MEDIA_TYPES))
            raise ValueError(f"encoding {encoding!r} is not known: use one of {known}")
        values = {
            "sample_rate": _usual_rate(encoding)
            if sample_rate is None
            else sample_rate,
            "channels": channels,
            "bit_depth": _usual_bits(encoding) if bit_depth is None else bit_depth,
        }
        for name, value in values.items():
            # True is an int to Python and a mistake to everybody else.
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an int, not {type(value).__name__}")
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, not {value}")
        _check(encoding, **values)
        object.__setattr__(self, "encoding", encoding)  # frozen for everybody else
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def bytes_per_frame(self) -> int:
        """Bytes between two places where the stream may be cut.

        1 for flac, whose bytes may be cut anywhere, and for opus, whose packets may
        not be cut at all.
        """
        if self.encoding in ("flac", "opus"):
            return 1
        return self.channels * self.bit_depth // 8

    @property
    def content_type(self) -> str:
        """The MIME text, without spaces.

        Of pcm16 and flac as mimi's official SDK writes it (the others are no formats
        of mimi), of ulaw and alaw as in RFC 4856, of opus as in RFC 7587.
        """
        media, rate = _MEDIA_TYPES[self.encoding], f"rate={self.sample_rate}"
        if self.encoding == "opus":
            return f"{media};{rate}"
        if self.encoding in _G711:
            return f"{media};{rate};channels={self.channels}"
        return f"{media};bit={self.bit_depth};{rate};channels={self.channels}"

    @property
    def gemini_mime_type(self) -> str:
        """The MIME text as Gemini Live writes it, e.g. `audio/pcm;rate=16000`.

        Raises:
            FormatError: Not mono pcm16, the only kind it takes.
        """
        if (self.encoding, self.channels) != ("pcm16", 1):
            raise FormatError(
                f"Gemini takes mono pcm16, not {self.channels} channel(s) of "
                f"{self.encoding}: use a Converter"
            )
        return f"audio/pcm;rate={self.sample_rate}"

    @property
    def voximplant_name(self) -> str:
        """The name that VoxEngine takes: PCM8, PCM16, ULAW, ALAW or OPUS.

        Raises:
            FormatError: It does not take this format. Another rate under one of these
                names is played as noise or not at all.
        """
        name = _VOXIMPLANT_NAMES.get((self.encoding, self.sample_rate))
        if name is None or self.channels != 1:
            known = ", ".join(
                f"{what} at {rate} Hz" for what, rate in _VOXIMPLANT_NAMES
            )
            raise FormatError(
                f"VoxEngine does not take {self.encoding} at {self.sample_rate} Hz "
                f"with {self.channels} channel(s): convert to mono {known}"
            )
        return name

    @classmethod
    def from_voximplant(cls, name: str, sample_rate: int | None = None) -> AudioFormat:
        """Read the encoding of a VoxEngine `start`, under any name it has been given.

        Args:
            name: E.g. `PCM8`, `ULAW`, `audio/l16` (little-endian here, whatever its
                RFC says), `g711_alaw`; in any case.
            sample_rate: What the message declares, in Hz. For PCM and G.711 it counts
                against the name (`PCM16` at 8000 is 8 kHz audio); OPUS is 48000 in
                any case. Default: the name's own rate. Compare `sample_rate` of what
                is returned to notice a contradiction.

        Raises:
            FormatError: The name is not known, or the rate is less than 1.
            TypeError: The rate is not an `int`.
        """
        found = _VOXIMPLANT_ALIASES.get(name.strip().lower())
        if found is None:
            raise FormatError(
                f"encoding {name!r} is not known: use one of {', '.join(_VOXIMPLANT)}"
            )
        encoding, rate = found
        if sample_rate is not None and encoding != "opus":
            rate = sample_rate
        try:
            return cls(encoding, rate)
        except ValueError as exc:
            raise FormatError(str(exc)) from exc

    @classmethod
    def from_content_type(
        cls, text: str, *, sample_rate: int | None = None
    ) -> AudioFormat:
        """Read a MIME text, however it is spaced, cased, quoted or ordered.

        Args:
            text: E.g. `audio/x-pcm; bit=16; rate=48000`, `audio/pcm;rate=24000`,
                `audio/PCMU`. A missing `bit` or `rate` is the encoding's usual one,
                missing `channels` are 1: of mimi's types these are its documented
                defaults. Other parameters are ignored.
            sample_rate: What a missing `rate` is instead, in Hz: Gemini's bare
                `audio/pcm` is 16000 on the way there and 24000 on the way back.

        Raises:
            FormatError: Not a known media type, or a parameter makes no sense.
                `audio/L16` is refused: by RFC 2586 its samples are big-endian.
        """
        media, *parameters = text.split(";")
        media = media.strip()
        if media.lower() == _LINEAR_BE:
            raise FormatError(
                "audio/L16 is big-endian by RFC 2586: swap the bytes of each sample "
                "and call them audio/x-pcm"
            )
        encoding = _ENCODINGS.get(media.lower())
        if encoding is None:
            known = ", ".join(sorted(_MEDIA_TYPES.values()))
            raise FormatError(f"media type {media!r} is not known: use one of {known}")
        usual_rate = _usual_rate(encoding) if sample_rate is None else sample_rate
        found = {"bit": _usual_bits(encoding), "rate": usual_rate, "channels": 1}
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
            FormatError: flac and opus are compressed; their length does not follow
                from bytes.
        """
        if self.encoding in ("flac", "opus"):
            raise FormatError(
                f"the duration of {self.encoding} does not follow from its size: count "
                "frames before encoding"
            )
        return nbytes / (self.bytes_per_frame * self.sample_rate)


def _usual_rate(encoding: str) -> int:
    return _USUAL_RATES.get(encoding, 16000)


def _usual_bits(encoding: str) -> int:
    return 8 if encoding in _G711 else 16


def _check(encoding: str, sample_rate: int, channels: int, bit_depth: int) -> None:
    """Refuse what the encoding does not have."""
    if encoding == "flac":
        if not 4 <= bit_depth <= 32:
            raise ValueError(
                f"bit_depth of flac is 4 to 32 bits, not {bit_depth}: it counts bits "
                "per sample, not per second"
            )
    elif bit_depth != _usual_bits(encoding):
        raise ValueError(
            f"bit_depth of {encoding} is {_usual_bits(encoding)}, not {bit_depth}: "
            "convert the samples"
        )
    if encoding == "opus" and sample_rate != _USUAL_RATES["opus"]:
        raise ValueError(
            f"sample_rate of opus is 48000, not {sample_rate}: its clock is the same "
            "whatever was recorded"
        )
    if encoding == "opus" and channels != 1:
        raise ValueError(
            f"channels of opus is 1, not {channels}: stereo packets are played by a "
            "mono decoder too"
        )
