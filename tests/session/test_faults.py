"""A3: peers that stall, vanish, break off or talk nonsense; in the clear and over TLS.

Each ends in exactly one `close` event with the right code, an `error` event before
it, and nothing left behind (the fixture of all tests looks for that).
"""

import socket
import ssl
import threading
import time

import pytest
import trustme

from tests.peers import close_frame, frame
from voxsync import ConnectError, ProtocolError, SendQueueFull, SessionClosed

PLAIN_OR_TLS = pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])


@pytest.fixture
def server(peer, server_tls):
    """Makes a raw peer, with TLS if asked."""
    return lambda script, tls, **kw: peer(script, tls=server_tls if tls else None, **kw)


@pytest.fixture
def client(make, client_tls):
    """Makes a session, with TLS if asked."""
    return lambda url, tls, **options: make(
        url, ssl_context=client_tls if tls else None, **options
    )


def flood(session, ended):
    """Send until it is refused; keep when and why."""

    def run():
        try:
            while True:
                session.send_binary(bytes(8000))
        except Exception as exc:
            ended.append((time.monotonic(), exc))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until_blocked(session):
    """Until the queue is full and stays so while more would fit if it moved."""
    sent = -1
    while session.stats.send_queue < 16 or sent != session.stats.bytes_sent:
        sent = session.stats.bytes_sent
        threading.Event().wait(0.02)


def deaf(conn):
    """Never reads, but talks: one text message for each turn of the gate."""
    for n in range(10_000):
        if conn.stop.wait(0.005):
            return
        conn.send(frame(1, b"%d" % n))


@PLAIN_OR_TLS
def test_a_deaf_peer_is_still_heard(server, client, tls):
    """Messages keep coming while our sender is blocked, pings are answered."""

    def script(conn):
        conn.send(frame(9, b"are you there"))
        deaf(conn)

    session = client(server(script, tls, receive_buffer=4096).url, tls).connect()
    ended = []
    thread = flood(session, ended)
    until_blocked(session)
    before = session.stats.messages_received
    while session.stats.messages_received < before + 20:
        thread.join(0.005)
    assert thread.is_alive()
    session.cancel()
    thread.join(5)
    session.wait_closed(5)
    session.log.check()


@PLAIN_OR_TLS
def test_close_of_a_deaf_peer_is_bounded(server, client, tls):
    """close() returns within close_timeout + 0.5 s; code 1006; unsent is counted."""
    url = server(deaf, tls, receive_buffer=4096).url
    session = client(url, tls, close_timeout=0.4).connect()
    ended = []
    thread = flood(session, ended)
    until_blocked(session)
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < 0.4 + 0.5
    thread.join(5)
    assert isinstance(ended[0][1], SessionClosed)
    close = session.wait_closed(1)
    assert (close.code, close.was_clean) == (1006, False)
    assert close.unsent >= 16
    session.log.check()
    assert session.log.kinds[-2:] == ["error", "close"]


@PLAIN_OR_TLS
def test_cancel_releases_a_blocked_sender(server, client, tls):
    """I5: within 50 ms."""
    session = client(server(deaf, tls, receive_buffer=4096).url, tls).connect()
    ended = []
    thread = flood(session, ended)
    until_blocked(session)
    started = time.monotonic()
    session.cancel()
    thread.join(5)
    released, exc = ended[0]
    assert isinstance(exc, SessionClosed)
    assert released - started < 0.05
    session.wait_closed(5)
    session.log.check()
    assert "error" not in session.log.kinds


@PLAIN_OR_TLS
def test_a_stall_is_detected(server, client, tls):
    """No byte taken for write_timeout: 1006, and the blocked sender is told why."""
    url = server(deaf, tls, receive_buffer=4096).url
    session = client(url, tls, write_timeout=0.4).connect()
    ended = []
    thread = flood(session, ended)
    close = session.wait_closed(10)
    thread.join(5)
    assert close.code == 1006
    # The kernel's own limit (TCP_USER_TIMEOUT) is the same time and may be first.
    cause = session.log.of("error")[0].error.__cause__
    assert isinstance(cause, TimeoutError)
    assert isinstance(ended[0][1], SessionClosed)
    session.log.check()


@PLAIN_OR_TLS
def test_a_peer_that_vanishes(server, client, tls):
    """No RST, no FIN, no answer: found out by ping, code 1006."""
    session = client(
        server(lambda conn: conn.until_stopped(), tls).url,
        tls,
        ping_interval=0.1,
        ping_timeout=0.1,
    ).connect()
    close = session.wait_closed(5)
    assert close.code == 1006
    assert "no answer to a ping" in close.reason
    session.log.check()
    assert session.log.kinds == ["created", "open", "error", "close"]


def broken(session, code, cause):
    """The common end of all of these."""
    close = session.wait_closed(10)
    assert close.code == code
    assert not close.was_clean
    session.log.check()
    assert session.log.kinds[-2:] == ["error", "close"]
    error = session.log.of("error")[-1].error
    assert isinstance(error, SessionClosed)
    assert isinstance(error.__cause__, cause)
    assert close.error is error
    return error


@PLAIN_OR_TLS
@pytest.mark.parametrize("when", ["between frames", "within a frame", "while we send"])
def test_reset(server, client, tls, when):
    """RST: 1006 with the system's error as cause."""

    def script(conn):
        conn.read_frame()  # else the RST might overtake our answer to the upgrade
        if when == "within a frame":
            conn.send(frame(1, b"whole") + frame(2, bytes(100))[:50])
        conn.reset()

    session = client(server(script, tls).url, tls).connect()
    session.send_text("go")
    if when == "while we send":
        thread = flood(session, [])
        thread.join(10)
        assert not thread.is_alive()
    broken(session, 1006, OSError)


@PLAIN_OR_TLS
def test_half_close(server, client, tls):
    """FIN without a Close frame: 1006; what came before is delivered."""

    def script(conn):
        conn.send(frame(1, b"last words"))
        conn.sock.shutdown(socket.SHUT_WR)
        conn.until_stopped()

    session = client(server(script, tls).url, tls).connect()
    broken(session, 1006, ConnectionResetError)
    assert [event.data for event in session.log.of("message")] == ["last words"]


GARBAGE = {
    "random bytes": (b"\xff\xfe\xfd" * 50, 1002),
    "http again": (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1002),
    "reserved bit": (frame(1, b"x", rsv=0x40), 1002),
    "reserved opcode": (frame(3, b"x"), 1002),
    "masked": (b"\x81\x81\0\0\0\0x", 1002),
    "long ping": (frame(9, bytes(126)), 1002),
    "stray continuation": (frame(0, b"x"), 1002),
    "half a close code": (frame(8, b"\x03"), 1002),
    "close code 1005": (close_frame(1005), 1002),
    "not utf-8": (frame(1, b"\xc3("), 1007),
    "2**62 bytes": (b"\x82\x7f" + (2**62).to_bytes(8, "big"), 1009),
    "over the limit": (b"\x82\x7f" + (20_000_000).to_bytes(8, "big"), 1009),
}


@PLAIN_OR_TLS
@pytest.mark.parametrize("name", list(GARBAGE))
def test_garbage(server, client, tls, name):
    """Closed with the code it earned; messages before it are delivered."""
    data, code = GARBAGE[name]
    answers = []

    def script(conn):
        conn.send(frame(1, b"fine so far") + data)
        answers.append(conn.read_frame())
        conn.until_eof()

    session = client(server(script, tls).url, tls, eof_timeout=0.2).connect()
    error = broken(session, code, ProtocolError)
    assert error.__cause__.code == code
    assert [event.data for event in session.log.of("message")] == ["fine so far"]
    assert answers[0][0] == 8
    assert int.from_bytes(answers[0][1][:2], "big") == code


@PLAIN_OR_TLS
def test_a_peer_that_sends_one_byte_at_a_time(server, client, tls):
    """Slow, but not wrong: everything arrives, the end is clean."""

    def script(conn):
        for byte in frame(1, "größer".encode()) + frame(2, bytes(130)) + close_frame():
            conn.send(bytes([byte]))
        conn.until_eof()

    session = client(server(script, tls).url, tls).connect()
    close = session.wait_closed(10)
    assert (close.code, close.was_clean) == (1000, True)
    assert [e.data for e in session.log.of("message")] == ["größer", bytes(130)]
    session.log.check()


@PLAIN_OR_TLS
def test_fragments_with_control_frames_between(server, client, tls):
    """One message; the ping in its middle is answered."""
    answers = []

    def script(conn):
        conn.send(frame(1, b"one ", fin=False) + frame(9, b"?") + frame(0, b"message"))
        answers.append(conn.read_frame())
        conn.echo_until_close()

    session = client(server(script, tls).url, tls).connect()
    assert next(session.receive(timeout=5)) == "one message"
    session.close()
    assert answers == [(10, b"?")]


@PLAIN_OR_TLS
def test_a_close_frame_is_heard_although_our_writes_fail(server, client, tls):
    """A service that refuses late audio must not look like a lost connection."""

    def script(conn):
        conn.read_frame()
        conn.send(frame(1, b"why") + close_frame(4003, "idle"))
        conn.sock.settimeout(0.05)  # keeps the connection up for our Close to arrive
        conn.until_eof()

    session = client(server(script, tls).url, tls).connect()
    thread = flood(session, [])
    close = session.wait_closed(10)
    thread.join(5)
    assert (close.code, close.reason, close.was_clean) == (4003, "idle", True)
    assert [event.data for event in session.log.of("message")] == ["why"]
    session.log.check()


@PLAIN_OR_TLS
def test_a_peer_that_does_not_end_tcp_after_the_handshake(server, client, tls):
    """The end is clean, and we do not wait longer than eof_timeout."""

    def script(conn):
        conn.read_frame()
        conn.send(close_frame())
        conn.until_stopped()

    session = client(server(script, tls).url, tls, eof_timeout=0.1).connect()
    session.close()
    close = session.wait_closed(1)
    assert (close.code, close.was_clean) == (1000, True)


@PLAIN_OR_TLS
def test_a_peer_that_answers_no_close(server, client, tls):
    """1006 after close_timeout, with an error: nobody knows what arrived."""
    url = server(lambda conn: conn.until_stopped(), tls).url
    session = client(url, tls, close_timeout=0.1).connect()
    session.close()
    close = session.wait_closed(1)
    assert (close.code, close.was_clean) == (1006, False)
    assert session.log.kinds == ["created", "open", "error", "close"]


def test_a_queue_of_16_holds_the_sender_back(peer, make):
    """A5: under 3 s of 16 kHz speech are accepted from a peer that stops reading."""
    for size in (640, 3200):
        url = peer(lambda conn: conn.until_stopped(), receive_buffer=4096).url
        session = make(url, listen=False).connect()
        accepted = 0
        with pytest.raises(SendQueueFull):
            while True:
                session.send_binary(bytes(size), timeout=0.3)
                accepted += size
        assert accepted < 3 * 32_000
        session.cancel()


class TestCertificates:
    """A3: only a certificate that is right opens a session."""

    def refused(self, make, peer, context, trust, url=None):
        server = peer(lambda conn: conn.until_stopped(), tls=context)
        session = make(url or server.url, ssl_context=trust)
        with pytest.raises(ConnectError, match="certificate") as info:
            session.connect()
        session.log.check()
        assert session.log.kinds == ["created", "error", "close"]
        return str(info.value)

    def test_the_right_one(self, echo, peer, make, server_tls, client_tls):
        """Verified against the authority, for the host's name."""
        server = peer(lambda conn: conn.echo_until_close(), tls=server_tls)
        session = make(server.url, ssl_context=client_tls).connect()
        session.send_text("x")
        assert next(session.receive(timeout=5)) == "x"

    def test_another_name(self, peer, make, authority, client_tls):
        """Issued by a trusted authority, but for somebody else."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("other.example").configure_cert(context)
        said = self.refused(make, peer, context, client_tls)
        assert "localhost" in said

    def test_expired(self, peer, make, authority, client_tls):
        """Valid once."""
        import datetime as dt

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        authority.issue_cert("localhost", not_after=past).configure_cert(context)
        assert "expired" in self.refused(make, peer, context, client_tls)

    def test_self_signed(self, peer, make):
        """By an authority of its own, with default trust."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trustme.CA().issue_cert("localhost").configure_cert(context)
        assert "ssl_context" in self.refused(make, peer, context, None)
