"""Raw peers: servers that do by hand exactly what a test wants, good or bad."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Self

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(request: bytes) -> bytes:
    """The Sec-WebSocket-Accept of a request (RFC 6455, 4.2.2)."""
    for line in request.split(b"\r\n"):
        if line.lower().startswith(b"sec-websocket-key:"):
            key = line.split(b":", 1)[1].strip()
            return base64.b64encode(hashlib.sha1(key + GUID).digest())
    raise AssertionError(f"no key in {request!r}")


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0
) -> bytes:
    """One unmasked frame, right or wrong."""
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 65536:
        return head + b"\x7e" + struct.pack("!H", size) + payload
    return head + b"\x7f" + struct.pack("!Q", size) + payload


def close_frame(code: int | None = 1000, reason: str = "") -> bytes:
    """A Close frame; None = without a code."""
    if code is None:
        return frame(8)
    return frame(8, struct.pack("!H", code) + reason.encode())


class Peer:
    """A server for one connection after another, each handled by `script(conn)`.

    `script` gets a `Conn`; whatever it raises is kept in `errors`, unless it is
    the other side's leaving. Everything ends with `close()`.
    """

    def __init__(
        self,
        script: Callable[[Conn], object],
        *,
        tls: ssl.SSLContext | None = None,
        upgrade: bool = True,
        receive_buffer: int | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.script = script
        self.tls = tls
        self.upgrade = upgrade
        self.errors: list[BaseException] = []
        self.requests: list[bytes] = []
        self.stop = threading.Event()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer
            )
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        scheme, name = ("wss", "localhost") if tls else ("ws", host)
        self.url = f"{scheme}://{name}:{self.port}/"
        self.conns: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        while not self.stop.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.conns.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        stream: socket.socket = sock
        try:
            if self.tls is not None:
                stream = self.tls.wrap_socket(sock, server_side=True)
            conn = Conn(stream, self.stop)
            if self.upgrade:
                self.requests.append(conn.read_head())
                conn.answer(self.requests[-1])
            self.script(conn)
        except (ConnectionError, ssl.SSLError, TimeoutError, EOFError):
            pass  # the other side left: the test sees that on its own side
        except BaseException as exc:
            self.errors.append(exc)
        finally:
            stream.close()
            sock.close()

    def close(self) -> None:
        self.stop.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.conns:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in [self.thread, *self.threads]:
            thread.join(5)
            assert not thread.is_alive()
        assert self.errors == []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Conn:
    """The peer's end of one connection."""

    def __init__(self, sock: socket.socket, stop: threading.Event) -> None:
        self.sock = sock
        self.stop = stop
        self.buffer = b""
        sock.settimeout(30)

    def read_head(self) -> bytes:
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head

    def answer(self, request: bytes, extra: bytes = b"") -> None:
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept_key(request)
            + b"\r\n"
            + extra
            + b"\r\n"
        )

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_frame(self) -> tuple[int, bytes]:
        """One client frame: opcode and unmasked payload."""
        first, second = self.read(2)
        assert second & 0x80, "a client must mask"
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(self.read(2), "big")
        elif size == 127:
            size = int.from_bytes(self.read(8), "big")
        key = self.read(4)
        data = self.read(size)
        whole = (key * (size // 4 + 1))[:size]
        return first & 15, (
            int.from_bytes(data, "big") ^ int.from_bytes(whole, "big")
        ).to_bytes(size, "big")

    def echo_until_close(self) -> None:
        """Echo messages, answer pings and the Close frame, end TCP."""
        while True:
            opcode, data = self.read_frame()
            if opcode == 8:
                self.send(frame(8, data[:2]))
                return
            if opcode == 9:
                self.send(frame(10, data))
            elif opcode in (1, 2):
                self.send(frame(opcode, data))

    def until_stopped(self, _: object = None) -> None:
        """Do nothing until the test is over."""
        self.stop.wait(60)

    def until_eof(self) -> bytes:
        """Read all there is until the client ends TCP."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self._more()
        return self.buffer

    def reset(self) -> None:
        """End TCP with RST."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        # The descriptor itself, or a TLS object would still say goodbye.
        socket.close(self.sock.detach())
