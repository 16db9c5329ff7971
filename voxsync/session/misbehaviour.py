"""What a session of a test service does to its peer; nothing of it is polite."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

from voxsync.session.commands import Inject
from voxsync.session.session import Session
from voxsync.session.view import MessageT
from voxsync.wire import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.session.connection import Connection
    from voxsync.transport import Channel

__all__ = ["Misbehaving"]

# How often to look whether something has happened on the I/O thread, seconds.
_LOOK = 0.001
# How long a reset waits for what was sent before, seconds.
_PATIENCE = 1.0


class Misbehaving(Session[MessageT]):
    """Adds faults to a session, whichever end of its connection it is.

    For services that test their clients, and the reverse. Before there is a
    connection, and after its end, none of these does anything.

    Thread: any, listeners too.
    """

    @property
    def masks(self) -> bool:
        """Whether frames of this end must be masked: it is the client's."""
        connection = self._connection
        return connection is not None and connection.engine.wire.role is Role.CLIENT

    def pause(self, seconds: float) -> bool:
        """Wait `seconds`, but not beyond the connection's end; whether it has come.

        In a listener that holds the peer back.
        """
        return self._join_io(seconds)

    def inject(self, data: bytes) -> None:
        """Put `data`, raw bytes, on the wire behind the messages: broken frames."""
        self._send(Inject(data), block=True, timeout=None)

    def stop_reading(self) -> None:
        """Read no more: the peer's sends pile up in the kernels' buffers."""
        if self._connection is not None:
            self._connection.reading_stopped = True
            self._wake()

    def read_again(self) -> None:
        """Undo `stop_reading`."""
        connection = self._connection
        if connection is not None:
            connection.reading_stopped = False
            connection._backlog = True  # noqa: SLF001 - what its own thread looks at
            self._wake()

    def ignore_pings(self) -> None:
        """Answer no ping from now on."""
        if self._connection is not None:
            self._connection.engine.wire.answer_pings = False

    def wrap_socket(self, wrap: Callable[[socket.socket], socket.socket]) -> None:
        """Put `wrap(socket)` between the session and its socket, from now on."""
        channel = self._channel
        if channel is not None:
            # One word, read anew by each step of the loop; a write that is under way
            # still goes to the old one.
            channel.sock = wrap(channel.sock)

    def drop(self, *, reset: bool = False) -> None:
        """End TCP without a Close frame: with FIN, or with RST (`reset`).

        What was sent before goes out first, if the peer takes it within a second.
        """
        connection, channel = self._connection, self._channel
        if connection is None:
            return
        if not reset:
            # The loop shuts the writing side once everything is out.
            connection.engine.half_closed = True
            self._wake()
            return
        self._flush(connection)
        if channel is not None:
            linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
            with contextlib.suppress(OSError):  # closed already
                channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.cancel()

    @property
    def _channel(self) -> Channel | None:
        connection = self._connection
        return None if connection is None else connection._channel  # noqa: SLF001 - a test's way to the socket

    def _flush(self, connection: Connection) -> None:
        """Wait until what was accepted has gone out, or the end, or a second."""
        end = time.monotonic() + _PATIENCE
        channel = self._channel
        turns = 0
        while time.monotonic() < end:
            if self._outbox.qsize():
                turns = 0
            elif channel is None or not channel.notified:
                # Notified here, a turn of the loop has begun since: the one before,
                # which could have had a message in its hands, is over.
                turns += 1
                if turns >= 2 and not connection.engine.out:
                    return
                connection.wake()
            if self.pause(_LOOK):
                return
