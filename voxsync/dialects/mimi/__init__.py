"""mimi: the service's requests, results and session rules; the text of a session.

May import: dialects.base, errors, redact, audio.format, the standard library.
Threads: the codec is the I/O thread's; results and transcripts are read anywhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from voxsync.dialects.mimi.codec import MimiDialect, MimiPhase

if TYPE_CHECKING:
    from voxsync.dialects.mimi.messages import (
        AsrResult,
        AsrWord,
        MimiResult,
        NictOptions,
        NictV1Item,
        NictV1Result,
        NictV2Result,
        NictV2Segment,
        UnknownResult,
        parse_result,
    )
    from voxsync.dialects.mimi.transcript import Segment, Transcript

__all__ = [
    "AsrResult",
    "AsrWord",
    "MimiDialect",
    "MimiPhase",
    "MimiResult",
    "NictOptions",
    "NictV1Item",
    "NictV1Result",
    "NictV2Result",
    "NictV2Segment",
    "Segment",
    "Transcript",
    "UnknownResult",
    "parse_result",
]

_TRANSCRIPT = ("Segment", "Transcript")


def __getattr__(name: str) -> object:
    """Load results and transcripts when first used; they take a while to define."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "transcript" if name in _TRANSCRIPT else "messages"
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
