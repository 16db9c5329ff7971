"""How long listeners take, and which of them took longest."""

from __future__ import annotations

import functools
from time import perf_counter

__all__ = ["Timing", "name_of"]


def name_of(listener: object) -> str:
    """A listener's qualified name with its module; never what it was bound to.

    Arguments of a `functools.partial` and the `repr` of an object could hold secrets.
    """
    name = getattr(listener, "__qualname__", None)
    for _ in range(8):  # of such things in each other, at most
        if isinstance(name, str):
            break
        if isinstance(listener, functools.partial):
            listener = listener.func
        elif hasattr(listener, "__wrapped__"):
            listener = listener.__wrapped__
        else:  # an object that can be called
            listener = type(listener)
        name = getattr(listener, "__qualname__", None)
    module = getattr(listener, "__module__", None)
    return f"{module}.{name}" if isinstance(module, str) else str(name)


class Timing:
    """What the listeners of one target have cost.

    A listener that runs the application's loop (a modal dialog) may have others called
    within its own time: that time then counts for both.

    Attributes:
        total: Seconds in listeners that have returned.
        highest: The most seconds that one call took.
        slowest: The name of the listener that took them; None = none was called. Not
            the listener: holding it would keep alive what is to be let go.
        running: The listener that is being called, with the moment it began
            (`time.perf_counter`); None = none is.

    Thread: the one that calls the listeners writes; any may read.
    """

    __slots__ = ("highest", "running", "slowest", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.highest = 0.0
        self.slowest: str | None = None
        self.running: tuple[object, float] | None = None

    def record(self, listener: object, seconds: float) -> None:
        """No call has taken so long before."""
        self.highest = seconds
        self.slowest = name_of(listener)

    def so_far(self) -> tuple[float, float, str | None]:
        """Total, highest and slowest, with what the running listener has cost by now.

        Thread: any.
        """
        total, highest, slowest = self.total, self.highest, self.slowest
        running = self.running
        if running is not None:
            listener, began = running
            seconds = perf_counter() - began
            total += seconds
            if seconds > highest:
                highest, slowest = seconds, name_of(listener)
        return total, highest, slowest
