"""The server's end of a connection, with what a test service needs to misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from voxsync.session import MessageSession, SessionOptions
from voxsync.session.commands import Inject

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.audio import AudioFormat
    from voxsync.server.upgrade import IncomingRequest
    from voxsync.session.connection import Connection

__all__ = ["ServerSession"]


class ServerSession(MessageSession):
    """A connection that came in: sends and receives text and binary messages.

    Made by a `Listener`; it is open when the `connection` signal tells of it, and
    its first events come after the handlers of that signal have returned.

    Attributes:
        request: What the peer asked for.
    """

    def __init__(
        self,
        request: IncomingRequest,
        options: SessionOptions,
        *,
        audio: AudioFormat | None = None,
        fragment_code: int | None = None,
        wrap: Callable[[socket.socket], socket.socket] | None = None,
    ) -> None:
        """Prepare; the listener makes it live.

        Args:
            request: What the peer asked for.
            options: Limits and timeouts.
            audio: What binary messages hold, where they are audio.
            fragment_code: Close code for a fragmented message, for services that
                take none; None = they are taken.
            wrap: For test services: puts something between session and socket.
        """
        host, port = request.address
        url = f"ws://{_in_url(host)}:{port}{request.path}"
        super().__init__(url, options, audio=audio)
        self.request = request
        self._fragment_code = fragment_code
        self._wrap = wrap
        self._sock: socket.socket | None = None
        self._accepted = 0  # messages; written by one thread at a time

    def _prepare(self, connection: Connection) -> None:
        connection.engine.wire.fragment_code = self._fragment_code

    def _serve(
        self,
        sock: socket.socket,
        rest: bytes,
        subprotocol: str | None,
        before: Callable[[], object],
    ) -> None:
        self._sock = sock
        if self._wrap is not None:
            sock = self._wrap(sock)
        super()._serve(sock, rest, subprotocol, before)

    def _send(self, item: object, block: bool, timeout: float | None) -> None:
        super()._send(item, block, timeout)
        if type(item) is not Inject:
            self._accepted += 1

    def pause(self, seconds: float) -> bool:
        """Wait, but not beyond the connection's end; returns whether it has come.

        Thread: any, listeners too: their waiting is what holds the peer back.
        """
        return self._join_io(seconds)

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
        """End TCP without a Close frame: with FIN, or with RST.

        What was sent before goes out first, if the peer takes it within a second.
        """
        sock, connection = self._sock, self._connection
        if connection is None:
            return
        if not reset:
            # The loop shuts the writing side once everything is out.
            connection.engine.half_closed = True
            self._wake()
            return
        end = time.monotonic() + 1.0
        while not self._flushed(connection) and time.monotonic() < end:
            if self.pause(0.001):
                break
        if sock is not None:
            linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
            with contextlib.suppress(OSError):  # closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.cancel()

    def _flushed(self, connection: Connection) -> bool:
        engine = connection.engine
        return engine.messages_sent >= self._accepted and not engine.out


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
