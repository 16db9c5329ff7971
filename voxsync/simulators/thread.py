"""The one thread of a session at a local service: events, calls and timers in line."""

from __future__ import annotations

import collections
import heapq
import itertools
import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.clocks import Clock
    from voxsync.events import Event

__all__ = ["SerialThread", "Timer"]

logger = logging.getLogger("voxsync.simulators")

# How long a wait lasts at most before it looks up, seconds.
_SLICE = 0.5


class Timer:
    """A call that is due at some moment of the clock."""

    def __init__(self, fn: Callable[[], object]) -> None:
        self._fn: Callable[[], object] | None = fn

    def cancel(self) -> None:
        """Do not call any more. Thread: any; too late while it runs."""
        self._fn = None

    def fire(self) -> None:
        """Call, unless that was cancelled; once."""
        fn, self._fn = self._fn, None
        if fn is not None:
            fn()


class SerialThread:
    """Runs what it is given, one after the other; a `Dispatcher` for sessions.

    Args:
        name: Of the thread.
        clock: What timers keep to.
        failed: Told what a call or timer has raised; it ends nothing here.
        most_events: Events that may wait. Who brings one more is held back: its
            session's socket is not read any more.

    Thread: any, for every method.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        failed: Callable[[BaseException], object],
        *,
        most_events: int = 1024,
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._most_events = most_events
        self._changed = threading.Condition()  # guards the next four
        self._calls: collections.deque[Callable[[], object]] = collections.deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._events = 0  # of the calls: those that sessions wait with
        self._closed = False
        self._tie = itertools.count()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._clock.subscribe(self._look)
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Run what waits, but no timers any more, and end; False if it still runs.

        Called on the thread itself it does not wait.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._clock.unsubscribe(self._look)
        if self._thread.ident is None or self.runs_here():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def call(self, fn: Callable[[], object]) -> None:
        """Have `fn()` called, behind what waits already. Nothing after the end."""
        with self._changed:
            if not self._closed:
                self._calls.append(fn)
                self._changed.notify_all()

    def after(self, seconds: float, fn: Callable[[], object]) -> Timer:
        """Have `fn()` called in so many seconds of the clock."""
        timer = Timer(fn)
        due = self._clock.now() + seconds
        with self._changed:
            heapq.heappush(self._timers, (due, next(self._tie), timer))
            self._changed.notify_all()
        return timer

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """See `Dispatcher`."""
        with self._changed:
            while self._events >= self._most_events and not self._closed:
                self._changed.wait(_SLICE)
            if self._closed:
                return
            self._events += 1
            self._calls.append(lambda: self._deliver(deliver, event))
            self._changed.notify_all()

    def runs_here(self) -> bool:
        """See `Dispatcher`."""
        return self._thread is threading.current_thread()

    def _deliver(self, deliver: Callable[[Event], None], event: Event) -> None:
        with self._changed:
            self._events -= 1
            self._changed.notify_all()
        deliver(event)

    def _look(self) -> None:
        """The time has jumped."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except BaseException as exc:
                logger.exception("a call on %s failed", self._thread.name)
                self._failed(exc)

    def _next(self) -> Callable[[], object] | None:
        """Wait for what is to be called next; None at the end."""
        with self._changed:
            while True:
                # A timer that is due goes first: else a flood of events would stop
                # the time.
                now = self._clock.now()
                if self._timers and self._timers[0][0] <= now and not self._closed:
                    return heapq.heappop(self._timers)[2].fire
                if self._calls:
                    return self._calls.popleft()
                if self._closed:
                    return None
                left = self._timers[0][0] - now if self._timers else _SLICE
                real = self._clock.real(left)
                self._changed.wait(_SLICE if real is None else min(real, _SLICE))
