"""Acts at a point of the session: ends, strange frames, silence."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

from voxsync.simulators.act import Act, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.session.misbehaviour import Misbehaving

__all__ = ["STRANGE", "Deaf", "Drip", "End", "Flood", "Idle", "Inject"]

_SENDABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


def _result(**changed: object) -> bytes:
    usual = {
        "type": "asr#mimilvcsr",
        "session_id": "00000000-0000-4000-8000-000000000000",
        "status": "recog-in-progress",
        "response": [],
    }
    return frame(1, json.dumps(usual | changed).encode())


STRANGE: Mapping[str, bytes] = {
    "ping": frame(9),
    "ping_payload": frame(9, b"are you there?"),
    "binary": frame(2, bytes(range(128, 148))),
    "empty_text": frame(1),
    "malformed_json": frame(1, b'{"type":"asr#mimilvcsr","resp'),
    "not_utf8": frame(1, b'{"type":"\xff\xfe"}'),
    "unknown_status": _result(status="recog-pondering"),
    "unknown_type": _result(type="asr#unheardof", response=[{"result": "?"}]),
    "huge_frame": b"\x82\x7f" + struct.pack("!Q", 2**62),
    "garbage": bytes(range(255, 191, -1)),
}


class End(Act):
    """Ends the session."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        fault = self.fault
        if fault.name in ("fin", "rst"):
            session.drop(reset=fault.name == "rst")
        elif fault.name == "close" and fault.code in _SENDABLE:
            session.close(fault.code, fault.reason, wait=False)
        elif fault.name == "close":
            body = struct.pack("!H", fault.code) + fault.reason.encode()
            session.inject(frame(8, body, masked=session.masks))
        else:
            body = b"" if fault.name == "close_empty" else b"\x03"
            session.inject(frame(8, body, masked=session.masks))
        return True


class Inject(Act):
    """Puts bytes on the wire."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        session.inject(STRANGE[self.fault.name])
        return False


class Flood(Act):
    """Sends more, or larger, results than anybody asked for."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        fault = self.fault
        if fault.name == "huge_result":
            session.inject(_result(padding="x" * fault.count))
            return False
        for number in range(fault.count):
            session.inject(_result(type="asr#burst", number=number))
            if number and fault.seconds and session.pause(fault.seconds):
                break
        return False


class Deaf(Act):
    """Does not do what a peer should do."""

    @property
    def deaf(self) -> bool:  # type: ignore[override]
        """Whether a Close frame of the peer would not be seen."""
        return self.fault.name == "stop_reading"

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        if self.fault.name == "stall":
            return session.pause(self.fault.seconds)
        if self.fault.name == "no_pong":
            session.ignore_pings()
        else:
            session.stop_reading()
        return False


class Idle(Act):
    """Sets another idle limit."""

    @property
    def idle_timeout(self) -> float | None:  # type: ignore[override]
        """Seconds."""
        return self.fault.seconds


class Drip(Act):
    """Lets each write take one byte."""

    def wrap(self, sock: socket.socket) -> socket.socket:
        """See `Act`."""
        return _NarrowSocket(sock)  # type: ignore[return-value]


class _NarrowSocket:
    """A socket that takes one byte in each `send`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @property  # type: ignore[misc]
    def __class__(self) -> type[socket.socket]:  # type: ignore[override]
        # The loop treats TLS differently and asks with isinstance.
        return ssl.SSLSocket if isinstance(self._sock, ssl.SSLSocket) else socket.socket

    def send(self, data: bytes) -> int:
        return self._sock.send(bytes(data[:1]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
