"""What can be read of a session before, during and after its life."""

import queue
import threading

import pytest

from voxsync import PlainSession, ReadyState, SessionClosed, SessionOptions
from voxsync.events import MessageEvent, OpenEvent


def test_before_connect():
    """CONNECTING as in the DOM, no close code, figures at zero."""
    session = PlainSession("ws://127.0.0.1:9/?key=secret-secret")
    assert session.ready_state is ReadyState.CONNECTING
    assert not session.is_active
    assert not session.is_closed
    assert (session.close_code, session.close_reason) == (None, None)
    assert session.subprotocol is None
    assert session.stats.messages_sent == 0
    assert "secret" not in repr(session)
    assert session.url.endswith("secret-secret")


def test_states_over_a_life(echo, make):
    """OPEN and active, finished, CLOSED."""
    session = make(echo.url).connect()
    assert session.ready_state is ReadyState.OPEN
    assert session.is_active
    session.finish()
    assert session.ready_state is ReadyState.OPEN
    assert not session.is_active
    session.close()
    assert session.ready_state is ReadyState.CLOSED
    assert (session.close_code, session.close_reason) == (1000, "")


def test_the_state_shows_a_request_at_once(make, peer):
    """CLOSING as soon as close() was called, whatever the I/O thread does."""
    url = peer(lambda conn: conn.until_stopped()).url
    session = make(url, close_timeout=0.2).connect()
    session.close(wait=False)
    assert session.ready_state >= ReadyState.CLOSING
    session.wait_closed(5)


def test_who_wants_an_event():
    """Messages always, for receive(); others only with something attached."""
    session = PlainSession("ws://127.0.0.1:9/")
    assert session._wants(MessageEvent(session, "x"))
    event = MessageEvent(session, "x")
    assert not session._has_listeners(event.attribute)
    session.on_message = print
    assert session._has_listeners(event.attribute)


def test_what_is_taken_without_the_events_thread():
    """Messages that nobody listens to, as long as there is room for them."""
    session = PlainSession("ws://127.0.0.1:9/", options=SessionOptions(receive_queue=2))
    first, second, third = (MessageEvent(session, text) for text in "abc")
    assert not session._took([OpenEvent(session), first])
    assert session._took([first, second])
    assert not session._took([third])  # a drop: somebody must be told of it
    assert session._receiver.dropped == 0
    assert session._received(third) is not None  # told
    assert session._took([third])
    assert session._receiver.dropped == 2
    session.on_message = print
    assert not session._took([first])


def test_receiving_needs_no_events_thread(echo):
    """Who iterates is woken by the I/O thread itself."""
    heard = threading.Event()
    with PlainSession(echo.url) as session:
        messages = session.receive(5)
        session.send_text("x")
        assert next(messages) == "x"
        assert not session._delivery.alive
        session.on_message = lambda _: heard.set()
        session.send_text("y")
        assert heard.wait(5)
        assert next(messages) == "y"
        assert session._delivery.alive


def test_errors_after_the_end_carry_its_facts(make, peer):
    """Code, reason and cause for whoever sends too late."""

    def script(conn):
        conn.send(b"\x88\x06" + (4003).to_bytes(2, "big") + b"idle")
        conn.until_eof()

    session = make(peer(script).url).connect()
    session.wait_closed(5)
    with pytest.raises(SessionClosed, match="4003, idle") as info:
        session.send_text("x")
    assert (info.value.code, info.value.reason) == (4003, "idle")
    assert isinstance(info.value.__cause__, SessionClosed)


def test_messages_that_nobody_receives_any_more_hold_up_nobody(echo, make):
    """A program that received one, and then leaves it to a listener that makes room."""
    session = make(echo.url, listen=False, receive_queue=4).connect()
    session.send_text("first")
    assert next(session.receive(5)) == "first"
    heard, helps = queue.SimpleQueue(), threading.Event()

    def told(event):
        if helps.is_set():
            session._make_room()
        heard.put(event.data)

    session.add_event_listener("message", told)
    for n in range(10):  # more than fit: it waits, and makes no room itself
        session.send_text(str(n))
    assert [heard.get(timeout=5) for _ in range(4)] == list("0123")
    helps.set()
    session._make_room()
    assert [heard.get(timeout=5) for _ in range(6)] == list("456789")
    assert session.stats.receive_dropped == 10 - 3  # one place is kept free
    assert [next(session.receive(5)) for _ in range(3)] == list("789")


def test_who_receives_loses_nothing_to_who_makes_room(echo, make):
    """There is a consumer: he is waited for."""
    session = make(echo.url, listen=False, receive_queue=4).connect()
    messages = session.receive(5)
    session.send_text("first")
    assert next(messages) == "first"
    session.add_event_listener("message", lambda _: session._make_room())
    for n in range(20):
        session.send_text(str(n))
    assert [next(messages) for _ in range(20)] == [str(n) for n in range(20)]
    assert session.stats.receive_dropped == 0
