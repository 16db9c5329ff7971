"""The sessions of this process, for its exit and its children.

Threads do not survive fork(), so a session belongs to the process it was made in.
All threads are daemons, so that a forgotten session cannot hang the exit; the
hook here says goodbye for them.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import Protocol

__all__ = ["EXIT_PATIENCE", "Closable", "here", "register"]

# Seconds that all sessions together may take to close at the end of the program.
EXIT_PATIENCE = 1.0


class Closable(Protocol):
    """What the hook needs of a session."""

    def close(self, code: int, reason: str, *, wait: bool) -> None:
        """Begin to close."""
        ...

    def cancel(self) -> None:
        """End now."""
        ...

    def _join_io(self, timeout: float | None) -> bool:
        """Wait for the I/O thread; False if it still runs."""
        ...


_lock = threading.Lock()  # guards _sessions and _hooked
_sessions: weakref.WeakSet[Closable] = weakref.WeakSet()
_hooked = False


def here() -> int:
    """The process a new session belongs to."""
    return os.getpid()


def register(session: Closable) -> None:
    """Have the session closed with code 1001 if it is still open at exit."""
    global _hooked  # noqa: PLW0603 - the one process-wide fact there is
    with _lock:
        _sessions.add(session)
        if not _hooked:
            _hooked = True
            atexit.register(_say_goodbye)
            if hasattr(os, "register_at_fork"):  # not on Windows
                os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """In a child: its parent's sessions, and a lock that may be held for ever."""
    global _lock, _sessions  # noqa: PLW0603
    _lock = threading.Lock()
    _sessions = weakref.WeakSet()


def _say_goodbye() -> None:
    with _lock:
        sessions = list(_sessions)
    end = time.monotonic() + EXIT_PATIENCE
    for session in sessions:
        session.close(1001, "the program ended", wait=False)
    late = [s for s in sessions if not s._join_io(max(0.0, end - time.monotonic()))]  # noqa: SLF001
    for session in late:
        session.cancel()
    for session in late:
        session._join_io(0.05)  # noqa: SLF001
