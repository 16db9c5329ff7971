"""Waiting on the application's threads, so that Ctrl-C is seen.

A lock that waits without limit may miss a signal: one that comes just before the
thread goes to sleep is noted, and nobody wakes the thread to look at it; on Windows
before Python 3.14 it is never looked at (python/cpython#74157). So all waits are cut
into slices. Threads are waited for by an event of theirs and not by `Thread.join`,
which in Python 3.11 takes a thread for ended when Ctrl-C interrupts the join.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

__all__ = ["WAIT_SLICE", "check_patience", "check_timeout", "sliced", "wait_for"]

WAIT_SLICE = 0.5
"""Seconds after which a waiting thread looks for signals."""


def check_timeout(value: object) -> None:
    """Raise what a `timeout` deserves that is neither None nor seconds, 0 or more."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"timeout must be seconds (a number) or None, not {value!r}")
    if not value >= 0:  # NaN is not, either
        raise ValueError(f"timeout must be 0 seconds or more, or None, not {value}")


def check_patience(block: object, timeout: object) -> None:
    """Raise what a send deserves whose `block` is no bool, or its `timeout` no time."""
    if block is not True and block is not False:
        raise TypeError(f"block must be a bool, not {block!r}")
    if timeout is not None:
        check_timeout(timeout)


def sliced(left: float | None) -> float:
    """How long to wait at a time when `left` seconds are left; None = no limit."""
    return WAIT_SLICE if left is None else max(0.0, min(left, WAIT_SLICE))


def wait_for(event: threading.Event, timeout: float | None) -> bool:
    """Wait for the event; False if it was not set within `timeout` seconds."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if end is None else end - time.monotonic()
        if event.wait(sliced(left)):
            return True
        if left is not None and left <= WAIT_SLICE:
            return event.is_set()
