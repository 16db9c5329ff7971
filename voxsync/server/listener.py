"""Accepts connections; each becomes a session of its own."""

from __future__ import annotations

import contextlib
import itertools
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol, Self

from voxsync.errors import HandshakeError, InvalidState, VoxsyncError
from voxsync.events import EventSignal
from voxsync.server.session import ServerSession
from voxsync.server.upgrade import IncomingRequest, Refusal, upgrade
from voxsync.session import SessionOptions
from voxsync.transport import Wakeup
from voxsync.wire import Role, Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["Listener", "Tamper"]

logger = logging.getLogger("voxsync.server")

_numbers = itertools.count(1)


class Tamper(Protocol):
    """How a test service interferes with connections before they are sessions."""

    def accepted(self, sock: socket.socket) -> bool:
        """A connection came in, nothing was read; False = leave it to the tamper."""
        ...

    def answer(self, data: bytes) -> bytes:
        """The answer to the upgrade; what is returned is sent instead."""
        ...


class Listener:
    """Listens, upgrades, and hands out sessions through the `connection` signal.

    Handlers are called as `handler(listener, session=session)` on the session's
    events thread, before its first event: listeners attached there miss nothing.

    Args:
        host: Address to listen on. The default is this machine alone.
        port: 0 = any free one; see `port`.
        check: Judges a request: None = welcome, else a `Refusal`. It runs on the
            connection's own thread.
        subprotocols: Those spoken, best first. Where there are any, a client that
            offers none of them is refused with 400.
        options: For the sessions.
        max_connections: At most so many at a time; more get status 503.
        max_per_address: The same for one peer address; None = no such limit.
        open_timeout: Seconds for TLS and upgrade together.
        ssl_context: For `wss://`.
        receive_buffer: SO_RCVBUF in bytes of the connections; None = the system's.
        tamper: For test services.
        make_session: Makes the session of an accepted request; called on the
            connection's own thread, so listeners attached there miss nothing.

    Thread: any; `close()` not from a session's listener.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        check: Callable[[IncomingRequest], Refusal | None] | None = None,
        subprotocols: Sequence[str] = (),
        options: SessionOptions | None = None,
        max_connections: int = 100,
        max_per_address: int | None = None,
        open_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        tamper: Tamper | None = None,
        make_session: Callable[
            [IncomingRequest, SessionOptions], ServerSession
        ] = ServerSession,
    ) -> None:
        self.host = host
        self.connection = EventSignal()
        self._port = port
        self._check = check
        self._subprotocols = tuple(subprotocols)
        self._options = options or SessionOptions()
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._open_timeout = open_timeout
        self._ssl_context = ssl_context
        self._receive_buffer = receive_buffer
        self._tamper = tamper
        self._make_session = make_session
        self._sock: socket.socket | None = None
        self._wakeup: Wakeup | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()  # guards the three below
        self._threads: set[threading.Thread] = set()
        self._sessions: set[ServerSession] = set()
        self._opening: set[socket.socket] = set()
        self._by_address: Counter[str] = Counter()

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        if self._thread is not None or self._closed.is_set():
            raise InvalidState("a listener is started once; make a new one")
        sock = self._sock = _listen(self.host, self._port, self._receive_buffer)
        self._port = sock.getsockname()[1]
        self._wakeup = Wakeup()
        self._thread = threading.Thread(
            target=self._accept, name=f"voxsync-accept-{self._port}", daemon=True
        )
        self._thread.start()
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect to."""
        scheme = "ws" if self._ssl_context is None else "wss"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self._port}/"

    @property
    def sessions(self) -> frozenset[ServerSession]:
        """The sessions that are open now."""
        with self._lock:
            return frozenset(self._sessions)

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C."""
        if self._thread is None:
            self.start()
        try:
            while not self._closed.wait(0.5):
                pass
        finally:
            self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Accept no more, close all sessions with code 1001, wait for the end.

        Idempotent. After `timeout` seconds the rest is cancelled.
        """
        self._closed.set()
        if self._wakeup is not None:
            self._wakeup.wake()
        end = time.monotonic() + timeout
        if self._thread is not None:
            self._thread.join(timeout)
        with self._lock:
            sessions, threads = list(self._sessions), list(self._threads)
            for sock in self._opening:
                with contextlib.suppress(OSError):  # gone by itself
                    sock.shutdown(socket.SHUT_RD)  # what is to be said can be said
        for session in sessions:
            session.close(1001, "the server is closing", wait=False)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for session in sessions:
            session.cancel()
        for thread in threads:
            thread.join(0.5)

    def __enter__(self) -> Self:
        return self if self._thread is not None else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed.is_set() else f"{len(self._sessions)} sessions"
        return f"<Listener {self.url} {state}>"

    # The accepting thread

    def _accept(self) -> None:
        sock, wakeup = self._sock, self._wakeup
        assert sock is not None
        assert wakeup is not None
        selector = selectors.DefaultSelector()
        selector.register(sock, selectors.EVENT_READ)
        selector.register(wakeup, selectors.EVENT_READ)
        try:
            while not self._closed.is_set():
                if all(key.fileobj is not sock for key, _ in selector.select()):
                    continue  # woken to close
                try:
                    peer, address = sock.accept()
                except OSError as exc:  # the peer left, or no descriptors
                    logger.warning("a connection could not be accepted: %s", exc)
                    self._closed.wait(0.05)
                    continue
                self._take(peer, (address[0], address[1]))
        finally:
            selector.close()
            sock.close()
            wakeup.close()

    def _take(self, sock: socket.socket, address: tuple[str, int]) -> None:
        thread = threading.Thread(
            target=self._connection_thread,
            args=(sock, address),
            name=f"voxsync-io-incoming-{next(_numbers)}",
            daemon=True,
        )
        with self._lock:
            host = address[0]
            full = len(self._threads) >= self._max_connections or (
                self._max_per_address is not None
                and self._by_address[host] >= self._max_per_address
            )
            if not full:
                self._threads.add(thread)
                self._by_address[host] += 1
                self._opening.add(sock)
        if not full:
            try:
                thread.start()
            except RuntimeError:  # the system has no thread left
                self._forget(thread, sock, address[0])
            else:
                return
        logger.warning("too many connections; refused one of %s", address[0])
        with contextlib.suppress(OSError):  # it may be gone already
            sock.setblocking(False)
            sock.send(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n")
        sock.close()

    def _forget(self, thread: threading.Thread, sock: socket.socket, host: str) -> None:
        with self._lock:
            self._opening.discard(sock)
            self._threads.discard(thread)
            self._by_address[host] -= 1
            self._by_address += Counter()  # drops what is down to 0

    # A connection's own thread

    def _connection_thread(self, sock: socket.socket, address: tuple[str, int]) -> None:
        try:
            self._connection(sock, address)
        except (VoxsyncError, OSError) as exc:
            level = logging.INFO if isinstance(exc, HandshakeError) else logging.WARNING
            logger.log(level, "a connection of %s did not open: %s", address[0], exc)
        except Exception:
            logger.exception("the thread of a connection of %s failed", address[0])
        finally:
            self._forget(threading.current_thread(), sock, address[0])
            sock.close()

    def _connection(self, sock: socket.socket, address: tuple[str, int]) -> None:
        _tune(sock, self._options)
        if self._tamper is not None and not self._tamper.accepted(sock):
            return
        started = time.monotonic()
        stream = sock
        if self._ssl_context is not None:
            sock.settimeout(self._open_timeout)
            stream = self._ssl_context.wrap_socket(sock, server_side=True)
        try:
            result = upgrade(
                stream,
                address,
                timeout=max(0.01, self._open_timeout - (time.monotonic() - started)),
                subprotocols=self._subprotocols,
                check=self._check or (lambda _: None),
                answer=self._tamper.answer if self._tamper else lambda data: data,
            )
            session = self._make_session(result.request, self._options)
            with self._lock:
                self._opening.discard(sock)
                self._sessions.add(session)
                closed = self._closed.is_set()
            if closed:  # after close() had looked for sessions
                session.close(1001, "the server is closing", wait=False)
            stream.setblocking(False)
            threading.current_thread().name = f"voxsync-io-{session.id}"
            try:
                session._serve(  # noqa: SLF001 - the server's side of one seam
                    stream,
                    result.rest,
                    result.subprotocol,
                    lambda: self._announce(session),
                )
            except InvalidState:  # closed before it began: nobody was told of it
                _say_goodbye(stream)
            finally:
                with self._lock:
                    self._sessions.discard(session)
        finally:
            stream.close()

    def _announce(self, session: ServerSession) -> None:
        for receiver in self.connection.receivers_for(self):
            try:
                receiver(self, session=session)
            except BaseException:
                logger.exception("connection handler %r failed", receiver)


def _say_goodbye(stream: socket.socket) -> None:
    """Close 1001 on a connection whose upgrade was answered already."""
    wire = Wire(Role.SERVER)
    wire.send_close(1001, "the server is closing")
    stream.settimeout(1.0)
    stream.sendall(wire.out)
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(4096):  # until the client has ended its side, or a second
        pass


def _listen(host: str, port: int, receive_buffer: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:  # before listen(), for the window's scale
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind((host, port))
        sock.listen(128)
        # A peer that leaves between select and accept must not block the thread.
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _tune(sock: socket.socket, options: SessionOptions) -> None:
    sock.setblocking(True)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
