"""Notices that a sound device has died: nothing else does."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watchdog", "Watched"]

logger = logging.getLogger("voxsync.media")

TICK = 0.1
"""Seconds between two looks."""

SILENT_TICKS = 6
"""Looks without a callback after which a stream is lost."""

FIRST_TICKS = 10
"""The same before its first callback."""


class Watched(Protocol):
    """A stream as the watchdog sees it."""

    calls: int
    """Callbacks so far."""
    is_dead: bool
    """Closed: of no interest any more."""

    def look(self) -> None:
        """Tell what the callbacks have noted, if they have. Must not wait."""
        ...

    def lost(self, seconds: float) -> None:
        """No callback came for so long. Must not wait."""
        ...


class Watchdog:
    """One thread that looks at every open stream ten times a second.

    A killed sound server, an unplugged or suspended device, a server that hangs: all
    look the same, callbacks just stop. The measure is the watchdog's own ticks, not
    the clock: a process that was stopped or starved for a while has not counted
    either, so its streams are not taken for dead.

    The thread lives while there is a stream.

    Thread: any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the next three
        self._ticks: dict[Watched, tuple[int, int]] = {}  # callbacks, ticks since then
        self._thread: threading.Thread | None = None
        self._errand: Callable[[], None] | None = None
        # Free when the thread is to look up: a plain lock, since a condition costs
        # more than all else that is done ten times a second.
        self._wake = threading.Lock()
        self._wake.acquire()

    def watch(self, stream: Watched) -> None:
        """Look after this stream from now on."""
        with self._lock:
            if stream.is_dead:
                return
            self._ticks[stream] = (stream.calls, SILENT_TICKS - FIRST_TICKS)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="voxsync-watchdog", daemon=True
                )
                self._thread.start()

    def forget(self, stream: Watched) -> None:
        """Look no more: it was closed."""
        with self._lock:
            self._ticks.pop(stream, None)
            if not self._ticks and self._wake.locked():
                self._wake.release()

    def run(self, work: Callable[[], None], seconds: float) -> bool:
        """Have its thread do something, the last thing; False if not done in time.

        For the end of the interpreter, where no thread can be started any more.
        Nothing is done where it has none, since no stream is open.
        """
        done = threading.Event()

        def errand() -> None:
            work()
            done.set()

        with self._lock:
            if self._thread is None:
                return False
            self._errand = errand
            if self._wake.locked():
                self._wake.release()
        return done.wait(seconds)

    def _run(self) -> None:
        while True:
            woken = self._wake.acquire(timeout=TICK)
            lost: dict[Watched, int] = {}
            looks: list[Watched] = []
            with self._lock:
                errand, self._errand = self._errand, None
                if errand is not None or not self._ticks:
                    self._thread = None
                    self._ticks.clear()
                    break
                if not woken:  # then a tick has passed
                    lost = self._count()
                    looks = [stream for stream in self._ticks if stream not in lost]
            for stream in looks:
                self._tell(stream, 0)
            for stream, ticks in lost.items():
                self._tell(stream, ticks)
        if errand is not None:
            errand()

    def _count(self) -> dict[Watched, int]:
        """One tick has passed; the streams that are lost by it, which are forgotten."""
        lost = {}
        for stream, (calls, silent) in self._ticks.items():
            if stream.calls != calls:
                self._ticks[stream] = (stream.calls, 0)
            elif silent + 1 >= SILENT_TICKS:
                lost[stream] = SILENT_TICKS if calls else FIRST_TICKS
            else:
                self._ticks[stream] = (calls, silent + 1)
        for stream in lost:
            del self._ticks[stream]
        return lost

    def _tell(self, stream: Watched, ticks: int) -> None:
        try:
            if ticks:
                stream.lost(ticks * TICK)
            else:
                stream.look()
        except Exception:  # the others are still to be looked after
            logger.exception("a stream's watcher failed; please report this")
