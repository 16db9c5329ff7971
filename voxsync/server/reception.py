"""One incoming connection on its own thread, from its arrival to its end."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.errors import HandshakeError, InvalidState, ProtocolError, VoxsyncError
from voxsync.server.upgrade import IncomingRequest, Refusal, linger, upgrade
from voxsync.session import Session
from voxsync.wire import Role, Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from voxsync.server.places import Place, Places
    from voxsync.server.rules import Rules
    from voxsync.server.upgrade import Upgrade
    from voxsync.session import SessionOptions

__all__ = ["MakeSession", "Reception", "Tamper"]

logger = logging.getLogger("voxsync.server")

_FULL = Refusal(503, "too many connections; try again later", {"Retry-After": "5"})


class MakeSession(Protocol):
    """Makes the session of an accepted request; on the connection's own thread."""

    def __call__(
        self, request: IncomingRequest, options: SessionOptions, /
    ) -> Session[Any]:
        """A new session; of its methods `close`, `cancel` and `_serve` are used."""
        ...


class Tamper(Protocol):
    """How a test service interferes with connections before they are sessions."""

    def accepted(self, sock: socket.socket) -> bool:
        """Something connected by `sock`; False = leave it to the tamper.

        Thread: its own.
        """
        ...

    def answer(self, data: bytes) -> bytes:
        """What is sent in place of `data`, the answer to the upgrade.

        Thread: as above.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a listener does with each connection.

    Thread: a connection's own calls `receive` and is its I/O thread to the end.
    """

    places: Places
    rules: Rules
    options: SessionOptions
    subprotocols: tuple[str, ...]
    strict: bool
    open_timeout: float
    ssl_context: ssl.SSLContext | None
    tamper: Tamper | None
    make_session: MakeSession
    announce: Callable[[Session[Any]], None]

    def receive(self, place: Place) -> None:
        """Let it in or refuse it, and serve it until its end."""
        try:
            self._receive(place)
        except (VoxsyncError, OSError) as exc:
            self.places.settle(place, "failed_handshakes")
            if place.outcome != "dropped_half_open":  # which was told by the dropper
                is_refusal = isinstance(exc, HandshakeError)
                logger.log(
                    logging.INFO if is_refusal else logging.WARNING,
                    "a connection of %s did not open: %s",
                    place.host,
                    exc,
                )
        except BaseException:
            self.places.settle(place, "failed_handshakes")
            logger.exception("the thread of a connection of %s failed", place.host)
        finally:
            self.places.leave(place)
            place.sock.close()

    def _receive(self, place: Place) -> None:
        _tune(place.sock, self.options)
        if self.tamper is not None and not self.tamper.accepted(place.sock):
            self.places.settle(place, "refused_check")
            return
        deadline = time.monotonic() + self.open_timeout
        if self.ssl_context is not None:
            self._secure(place, self.ssl_context)
        try:
            result = upgrade(
                place.sock,
                place.address,
                timeout=max(0.01, deadline - time.monotonic()),
                subprotocols=self.subprotocols,
                strict=self.strict,
                check=lambda request: self._judge(place, request),
                answer=self.tamper.answer if self.tamper else lambda data: data,
            )
        except (HandshakeError, ProtocolError):
            # It was told so, and needs no place to hear it.
            self.places.settle(place, "failed_handshakes")
            log_dropped(self.places.give_back(place))
            linger(place.sock)
            raise
        try:
            self._serve(place, result)
        except InvalidState:  # closed before it began: nobody was told of it
            _say_goodbye(place.sock, 1001, "the server is closing")
        except BaseException:
            _say_goodbye(place.sock, 1011, "the server failed")
            raise

    def _secure(self, place: Place, context: ssl.SSLContext) -> None:
        """The TLS handshake; its deadline is one for all of it."""
        place.sock.settimeout(self.open_timeout)
        stream = context.wrap_socket(
            place.sock, server_side=True, do_handshake_on_connect=False
        )
        # From here on the old object is empty. Whoever wants to end this connection
        # must find the new one before it waits for the peer.
        self.places.secure(place, stream)
        stream.do_handshake()

    def _judge(self, place: Place, request: IncomingRequest) -> Refusal | None:
        refusal = self.rules.judge(request)
        if refusal is None:
            full = self.places.take(place)
            if full is not None:
                self.places.settle(place, full)
                logger.warning("too many connections; refused one of %s", place.host)
                return _FULL
            refusal = self.rules.ask(request)
        # Before the client is told: who has its answer is counted.
        self.places.settle(place, "accepted" if refusal is None else "refused_check")
        return refusal

    def _serve(self, place: Place, upgraded: Upgrade) -> None:
        """Be a session's I/O thread; raises only while there is no connection yet."""
        session = self.make_session(upgraded.request, self.options)
        if not isinstance(session, Session):
            raise TypeError(
                f"make_session must return a Session, not {type(session).__name__}"
            )
        if self.places.serve(place, session):  # after close() had looked for sessions
            session.close(1001, "the server is closing", wait=False)
        place.sock.setblocking(False)
        threading.current_thread().name = f"voxsync-io-{session.id}"
        session._serve(  # noqa: SLF001 - the server's side of one seam
            place.sock,
            upgraded.rest,
            upgraded.subprotocol,
            lambda: self.announce(session),
        )


def log_dropped(place: Place | None) -> None:
    """Tell of whom a newcomer has driven out, if anybody."""
    if place is not None:
        logger.warning(
            "too many handshakes are under way; dropped the oldest of %s", place.host
        )


def _say_goodbye(sock: socket.socket, code: int, reason: str) -> None:
    """Close a connection whose upgrade was answered already."""
    wire = Wire(Role.SERVER)
    wire.send_close(code, reason)
    sock.settimeout(1.0)
    sock.sendall(wire.out)
    linger(sock)


def _tune(sock: socket.socket, options: SessionOptions) -> None:
    sock.setblocking(True)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.send_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
