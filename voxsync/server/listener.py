"""Accepts connections; each becomes a session of its own."""

from __future__ import annotations

import itertools
import logging
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from voxsync.errors import InvalidState
from voxsync.events import EventSignal
from voxsync.server.places import ListenerStats, Place, Places
from voxsync.server.reception import MakeSession, Reception, Tamper, log_dropped
from voxsync.server.rules import Rules
from voxsync.server.session import ServerSession
from voxsync.session import SessionOptions
from voxsync.session.options import subprotocol_names
from voxsync.transport import Wakeup

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from voxsync.server.upgrade import IncomingRequest, Refusal
    from voxsync.session import Session

__all__ = ["Listener", "Tamper"]

logger = logging.getLogger("voxsync.server")

_numbers = itertools.count(1)


class Listener:
    """Listens, upgrades, and hands out sessions through the `connection` signal.

    Handlers are called as `handler(listener, session=session)` on the session's
    events thread, before its first event: listeners attached there miss nothing.

    Args:
        host: Address to listen on. The default is this machine alone.
        port: 0 = any free one; see `port`.
        path: The path that is served, or several; others get 404. None = all.
        origins: The values of `Origin` that are let in; others get 403. None = any.
            A request without that header is let in: only browsers send it.
        check: Judges a request that nothing else speaks against: None = welcome,
            else a `Refusal`. It runs on the connection's own thread and may take its
            time. Where it raises, the client gets 500 and the log a traceback.
        subprotocols: Those spoken, best first.
        strict_subprotocols: Where there are any, a client that offers none of them
            is refused with 400. False: it is let in without one.
        options: For the sessions.
        max_connections: At most so many at a time; more get 503 and `Retry-After`.
        max_per_address: The same for one peer address; None = no such limit.
        max_handshakes: At most so many connections may be before their answer, or
            be told a refusal; they take no place of `max_connections`. Each has a
            thread. When one more comes, the oldest is ended: that of the address
            which has the most of them.
        open_timeout: Seconds that a client may take for TLS and upgrade together,
            however it spreads its bytes.
        ssl_context: For `wss://`.
        receive_buffer: SO_RCVBUF in bytes of the connections; None = the system's.
        tamper: For test services.
        make_session: Makes the session of an accepted request; called on the
            connection's own thread, so listeners attached there miss nothing.

    Raises:
        TypeError, ValueError: An argument makes no sense.

    Thread: any; `close()` not from a session's listener.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str | Collection[str] | None = None,
        origins: str | Collection[str] | None = None,
        check: Callable[[IncomingRequest], Refusal | None] | None = None,
        subprotocols: Sequence[str] = (),
        strict_subprotocols: bool = True,
        options: SessionOptions | None = None,
        max_connections: int = 100,
        max_per_address: int | None = None,
        max_handshakes: int = 256,
        open_timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        tamper: Tamper | None = None,
        make_session: MakeSession = ServerSession,
    ) -> None:
        _check_tls(ssl_context)
        if options is not None and not isinstance(options, SessionOptions):
            raise TypeError(
                f"options must be SessionOptions, not {type(options).__name__}"
            )
        self.host = host
        self.connection = EventSignal()
        self._port = port
        self._secure = ssl_context is not None
        self._receive_buffer = receive_buffer
        self._places = Places(max_connections, max_per_address, max_handshakes)
        self._rules = Rules(path=path, origins=origins, check=check)
        self._reception = Reception(
            places=self._places,
            rules=self._rules,
            options=options or SessionOptions(),
            subprotocols=subprotocol_names("subprotocols", subprotocols),
            strict=strict_subprotocols,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
            tamper=tamper,
            make_session=make_session,
            announce=self._announce,
        )
        self._sock: socket.socket | None = None
        self._wakeup: Wakeup | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        if self._thread is not None or self._closed.is_set():
            raise InvalidState("a listener is started once; make a new one")
        sock = self._sock = _listen(self.host, self._port, self._receive_buffer)
        port = sock.getsockname()[1]
        self._wakeup = Wakeup()
        thread = threading.Thread(
            target=self._accept, name=f"voxsync-accept-{port}", daemon=True
        )
        thread.start()
        # Last: who sees them may close(), which joins a thread that runs.
        self._thread = thread
        self._port = port
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect to; of several paths the first."""
        scheme = "wss" if self._secure else "ws"
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = self._rules.paths[0] if self._rules.paths else "/"
        return f"{scheme}://{host}:{self._port}{path}"

    @property
    def sessions(self) -> frozenset[Any]:
        """The sessions that are open now; what `make_session` made."""
        return self._places.sessions

    @property
    def stats(self) -> ListenerStats:
        """What became of the connections that came in. Thread: any."""
        return self._places.stats

    @property
    def is_closed(self) -> bool:
        """Whether `close()` was called."""
        return self._closed.is_set()

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
        self._places.close()
        if self._wakeup is not None:
            self._wakeup.wake()
        end = time.monotonic() + timeout
        if self._thread is not None:
            self._thread.join(timeout)
        threads = self._places.threads
        for session in self.sessions:
            session.close(1001, "the server is closing", wait=False)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for session in self.sessions:
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
        state = "closed" if self.is_closed else f"{len(self.sessions)} sessions"
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
        place = Place(sock, address)
        thread = place.thread = threading.Thread(
            target=self._reception.receive,
            args=(place,),
            name=f"voxsync-io-incoming-{next(_numbers)}",
            daemon=True,
        )
        log_dropped(self._places.enter(place))
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left
            self._places.settle(place, "refused_full")
            self._places.leave(place)
            sock.close()
            logger.exception("no thread for a connection of %s; closed it", address[0])

    # A session's events thread

    def _announce(self, session: Session[Any]) -> None:
        for receiver in self.connection.receivers_for(self):
            try:
                receiver(self, session=session)
            except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
                session._log_failure(  # noqa: SLF001 - one seam for all listeners
                    logger, exc, "connection handler", receiver
                )


def _check_tls(context: object) -> None:
    if context is None:
        return
    import ssl  # noqa: PLC0415 - servers without TLS do without

    if not isinstance(context, ssl.SSLContext):
        raise TypeError(
            f"ssl_context must be an ssl.SSLContext, not {type(context).__name__}: "
            "make one by ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) and its "
            "load_cert_chain(...)"
        )


def _listen(host: str, port: int, receive_buffer: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:  # before listen(), for the window's scale
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.bind((host, port))
        sock.listen(1024)  # or a burst of them would lose a second to TCP's retries
        # A peer that leaves between select and accept must not block the thread.
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
