"""The server's end of a connection, with what a test service needs to misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from voxsync.session import MessageSession, SessionOptions
from voxsync.session.connection import Inject

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.server.upgrade import IncomingRequest

__all__ = ["ServerSession"]


class ServerSession(MessageSession):
    """A connection that came in: sends and receives text and binary messages.

    Made by a `Listener`; it is open when the `connection` signal tells of it, and
    its first events come after the handlers of that signal have returned.

    Attributes:
        request: What the peer asked for.
    """

    def __init__(self, request: IncomingRequest, options: SessionOptions) -> None:
        host, port = request.address
        super().__init__(f"ws://{_in_url(host)}:{port}{request.path}", options)
        self.request = request
        self._sock: socket.socket | None = None

    def _serve(
        self,
        sock: socket.socket,
        rest: bytes,
        subprotocol: str | None,
        before: Callable[[], object],
    ) -> None:
        self._sock = sock
        super()._serve(sock, rest, subprotocol, before)

    # For services that test their clients. None of these is a polite thing to do.

    def inject(self, data: bytes) -> None:
        """Put raw bytes on the wire, in order with the messages: broken frames."""
        self._send(Inject(data), block=True, timeout=None)

    def stop_reading(self) -> None:
        """Never read again: the peer's sends pile up in the kernels' buffers."""
        if self._connection is not None:
            self._connection.reading_stopped = True
            self._wake()

    def ignore_pings(self) -> None:
        """Answer no ping from now on."""
        if self._connection is not None:
            self._connection.engine.wire.answer_pings = False

    def drop(self, *, reset: bool = False) -> None:
        """End TCP without a Close frame: with FIN, or with RST."""
        sock = self._sock
        if reset and sock is not None:
            linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.cancel()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
