"""A client made by hand: an independent peer that sends exactly what a test wants."""

from __future__ import annotations

import json
import os
import socket
import struct

from tests.peers import accept_key

BREAK = '{"command":"recog-break"}'
ASR = ["x-mimi-process: asr"]


class RawClient:
    """One connection, request included; use it as a context manager."""

    def __init__(self, service, headers=(), target="/", *, connect=True):
        self.sock = socket.create_connection(("127.0.0.1", service.port), 30)
        self.buffer = b""
        self.status, self.body = None, b""
        if connect:
            self.upgrade(headers, target)

    def upgrade(self, headers, target="/"):
        request = "\r\n".join(
            [
                f"GET {target} HTTP/1.1",
                "Host: localhost",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
                *headers,
                "",
                "",
            ]
        ).encode()
        self.sock.sendall(request)
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(self.head.split()[1])
        if self.status == 101:
            assert accept_key(request) in self.head
        else:
            while self._more():
                pass
            self.body = self.buffer

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return data

    def read(self, size):
        while len(self.buffer) < size:
            if not self._more():
                raise EOFError
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_frame(self):
        """First byte and payload."""
        first, size = self.read(2)
        if size == 126:
            size = int.from_bytes(self.read(2), "big")
        elif size == 127:
            size = int.from_bytes(self.read(8), "big")
        return first, self.read(size)

    def send_frame(self, opcode, payload=b"", *, fin=True, masked=True):
        key = os.urandom(4) if masked else b""
        bit = 0x80 if masked else 0
        size = len(payload)
        if size < 126:
            head = bytes([bit | size])
        elif size < 65536:
            head = bytes([bit | 126]) + struct.pack("!H", size)
        else:
            head = bytes([bit | 127]) + struct.pack("!Q", size)
        if masked:
            whole = (key * (size // 4 + 1))[:size]
            number = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
            payload = number.to_bytes(size, "big")
        self.sock.sendall(bytes([(0x80 if fin else 0) | opcode]) + head + key + payload)

    def audio(self, data):
        self.send_frame(2, data)

    def text(self, text):
        self.send_frame(1, text.encode())

    def finish(self):
        """Read to the end: the messages, the close code and reason."""
        messages = []
        while True:
            first, payload = self.read_frame()
            if first == 0x88:
                break
            assert first == 0x81
            messages.append(json.loads(payload))
        self.send_frame(8, payload[:2])
        assert self.sock.recv(1) == b""
        self.sock.close()
        if not payload:
            return messages, None, ""
        return messages, int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
