"""mimi: the service's requests, results and session rules; the text of a session.

May import: dialects.base, errors, redact, audio.format, the standard library.
Threads: the codec is the I/O thread's; results and transcripts are read anywhere.
"""

from voxsync.dialects.mimi.codec import MimiDialect, MimiPhase
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
