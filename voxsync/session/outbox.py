"""The bounded queue between whoever sends and the I/O thread."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from voxsync.errors import InvalidState, SendQueueFull, SessionClosed
from voxsync.session.waiting import WAIT_SLICE, sliced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Outbox"]


class Outbox(queue.Queue[Any]):
    """A `queue.Queue` that can be finished, closed to senders, and closed for good.

    Each sender learns of the end in its own call: whoever waits for room is
    released at once (I5). Order is that of the calls that returned (I2).
    """

    def __init__(self, maxsize: int, ended: Callable[[], SessionClosed]) -> None:
        """Make an empty, open outbox.

        Args:
            maxsize: Messages.
            ended: Makes the exception for a sender after the end.
        """
        super().__init__(maxsize)
        self._ended = ended
        self._shut = False  # no more puts; what is inside still goes out
        self._finished = False
        self.highest = 0
        self.blocked_seconds = 0.0
        self.refused = 0

    @property
    def finished(self) -> bool:
        """Whether the application said it has no more input."""
        return self._finished

    @property
    def is_shut(self) -> bool:
        """Whether no more messages are taken in."""
        return self._shut

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Accept one message, waiting for room as `queue.Queue.put` does.

        Raises:
            SendQueueFull: No room (`block=False`), or none within `timeout` seconds.
            InvalidState: After `finish`.
            SessionClosed: The session is closing or over, also while waiting.
        """
        with self.not_full:
            self._admit()
            if len(self.queue) >= self.maxsize:
                self._wait_for_room(1, block, timeout)
            self.queue.append(item)
            self.highest = max(self.highest, len(self.queue))

    def put_all(self, items: Sequence[Any], block: bool, timeout: float | None) -> None:
        """Accept the pieces of one message: all of them, or, in an error, none.

        Raises: As `put`.
        """
        with self.not_full:
            self._admit()
            if len(items) > self.maxsize:
                self.refused += 1
                raise SendQueueFull(
                    f"{len(items)} pieces never fit into a queue of {self.maxsize}; "
                    "send smaller blocks, or wait without a limit"
                )
            if len(self.queue) + len(items) > self.maxsize:
                self._wait_for_room(len(items), block, timeout)
            self.queue.extend(items)
            self.highest = max(self.highest, len(self.queue))

    def put_wanted(self, item: Any, wanted: Callable[[], bool]) -> bool:
        """Accept one message, waiting for room while it is wanted.

        Args:
            item: The message.
            wanted: Asked under the lock, also after `look_again`; takes no lock.

        Returns:
            False: it was not wanted any more, and not accepted.

        Raises:
            InvalidState, SessionClosed: As `put`.
        """
        with self.not_full:
            started = time.monotonic()
            self._admit()
            try:
                while len(self.queue) >= self.maxsize and wanted():
                    self.not_full.wait(WAIT_SLICE)
                    self._admit()
            finally:
                self.blocked_seconds += time.monotonic() - started
            if not wanted():
                return False
            self.queue.append(item)
            self.highest = max(self.highest, len(self.queue))
            return True

    def look_again(self) -> None:
        """Have those that wait in `put_wanted` ask whether they still should."""
        with self.mutex:
            self.not_full.notify_all()

    def admit(self) -> None:
        """Raise what `put` would raise now for a reason other than want of room."""
        with self.mutex:
            self._admit()

    def _admit(self) -> None:
        if self._shut:
            raise self._ended()
        if self._finished:
            raise InvalidState("the input was finished; nothing more can be sent")

    def _wait_for_room(self, need: int, block: bool, timeout: float | None) -> None:
        if timeout is not None and timeout < 0:
            raise ValueError("timeout must not be negative")
        started = time.monotonic()
        end = None if timeout is None else started + timeout
        try:
            while len(self.queue) + need > self.maxsize:
                left = None if end is None else end - time.monotonic()
                if not block or (left is not None and left <= 0):
                    self.refused += 1
                    raise SendQueueFull(
                        f"{len(self.queue)} of {self.maxsize} places are taken"
                        + (f" and no room came in {timeout:g} s" if block else "")
                        + "; the message was not accepted"
                    )
                self.not_full.wait(sliced(left))
                self._admit()
        finally:
            self.blocked_seconds += time.monotonic() - started

    def finish(self, item: Any) -> bool:
        """Put `item` behind all that was accepted and accept nothing more.

        Never waits: one item above the bound is the price of a `finish()` that
        cannot hang. Returns False if that was done before.

        Raises:
            SessionClosed: The session is closing or over.
        """
        with self.mutex:
            if self._finished:
                return False
            if self._shut:
                raise self._ended()
            self._finished = True
            self.queue.append(item)
            self.not_full.notify_all()
            return True

    def renew_finish(self, item: Any) -> None:
        """Put `item` behind all once more, if `finish` did and it was taken.

        Another connection goes on, and has to hear of it, too.
        """
        with self.mutex:
            taken = all(other is not item for other in self.queue)
            if self._finished and taken and not self._shut:
                self.queue.append(item)

    def take(self) -> Any:
        """The oldest message. Thread: the I/O thread; never waits.

        Raises:
            IndexError: There is none.
        """
        if not self.queue:  # the usual case, without the lock
            raise IndexError
        with self.mutex:
            item = self.queue.popleft()
            # All of them: one may wait for the room of several pieces.
            self.not_full.notify_all()
            return item

    def discard(self, unwanted: Callable[[Any], bool]) -> int:
        """Take back what has not gone out yet and is unwanted; how many that were.

        Args:
            unwanted: Asked for each message, under the lock; takes no lock.
        """
        with self.mutex:
            before = len(self.queue)
            kept = [item for item in self.queue if not unwanted(item)]
            self.queue.clear()
            self.queue.extend(kept)
            self.not_full.notify_all()
            return before - len(kept)

    def shut(self) -> None:
        """Accept nothing more; what is inside still goes out."""
        with self.mutex:
            self._shut = True
            self.not_full.notify_all()

    def close(self) -> list[Any]:
        """Accept nothing more and hand back what will never go out."""
        with self.mutex:
            self._shut = True
            left = list(self.queue)
            self.queue.clear()
            self.not_full.notify_all()
            return left
