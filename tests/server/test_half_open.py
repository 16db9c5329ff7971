"""Clients that come and say nothing, or next to nothing, hold up nobody (C6)."""

import contextlib
import logging
import socket
import threading
import time

import pytest

from tests.server.conftest import head, until
from voxsync import PlainSession
from voxsync.server import ListenerStats
from voxsync.session import SessionOptions

MANY = 200


@pytest.fixture
def crowd():
    """Opens many connections to a port, each with some first bytes."""
    with contextlib.ExitStack() as stack:

        def gather(listener, count, words=b""):
            made = []
            for _ in range(count):
                sock = socket.create_connection(("127.0.0.1", listener.port), 20)
                made.append(stack.enter_context(sock))
                if words:
                    sock.sendall(words)
            return made

        yield gather


@pytest.fixture
def drip():
    """Sends a byte to each of many sockets again and again, until the test ends."""
    done, threads = threading.Event(), []

    def start(socks, words):
        said = threading.Event()

        def run():
            for byte in words:
                for sock in socks:
                    with contextlib.suppress(OSError):  # it was thrown out
                        sock.sendall(bytes([byte]))
                said.set()
                if done.wait(0.05):
                    return

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        assert said.wait(20)

    yield start
    done.set()
    for thread in threads:
        thread.join()


# The begin of a TLS record and of its ClientHello; the rest never comes.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("slow", [False, True], ids=["idle", "slow"])
def test_a_good_client_beside_200_half_open_ones(
    listening, crowd, drip, server_tls, client_tls, tls, slow
):
    """It is served, and hears an answer, while all of them are still waited for."""
    listener = listening(
        max_connections=2, open_timeout=60, ssl_context=server_tls if tls else None
    )
    listener.connection.connect(
        lambda listener, session: session.send_text("welcome"), weak=False
    )
    socks = crowd(listener, MANY)
    if slow:
        drip(socks, HELLO if tls else head("/slow", "X-Filler: " + "x" * 2000))
    until(lambda: listener.stats.pending == MANY)
    options = SessionOptions(ssl_context=client_tls if tls else None, open_timeout=20)
    started = time.monotonic()
    with PlainSession(listener.url, options=options) as session:
        took = time.monotonic() - started
        assert next(session.receive(timeout=20)) == "welcome"
        assert listener.stats == ListenerStats(accepted=1, pending=MANY)
    print(f"{MANY} half-open: a good client was in after {took * 1000:.1f} ms")
    with contextlib.ExitStack() as stack:  # and they have taken no place
        for _ in range(2):
            until(lambda: len(listener.sessions) < 2)
            stack.enter_context(PlainSession(listener.url, options=options))
    assert listener.stats == ListenerStats(accepted=3, pending=MANY)


def test_more_half_open_ones_than_the_bound(listening, crowd, caplog):
    """The oldest are dropped, told of and counted; a good client gets in."""
    listener = listening(max_handshakes=20, open_timeout=60)
    socks = crowd(listener, 50)
    until(lambda: sum(sock_is_over(sock) for sock in socks[:30]) == 30)
    with PlainSession(listener.url):
        pass
    until(lambda: listener.stats.pending == 19)
    assert listener.stats == ListenerStats(accepted=1, dropped_half_open=31, pending=19)
    assert caplog.text.count("dropped the oldest of 127.0.0.1") == 31
    assert "did not open" not in caplog.text
    assert [sock_is_over(sock) for sock in socks] == [True] * 31 + [False] * 19


def sock_is_over(sock):
    sock.setblocking(False)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return True
    except BlockingIOError:
        return False


def test_half_open_tls_can_be_dropped(listening, crowd, server_tls, client_tls):
    """Also in the middle of the handshake, by whose socket everything is new."""
    listener = listening(max_handshakes=1, open_timeout=60, ssl_context=server_tls)
    first, *_ = crowd(listener, 1, HELLO)
    until(lambda: listener.stats.pending)
    with PlainSession(
        listener.url, options=SessionOptions(ssl_context=client_tls)
    ) as session:
        session.send_text("in")
        until(lambda: sock_is_over(first))
    assert listener.stats.dropped_half_open == 1


def test_a_client_of_another_address_is_not_dropped(listening, crowd, client):
    """Who was first and is alone goes on; who opens many ends the oldest of his."""
    listener = listening(max_handshakes=5, open_timeout=60)
    good = client(listener, source="127.0.0.2")
    good.send(head()[:10])
    until(lambda: listener.stats.pending == 1)
    crowd(listener, 20)
    until(lambda: listener.stats.dropped_half_open == 16)
    good.send(head()[10:])
    assert good.answer().startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_slow_ones_are_given_up(listening, crowd, drip, server_tls, tls, caplog):
    """Each byte in time is not enough: open_timeout is for all of them."""
    caplog.set_level(logging.INFO)
    listener = listening(
        open_timeout=0.5, max_connections=1, ssl_context=server_tls if tls else None
    )
    socks = crowd(listener, 20)
    drip(socks, (HELLO if tls else head("/", "X-Filler: ")) * 50)
    until(lambda: listener.stats.failed_handshakes == 20)
    until(lambda: all(sock_is_over(sock) for sock in socks))
    assert caplog.text.count("did not open") == 20


def test_those_who_are_told_no_take_no_place(listening, client, crowd):
    """A refused client that does not leave is dropped like any other."""
    listener = listening(max_connections=1, max_handshakes=3, path="/voice")
    staying = crowd(listener, 3, head("/other"))
    for sock in staying:
        assert sock.recv(12) == b"HTTP/1.1 404"
    client(listener).upgrade("/voice")
    assert listener.stats.refused_check == 3
