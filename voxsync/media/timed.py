"""Calls that may hang for ever, made so that nobody hangs with them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TimedCall"]

logger = logging.getLogger("voxsync.media")

T = TypeVar("T")


class TimedCall(Generic[T]):
    """One call on a thread of its own, which is left behind if it hangs.

    Args:
        name: Of the thread: `voxsync-portaudio-<name>`.
        turn: Held during the call: one at a time. Only such threads ever wait for
            it, so it may be held for as long as the sound system hangs.
        work: What is called.
        undo: Called with the result, still within the turn, where nobody waits any
            more. Without it, the work is done also for nobody; with it, it is not
            even begun.

    Thread: any.
    """

    def __init__(
        self,
        name: str,
        turn: threading.Lock,
        work: Callable[[], T],
        undo: Callable[[T], object] | None = None,
    ) -> None:
        self._turn = turn
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()  # guards the next four
        self._given_up = False
        self._over = False
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(
            target=self._run, name=f"voxsync-portaudio-{name}", daemon=True
        ).start()

    def result(self, seconds: float) -> T:
        """What the work returned, or raised.

        Raises:
            TimeoutError: It hangs; from here on it is left to itself.
        """
        try:
            self._done.wait(seconds)
        finally:  # Ctrl-C leaves it, too
            with self._lock:
                self._given_up = True
                over = self._over
        if not over:
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        with self._turn:
            with self._lock:
                if self._given_up and self._undo is not None:
                    return
            try:
                self._result.append(self._work())
            except Exception as exc:  # noqa: BLE001 - raised where it is waited for
                self._error = exc
            with self._lock:
                self._over = not self._given_up
            if not self._over:
                self._late()
        self._done.set()

    def _late(self) -> None:
        if self._error is not None:
            logger.warning("the sound system answered too late: %s", self._error)
        elif self._undo is not None:
            self._undo(self._result[0])
