"""TCP, proxies and TLS against one deadline; more of it in test_dial.py."""

import socket
import threading
import time

import pytest

from tests.peers import Conn
from voxsync.errors import ConnectError
from voxsync.transport import DialOptions
from voxsync.transport.connect import connect, left


def test_left_is_what_is_left():
    """Seconds to the deadline; none is a timeout."""
    assert 0 < left(time.monotonic() + 5) <= 5
    with pytest.raises(TimeoutError):
        left(time.monotonic() - 1)


def test_a_proxy_that_answers_without_end(peer):
    """Its answer is bounded."""

    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.send(b"X: " + bytes([120]) * 4000 + b"\r\n")

    options = DialOptions(proxy=f"http://127.0.0.1:{peer(script, upgrade=False).port}")
    with pytest.raises(ConnectError, match="over 65536 bytes"):
        connect("ws://h.invalid/", options, time.monotonic() + 20, lambda _: None)


def test_a_proxy_that_never_answers(peer):
    """The deadline ends it as a timeout, not as the proxy's refusal."""
    server = peer(Conn.until_stopped, upgrade=False)
    options = DialOptions(proxy=f"http://127.0.0.1:{server.port}")
    with pytest.raises(TimeoutError):
        connect("ws://h.invalid/", options, time.monotonic() + 0.1, lambda _: None)


def test_shutting_the_socket_ends_a_tls_handshake(peer):
    """What giving up a session does while its server says nothing."""
    server, told = peer(Conn.until_stopped, upgrade=False), []
    both = threading.Event()

    def on_socket(sock):
        told.append(sock)
        if len(told) == 2:
            both.set()

    def give_up():
        both.wait(10)
        told[1].shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=give_up)
    thread.start()
    url = f"wss://127.0.0.1:{server.port}/"
    with pytest.raises(OSError):
        connect(url, DialOptions(), time.monotonic() + 20, on_socket)
    thread.join(5)
    assert told[1].fileno() == -1
