"""Keeps Python's state of a foreign thread from one callback to the next."""

from __future__ import annotations

import ctypes
import threading

__all__ = ["ThreadPin"]


class ThreadPin:
    """Python's record of a thread that Python did not make.

    Such a thread (of the sound system) gets one at each callback and loses it at its
    end: memory mapped, filled, unmapped, a hundred times a second. That is a third of
    what a callback costs. One unmatched `PyGILState_Ensure`, which is what a pin is,
    keeps it; `release` matches it.

    Thread: all but `wait` on the foreign one, with the GIL.
    """

    def __init__(self) -> None:
        self._thread: int | None = None
        self._state = 0
        self._released = threading.Event()

    @property
    def is_held(self) -> bool:
        """Whether a thread's record is kept."""
        return self._thread is not None

    def hold(self) -> None:
        """Keep the calling thread's record from here on. Once."""
        if not self._released.is_set():
            self._state = ctypes.pythonapi.PyGILState_Ensure()
            self._thread = threading.get_ident()

    def release(self) -> None:
        """Let it go, at the end of the present callback.

        On another thread nothing happens: each must match its own. A record that is
        never let go is lost memory (some KB), and no more.
        """
        if self._thread == threading.get_ident():
            self._thread = None
            ctypes.pythonapi.PyGILState_Release(self._state)
            self._released.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it was released; True at once where nothing is held."""
        return self._thread is None or self._released.wait(seconds)
