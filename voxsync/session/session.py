"""The shell users hold; doors add the verbs of their service."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self, TypeVar

from voxsync.errors import InvalidState
from voxsync.events import CreatedEvent
from voxsync.session import registry
from voxsync.session.commands import FINISH
from voxsync.session.connection import Connection
from voxsync.session.dialling import dialler
from voxsync.session.media import SessionMedia
from voxsync.session.options import AUTO
from voxsync.session.receiver import MessageIterator
from voxsync.session.waiting import check_patience, check_timeout, wait_for
from voxsync.wire import Role, is_sendable_close_code

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from voxsync.dialects.base import Dialect
    from voxsync.events import CloseEvent

__all__ = ["Session"]

logger = logging.getLogger("voxsync.session")

MessageT = TypeVar("MessageT")

# What close() grants, beyond close_timeout, for the last events to be delivered.
_CLOSE_SLACK = 0.45


class Session(SessionMedia[MessageT], ABC):
    """A WebSocket session: two threads, a bounded queue in, events out.

    Thread: every method may be called from every thread, listeners included;
    `cancel()` also from a signal handler. A session belongs to the process it was
    made in: after `os.fork()` the child gets `SessionClosed` from every method.
    """

    _default_ping_interval: float | None = 20.0

    # What a door or server fills in

    @abstractmethod
    def _make_dialect(self) -> Dialect[MessageT]:
        """A translator for the connection about to be made. Thread: connect()'s."""
        ...

    # Opening

    def connect(self, timeout: float | None = None, *, wait: bool = True) -> Self:
        """Open the session and return it.

        Args:
            timeout: Seconds until it must be OPEN; None = `options.open_timeout`.
            wait: False: return at once; `open` or `error` and `close` will tell.

        Raises:
            HandshakeError: The service answered with a status other than 101.
            ConnectError: No connection: name, TCP, TLS, proxy, service.
            OpenTimeout: Not OPEN in time; the session has ended.
            InvalidState: It was connected or closed before; make a new session.
            TypeError, ValueError: A timeout that is no positive number.

        Thread: any. Blocks unless `wait=False`; Ctrl-C cancels.
        """
        self._check_process()
        check_timeout(timeout)
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout must be positive, not {timeout}")
        if wait and self._delivery.is_events_thread():
            raise InvalidState("a listener cannot wait for connect(); use wait=False")
        dialect = self._make_dialect()
        opener = dialler(dialect.request(), self.options)

        def start(connection: Connection) -> None:
            self._io_thread = threading.Thread(
                target=connection.run,
                args=(opener,),
                name=f"voxsync-io-{self.id}",
                daemon=True,
            )
            self._delivery.put([CreatedEvent(self)])
            if not wait and not self._delivery.alive:
                self._delivery.start()  # it watches the opening; else this thread does
            self._io_thread.start()

        self._is_awaited = wait
        connection = self._begin(dialect, Role.CLIENT, start)
        if wait:
            self._wait_open(connection, timeout)
        return self

    def _begin(
        self,
        dialect: Dialect[MessageT],
        role: Role,
        start: Callable[[Connection], None],
    ) -> Connection:
        """Make the one connection and start its threads."""
        # The threads are started under the lock, so that nobody can see the
        # connection and try to join a thread that is not started yet.
        with self._lock:
            if self._connection is not None or self._unused_closed:
                raise InvalidState(
                    "a session is opened once; make a new one to connect again"
                )
            connection = Connection(self, dialect, role, self._interval())
            self._prepare(connection)
            self._connection = connection
            start(connection)
        registry.register(self)
        return connection

    def _interval(self) -> float | None:
        """Seconds of silence until a ping."""
        interval = self.options.ping_interval
        return self._default_ping_interval if interval is AUTO else interval

    def _prepare(self, connection: Connection) -> None:
        """For subclasses: the connection before its first byte."""

    def _serve(
        self,
        sock: socket.socket,
        rest: bytes,
        subprotocol: str | None,
        before: Callable[[], object],
    ) -> None:
        """Be the server's end of an upgraded connection until it is over.

        Args:
            sock: Connected and non-blocking.
            rest: What was read behind the request.
            subprotocol: The one that was agreed on.
            before: Called on the events thread, once OPEN, before any event.

        Thread: becomes the I/O thread; returns at the end.
        """

        def start(connection: Connection) -> None:
            connection.subprotocol = subprotocol
            self._io_thread = threading.current_thread()
            self._bad_end_level = logging.INFO  # clients vanish all the time
            limit = self.options.open_timeout  # it ends by itself before that
            self._delivery.start(lambda: connection.settled.wait(limit) and before())
            self._delivery.put([CreatedEvent(self)])

        connection = self._begin(self._make_dialect(), Role.SERVER, start)
        connection.run(lambda _: (sock, rest))

    def _wait_open(self, connection: Connection, timeout: float | None) -> None:
        try:
            connection.wait_open(timeout or self.options.open_timeout)
        except BaseException:  # Ctrl-C
            self.cancel()
            connection.watch()
            raise
        if connection.engine.opened_at is None:
            event = connection.close_event
            assert event is not None
            assert event.error is not None
            # Leave nothing behind, but let no listener hold the caller.
            self._join_io(0.5)
            self._delivery.join(0.5)
            raise event.error

    # Sending

    def _send(self, item: object, block: bool, timeout: float | None) -> None:
        """Queue one command; the doors' sending verbs end here or in `_send_all`.

        Raises:
            InvalidState: Not open yet, or finished.
            SendQueueFull: No room (`block=False`), or none in `timeout` seconds.
            SessionClosed: The session is closing or over, also while waiting.
            TypeError, ValueError: `block` is no bool, or `timeout` no length of time.
        """
        check_patience(block, timeout)
        self._opened()
        self._outbox.put(item, block, timeout)
        self._wake()  # while it waited, another connection may have taken over

    def _send_all(
        self, items: Sequence[object], block: bool, timeout: float | None
    ) -> None:
        """Queue the pieces of one message; see `Outbox.put_all`."""
        check_patience(block, timeout)
        self._opened()
        if block and timeout is None:
            for item in items:
                self._outbox.put(item)
                self._wake()
        else:
            self._outbox.put_all(items, block, timeout)
            self._wake()

    def finish(self) -> None:
        """Say that there is no more input; results still arrive.

        In order behind all that was accepted; `is_active` is False at once, and
        sending raises `InvalidState`. Again is allowed and does nothing.

        Raises:
            InvalidState: Not open yet.
            SessionClosed: The session is closing or over.

        Thread: any; never blocks.
        """
        self._opened()
        if self._outbox.finish(FINISH):
            self._wake()

    # Receiving

    def receive(self, timeout: float | None = None) -> MessageIterator[MessageT]:
        """Iterate over the service's messages; one consumer at a time.

        Ends after a clean close, with all taken; may be left and taken up again. Before
        the first call the oldest make room (256 fit): `error` event and stats tell.

        Args:
            timeout: Seconds to wait for each message; None = no limit.

        Raises:
            TypeError, ValueError: A timeout that is none.

        Raises (while iterating):
            ReceiveTimeout: No message in time; iterating may go on.
            SessionClosed: The session ended badly; messages before that were given.
            ConcurrencyError: Another thread is iterating.
            InvalidState: Before `connect()`, or inside a listener.

        Thread: any but the events thread.
        """
        check_timeout(timeout)
        self._check_process()
        if self._connection is None:
            raise InvalidState("connect() first; there is nothing to receive yet")
        if self._delivery.is_events_thread():
            raise InvalidState(
                "a listener cannot receive(): it would wait for itself; "
                "messages come to `message` listeners"
            )
        self._receiver.used()
        return MessageIterator(self._receiver, timeout)

    # Ending

    def close(self, code: int = 1000, reason: str = "", *, wait: bool = True) -> None:
        """Send what is queued, perform the closing handshake, end.

        Takes at most `options.close_timeout`; then the code is 1006. While the
        session is still being opened it is cancelled instead. Idempotent.

        Args:
            code: 1000, or what RFC 6455 lets an endpoint send.
            reason: At most 123 bytes of UTF-8.
            wait: False: return at once.

        Raises:
            TypeError, ValueError: Such a code or reason cannot be sent.

        Thread: any. Waits for the events too, unless called from a listener.
        """
        self._check_process()
        if isinstance(code, bool) or not isinstance(code, int):
            raise TypeError(
                f"code must be an int, not {code!r}; a reason comes behind it, as in "
                'close(1000, "bye")'
            )
        if not isinstance(reason, str):
            raise TypeError(f"reason must be a str, not {type(reason).__name__}")
        if not is_sendable_close_code(code):
            raise ValueError(
                f"close code {code} may not be sent; use 1000 or 3000 to 4999"
            )
        if len(reason.encode()) > 123:
            raise ValueError("a close reason has at most 123 bytes of UTF-8")
        self._warn_of_end()
        end = time.monotonic() + self.options.close_timeout + _CLOSE_SLACK
        with self._lock:
            connection = self._connection
            if connection is None:
                self._unused_closed = True
                return
            # Under the lock: or the connection that follows would not hear of it.
            if connection.close_request is None:
                connection.close_request = (code, reason)
        self._outbox.shut()
        self._receiver.closing()
        connection.wake()
        if wait:
            self._join(end)

    def cancel(self) -> None:
        """End now: nothing more is sent or waited for.

        Blocked senders and receivers are released within 50 ms. Idempotent.

        Thread: any, any callback, also a signal handler: it takes no lock.
        """
        self._check_process()
        connection = self._connection
        if connection is None:
            self._unused_closed = True
            return
        connection.cancelled = True
        connection.wake()
        if connection is not self._connection:  # another one took over just now
            self.cancel()

    def wait_closed(self, timeout: float | None = None) -> CloseEvent:
        """Wait for the end and return it.

        Raises:
            TimeoutError: Not over within `timeout` seconds.
            InvalidState: `connect()` was never called.
            TypeError, ValueError: A timeout that is none.

        Thread: any. Waits for the events too, unless called from a listener.
        """
        check_timeout(timeout)
        self._check_process()
        if self._connection is None:
            raise InvalidState(
                "connect() was never called; there is no end to wait for"
            )
        end = None if timeout is None else time.monotonic() + timeout
        self._join(end)
        event = self._close_event
        if event is None or not (
            self._delivery.runs_here() or not self._delivery.alive
        ):
            raise TimeoutError(f"the session was not over within {timeout} s")
        self._bad_end = None
        return event

    def __enter__(self) -> Self:
        connection = self._connection
        if connection is None:
            return self.connect()
        # One that the service ended may be entered: last messages may wait in it.
        if connection.cancelled or connection.close_request is not None:
            raise self._closed_error()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self.close()
        else:  # something went wrong: saying goodbye politely could hang on it
            self._warn_of_end()
            self.cancel()
            self._join(time.monotonic() + 1.0)

    def _is_over(self) -> bool:
        return self._outbox.is_shut

    def _join(self, end: float | None) -> None:
        """Wait for the I/O thread and, where that is possible, for the events."""
        over = self._join_io(None if end is None else max(0.0, end - time.monotonic()))
        if not over or self._delivery.runs_here():
            return
        left = None if end is None else max(0.0, end - time.monotonic())
        self._delivery.join(left)
        if self._delivery.alive:
            logger.warning(
                "session %s: a listener still runs; %d events wait behind it",
                self.id,
                self._delivery.waiting,
            )

    def _join_io(self, timeout: float | None) -> bool:
        """Wait for the I/O thread; False if it still runs."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                thread, connection = self._io_thread, self._connection
            if thread is None or thread is threading.current_thread():
                return True
            left = None if end is None else max(0.0, end - time.monotonic())
            if connection is None or not wait_for(connection.io_done, left):
                return False
            thread.join(1.0)  # it has nothing left to do
            if connection is self._connection:
                return True  # else another one took over meanwhile
