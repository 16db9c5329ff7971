"""`receive()`: the messages of a session as an iterator with one consumer."""

from __future__ import annotations

import collections
import threading
import time
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

from voxsync.errors import ConcurrencyError, ReceiveTimeout
from voxsync.session.waiting import sliced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MessageIterator", "Receiver"]

MessageT = TypeVar("MessageT")


class Receiver(Generic[MessageT]):
    """The bounded queue behind `receive()`.

    Before the first consumer the oldest message makes room for the newest, and
    is counted; from then on the events thread waits for the consumer, until the
    session is closing: then what does not fit is refused and counted.

    Attributes:
        dropped: Messages that made room, or were refused.
        highest: The most messages that ever waited. One thread puts at a time.
    """

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        # Its own bound lets the oldest go; with a consumer, room is waited for.
        self._messages: collections.deque[MessageT] = collections.deque(maxlen=maxsize)
        self._changed = threading.Condition()  # guards all of the below
        self._consumer: weakref.ref[MessageIterator[MessageT]] | None = None
        self._used = False
        self._closing = False
        self._ended = False
        self._error: BaseException | None = None
        self.dropped = 0
        self.highest = 0
        self._taken = 0  # the consumer's
        # Behind how many messages something was lost, and what; see `cut`.
        self._cuts: collections.deque[tuple[int, Exception]] = collections.deque()

    def put(self, message: MessageT) -> bool:
        """Add a message; False if one had to be given up. Thread: events."""
        if not self._used:  # nobody to wake: spare the lock of the common case
            full = len(self._messages) == self._maxsize
            self._messages.append(message)
            if not full:
                self.highest = max(self.highest, len(self._messages))
            if self._used:  # the first consumer came in just now
                self._wake()
            if full:
                self.dropped += 1
            return not full
        with self._changed:
            while len(self._messages) >= self._maxsize and not self._closing:
                self._changed.wait(0.5)
            if len(self._messages) >= self._maxsize:
                self.dropped += 1
                return False
            self._messages.append(message)
            self.highest = max(self.highest, len(self._messages))
            self._changed.notify()
            return True

    def offer(self, messages: Sequence[MessageT], *, droppable: bool) -> bool:
        """Add messages if that can be done at once; False: none was added.

        Args:
            messages: In their order.
            droppable: While there is no consumer, nobody misses the oldest ones.

        Thread: I/O, while the events thread has nothing to put.
        """
        with self._changed:
            excess = len(self._messages) + len(messages) - self._maxsize
            if excess > 0:
                if self._used or not droppable:
                    return False
                self.dropped += excess
            self._messages.extend(messages)
            self.highest = max(self.highest, len(self._messages))
            self._changed.notify()
            return True

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Messages that wait for `receive()`. Thread: any."""
        return len(self._messages)

    @property
    def was_used(self) -> bool:
        """Whether somebody has ever wanted to receive. Thread: any."""
        return self._used

    def used(self) -> None:
        """Somebody is going to receive: from here on nothing is dropped."""
        self._used = True

    def make_room(self) -> None:
        """Let the oldest message go, counted, if all is full and nobody consumes now.

        Thread: any; never waits.
        """
        with self._changed:
            idle = self._consumer is None or self._consumer() is None
            if self._used and idle and len(self._messages) >= self._maxsize:
                self._messages.popleft()
                self.dropped += 1
                self._changed.notify_all()

    def closing(self) -> None:
        """Let nobody wait for room any more: the session is to end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        """No more messages will come; consumers get `error`, if any, behind them."""
        with self._changed:
            self._closing = True
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def cut(self, position: int, error: Exception) -> None:
        """What was to follow is lost: who reads up to the end of a turn gets `error`.

        Others read on, and then it is gone. Thread: I/O.

        Args:
            position: How many messages have come before, since the beginning.
            error: What to raise, once, behind them.
        """
        with self._changed:
            cuts, passed = self._cuts, self._taken + self.dropped
            while cuts and cuts[0][0] < passed:
                cuts.popleft()
            if not cuts or cuts[-1][0] < position:
                cuts.append((position, error))
            self._changed.notify_all()

    def _check_cut(self) -> None:
        """Raise what was lost behind the messages that were taken. Thread: consumer."""
        with self._changed:
            cuts, passed = self._cuts, self._taken + self.dropped
            while cuts and cuts[0][0] <= passed:
                position, error = cuts.popleft()
                if position == passed:
                    raise error

    def claim(self, iterator: MessageIterator[MessageT]) -> None:
        """Make `iterator` the one consumer.

        Raises:
            ConcurrencyError: Another thread's iterator is in use.
        """
        known = self._consumer
        if known is not None and known() is iterator:
            return  # it alone releases itself: no lock is needed to know
        with self._changed:
            other = None if self._consumer is None else self._consumer()
            if other is not None and other.thread != iterator.thread:
                raise ConcurrencyError(
                    "receive() has one consumer and another thread is using it; "
                    "use event listeners to tell several parts of a program"
                )
            self._consumer = weakref.ref(iterator)

    def release(self, iterator: MessageIterator[MessageT]) -> None:
        """The iterator is at its end."""
        with self._changed:
            if self._consumer is not None and self._consumer() is iterator:
                self._consumer = None

    def take(self, timeout: float | None, *, by_turns: bool = False) -> MessageT:
        """The oldest message, waiting for it.

        Args:
            timeout: Seconds; None = no limit.
            by_turns: Raise what `cut` was told.

        Raises:
            StopIteration: The session ended well and all was taken.
            ReceiveTimeout: Nothing came in time.
            SessionClosed: The session ended badly and all was taken.
        """
        if by_turns and self._cuts:
            self._check_cut()
        # The usual case, without the lock: the one consumer finds what it has seen.
        messages = self._messages
        if messages:
            message = messages.popleft()
        else:
            message = self._await_message(timeout, by_turns)
        self._taken += 1
        if len(self._messages) == self._maxsize - 1:
            self._wake()  # the events thread may wait for room
        return message

    def _await_message(self, timeout: float | None, by_turns: bool) -> MessageT:
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._messages:
                if by_turns:
                    self._check_cut()
                if self._ended:
                    if self._error is not None:
                        raise self._error
                    raise StopIteration
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    raise ReceiveTimeout(f"no message within {timeout:g} s")
                self._changed.wait(sliced(left))
            return self._messages.popleft()


class MessageIterator(Generic[MessageT]):
    """What `receive()` returns. It can be left with `break` and taken up again.

    Attributes:
        by_turns: Raise what was lost of a turn; see `Receiver.cut`.
        thread: Of whoever iterates.
    """

    def __init__(self, receiver: Receiver[MessageT], timeout: float | None) -> None:
        self._receiver = receiver
        self._timeout = timeout
        self._done = False
        self.by_turns = False
        self.thread = threading.get_ident()

    def __iter__(self) -> Iterator[MessageT]:
        return self

    def __next__(self) -> MessageT:
        if self._done:
            raise StopIteration
        # Whoever iterates is the consumer, not whoever called receive().
        self.thread = threading.get_ident()
        self._receiver.claim(self)
        try:
            return self._receiver.take(self._timeout, by_turns=self.by_turns)
        except ReceiveTimeout:
            raise  # the session goes on, and so may the loop
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another consumer in. Also happens when the iterator is dropped."""
        self._done = True
        self._receiver.release(self)
