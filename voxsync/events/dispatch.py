"""Where listeners run: on the events thread, or in the application's own loop."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events.types import Event

__all__ = ["BoundedDispatcher", "Dispatcher", "InlineDispatcher", "QueueDispatcher"]


class Dispatcher(Protocol):
    """Carries events from a session's events thread to where listeners run."""

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Have `deliver(event)` called, in the order of the calls to `dispatch`.

        When that will never be, `deliver.refused(event)` is to be called instead,
        once, if there is such a method: the session may wait for its listeners.

        Thread: the events thread of each session that uses it. May block while
        there is no room; that is what bounds a frozen application.
        """
        ...

    def runs_here(self) -> bool:
        """Whether the calling thread is the one that runs the listeners.

        A session asked to close from there must not wait for its listeners (I6).

        Thread: any; never waits.
        """
        ...


class InlineDispatcher:
    """Listeners run on the session's own events thread. The default.

    Thread: the events thread.
    """

    __slots__ = ()

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Call the listeners now: `deliver(event)`."""
        deliver(event)

    def runs_here(self) -> bool:
        """False: the session knows its own events thread."""
        return False

    def __repr__(self) -> str:
        return "InlineDispatcher()"


class BoundedDispatcher:
    """The queue of a dispatcher: bounded, in order, counted. For subclasses.

    Args:
        maxsize: How many events may wait, at least 1. When full, the sessions'
            events threads wait, then their inboxes fill, then they stop reading: a
            frozen application is bounded (I8).

    Raises:
        ValueError: `maxsize` is less than 1.
    """

    def __init__(self, maxsize: int = 1024) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize must be at least 1, not {maxsize}")
        self.maxsize = maxsize
        self._waiting: collections.deque[tuple[Callable[[Event], None], Event]] = (
            collections.deque()
        )
        self._changed = threading.Condition()  # guards all of the below
        self._closed = False
        self._refused = 0

    @property
    def pending(self) -> int:
        """How many events wait now. Thread: any."""
        return len(self._waiting)

    @property
    def refused(self) -> int:
        """How many events reached no listener for `close()`. Thread: any."""
        return self._refused

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Queue `deliver(event)`; waits while the queue is full and not closed.

        Thread: the events threads of the sessions.
        """
        with self._changed:
            while len(self._waiting) >= self.maxsize and not self._closed:
                self._changed.wait(0.5)
            if not self._closed:
                self._waiting.append((deliver, event))
                self._changed.notify_all()
                return
            self._refuse(deliver)
        tell_refused(deliver, event)

    def close(self) -> None:
        """Take no more events; events threads that wait go on. Idempotent.

        Thread: any.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _refuse(self, deliver: Callable[[Event], None]) -> None:  # noqa: ARG002 - for subclasses
        """An event will not be delivered. Called with the lock held."""
        self._refused += 1

    def _next(self) -> tuple[Callable[[Event], None], Event] | None:
        """Take the oldest, if any."""
        with self._changed:
            if not self._waiting:
                return None
            self._changed.notify_all()
            return self._waiting.popleft()

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        name = type(self).__name__
        return f"<{name} {self.pending} of {self.maxsize} pending{state}>"


def tell_refused(deliver: Callable[[Event], None], event: Event) -> None:
    """Tell who dispatched the event that it reaches no listener; without a lock."""
    refused = getattr(deliver, "refused", None)
    if refused is not None:
        refused(event)


class QueueDispatcher(BoundedDispatcher):
    """Listeners run when, and where, the application calls `run_pending()`.

    One dispatcher may serve several sessions; order is kept for each. After
    `close()` what waits can still be run.

    Args:
        maxsize: How many events may wait, at least 1. When full, the sessions'
            events threads wait, then their inboxes fill, then they stop reading: a
            frozen application is bounded (I8).
    """

    def __init__(self, maxsize: int = 1024) -> None:
        super().__init__(maxsize)
        self._runner: int | None = None  # who called run_pending() or wait() last

    def run_pending(self, limit: int | None = None) -> int:
        """Call the listeners of what waits now, on this thread; return how many.

        Args:
            limit: At most so many events; default: what waited at the call, so
                that a flood cannot hold the caller.

        Thread: the one that listeners are to run on; not from a listener.
        """
        self._runner = threading.get_ident()
        count = len(self._waiting) if limit is None else limit
        done = 0
        while done < count and (entry := self._next()) is not None:
            deliver, event = entry
            deliver(event)  # no lock is held here (I3)
            done += 1
        return done

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something is pending; False if nothing came in time.

        Args:
            timeout: Seconds; None = until an event comes or `close()` is called.

        Thread: the one that calls `run_pending`. Ctrl-C gets through.
        """
        self._runner = threading.get_ident()
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._waiting and not self._closed:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    break
                # Sliced: lock waits do not see Ctrl-C on older Windows Pythons.
                self._changed.wait(0.5 if left is None else min(left, 0.5))
            return bool(self._waiting)

    def runs_here(self) -> bool:
        """Whether this thread is the one that last called `run_pending` or `wait`.

        Thread: any; never waits.
        """
        return self._runner == threading.get_ident()
