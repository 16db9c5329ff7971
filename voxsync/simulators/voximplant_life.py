"""The life of a VoxEngine session: its thread, its log, its last minute, its end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from voxsync.clocks import Clock
from voxsync.errors import InvalidState
from voxsync.simulators.thread import SerialThread, Timer
from voxsync.simulators.voximplant_log import Entry, Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Life"]


class Life(ABC):
    """A session that begins, lasts as long as there are calls, and ends.

    Args:
        clock: Its time; None = the machine's.
        life: Seconds without a call after which it ends.
        told: Called with each entry of the log, on the thread where it happened.

    Attributes:
        error: What the scenario or a timer has raised; that ends the session.

    Thread: any.
    """

    def __init__(
        self,
        clock: Clock | None,
        life: float,
        told: Callable[[Entry], object] | None,
    ) -> None:
        self.error: BaseException | None = None
        self._clock = clock or Clock()
        self._life = life
        self._began = 0.0
        self._log = Log(lambda: self._clock.now() - self._began, told)
        self._thread = SerialThread("voxsync-voxengine", self._clock, self.fail)
        self._closing = threading.Event()  # no wait of a fault goes on after it
        self._over = threading.Event()
        self._lock = threading.Lock()  # guards the next two, and what subclasses say
        self._started = False
        self._terminated = False
        self._end: Timer | None = None  # the engine's thread

    # What a session is made of

    @property
    @abstractmethod
    def calls_now(self) -> int:
        """How many calls are connected."""

    @abstractmethod
    def _act(self) -> None:
        """Do what the session is there for. Thread: the engine's."""

    @abstractmethod
    def _hang_up(self) -> None:
        """End all calls and begin to close all sockets. Thread: the engine's."""

    @abstractmethod
    def _has_closed(self) -> bool:
        """Whether all sockets have told of their end. Thread: the engine's."""

    @abstractmethod
    def _let_go(self, timeout: float) -> None:
        """End whatever has not ended yet."""

    def start(self) -> Self:
        """Begin; the scenario runs in the background.

        Raises:
            InvalidState: It was started before.
        """
        with self._lock:
            if self._started:
                raise InvalidState("a VoxEngine session begins once; make a new one")
            self._started = True
        self._began = self._clock.now()
        self._thread.start()
        self._thread.call(self._begin)
        return self

    @property
    def events(self) -> list[Entry]:
        """What happened so far, in order: the latest 10,000."""
        return self._log.all()

    def wait_for(
        self, name: str, *, count: int = 1, timeout: float = 10.0, **fields: Any
    ) -> Entry:
        """Wait for an event and return it; see `Log.wait_for`.

        Raises:
            InvalidState: On the engine's own thread, which it would stop.

        Thread: any but the engine's.
        """
        if self._thread.runs_here():
            raise InvalidState("a listener of the engine cannot wait for its events")
        return self._log.wait_for(name, count=count, timeout=timeout, **fields)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the session is over.

        Raises:
            TimeoutError: It is not, after `timeout` seconds of the machine's time.
            Exception: What the scenario raised.
        """
        if not self._over.wait(timeout):
            raise TimeoutError(f"{self!r} is not over after {timeout:g} s")
        if self.error is not None:
            raise self.error

    def run(self, fn: Callable[[], object]) -> None:
        """Have `fn()` called on the engine's thread, soon."""
        self._thread.call(fn)

    def after(self, seconds: float, fn: Callable[[], object]) -> Timer:
        """Have `fn()` called there in `seconds` of the engine's clock; see `Timer`."""
        return self._thread.after(seconds, fn)

    def terminate(self) -> None:
        """End the session: calls are hung up, sockets closed. Never waits."""
        self._thread.call(lambda: self._terminate("terminate"))

    def fail(self, error: BaseException) -> None:
        """End the session because of `error`; `wait` raises it. Never waits."""
        self.error = self.error or error
        self._thread.call(lambda: self._terminate("the scenario failed"))

    def close(self, timeout: float = 5.0) -> None:
        """End the session and wait for it, at most `timeout` seconds. Idempotent.

        Raises:
            InvalidState: On the engine's own thread: it would wait for itself.
        """
        self._closing.set()
        if self._thread.runs_here():
            raise InvalidState("use terminate() on the engine's own thread")
        if not self._started:
            return
        self.terminate()
        self._over.wait(timeout)
        self._let_go(timeout)
        self._thread.close(timeout)

    def __enter__(self) -> Self:
        return self if self._started else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # The engine's thread

    def _begin(self) -> None:
        self._look()
        self._log.add("started")
        self._act()

    def _look(self) -> None:
        """Whether the session's last minute begins, or is taken back, or is over."""
        if self._terminated:
            if self._has_closed():
                self._over.set()
        elif self.calls_now:
            if self._end is not None:
                self._end.cancel()
                self._end = None
        elif self._end is None:
            reason = f"no call for {self._life:g} s"
            self._end = self.after(self._life, lambda: self._terminate(reason))

    def _terminate(self, reason: str) -> None:
        with self._lock:
            first = not self._terminated
            self._terminated = True
        if first:
            self._closing.set()
            self._log.add("terminated", reason=reason)
            self._hang_up()
        self._look()

    def _check_alive(self) -> None:
        if not self._started or self._terminated:
            why = "over" if self._started else "not begun: start() it"
            raise InvalidState(f"this VoxEngine session is {why}")
