"""Tells the listeners of a conversation what went wrong, and holds up nobody."""

from __future__ import annotations

import collections
import logging
import threading
from typing import TYPE_CHECKING

from voxsync.events import ErrorEvent, InlineDispatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events import Dispatcher, Event

__all__ = ["Teller"]

logger = logging.getLogger("voxsync.conversation")

# Errors that wait for listeners; more are only logged.
_MOST_WAITING = 64


class Teller:
    """Has `error` listeners called, in order, on a thread that lives as long as that.

    Args:
        target: What the events are about.
        deliver: Calls the listeners.
        is_heard: Whether there are any; else the error is logged as a warning.
        dispatcher: Where listeners are to run; None = on the thread.
        name: Of the thread: `voxsync-told-<name>`.

    Thread: any; never waits.
    """

    def __init__(
        self,
        target: object,
        deliver: Callable[[Event], None],
        is_heard: Callable[[], bool],
        *,
        dispatcher: Dispatcher | None,
        name: str,
    ) -> None:
        self._target = target
        self._deliver = deliver
        self._is_heard = is_heard
        inline = dispatcher is None or isinstance(dispatcher, InlineDispatcher)
        self._dispatcher = None if inline else dispatcher
        self._name = name
        self._lock = threading.Lock()  # guards the next two
        self._waiting: collections.deque[Event] = collections.deque()
        self._telling = False

    def tell(self, error: BaseException) -> None:
        """Have the listeners told, soon."""
        if not self._is_heard():
            logger.warning("conversation %s: %s", self._name, error)
            return
        with self._lock:
            full = len(self._waiting) >= _MOST_WAITING
            if not full:
                self._waiting.append(ErrorEvent(self._target, error))
            fresh, self._telling = not self._telling, True
        if full:  # said without the lock: a log handler is the program's code (I3)
            logger.warning("conversation %s: its listeners hang; %s", self._name, error)
        if fresh:
            threading.Thread(
                target=self._tell_all, name=f"voxsync-told-{self._name}", daemon=True
            ).start()

    def _tell_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._telling = False
                    return
                event = self._waiting.popleft()
            if self._dispatcher is None:
                self._deliver(event)
            else:
                self._dispatcher.dispatch(self._deliver, event)
