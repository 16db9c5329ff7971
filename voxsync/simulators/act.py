"""What a fault does on one connection: the shape of all acts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Iterable

    from voxsync.server import Refusal, ServerSession
    from voxsync.session.misbehaviour import Misbehaving
    from voxsync.simulators.faults import Fault, Point

__all__ = ["Act", "frame"]


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = False
) -> bytes:
    """One frame, for what no sending method would send; a client's is masked."""
    head = bytes([(0x80 if fin else 0) | opcode])
    bit, size = 0x80 if masked else 0, len(payload)
    if masked:
        payload = bytes(4) + payload  # a key of zeros, which changes nothing
    if size < 126:
        return head + bytes([bit | size]) + payload
    if size < 65536:
        return head + struct.pack("!BH", bit | 126, size) + payload
    return head + struct.pack("!BQ", bit | 127, size) + payload


class Act:
    """A fault at work on one connection; this one does nothing.

    Thread: the first five methods on the connection's own thread, the others on the
    session's events thread.
    """

    idle_timeout: float | None = None
    closes = True  # behind the final result
    deaf = False

    def __init__(self, fault: Fault, closing: threading.Event) -> None:
        """Prepare.

        Args:
            fault: What to do.
            closing: Set when the service is closed; no wait goes on after it.
        """
        self.fault = fault
        self._closing = closing
        self._done = False

    def accepted(self, sock: socket.socket) -> bool:
        """TCP has connected; False = the connection is not to be served."""
        del sock
        return True

    def refuse(self, number: int) -> Refusal | None:
        """Judge the request of the `number`-th connection."""
        del number
        return None

    def answer(self, data: bytes) -> bytes:
        """Change the answer to the upgrade."""
        return data

    def wrap(self, sock: socket.socket) -> socket.socket:
        """Stand between session and socket."""
        return sock

    def reach(self, session: Misbehaving[Any], point: Point, heard: int) -> bool:
        """A point was reached, `heard` bytes of audio had come; True = that was it."""
        fault = self.fault
        if self._done or point != fault.at or heard < fault.after_bytes:
            return False
        self._done = True
        return self.act(session)

    def act(self, session: Misbehaving[Any]) -> bool:
        """Do what is to be done at the point; True = nothing follows."""
        del session
        return False

    def send(
        self, session: ServerSession, message: str | bytes, *, final: bool
    ) -> Iterable[str | bytes]:
        """Change a result on its way out; bytes are frames already."""
        del session, final
        return (message,)
