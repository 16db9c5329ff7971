"""Samples and their formats: codecs, rates, levels; whether audio is what it claims.

May import: errors, the standard library, numpy; the extra `opus` where it is used.
Threads: any; nothing here waits. Objects that keep a stream's state: one at a time.

Names are resolved when first used: numpy is slow to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from voxsync.audio.format import AudioFormat

if TYPE_CHECKING:
    from voxsync.audio.convert import Converter, Decoder, Encoder
    from voxsync.audio.flac import FlacEncoder
    from voxsync.audio.opus import OpusDecoder, OpusEncoder
    from voxsync.audio.pcm import (
        FLOOR_DBFS,
        Level,
        float_to_int16,
        gain,
        int16_to_float32,
        level,
        mix_down,
    )
    from voxsync.audio.resample import Resampler

__all__ = [
    "FLOOR_DBFS",
    "AudioFormat",
    "Converter",
    "Decoder",
    "Encoder",
    "FlacEncoder",
    "Level",
    "OpusDecoder",
    "OpusEncoder",
    "Resampler",
    "float_to_int16",
    "gain",
    "int16_to_float32",
    "level",
    "mix_down",
]

_HOMES = {
    "convert": ("Converter", "Decoder", "Encoder"),
    "flac": ("FlacEncoder",),
    "opus": ("OpusDecoder", "OpusEncoder"),
    "resample": ("Resampler",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'voxsync.audio' has no attribute {name!r}")
    home = _HOME_OF.get(name, "pcm")
    value = getattr(import_module(f"voxsync.audio.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
