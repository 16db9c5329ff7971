"""How a client's connection comes by its socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.errors import HandshakeError
from voxsync.session.options import request_options
from voxsync.transport import dial

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxsync.dialects.base import UpgradeRequest
    from voxsync.session.connection import Connection
    from voxsync.session.options import SessionOptions

__all__ = ["dialler"]


def dialler(
    request: UpgradeRequest, options: SessionOptions
) -> Callable[[Connection], tuple[socket.socket, bytes]]:
    """What `Connection.run` opens itself with; complains of the request now."""
    dial_options = request_options(request, options)

    def opener(connection: Connection) -> tuple[socket.socket, bytes]:
        connection.opening.secrets = (request.url, dial_options.headers)
        taps = connection.taps
        taps.asked(request.url, dial_options.headers)
        try:
            dialled = dial(
                request.url,
                dial_options,
                options.open_timeout,
                connection.opening.connected,
            )
        except HandshakeError as exc:
            taps.answered(exc.status, exc.headers)
            raise
        taps.answered(101, dialled.upgraded.headers)
        connection.subprotocol = dialled.upgraded.subprotocol
        return dialled.sock, dialled.upgraded.rest

    return opener
