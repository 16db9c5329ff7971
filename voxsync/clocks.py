"""The time that sessions and links keep to: the machine's, or one made for tests."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "VirtualClock"]

# How long a virtual wait lasts at most before it looks up, in the machine's seconds:
# short, for nobody tells it that it was stopped.
_SLICE = 0.02


class Clock:
    """The machine's monotonic time.

    Thread: any.
    """

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def real(self, seconds: float) -> float | None:
        """How many of the machine's seconds `seconds` are; None = no telling."""
        return seconds

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds`, or until `stop` is set, which gives True."""
        return stop.wait(seconds)

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever the time has jumped."""

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Call `wake` no more."""


class VirtualClock(Clock):
    """Time that a test moves: by `advance`, or by itself at another speed.

        clock = VirtualClock(speed=20)
        ws = WebSocket(url, options=SessionOptions(clock=clock))

    What a session with this clock waits for (silence, pings, time-outs after the
    opening) and the pacing of links into and out of it follow it. How long a caller
    is willing to wait (`timeout=`), and opening a connection, follow the machine's.

    Args:
        speed: Seconds that pass in one of the machine's. Default 0: time stands
            still but for `advance`. A paced link, which sends audio as it sounds,
            keeps all it holds until then, and so does whoever waits for its end;
            `paced=False` sends it at once.

    Raises:
        ValueError: A negative speed, or no finite one.

    Thread: any.
    """

    def __init__(self, speed: float = 0.0) -> None:
        if not 0 <= speed < float("inf"):
            raise ValueError(f"speed must be 0 or more, not {speed}")
        self._speed = speed
        self._origin = time.monotonic()
        self._advanced = 0.0
        self._moved = threading.Condition()  # guards the one before and the next
        self._wakes: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._advanced + (time.monotonic() - self._origin) * self._speed

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once. What is due then happens, soon.

        Args:
            seconds: 0 or more.

        Raises:
            ValueError: It is negative, or no number.
        """
        if not seconds >= 0:
            raise ValueError(f"time goes forward: not by {seconds}")
        with self._moved:
            self._advanced += seconds
            self._moved.notify_all()
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    def real(self, seconds: float) -> float | None:
        """See `Clock`."""
        return seconds / self._speed if self._speed else None

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """See `Clock`. A `stop` is seen within a moment."""
        end = self.now() + seconds
        while not stop.is_set():
            left = end - self.now()
            if left <= 0:
                return False
            real = self.real(left)
            with self._moved:
                if end > self.now():  # else time jumped just now
                    self._moved.wait(_SLICE if real is None else min(_SLICE, real))
        return True

    def subscribe(self, wake: Callable[[], None]) -> None:
        """See `Clock`."""
        with self._moved:
            self._wakes.append(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """See `Clock`."""
        with self._moved:
            if wake in self._wakes:
                self._wakes.remove(wake)

    def __repr__(self) -> str:
        return f"<VirtualClock {self.now():.3f} s, speed {self._speed:g}>"
