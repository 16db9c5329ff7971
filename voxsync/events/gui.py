"""What the dispatchers of all GUI toolkits have in common.

The GUI thread looks into the queue by a timer of its own toolkit. Nothing of a toolkit
is ever called by another thread: Tk's calls would wait for the GUI thread, or kill the
process; Qt's few safe ones are not safe while the application is being destroyed.

Nor may another thread drop the last reference to a GUI object (Tk: "async handler
deleted by the wrong thread", and the process is gone). Sessions hold listeners, which
hold windows; and the last to hold a session are often its own threads. So what was
delivered is held here a little longer than any thread of a session needs to let go of
it, and dispatchers are held until the GUI thread can drop them.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import TYPE_CHECKING

from voxsync.events.dispatch import BoundedDispatcher, tell_refused
from voxsync.events.types import EventType

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events.types import Event

__all__ = ["BUDGET", "HOLD", "POLL", "GuiDispatcher"]

logger = logging.getLogger("voxsync.events")

POLL = 0.02
"""Seconds between two looks into the queue."""
BUDGET = 0.01
"""Seconds of listeners at a time, before the GUI may do something else."""
BREATH = 0.002
"""Seconds for the GUI, to draw in, when more events wait than fit into `BUDGET`."""
HOLD = 5.0
"""Seconds that the owner of a delivered event is held after the delivery."""
GRACE = 1.0
"""Seconds that a program has, once its window is gone, to close its sessions."""

_all: list[GuiDispatcher] = []  # changed by GUI threads only, each its own
_hooked = False


class GuiDispatcher(BoundedDispatcher):
    """Runs listeners on the GUI thread, in order. For subclasses, one per toolkit.

    While a listener runs, no other event is delivered, not even when it opens a
    dialog that runs an event loop of its own: they wait, in order (I7).

    Args:
        maxsize: How many events may wait.

    Thread: the GUI thread; `dispatch`, `close` and the figures: any.
    """

    def __init__(self, maxsize: int) -> None:
        super().__init__(maxsize)
        self._thread = threading.get_ident()
        # Who owns what was delivered, and when that was; guarded by the lock.
        self._held: dict[int, tuple[object, float]] = {}
        self._swept = time.monotonic()
        self._end_of_grace: float | None = None  # None: it is not closed
        self._told = False  # that events are refused
        _sweep(self._thread)
        _remember(self)

    def runs_here(self) -> bool:
        """Whether this is the GUI thread. Thread: any."""
        return threading.get_ident() == self._thread

    def close(self) -> None:
        """Take no more events, and drop those that wait; `refused` counts them.

        Events threads that wait are released at once. Sessions go on, and their
        listeners are told nothing more, not even `close`: close them, too. One that is
        still open a second later is logged as a warning, once. Idempotent.

        Thread: any; what waits is let go of on the GUI thread.
        """
        with self._changed:
            if self._end_of_grace is None:
                self._end_of_grace = time.monotonic() + GRACE
        super().close()
        if self.runs_here():
            self._end()

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """Queue `deliver(event)`; waits while the queue is full and not closed.

        Thread: the events threads of the sessions.
        """
        super().dispatch(deliver, event)
        if self._end_of_grace is not None:
            self._tell(event, time.monotonic() > self._end_of_grace)

    def _tell(self, event: Event, late: bool) -> None:
        """Log that a closed dispatcher was given this event, if it is worth it."""
        if event.type == EventType.CLOSE:
            logger.info(
                "%r: %r is over, which its listeners are not told; refused: %d events",
                *(self, event.target, self._refused),
            )
            return
        session = getattr(event.target, "session", event.target)  # a conversation's
        if not late or getattr(session, "ready_state", 2) >= 2:  # CLOSING or no session
            return  # it is, or may soon be, on its way to its end
        with self._changed:
            told, self._told = self._told, True
        if not told:
            logger.warning(
                "%r: its window is gone, but %r goes on, and its listeners are told "
                "nothing more; close the session when the window goes (`refused` "
                "counts these events)",
                *(self, session),
            )

    def _stop_timer(self) -> None:
        """Have `_run` called no more. Thread: GUI. Idempotent."""
        raise NotImplementedError

    def _may_drop(self, others: list[GuiDispatcher]) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the toolkit's own object is ours alone, or that of `others`, too."""
        return True

    def _drop(self) -> None:
        """Let go of the toolkit's own object. Thread: GUI."""

    def _keep(self) -> None:
        """Have it kept for ever: its thread will not come to let go of it."""

    def _run(self) -> float:
        """Call the listeners of what waits; return seconds until the next call.

        The timer must not be started again before that: a dialog that a listener
        opens runs a loop of its own, and what waits keeps its place (I7).
        """
        if self._closed:  # by another thread
            self._end()
            return POLL
        end = time.monotonic() + BUDGET
        done = 0
        while (entry := self._next()) is not None:
            deliver, event = entry
            with self._changed:
                self._hold(deliver)
            self._call(deliver, event)
            done += 1
            if time.monotonic() >= end or self._closed:
                break
        now = time.monotonic()
        if now - self._swept > 1:
            self._swept = now
            _sweep(self._thread)
        # Of a queue that was full more will come as soon as there is room.
        return BREATH if self._waiting or done >= self.maxsize else POLL

    def _call(self, deliver: Callable[[Event], None], event: Event) -> None:
        try:
            deliver(event)  # no lock is held here (I3)
        except Exception:
            # Not a listener's: sessions report those (I9). Some toolkits end the
            # program when a timer's function raises.
            logger.exception("%r: an event could not be delivered", self)

    def _refuse(self, deliver: Callable[[Event], None]) -> None:
        super()._refuse(deliver)
        self._hold(deliver)

    def _hold(self, deliver: Callable[[Event], None]) -> None:
        """Hold the session for a while. Called with the lock held."""
        owner = getattr(deliver, "__self__", deliver)
        self._held[id(owner)] = (owner, time.monotonic())

    def _end(self) -> None:
        """It is over. Thread: GUI."""
        self._stop_timer()
        with self._changed:
            dropped = list(self._waiting)
            self._waiting.clear()
            for deliver, _ in dropped:
                self._refuse(deliver)
        for deliver, event in dropped:
            tell_refused(deliver, event)
        if dropped:
            logger.info("%r: %d events will not be delivered", self, len(dropped))

    def _let_go(self, now: float) -> bool:
        """Drop what was held long enough; whether nothing is left. Thread: GUI."""
        with self._changed:
            old = [
                self._held.pop(key)
                for key, (_, since) in list(self._held.items())
                if now - since > HOLD
            ]
            left = bool(self._held)
        old.clear()  # not under the lock: it may run code of the program (I3)
        if (
            left
            or not self._closed
            or not self._may_drop([d for d in _all if d is not self])
        ):
            return False
        self._drop()
        return True


def _remember(dispatcher: GuiDispatcher) -> None:
    global _hooked  # noqa: PLW0603 - one hook for the process
    _all.append(dispatcher)
    if not _hooked:
        _hooked = True
        # Registered after the toolkit's own, so called before: the timers end in time.
        atexit.register(_close_all)


def _sweep(thread: int) -> None:
    """Let go of what this GUI thread may let go of."""
    now = time.monotonic()
    for dispatcher in list(_all):
        if dispatcher._thread == thread and dispatcher._let_go(now):  # noqa: SLF001 - one family
            _all.remove(dispatcher)


def _close_all() -> None:
    for dispatcher in _all:
        dispatcher._told = True  # noqa: SLF001 - one family; sessions end with the process
        dispatcher.close()
        if not dispatcher.runs_here():
            dispatcher._keep()  # noqa: SLF001 - one family
