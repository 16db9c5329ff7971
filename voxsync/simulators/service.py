"""What the services for recognition and for talking have in common: who comes, goes."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from voxsync.errors import InvalidState
from voxsync.server import Listener
from voxsync.session import SessionOptions
from voxsync.simulators.acts import Acts
from voxsync.simulators.record import Record, Records

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from voxsync.server import IncomingRequest, Refusal, ServerSession
    from voxsync.simulators.faults import Fault

__all__ = ["Served", "Service"]


class Served(Protocol):
    """One session with what a service knows of it."""

    @property
    def session(self) -> ServerSession:
        """The connection."""
        ...

    @property
    def record(self) -> Record:
        """What the service saw of it."""
        ...

    @property
    def acts(self) -> Acts:
        """Its faults."""
        ...


R = TypeVar("R", bound=Record)
A = TypeVar("A", bound=Acts)
C = TypeVar("C", bound=Served)


class Service(ABC, Generic[R, A, C]):
    """A local service: it listens, and each connection has a record and its faults.

    Args:
        host: Address to listen on.
        port: 0 = any free one.
        record: Makes a connection's record from its number.
        acts: Makes a connection's faults.
        faults: Those on the menu that was ordered.
        max_message_size: Bytes; a larger one is refused before it is read.
        max_connections: At most so many at a time; more get status 503.
        open_timeout: Seconds for TLS and upgrade together.
        ssl_context: For `wss://`.
        inbox: Messages that wait for the service before the socket is not read.
        receive_buffer: SO_RCVBUF in bytes; None = the system's.

    Thread: any.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        record: Callable[[int], R],
        acts: Callable[[int, Iterable[Fault], threading.Event], A],
        faults: Iterable[Fault],
        max_message_size: int,
        max_connections: int,
        open_timeout: float,
        ssl_context: ssl.SSLContext | None,
        inbox: int = 16,
        receive_buffer: int | None = None,
    ) -> None:
        self._records = Records(record)
        self._make_acts = acts
        self._faults = tuple(faults)
        self._closing = threading.Event()
        self._started = False
        self._lock = threading.Lock()  # guards the next one
        self._live: set[C] = set()
        # What a connection's own thread knows of its connection.
        self._here = threading.local()
        self._listener = Listener(
            host,
            port,
            check=self._check,
            options=SessionOptions(
                ping_interval=None,
                close_timeout=2.0,
                inbox=inbox,
                receive_queue=1,  # nobody iterates; listeners have it all
                max_message_size=max_message_size,
            ),
            max_connections=max_connections,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
            receive_buffer=receive_buffer,
            tamper=self,
            make_session=self._make_session,
        )

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        if self._started or self._closing.is_set():
            raise InvalidState("a service is started once; make a new one")
        self._begin()
        try:
            self._listener.start()
        except BaseException:
            self._cease()
            raise
        self._started = True
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._listener.url

    @property
    def records(self) -> list[R]:
        """The latest 1,000 connections, oldest first."""
        return self._records.all()

    def wait_record(self, number: int = 1, timeout: float = 10.0) -> R:
        """Wait until the `number`-th connection is over and return its record.

        Raises:
            TimeoutError: It is not over within `timeout` seconds. One that left
                before its upgrade was complete is over when the service is closed.
            LookupError: It was so long ago that it was forgotten.
        """
        return self._records.wait(number, timeout)

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C."""
        if not self._started:
            self.start()
        try:
            self._listener.serve_forever()
        finally:
            self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Close all sessions with code 1001 and wait for the end. Idempotent.

        Args:
            timeout: Seconds to wait for them at most.
        """
        end = time.monotonic() + timeout
        self._closing.set()
        with self._lock:
            live = list(self._live)
        for conversation in live:
            if conversation.acts.deaf:
                conversation.session.cancel()
        self._listener.close(timeout)
        with self._lock:
            live += [each for each in self._live if each not in live]
        for conversation in live:
            # Without a close code it has not even begun: the listener was faster.
            if conversation.session.close_code is not None:
                # What hears, thinks or speaks for it may still be at work.
                conversation.record.over.wait(max(0.0, end - time.monotonic()))
            self._let_go(conversation, max(0.0, end - time.monotonic()))
        for record in self._records.all():
            self._records.over(record)  # those that came to nothing, too
        self._cease()

    def __enter__(self) -> Self:
        return self if self._started else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closing.is_set() else f"{len(self._live)} sessions"
        return f"<{type(self).__name__} {self.url} {state}>"

    # For subclasses

    def _begin(self) -> None:
        """Connections are about to come."""

    def _cease(self) -> None:
        """Nobody comes any more. Also where nobody ever came; perhaps twice."""

    def _let_go(self, conversation: C, timeout: float) -> None:
        """The service is closed: end what a session has besides its connection."""

    @abstractmethod
    def _judge(self, incoming: IncomingRequest) -> Refusal | None:
        """Whether a client is let in. Thread: the connection's own."""

    @abstractmethod
    def _make_session(
        self, incoming: IncomingRequest, options: SessionOptions
    ) -> ServerSession:
        """Make the session, and `_add` it. Thread: the connection's own."""

    def _add(self, conversation: C) -> None:
        """A session begins."""
        with self._lock:
            self._live.add(conversation)

    def _over(self, conversation: C) -> None:
        """A session is over, and so is its record."""
        with self._lock:
            self._live.discard(conversation)
        self._records.over(conversation.record)

    # Tamper: a connection's own thread, before the session

    def accepted(self, sock: socket.socket) -> bool:
        """See `Tamper`."""
        record = self._records.new()
        acts = self._make_acts(record.number, self._faults, self._closing)
        record.faults = acts.names
        self._here.record, self._here.acts = record, acts
        served = acts.accepted(sock)
        if not served:
            self._records.over(record)
        return served

    def answer(self, data: bytes) -> bytes:
        """See `Tamper`."""
        acts: A = self._here.acts
        record: R = self._here.record
        try:
            return acts.answer(data)
        except ConnectionAbortedError:
            record.status = None
            self._records.over(record)
            raise

    def _check(self, incoming: IncomingRequest) -> Refusal | None:
        acts: A = self._here.acts
        record: R = self._here.record
        record.asked(incoming)
        refusal = acts.refuse() or self._judge(incoming)
        record.status = 101 if refusal is None else refusal.status
        if refusal is not None:
            self._records.over(record)
        return refusal
