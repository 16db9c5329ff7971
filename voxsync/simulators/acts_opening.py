"""Acts before the session: TCP, TLS, the answer to the upgrade."""

from __future__ import annotations

import re
import socket
import struct

from voxsync.server import Refusal
from voxsync.simulators.act import Act

__all__ = ["EXPIRED", "Answer", "Hold", "Leave"]

EXPIRED = Refusal(401, "Invalid mimi API access token")

_ACCEPT = re.compile(rb"(?i)(sec-websocket-accept: )[^\r]*")


class Hold(Act):
    """Waits before the session."""

    def accepted(self, sock: socket.socket) -> bool:
        """See `Act`."""
        name = self.fault.name
        if name == "silent":
            self._closing.wait()
        elif name == "delay":
            self._closing.wait(self.fault.seconds)
        return not self._closing.is_set() and super().accepted(sock)

    def answer(self, data: bytes) -> bytes:
        """See `Act`."""
        name = self.fault.name
        if name == "no_answer":
            self._closing.wait()
        elif name == "delay_answer":
            self._closing.wait(self.fault.seconds)
        if self._closing.is_set():
            raise ConnectionAbortedError("the service was closed before it answered")
        return data


class Leave(Act):
    """Ends TCP before anything was said."""

    def accepted(self, sock: socket.socket) -> bool:
        """See `Act`."""
        if self.fault.name == "reset":
            linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return False


class Answer(Act):
    """Answers the upgrade wrongly."""

    def refuse(self, number: int) -> Refusal | None:
        """See `Act`."""
        fault = self.fault
        if fault.name == "status":
            return Refusal(fault.status, fault.body)
        if fault.name == "token_expiry" and number > fault.count:
            return EXPIRED
        return None

    def answer(self, data: bytes) -> bytes:
        """See `Act`."""
        if self.fault.name == "bad_accept":
            return _ACCEPT.sub(rb"\1bm90IHRoZSByaWdodCBrZXkhISE=", data)
        return b"220 ready\r\n\r\n" if self.fault.name == "not_http" else data
