"""Raw clients that do by hand exactly what a test wants, and listeners for them."""

import contextlib
import socket
import ssl
import struct
import threading
import time

import pytest
import trustme

from voxsync.server import Listener
from voxsync.wire import Close, Role, Wire

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3


def head(target="/", *extra, method="GET", version="HTTP/1.1", drop=()):
    """An upgrade request, right unless told otherwise; `drop` names headers."""
    lines = [f"{method} {target} {version}"]
    headers = {
        "Host": "test",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    }
    lines += [f"{name}: {value}" for name, value in headers.items() if name not in drop]
    return "\r\n".join([*lines, *extra, "", ""]).encode()


class RawClient:
    """A client's socket, with a wire for what comes after the upgrade."""

    def __init__(self, port, host="127.0.0.1", source=None):
        source = source and (source, 0)
        self.sock = socket.create_connection((host, port), 10, source)
        self.wire = Wire(Role.CLIENT)
        self.seen = []

    def send(self, data):
        self.sock.sendall(data)

    def answer(self):
        """The head of the response; what follows goes to the wire."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(4096)
            if not more:
                break
            data += more
        found, _, rest = data.partition(b"\r\n\r\n")
        self.wire.receive(rest)
        return found

    def upgrade(self, *args, **kwargs):
        self.send(head(*args, **kwargs))
        found = self.answer()
        assert found.startswith(b"HTTP/1.1 101 "), found
        return found

    def flush(self):
        data = bytes(self.wire.out)
        self.wire.out.clear()
        self.send(data)

    def end(self):
        """End TCP with RST."""
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()

    def next(self):
        """The next message, answered as the rules say; None = end of stream."""
        while not self.seen:
            self.seen += self.wire.messages(1)
            if not self.seen:
                data = self.sock.recv(65536)
                if not data:
                    return None
                self.wire.receive(data)
        return self.seen.pop(0)

    def until_close(self):
        """The Close frame; it is answered, and TCP ended."""
        while not isinstance(message := self.next(), Close):
            assert message is not None, "TCP ended without a Close frame"
        self.flush()
        with contextlib.suppress(OSError):  # reset by who does not wait for it
            self.sock.shutdown(socket.SHUT_WR)
        return message

    def rest(self):
        """All until the end of stream, b"" also after a reset."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while more := self.sock.recv(65536):
                data += more
        return data

    def close(self):
        self.sock.close()


class Sessions(list):
    """What a listener's `connection` signal told of."""

    def __init__(self, listener):
        super().__init__()
        self.changed = threading.Condition()
        listener.connection.connect(self.add, weak=False)

    def add(self, listener, session):
        with self.changed:
            self.append(session)
            self.changed.notify_all()

    def wait(self, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self) >= count, 5)
        return self[count - 1]


def until(condition):
    """Bounded polling, where there is no event to wait for."""
    end, gate = time.monotonic() + 20, threading.Event()
    while not condition():
        assert time.monotonic() < end
        gate.wait(0.001)


@pytest.fixture
def client():
    """Makes raw clients and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def make(where, **kwargs):
            port = where if isinstance(where, int) else where.port
            made = RawClient(port, **kwargs)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def listening():
    """Makes listeners that are open, and closes them at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda **kwargs: stack.enter_context(Listener(**kwargs))


@pytest.fixture(scope="session")
def authority():
    """A certificate authority of the test's own."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority):
    """TLS for a server called localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority):
    """TLS for a client that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
