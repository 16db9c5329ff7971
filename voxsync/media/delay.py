"""A unit that gives on what it was given, a while later."""

from __future__ import annotations

import collections
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxsync.clocks import Clock
from voxsync.media.sink import Sink
from voxsync.media.source import Source
from voxsync.media.unit import check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.unit import UnitStats

__all__ = ["Delay"]

# What it holds beyond the delay itself: as much as who takes may be behind, seconds.
_RESERVE = 1.0
# How long who gives waits at most before it looks up (Ctrl-C, a lost wake-up).
_SLICE = 0.5


class Delay(Source):
    """Gives on what it was given, `seconds` later: the same samples, in order.

        with Microphone() as microphone, Speaker() as speaker, Delay(1.5) as delay:
            microphone.send_media_to(delay)
            delay.send_media_to(speaker)
            input("Return ends it")

    A pause stays a pause: no silence is made up. Audio comes out up to 20 ms late, for
    a link looks that often. A delay holds its seconds and one more (at 48 kHz 96 kB
    each); then who gives has to wait, for somebody to take, and bounds of its own
    apply. It has no end of its own: its links run until they are stopped or it is
    closed.

    Args:
        seconds: More than 0.
        sample_rate: Hz, of what goes in and out; links resample. Default 16000.
        clock: For tests, a `voxsync.clocks.VirtualClock`, which its links keep to as
            well. Default: the machine's.
        name: For messages.

    Thread: any.
    """

    def __init__(
        self,
        seconds: float,
        sample_rate: int = 16000,
        *,
        clock: Clock | None = None,
        name: str | None = None,
    ) -> None:
        check_seconds("seconds", seconds)
        super().__init__(sample_rate, name)
        self.clock = clock
        self.seconds = seconds
        self._time = clock or Clock()
        self._capacity = round((seconds + _RESERVE) * sample_rate)
        self._changed = threading.Condition()  # guards the next two
        self._held: collections.deque[tuple[float, NDArray[np.int16]]] = (
            collections.deque()
        )
        self._inside = 0  # frames in all of them
        self._entry = _Entry(self)

    @property
    def stats(self) -> UnitStats:
        """The figures of what came out; what is held is `buffered`."""
        found = super().stats
        return replace(found, buffered=found.buffered + self._waiting())

    def clear_media_buffer(self) -> None:
        """Drop what is held, and what was given on and is not heard yet."""
        with self._changed:
            self._held.clear()
            self._inside = 0
            self._changed.notify_all()
        super().clear_media_buffer()

    def close(self) -> None:
        """End the links on both sides and drop what is held. Idempotent.

        Thread: any; waits for the links' threads at most a second each side.
        """
        self._entry.close()
        super().close()
        self.clear_media_buffer()

    # As a sink

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """See `voxsync.media.source.MediaTarget`."""
        return self._entry._media_sink(parameters)  # noqa: SLF001 - two halves of one unit

    def _take(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        """Hold a block, waiting for room while it is wanted."""
        at = 0
        with self._changed:
            while at < len(block):
                if not wanted():
                    return False
                room = self._capacity - self._inside
                if room <= 0:
                    self._changed.wait(_SLICE)
                    continue
                piece = block[at : at + room]
                self._held.append((self._time.now() + self.seconds, piece))
                self._inside += len(piece)
                at += len(piece)
        return True

    def _look(self) -> None:
        """Who waits in `_take` is to ask again."""
        with self._changed:
            self._changed.notify_all()

    def _waiting(self) -> float:
        return self._inside / self.sample_rate

    # As a source

    def _produce(self, frames: int) -> NDArray[np.int16] | None:
        with self._changed:
            if not self._held or self._held[0][0] > self._time.now():
                return None
            due, block = self._held.popleft()
            if len(block) > frames:
                self._held.appendleft((due, block[frames:]))
                block = block[:frames]
            self._inside -= len(block)
            self._changed.notify_all()
        return block


class _Entry(Sink):
    """Where audio goes into a delay."""

    def __init__(self, delay: Delay) -> None:
        super().__init__(delay.sample_rate, delay.name)
        self.clock = delay.clock
        self._delay = delay

    def clear(self) -> None:
        self._delay.clear_media_buffer()

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        taken = self._delay._take(block, wanted)  # noqa: SLF001 - two halves of one unit
        if taken:
            self._passed(block)
        return taken

    def _waiting(self) -> float:
        return self._delay._waiting()  # noqa: SLF001

    def _wake(self) -> None:
        self._delay._look()  # noqa: SLF001
