"""What a plot of a trace shows, as data: who spoke when, what took long, what was lost.

Nothing is drawn here, so tests and programs can ask what a person would see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.trace.flow import Stall
from voxsync.trace.reading import Loss
from voxsync.trace.utterances import Utterance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.trace.reading import Trace

__all__ = [
    "Close",
    "Failure",
    "Figures",
    "Interruption",
    "Latency",
    "Loss",
    "Stall",
    "Stream",
    "Ticks",
    "Utterance",
    "Wave",
    "figures",
]

_BINS = 1248  # pixels of the lanes of a picture 1600 wide


@dataclass(frozen=True, slots=True)
class Wave:
    """The sound of one way, bin by bin of the shown time.

    Attributes:
        low: Lowest sample of each bin, -1 to 0; float32, `(bins,)`.
        high: Highest sample, 0 to 1; likewise.
        seconds: Of audio in all messages of the trace, shown or not.
    """

    low: NDArray[np.float32] = field(repr=False)
    high: NDArray[np.float32] = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Ticks:
    """Messages of one kind.

    Attributes:
        way: "out", "in", or "both" (pings and pongs).
        kind: "audio", "other" or "ping".
        count: How many in the shown time.
        times: Seconds, one per bin of the picture at most; float64, rising.
    """

    way: str
    kind: str
    count: int
    times: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Interruption:
    """What was being said was cut off.

    Attributes:
        t: Seconds.
        by: "application", "service", or "both" where both tell of it.
        unheard: Seconds of audio that were there and did not sound.
    """

    t: float
    by: str
    unheard: float = 0.0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long somebody waited.

    Attributes:
        kind: "first result" (after speech began), "last result" (after it ended) or
            "reply" (from the end of an utterance to the first audio of the other).
        start: Seconds.
        end: Seconds.
    """

    kind: str
    start: float
    end: float

    @property
    def ms(self) -> int:
        """Whole milliseconds."""
        return round(1000 * (self.end - self.start))


@dataclass(frozen=True, slots=True)
class Stream:
    """The far end's audio played, from `media-started` to `media-ended`.

    Attributes:
        tag: Its name.
        start: Seconds.
        end: Seconds; None = it did not end within the trace.
    """

    tag: str
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection: when, and what was said.

    Attributes:
        t: Seconds.
        code: As in RFC 6455; None = it is not known.
        reason: "" = none was given.
        was_clean: None = the trace does not say.
    """

    t: float
    code: int | None
    reason: str = ""
    was_clean: bool | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An `error` event, in its own words."""

    t: float
    message: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All that is shown; times are seconds since the recording began.

    Attributes:
        door: Of the session, e.g. "MimiSession".
        url: Masked.
        started: The date, ISO 8601, UTC.
        duration: Of the whole trace.
        is_whole: Whether it ends as a trace ends.
        start: Where the shown time begins.
        end: Where it ends, after `start`.
        person: The way that the person's voice takes: "out", but "in" where the trace
            is that of an app that a telephone service talks to.
        waves: By way, "out" and "in".
        utterances: By start; those that reach into the shown time, as all that follow.
        messages: By way and kind; what there were none of is left out.
        interruptions: By time, as all that follow.
        streams: Of the far end.
        latencies: What people waited for.
        stalls: Where audio or pongs were held up.
        losses: Chunks of audio that never came stand where they are missing, all
            other losses where they were noticed, at most half a second later.
        closes: Ends of connections.
        failures: Errors.
        notes: What else one has to know, in words.
    """

    door: str
    url: str
    started: str
    duration: float
    is_whole: bool
    start: float
    end: float
    person: str
    waves: dict[str, Wave] = field(repr=False)
    utterances: tuple[Utterance, ...]
    messages: tuple[Ticks, ...]
    interruptions: tuple[Interruption, ...]
    streams: tuple[Stream, ...]
    latencies: tuple[Latency, ...]
    stalls: tuple[Stall, ...]
    losses: tuple[Loss, ...]
    closes: tuple[Close, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


def figures(
    trace: Trace, start: float = 0.0, end: float | None = None, *, bins: int = _BINS
) -> Figures:
    """See what a trace shows.

    Args:
        trace: As `read` returns it.
        start: Seconds, where the shown time begins; at least 0.
        end: Where it ends; None = with the trace.
        bins: Into how many pieces the shown time is cut for waves and messages.

    Raises:
        ValueError: `end` is not after `start`, or `start` not within the trace.

    Thread: any. Takes some 10 s per hour of conversation.
    """
    last = trace.duration
    if not start >= 0:
        raise ValueError(f"the start must be 0 or more seconds, not {start}")
    if start and start >= last:
        raise ValueError(f"the trace ends at {last:.3f} s, before {start} s")
    if end is None:
        end = max(last, start + 1e-3) if last else start + 1.0
    if not start < end < math.inf:
        raise ValueError(f"the end must be after the start ({start} s), not {end}")
    from voxsync.trace.collecting import Collector  # noqa: PLC0415 - it makes these

    return Collector(trace, start, end, bins).collect()
