"""What is heard in a trace: the audio and the words in its messages, both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.trace.reading import Record, Trace

__all__ = [
    "Cut",
    "Ended",
    "Heard",
    "Missing",
    "Sound",
    "Turn",
    "Unheard",
    "Words",
    "hear",
]


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio in a message.

    Attributes:
        way: "out" or "in".
        tag: Which of its streams.
        samples: int16, `(frames,)`.
        rate: Frames per second.
    """

    way: str
    tag: str
    samples: NDArray[np.int16] = field(repr=False)
    rate: int

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream ends: what is silent now has nothing to say."""

    way: str
    tag: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's turn to speak is over: words and sound of the next are another's."""

    way: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Chunks of a stream never came; silence of `seconds` stands for them."""

    way: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody says, so far.

    Attributes:
        way: Whose audio it is in.
        text: All of this utterance until now; it may still change.
        is_final: Nothing more comes of it; the text is that of before where it is "".
        since: Where it begins, in seconds of this way's audio; None = not said.
        until: Where it ends, likewise.
    """

    way: str
    text: str
    is_final: bool
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The far end was interrupted: what has not sounded yet of this way will not."""

    way: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """A message that seems to be audio, but cannot be decoded, and why."""

    why: str


Heard = Sound | Ended | Turn | Missing | Words | Cut | Unheard


def hear(trace: Trace) -> Iterator[tuple[Record, list[Heard]]]:
    """Go through a trace; say of each record what is heard in it.

    Nothing is held but what its dialect needs. Of a service that is not known nothing
    is heard.

    Args:
        trace: Any.

    Yields:
        Each record, and what is in it, in order.
    """
    from voxsync.trace.ears import Ear, ear  # noqa: PLC0415 - it makes these

    ears: dict[int, Ear] = {}
    for record in trace:
        asks = record.kind == "upgrade" and record.dir == "out"
        if asks or record.conn not in ears:
            ears[record.conn] = ear(trace, record)
        found: list[Heard] = []
        if record.kind in ("text", "binary"):
            try:
                found += ears[record.conn].take(record)
            except (VoxsyncError, ValueError, KeyError, TypeError) as exc:
                # A trace is there to look at what was wrong.
                found.append(Unheard(str(exc)))
        yield record, found
