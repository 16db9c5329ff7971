"""The server's end: an ordinary session, and what a test service does to clients."""

import threading

import pytest

from voxsync.errors import SendQueueFull, SessionClosed
from voxsync.server import IncomingRequest, ServerSession
from voxsync.session import ReadyState, SessionOptions
from voxsync.wire import Binary, Ping, Pong, Text


@pytest.fixture
def served(listening, client):
    """Upgrades a raw client; that client and the session at the server's end."""

    def make(target="/", **kwargs):
        found, told = [], threading.Event()

        def connected(listener, session):
            found.append(session)
            told.set()

        listener = listening(**kwargs)
        listener.connection.connect(connected, weak=False)
        raw = client(listener)
        raw.upgrade(target)
        assert told.wait(5)
        return raw, found[0]

    return make


def request(host="127.0.0.1"):
    return IncomingRequest("/x", {"token": "planted"}, {}, (host, 5))


def test_it_knows_whom_it_talks_to(served):
    """The request, its path in the URL, and the state: open, with the server's role."""
    raw, session = served("/agent?token=planted")
    host, port = raw.sock.getsockname()
    assert session.request.path == "/agent"
    assert session.url == f"ws://{host}:{port}/agent"
    assert session.ready_state is ReadyState.OPEN
    assert "planted" not in repr(session)


def test_it_is_open_when_it_is_told_of(listening, client):
    """A handler of `connection` may send at once."""
    listener = listening()
    listener.connection.connect(
        lambda listener, session: session.send_text("welcome"), weak=False
    )
    for _ in range(50):
        raw = client(listener)
        raw.upgrade()
        assert raw.next() == Text("welcome")


def test_an_ipv6_peer():
    """Its address is bracketed in the URL."""
    session = ServerSession(request("::1"), SessionOptions())
    assert session.url == "ws://[::1]:5/x"


def test_both_ways(served):
    """Text and binary, unmasked out and unmasked in."""
    raw, session = served()
    raw.wire.send_text("hello")
    raw.wire.send_binary(b"\1\2")
    raw.flush()
    messages = session.receive(timeout=5)
    assert [next(messages), next(messages)] == ["hello", b"\1\2"]
    session.send_text("back")
    session.send_binary(b"\3")
    assert [raw.next(), raw.next()] == [Text("back"), Binary(b"\3")]


def test_injected_bytes_are_in_order(served):
    """I2: between the messages, as they are."""
    raw, session = served()
    session.send_text("a")
    session.inject(b"\x81\x01b")
    session.send_text("c")
    assert [raw.next(), raw.next(), raw.next()] == [Text("a"), Text("b"), Text("c")]
    assert session.stats.messages_sent == 2


def test_stop_reading(served):
    """What the peer sends stays in the kernels; sending goes on."""
    raw, session = served()
    session.stop_reading()
    while session._connection.reading:
        session.pause(0.001)
    before = session.stats.bytes_received
    raw.wire.send_text("unheard")
    raw.flush()
    session.send_text("talking")
    assert raw.next() == Text("talking")
    assert not session.pause(0.05)
    assert session.stats.bytes_received == before
    session.cancel()


def test_ignore_pings(served):
    """A later message arrives, the pong does not."""
    raw, session = served()
    raw.wire.send_ping(b"1")
    raw.flush()
    assert raw.next() == Pong(b"1")
    session.ignore_pings()
    raw.wire.send_ping(b"2")
    raw.wire.send_text("x")
    raw.flush()
    assert next(session.receive(timeout=5)) == "x"
    session.send_text("y")
    assert raw.next() == Text("y")


def test_a_server_pings_a_silent_client(served):
    """Its default interval is the session's; the pong is measured."""
    raw, session = served(options=SessionOptions(ping_interval=0.05))
    assert raw.next() == Ping(b"")
    raw.flush()
    while session.stats.ping_round_trip is None:
        assert not session.pause(0.001)


def test_drop_with_fin(served):
    """No Close frame; what was sent before arrives; 1006 once the peer ends as well."""
    raw, session = served()
    session.send_text("last")
    while session.stats.messages_sent < 1:
        session.pause(0.001)
    session.drop()
    assert raw.next() == Text("last")
    assert raw.next() is None
    raw.close()
    close = session.wait_closed(5)
    assert (close.code, close.was_clean) == (1006, False)


def test_drop_with_rst(served):
    """The peer sees a reset, behind what was sent before."""
    raw, session = served()
    session.send_text("last")
    session.drop(reset=True)
    assert raw.next() == Text("last")
    with pytest.raises(ConnectionResetError):
        raw.next()
    assert session.wait_closed(5).code == 1006


def test_drop_with_rst_does_not_wait_for_a_peer_that_left(served):
    """The end of the session ends the waiting; a closed socket is no error."""
    raw, session = served()
    raw.close()
    session.wait_closed(5)
    session.drop(reset=True)
    assert session.is_closed


def test_drop_with_rst_gives_up_on_a_deaf_peer(served):
    """Within a second, whatever waits."""
    raw, session = served(options=SessionOptions(send_buffer=4096))
    while True:
        try:
            session.send_binary(bytes(60_000), timeout=0.05)
        except SendQueueFull:
            break
    session.drop(reset=True)
    close = session.wait_closed(5)
    assert close.unsent > 0
    raw.rest()


def test_unserved_sessions_take_it_easy():
    """Before there is a connection none of these has anything to do."""
    session = ServerSession(request(), SessionOptions())
    session.stop_reading()
    session.ignore_pings()
    session.drop()
    session.drop(reset=True)
    assert session.pause(0.0)
    assert session.ready_state is ReadyState.CONNECTING


def test_pause_ends_with_the_connection(served):
    """True as soon as the peer is gone."""
    raw, session = served()
    assert not session.pause(0.001)
    raw.close()
    assert session.pause(30.0)


def test_fragments_may_be_refused(served):
    """With the code the service answers them with."""
    raw, session = served(
        make_session=lambda request, options: ServerSession(
            request, options, fragment_code=1003
        )
    )
    raw.wire.send_fragment("a", first=True, final=False)
    raw.flush()
    assert raw.until_close().code == 1003
    assert session.wait_closed(5).code == 1003


def test_the_socket_may_be_wrapped(served):
    """A test service puts something of its own between session and socket."""
    seen = []

    def wrap(sock):
        seen.append(sock)
        return sock

    raw, session = served(
        make_session=lambda request, options: ServerSession(request, options, wrap=wrap)
    )
    session.send_text("x")
    assert raw.next() == Text("x")
    assert seen == [session._connection._channel.sock]


def test_sending_to_a_client_that_left(served):
    """SessionClosed with what it said."""
    raw, session = served()
    raw.wire.send_close(4000, "bye")
    raw.flush()
    raw.until_close()
    raw.close()
    session.wait_closed(5)
    with pytest.raises(SessionClosed, match="bye"):
        session.send_text("x")
    with pytest.raises(SessionClosed):
        session.inject(b"x")
