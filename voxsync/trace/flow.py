"""One stream of audio on the axis of time: when it sounds, and where it was held up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Draw = Callable[[float, float, "NDArray[np.int16]"], None]

__all__ = ["Flow", "Stall"]

_SHORTEST_STALL = 0.25  # seconds; less is the scheduling of a busy computer
_CATCH_UP = 0.5  # of the gap, which comes at once when what was held up arrives


@dataclass(frozen=True, slots=True)
class Stall:
    """Audio should have flowed, or a ping been answered, and was not.

    Attributes:
        way: "out", "in", or "ping".
        start: Seconds.
        end: Seconds.
    """

    way: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.start


class Flow:
    """Places the blocks of one stream.

    What a person says was said before it was sent: a block ends when its message went.
    What a service says sounds one block after another, from when it came: until it is
    cut, it waits.

    A stall is a gap behind which audio comes faster than it sounds: what was held up
    arrives. A speaker who made a pause has nothing to catch up with.

    Args:
        way: "out" or "in".
        waits: Whether blocks sound one after another; else they have sounded.
        in_turns: A gap is one even if nothing is caught up with: a turn's audio is
            made at once.
        draw: Takes start, length (both seconds) and samples of what sounds, in order.
        stalled: Takes stalls, when they are known.
        turned: Called behind the last sound of each turn.
    """

    def __init__(
        self,
        way: str,
        *,
        waits: bool,
        in_turns: bool,
        draw: Draw,
        stalled: Callable[[Stall], None],
        turned: Callable[[], None],
    ) -> None:
        self._turned = turned
        self._way = way
        self._waits = waits
        self._in_turns = in_turns
        self._draw = draw
        self._stalled = stalled
        self._until: float | None = None  # what came so far has sounded then
        self._runs = False  # the stream has begun and has not ended
        self._queue: deque[tuple[float, float, NDArray[np.int16]] | None]
        self._queue = deque()
        self._gap: Stall | None = None  # that may be a stall
        self._since_gap = 0.0  # seconds of audio

    def add(self, t: float, seconds: float, samples: NDArray[np.int16]) -> None:
        """A block came, or went."""
        self.advance(t)
        self._look(t, seconds)
        if self._waits:
            start = t if self._until is None else max(t, self._until)
            self._until = start + seconds
            self._queue.append((start, seconds, samples))
        else:
            before = t - seconds if self._until is None else self._until
            start = min(t, max(t - seconds, before))
            self._until = t
            self._draw(start, t - start, samples)
        self._runs = True

    def _look(self, t: float, seconds: float) -> None:
        if self._gap is not None:
            passed = t - self._gap.end
            self._since_gap += seconds
            if self._since_gap - passed >= _CATCH_UP * self._gap.seconds:
                self._stalled(self._gap)
                self._gap = None
            elif passed > self._gap.seconds:
                self._gap = None
        if not self._runs or self._until is None:
            return
        due = self._until if self._waits else self._until + seconds
        if t - due < _SHORTEST_STALL:
            return
        gap = Stall(self._way, due, t)
        if self._in_turns:
            self._stalled(gap)
        else:
            self._gap, self._since_gap = gap, seconds

    def ended(self) -> None:
        """The stream is over: silence that follows is meant."""
        self._runs, self._gap = False, None

    def turn(self) -> None:
        """A turn is over: what is in it sounds, if it has not yet."""
        if self._queue:
            self._queue.append(None)
        else:
            self._turned()

    def advance(self, t: float) -> None:
        """It is `t`: draw what has sounded."""
        while self._queue:
            first = self._queue[0]
            if first is None:
                self._turned()
            elif first[0] + first[1] <= t:
                self._draw(*first)
            else:
                return
            self._queue.popleft()

    def cut(self, t: float) -> float:
        """What has not sounded at `t` will not; return how many seconds that are."""
        self.advance(t)
        unheard = 0.0
        for block in self._queue:
            if block is None:
                self._turned()
                continue
            start, seconds, samples = block
            heard = max(0.0, t - start)
            unheard += seconds - heard
            frames = int(heard / seconds * len(samples))
            if frames:
                self._draw(start, heard, samples[:frames])
        self._queue.clear()
        self._until = None if self._until is None else min(self._until, t)
        self.ended()
        return unheard
