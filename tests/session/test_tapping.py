"""Who watches a session: what is told, and that it harms nobody."""

import threading

import pytest

from voxsync.clocks import VirtualClock
from voxsync.errors import HandshakeError
from voxsync.events import CloseEvent, MessageEvent, OpenEvent
from voxsync.plain import PlainSession
from voxsync.server import Listener, Refusal
from voxsync.session import SessionOptions
from voxsync.session.tapping import TapRecord, Taps, newcomers
from voxsync.wire import Binary, Close, Fault, Ping, Pong, Role, Text


@pytest.fixture
def seen():
    return []


@pytest.fixture
def taps(seen):
    return Taps(seen.append, VirtualClock())


def told(seen):
    return [(r.dir, r.kind, r.data) for r in seen]


def test_what_goes_out(taps, seen):
    """Each message whole, whatever its frames; control frames in between."""
    wire = taps.connection().wire(Role.CLIENT, 1000)
    wire.send_text("hé")
    wire.send_binary(b"\0\1")
    wire.send_fragment("a", first=True, final=False)
    wire.send_ping(b"there?")
    wire.send_fragment("b", first=False, final=False)
    wire.send_fragment("c", first=False, final=True)
    wire.send_pong(b"here")
    wire.send_close(4000, "why")
    assert told(seen) == [
        ("out", "text", "hé".encode()),
        ("out", "binary", b"\0\1"),
        ("out", "ping", b"there?"),
        ("out", "text", b"abc"),
        ("out", "pong", b"here"),
        ("out", "close", (4000, "why")),
    ]
    assert all(record.connection == 1 for record in seen)


def test_a_message_seen_from_its_middle(taps, seen):
    """Is no message."""
    taps.discard(taps[0])
    wire = taps.connection().wire(Role.SERVER, 1000)
    wire.send_fragment("a", first=True, final=False)
    taps.append(seen.append)
    wire.send_fragment("b", first=False, final=True)
    wire.send_close(None)
    assert told(seen) == [("out", "close", (1005, ""))]


def test_what_comes_in(taps, seen):
    """As it was decoded; a broken rule is told by its `error` event."""
    taps.connection().received(
        [Text("a"), Binary(b"b"), Ping(b"c"), Pong(b"d"), Close(1000, "e"),
         Fault(1002, "f")]
    )  # fmt: skip
    assert told(seen) == [
        ("in", "text", "a"),
        ("in", "binary", b"b"),
        ("in", "ping", b"c"),
        ("in", "pong", b"d"),
        ("in", "close", (1000, "e")),
    ]


def test_events_but_messages(taps, seen):
    """Messages were on the wire."""
    event = OpenEvent(None)
    taps.events([MessageEvent(None, "x"), event])
    taps.interrupted("tag")
    assert told(seen) == [
        ("local", "event", event),
        ("local", "interrupted", "tag"),
    ]
    assert seen[0].connection == 0


def test_connections_are_told_apart(taps, seen):
    """Also for who came later; who has gone is told nothing."""
    first, second = taps.connection(), taps.connection()
    later = []
    taps.append(later.append)
    first.received([Text("a")])
    second.received([Text("b")])
    assert [r.connection for r in seen] == [r.connection for r in later] == [1, 2]
    taps.discard(later.append)
    taps.discard(later.append)
    second.received([Text("c")])
    assert len(later) == 2
    assert len(seen) == 3


def test_nobody_watches():
    """Then nothing is made; the request is kept for who comes later."""
    taps = Taps()
    connection = taps.connection()
    assert not taps
    assert not connection
    connection.asked("ws://x/", [("A", "b")])
    connection.answered(101, {})
    assert taps.request == ("ws://x/", [("A", "b")])


def test_the_time_is_the_sessions():
    """The clock's, where one was given."""
    clock, seen = VirtualClock(), []
    taps = Taps(seen.append, clock)
    clock.advance(5)
    taps.interrupted(None)
    assert seen == [TapRecord(taps.now(), "local", "interrupted", None)]
    assert seen[0].time == pytest.approx(5, abs=0.1)


def test_one_that_raises(taps, seen, caplog):
    """Is called no more; the others are; an `error` event is to tell."""

    def bad(record):
        raise RuntimeError("planted")

    taps.insert(0, bad)
    connection = taps.connection()
    connection.received([Text("a"), Text("b")])
    assert len(seen) == 2
    assert bad not in taps
    (event,) = connection.take_errors("target")
    assert str(event.error) == "planted"
    assert event.target == "target"
    assert connection.take_errors("target") == []
    assert "called no more" in caplog.text


def test_the_option(echo):
    """All of a session, from the request to its end."""
    seen = []
    options = SessionOptions(tap=seen.append, headers={"X-Room": "blue"})
    with PlainSession(echo.url, options=options) as session:
        session.send_text("hello")
        assert next(session.receive(5)) == "hello"
    kinds = [(r.dir, r.kind) for r in seen if r.kind != "event"]
    assert kinds[:4] == [
        ("out", "upgrade"),
        ("in", "upgrade"),
        ("out", "text"),
        ("in", "text"),
    ]
    assert seen[1].data == (echo.url, (("X-Room", "blue"),))
    assert seen[2].data[0] == 101
    events = [str(r.data.type) for r in seen if r.kind == "event"]
    assert events == ["created", "open", "close"]
    assert isinstance(seen[-1].data, CloseEvent)
    assert [r.time for r in seen] == sorted(r.time for r in seen)


def test_an_option_that_raises(echo):
    """The session goes on, and tells of it."""

    def bad(record):
        raise RuntimeError("planted")

    session = PlainSession(echo.url, options=SessionOptions(tap=bad))
    errors, told = [], threading.Event()

    def on_error(event):
        errors.append(event.error)
        told.set()

    session.on_error = on_error
    with session:
        session.send_text("hello")
        assert next(session.receive(5)) == "hello"
        assert told.wait(5)
    assert [str(error) for error in errors] == ["planted"]
    assert session.close_code == 1000


def test_a_refusal():
    """Its status and headers."""
    seen = []
    with Listener(check=lambda _: Refusal(503, "full")) as listener:
        options = SessionOptions(tap=seen.append)
        with pytest.raises(HandshakeError):
            PlainSession(listener.url, options=options).connect()
    (answer,) = [r for r in seen if (r.dir, r.kind) == ("in", "upgrade")]
    assert answer.data[0] == 503


def test_newcomers(echo):
    """Who records whatever comes is told of each session."""
    made = []
    newcomers.append(made.append)
    try:
        session = PlainSession(echo.url)
    finally:
        newcomers.remove(made.append)
    PlainSession(echo.url)
    assert made == [session]
