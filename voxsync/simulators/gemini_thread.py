"""The one thread of a Live API conversation: messages and timers take turns."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from voxsync.simulators.voximplant_thread import EngineThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.clocks import Clock
    from voxsync.events import Event

__all__ = ["ConversationThread"]

# Events that may wait: a message can be large.
_MOST_WAITING = 16
# How long a wait lasts at most before it looks up, seconds.
_SLICE = 0.2


class ConversationThread(EngineThread):
    """Runs what it is given, one after the other; a `Dispatcher` for one session.

    Args:
        name: Of the conversation.
        clock: What timers keep to.
        failed: Told what a call or timer has raised.

    Thread: any, for every method.
    """

    def __init__(
        self, name: str, clock: Clock, failed: Callable[[BaseException], object]
    ) -> None:
        super().__init__(clock, failed)
        self._thread.name = f"voxsync-gemini-{name}"
        self._room = threading.Semaphore(_MOST_WAITING)

    def dispatch(self, deliver: Callable[[Event], None], event: Event) -> None:
        """See `Dispatcher`; waits while there is no room, which holds the peer back."""
        while not self._room.acquire(timeout=_SLICE):
            if self._closed:
                return

        def run() -> None:
            self._room.release()
            deliver(event)

        self.call(run)
