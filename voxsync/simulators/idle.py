"""Tells conversations of a service when nothing has happened in them for too long."""

from __future__ import annotations

import threading
import time
from typing import Protocol

__all__ = ["IdleWatch", "Watched"]


class Watched(Protocol):
    """Something that may idle."""

    def idle_at(self) -> float | None:
        """When it has idled too long, monotonic seconds; None = not now."""
        ...

    def idled(self) -> None:
        """It has. Called on the watch's thread, once; must not wait."""
        ...


class IdleWatch:
    """One thread that looks after any number of conversations.

    Thread: any for its methods.
    """

    def __init__(self) -> None:
        """Start the thread."""
        self._changed = threading.Condition()  # guards the next two
        self._watched: set[Watched] = set()
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, name="voxsync-idle", daemon=True
        )
        self._thread.start()

    def add(self, watched: Watched) -> None:
        """Look after it. Its `idle_at` may move to later without notice."""
        with self._changed:
            self._watched.add(watched)
            self._changed.notify()

    def discard(self, watched: Watched) -> None:
        """Look after it no more; nothing if it is unknown."""
        with self._changed:
            self._watched.discard(watched)

    def moved(self) -> None:
        """Look again: something is due that was not."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                times = {each: each.idle_at() for each in self._watched}
                due = [
                    each for each, at in times.items() if at is not None and at <= now
                ]
                self._watched.difference_update(due)
                if not due:
                    later = [at for at in times.values() if at is not None]
                    self._changed.wait(min(later) - now if later else None)
            for each in due:
                each.idled()
