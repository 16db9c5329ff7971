"""What an embedded Live API saw of its clients, for tests to assert on."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voxsync.simulators.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.simulators.gemini_brain import HeardTurn

__all__ = ["GeminiRecord", "Spoken"]

_MOST = 1000


def _bounded() -> collections.deque[Any]:
    return collections.deque(maxlen=_MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A turn of the model.

    Attributes:
        text: Its words, as far as they were sent.
        seconds: Of audio that were sent.
        calls: Names of the functions that it called.
        interrupted: It was cut short.
    """

    text: str = ""
    seconds: float = 0.0
    calls: tuple[str, ...] = ()
    interrupted: bool = False


@dataclass(slots=True, eq=False)
class GeminiRecord(Record):
    """One connection. Read it once it is over; until then it grows.

    As `Record`; `texts` are the messages received and `messages` those sent, the latest
    1,000 of each, without audio and pictures, which are counted; `audio_bytes` is the
    audio received.

    Attributes:
        api: By which path it came, see `gemini_entrance.PATHS`.
        setup: The body of its setup, names in lowerCamelCase; None = none came.
        turns: What was heard, without sound and pictures (the latest 1,000).
        answers: What was answered (likewise).
        resumed: The session of the handle that was taken up; "" = none.
        handles: Those given out, the latest 8.
        images: Pictures received.
        sent_audio: Bytes of audio sent.
    """

    api: str = ""
    setup: Mapping[str, Any] | None = None
    turns: collections.deque[HeardTurn] = field(default_factory=_bounded)
    answers: collections.deque[Spoken] = field(default_factory=_bounded)
    resumed: str = ""
    handles: collections.deque[str] = field(
        default_factory=lambda: collections.deque(maxlen=8), repr=False
    )
    images: int = 0
    sent_audio: int = 0

    def __post_init__(self) -> None:
        """Keep less of what is larger here."""
        self.texts = _bounded()
        self.messages = _bounded()
