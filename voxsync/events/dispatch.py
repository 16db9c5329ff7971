"""Where listeners run: on the events thread, or in the application's own loop."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events.types import Event

__all__ = ["Dispatcher", "InlineDispatcher", "QueueDispatcher"]


class Dispatcher(Protocol):
    """Carries events from a session's events thread to where listeners run."""

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Have `deliver(event)` called, in the order of the calls to `dispatch`.

        Thread: the events thread of each session that uses it. May block while
        there is no room; that is what bounds a frozen application.
        """
        ...

    def runs_here(self) -> bool:
        """Whether the calling thread is the one that runs the listeners.

        A session asked to close from there must not wait for its listeners (I6).
        """
        ...


class InlineDispatcher:
    """Listeners run on the session's own events thread. The default."""

    __slots__ = ()

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Call the listeners now."""
        deliver(event)

    def runs_here(self) -> bool:
        """False: the session knows its own events thread."""
        return False

    def __repr__(self) -> str:
        return "InlineDispatcher()"


class QueueDispatcher:
    """Listeners run when, and where, the application calls `run_pending()`.

    One dispatcher may serve several sessions; order is kept for each.

    Args:
        maxsize: How many events may wait. When full, the sessions' events
            threads wait, then their inboxes fill, then they stop reading: a
            frozen application is bounded (I8).
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
        self._runner: int | None = None  # who called run_pending() last

    @property
    def pending(self) -> int:
        """How many events wait now."""
        return len(self._waiting)

    @property
    def refused(self) -> int:
        """How many events came after `close()` and were not taken."""
        return self._refused

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Queue the event; waits while the queue is full and not closed."""
        with self._changed:
            while len(self._waiting) >= self.maxsize and not self._closed:
                self._changed.wait(0.5)
            if self._closed:
                self._refused += 1
                return
            self._waiting.append((deliver, event))
            self._changed.notify_all()

    def run_pending(self, limit: int | None = None) -> int:
        """Call the listeners of what waits now, on this thread; return how many.

        Args:
            limit: At most so many events; default: what waited at the call, so
                that a flood cannot hold the caller.
        """
        self._runner = threading.get_ident()
        count = len(self._waiting) if limit is None else limit
        done = 0
        while done < count:
            with self._changed:
                if not self._waiting:
                    break
                deliver, event = self._waiting.popleft()
                self._changed.notify_all()
            deliver(event)  # no lock is held here (I3)
            done += 1
        return done

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something is pending; False if nothing came in time."""
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

    def close(self) -> None:
        """Take no more events; those waiting can still be run. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def runs_here(self) -> bool:
        """Whether this thread is the one that last called `run_pending` or `wait`."""
        return self._runner == threading.get_ident()

    def __repr__(self) -> str:
        return f"<QueueDispatcher {self.pending} of {self.maxsize} pending>"
