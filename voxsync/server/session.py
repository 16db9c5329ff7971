"""The server's end of a connection, with what a test service needs to misbehave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.session import MessageSession, SessionOptions
from voxsync.session.misbehaviour import Misbehaving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxsync.audio import AudioFormat
    from voxsync.server.upgrade import IncomingRequest
    from voxsync.session.connection import Connection

__all__ = ["ServerSession"]


class ServerSession(Misbehaving["str | bytes"], MessageSession):
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

    def _prepare(self, connection: Connection) -> None:
        connection.engine.wire.fragment_code = self._fragment_code

    def _serve(
        self,
        sock: socket.socket,
        rest: bytes,
        subprotocol: str | None,
        before: Callable[[], object],
    ) -> None:
        if self._wrap is not None:
            sock = self._wrap(sock)
        super()._serve(sock, rest, subprotocol, before)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
