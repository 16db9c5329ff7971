"""One I/O thread for many connections."""

from __future__ import annotations

import collections
import itertools
import logging
import selectors
import threading
from typing import TYPE_CHECKING

from voxsync.transport.loop import Channel, IOLoop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IOThread"]

logger = logging.getLogger("voxsync.transport")

_numbers = itertools.count(1)


class IOThread:
    """Moves the bytes of many sessions on one thread, in place of one thread each.

        options = SessionOptions(io=IOThread())
        sockets = [WebSocket(url, options=options) for url in urls]

    For a program with dozens of sessions: threads that take turns cost more than what
    they do. Nothing else changes; a session never waits there for another's listeners.
    The thread starts with the first session that is opened and ends with the last.

    Attributes:
        name: Of the thread.

    Thread: any. It belongs to the process it was made in.
    """

    def __init__(self) -> None:
        self.name = f"voxsync-io-shared-{next(_numbers)}"
        self._lock = threading.Lock()  # guards the next
        self._loop: _SharedLoop | None = None

    def adopt(self, channel: Channel) -> IOLoop:
        """Take over the socket of `channel`; returns who is to be notified of it."""
        with self._lock:
            loop = self._loop
            if loop is None:
                loop = self._loop = _SharedLoop(self._retire)
                threading.Thread(target=loop.run, name=self.name, daemon=True).start()
            loop.join(channel)
            return loop

    def _retire(self, loop: _SharedLoop) -> bool:
        """The loop has no connection left; whether it may end. Thread: the loop's."""
        with self._lock:
            if loop.has_more:
                return False
            self._loop = None
            return True

    def __repr__(self) -> str:
        loop = self._loop
        return f"<IOThread {self.name}, {0 if loop is None else len(loop)} sessions>"


class _SharedLoop(IOLoop):
    """Takes connections in while it runs; one that fails takes no other with it."""

    def __init__(self, retire: Callable[[_SharedLoop], bool]) -> None:
        super().__init__(selector=selectors.DefaultSelector())
        self._retire = retire
        self._joining: collections.deque[Channel] = collections.deque()

    @property
    def has_more(self) -> bool:
        """Whether connections wait to be taken in."""
        return bool(self._joining)

    def __len__(self) -> int:
        return len(self._channels) + len(self._joining)

    def join(self, channel: Channel) -> None:
        """Have the channel added soon. Thread: any."""
        self._joining.append(channel)
        self._wakeup.wake()

    def run(self) -> None:
        """Move bytes until there is no connection left."""
        try:
            while True:
                while self._joining:
                    self.add(self._joining.popleft())
                if not self._channels and self._retire(self):
                    break
                self._step()
        finally:
            self._leave()

    def _serve(self, channel: Channel, mask: int, now: float) -> None:
        try:
            super()._serve(channel, mask, now)
        except Exception:
            logger.exception("a connection of a shared I/O thread failed")
            self._remove(channel)
