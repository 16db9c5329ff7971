"""The session as its users see it: opening, sending, receiving, ending."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.peers import close_frame, frame
from voxsync import (
    ConcurrencyError,
    ConnectError,
    HandshakeError,
    InvalidState,
    OpenTimeout,
    PlainSession,
    QueueDispatcher,
    ReadyState,
    ReceiveTimeout,
    SendQueueFull,
    SessionClosed,
    SessionOptions,
)


def test_a_whole_life(echo, make):
    """Order of events, states, properties and figures of an ordinary session."""
    session = make(echo.url)
    assert session.ready_state is ReadyState.CONNECTING
    assert session.stats.bytes_sent == 0
    assert session.connect() is session
    assert session.is_active
    assert not session.is_closed
    session.send_text("grüße")
    session.send_binary(bytearray(b"\0\1"))
    session.send_json({"a": [1, "ü"]})
    messages = session.receive(timeout=5)
    assert [next(messages) for _ in range(3)] == ["grüße", b"\0\1", '{"a":[1,"ü"]}']
    session.close()
    assert list(messages) == []
    session.log.check()
    assert session.log.kinds == ["created", "open", *["message"] * 3, "close"]
    close = session.wait_closed(1)
    assert (close.code, close.was_clean, close.unsent) == (1000, True, 0)
    assert (session.close_code, session.close_reason) == (1000, "")
    assert session.is_closed
    stats = session.stats
    assert stats.messages_sent == stats.messages_received == 3
    assert stats.open_seconds is not None
    assert session.url == echo.url
    assert session.id in repr(session)
    assert "CLOSED" in repr(session)


def test_with_block_opens_and_closes(echo):
    """`with` connects, and closes at its end."""
    with PlainSession(echo.url) as session:
        assert session.is_active
    assert session.close_code == 1000


def test_with_block_cancels_on_an_exception(echo):
    """Leaving by an exception must not hang on a polite goodbye."""
    with pytest.raises(KeyError), PlainSession(echo.url) as session:
        raise KeyError
    assert session.wait_closed(1).code == 1006


def test_connect_in_the_background(echo, make):
    """`wait=False` returns at once; `open` tells."""
    session, opened = make(echo.url), threading.Event()
    session.on_open = lambda event: opened.set()
    session.connect(wait=False)
    assert opened.wait(5)
    session.close()
    session.log.check()


def test_a_session_is_opened_once(echo, make):
    """A second connect is misuse, also after the end."""
    session = make(echo.url).connect()
    with pytest.raises(InvalidState, match="opened once"):
        session.connect()
    session.close()
    with pytest.raises(InvalidState):
        session.connect()


def test_close_before_connect(make):
    """Such a session is over; no event is told (I1 speaks of connected ones)."""
    session = make("ws://127.0.0.1:9/")
    session.close()
    assert session.is_closed
    with pytest.raises(InvalidState):
        session.connect()
    with pytest.raises(InvalidState, match="never called"):
        session.wait_closed(1)
    assert session.log.events == []
    other = make("ws://127.0.0.1:9/")
    other.cancel()
    assert other.is_closed
    for over in (session, other):
        for late in (lambda over=over: over.send_text("x"), over.finish):
            with pytest.raises(SessionClosed, match="closed before it was connected"):
                late()


def test_refused_connection(make, peer):
    """ConnectError to the caller; `created`, `error`, `close` 1006 to listeners."""
    server = peer(lambda conn: None)
    url = server.url
    server.close()
    session = make(url)
    with pytest.raises(ConnectError, match="could not connect"):
        session.connect()
    session.log.check()
    assert session.log.kinds == ["created", "error", "close"]
    assert session.close_code == 1006
    with pytest.raises(ConnectError):
        next(session.receive())


def test_refused_upgrade_carries_status_and_body(make, peer):
    """401 with its body and a hint."""

    def script(conn):
        conn.read_head()
        conn.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nno way!")

    session = make(peer(script, upgrade=False).url)
    with pytest.raises(
        HandshakeError, match="401 Unauthorized: no way!; no api_key was given"
    ) as info:
        session.connect()
    assert (info.value.status, info.value.body) == (401, b"no way!")
    assert info.value.is_auth
    session.log.check()


def test_connect_has_a_deadline(make, peer):
    """A server that never answers: OpenTimeout, and all is over at once."""
    session = make(peer(lambda conn: conn.until_stopped(), upgrade=False).url)
    with pytest.raises(OpenTimeout, match=r"0.1 s"):
        session.connect(timeout=0.1)
    session.log.check()
    assert isinstance(session.log.of("error")[0].error, TimeoutError)


def test_open_timeout_in_the_background(make, peer):
    """Without a waiting caller the events thread keeps the deadline."""
    url = peer(lambda conn: conn.until_stopped(), upgrade=False).url
    session = make(url, open_timeout=0.1)
    session.connect(wait=False)
    session.wait_closed(5)
    session.log.check()
    assert isinstance(session.log.of("error")[0].error, OpenTimeout)


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_giving_up_while_connecting(make, peer, end):
    """cancel() and close() get a waiting connect() out within a moment."""
    session = make(peer(lambda conn: conn.until_stopped(), upgrade=False).url)
    result = []

    def connect():
        try:
            session.connect()
        except Exception as exc:
            result.append(exc)

    thread = threading.Thread(target=connect)
    thread.start()
    while not session.log.events:
        thread.join(0.001)
    getattr(session, end)()
    thread.join(5)
    assert isinstance(result[0], ConnectError)
    assert not isinstance(result[0], OpenTimeout)
    session.wait_closed(5)
    session.log.check()
    assert "error" not in session.log.kinds  # it was the application's wish


def test_nonsense_arguments_are_refused_early(echo, make):
    """Before any thread or socket exists."""
    with pytest.raises(ValueError, match="scheme"):
        PlainSession("http://host/")
    with pytest.raises(TypeError, match="SessionOptions"):
        PlainSession(echo.url, options={})
    with pytest.raises(ValueError, match="line break"):
        PlainSession(echo.url, options=SessionOptions(headers={"A": "b\r\nC: d"}))
    session = make(echo.url)
    with pytest.raises(ValueError, match="positive"):
        session.connect(timeout=0)
    session.connect()
    for code in (999, 1005, 1006, 5000):
        with pytest.raises(ValueError, match="may not be sent"):
            session.close(code)
    for code in ("bye", None, True, 1000.0):
        with pytest.raises(TypeError, match=r'code must be an int.*close.1000, "bye"'):
            session.close(code)
    with pytest.raises(TypeError, match="reason must be a str, not bytes"):
        session.close(1000, b"bye")
    with pytest.raises(ValueError, match="123 bytes"):
        session.close(1000, "ü" * 62)
    with pytest.raises(TypeError, match="str"):
        session.send_text(b"bytes")
    with pytest.raises(TypeError, match="send_text"):
        session.send_binary("text")
    with pytest.raises(ValueError, match="surrogate"):
        session.send_text("\ud800")
    with pytest.raises(ValueError, match="JSON"):
        session.send_json(float("nan"))
    assert session.is_active


def test_using_a_session_too_early(make):
    """InvalidState says what to do."""
    session = make("ws://127.0.0.1:9/")
    with pytest.raises(InvalidState, match="connect"):
        session.send_text("x")
    with pytest.raises(InvalidState, match="connect"):
        session.finish()
    with pytest.raises(InvalidState, match="connect"):
        session.receive()


def test_using_a_session_too_late(echo, make):
    """SessionClosed with code and reason; closing again is nothing."""
    session = make(echo.url).connect()
    session.close(4000, "enough")
    with pytest.raises(SessionClosed, match="4000, enough") as info:
        session.send_text("x")
    assert info.value.code == 4000
    with pytest.raises(SessionClosed):
        session.finish()
    session.close()
    session.cancel()
    assert session.close_code == 4000


@pytest.mark.parametrize("by_us", [True, False], ids=["closed", "hung-up"])
def test_a_listener_that_sends_too_late(make, peer, caplog, by_us):
    """No mistake of the program, whoever ended it: one line, and no `error`."""
    caplog.set_level(logging.INFO)

    def script(conn):
        conn.send(frame(1, b"x"))
        if by_us:
            conn.echo_until_close()
        else:
            conn.send(close_frame(1001))

    session = make(peer(script).url)

    def answer(event):
        if by_us:
            session.close(wait=False)
        else:
            assert session._connection.io_done.wait(5)
        session.send_text("too late")

    session.add_event_listener("message", answer)
    session.connect()
    session.wait_closed(5)
    assert session.log.of("error") == []
    (record,) = [r for r in caplog.records if "too late" in r.message]
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert f"listener {answer!r} of 'message' came too late" in record.message
    assert session.stats.listener_errors == 1


def test_another_sessions_end_is_a_mistake_of_the_listener(echo, make, caplog):
    """It should have asked: a traceback and an `error` event, as for any other."""
    other = make(echo.url).connect()
    other.close()
    session, told = make(echo.url), threading.Event()
    session.add_event_listener("message", lambda event: other.send_text("x"))
    session.add_event_listener("error", lambda event: told.set())
    session.connect()
    session.send_text("x")
    assert told.wait(5)
    session.close()
    assert [type(event.error) for event in session.log.of("error")] == [SessionClosed]
    assert caplog.text.count("Traceback") == 1


def test_sending_while_closing(make, peer):
    """Nothing is accepted once close() was called."""
    session = make(peer(lambda conn: conn.until_stopped()).url, close_timeout=0.2)
    session.connect()
    session.close(wait=False)
    assert session.ready_state >= ReadyState.CLOSING
    with pytest.raises(SessionClosed, match=r"closing|over"):
        session.send_text("x")
    session.wait_closed(5)


def test_finish_ends_the_input_only(echo, make):
    """Behind queued messages; results still arrive; sending is misuse."""
    session = make(echo.url).connect()
    session.send_text("last")
    session.finish()
    session.finish()
    assert not session.is_active
    assert session.ready_state is ReadyState.OPEN
    with pytest.raises(InvalidState, match="finished"):
        session.send_text("x")
    assert next(session.receive(timeout=5)) == "last"


def test_send_queue_full(make, peer):
    """block=False raises at once, a timeout later; nothing of it was accepted."""
    url = peer(lambda conn: conn.until_stopped(), receive_buffer=4096).url
    session = make(url, send_queue=2)
    session.connect()
    with pytest.raises(SendQueueFull, match=r"no room came in 0.2 s"):
        for _ in range(10_000):
            session.send_binary(bytes(32768), timeout=0.2)
    with pytest.raises(SendQueueFull, match="2 of 2 places"):
        session.send_binary(b"x", block=False)
    stats = session.stats
    assert stats.send_queue == stats.send_queue_highest == 2
    assert stats.send_refused == 2
    assert stats.send_blocked >= 0.2
    session.cancel()
    close = session.wait_closed(5)
    assert close.unsent >= 2
    assert session.stats.unsent == close.unsent


def test_receive_timeout_and_going_on(make, peer):
    """ReceiveTimeout leaves the session and the iterator usable."""
    gate = threading.Event()

    def script(conn):
        gate.wait(10)
        conn.send(frame(1, b"late"))
        conn.echo_until_close()

    session = make(peer(script).url).connect()
    messages = session.receive(timeout=0.02)
    with pytest.raises(ReceiveTimeout):
        next(messages)
    gate.set()
    assert next(session.receive(timeout=5)) == "late"


def test_messages_queued_at_the_close_are_still_given(make, peer):
    """What came before a bad end comes first, then SessionClosed with its cause."""

    def script(conn):
        conn.send(frame(1, b"a") + frame(2, b"b") + close_frame(4003, "idle"))
        conn.until_eof()

    session = make(peer(script).url).connect()
    session.wait_closed(5)
    messages = session.receive()
    assert [next(messages), next(messages)] == ["a", b"b"]
    with pytest.raises(SessionClosed, match="4003: idle") as info:
        next(messages)
    assert (info.value.code, info.value.reason) == (4003, "idle")
    assert info.value.was_clean
    with pytest.raises(StopIteration):
        next(messages)


def test_receive_has_one_consumer(echo, make):
    """Another thread's loop gets ConcurrencyError; after its end it may begin."""
    session = make(echo.url).connect()
    held, go, result = threading.Event(), threading.Event(), []

    def consumer():
        messages = session.receive(timeout=5)
        session.send_text("1")
        result.append(next(messages))
        held.set()
        go.wait(5)
        messages.close()

    thread = threading.Thread(target=consumer)
    thread.start()
    held.wait(5)
    with pytest.raises(ConcurrencyError, match="one consumer"):
        next(session.receive())
    go.set()
    thread.join(5)
    session.send_text("2")
    assert next(session.receive(timeout=5)) == "2"
    assert result == ["1"]


def test_break_and_resume(echo, make):
    """A loop left with `break` can be taken up by another call."""
    session = make(echo.url).connect()
    for text in "abc":
        session.send_text(text)
    for message in session.receive(timeout=5):
        assert message == "a"
        break
    messages = session.receive(timeout=5)
    assert [next(messages), next(messages)] == ["b", "c"]


def test_a_listener_cannot_wait_for_itself(echo, make):
    """receive() and connect() inside a listener are misuse, told at once."""
    session, result = make(echo.url), []

    def listener(event):
        try:
            session.receive()
        except InvalidState as exc:
            result.append(exc)

    session.add_event_listener("open", listener)
    session.connect()
    session.close()
    assert "itself" in str(result[0])


def test_a_listener_may_call_everything_else(echo, make):
    """Also a blocking send and close(), which then waits for the socket alone."""
    session, done = make(echo.url), threading.Event()

    def listener(event):
        if event.data == "go":
            session.send_text("from the listener")
        else:
            session.close()
            assert session.close_code == 1000
            assert session.wait_closed(5).was_clean
            done.set()

    session.add_event_listener("message", listener)
    session.connect()
    session.send_text("go")
    assert done.wait(5)
    session.wait_closed(5)
    session.log.check()
    assert session.stats.listener_errors == 0


def test_a_slow_listener_stops_the_reading(make, peer):
    """I8: the inbox is bounded; nothing is lost once the listener goes on."""
    count, gate, sent = 5000, threading.Event(), threading.Event()

    def script(conn):
        conn.send(b"".join(frame(2, bytes(1000)) for _ in range(count)))
        sent.set()
        conn.echo_until_close()

    session = make(peer(script).url, inbox=8, listen=False)
    seen, highest = [], []

    def listener(event):
        gate.wait(20)
        highest.append(session.stats.inbox)
        seen.append(len(event.data))

    session.add_event_listener("message", listener)
    session.connect()
    assert not sent.wait(0.2)  # 5 MB do not fit into the kernels
    gate.set()
    assert sent.wait(20)
    while len(seen) < count:
        gate.wait()
        time.monotonic()
    session.close()
    assert seen == [1000] * count
    assert max(highest) <= 8 + 1


def test_nobody_receives(make, peer):
    """The oldest are dropped, counted and reported once as an `error` event."""

    def script(conn):
        conn.send(b"".join(frame(1, b"%d" % i) for i in range(10)))
        conn.echo_until_close()

    session, told = make(peer(script).url, receive_queue=4, listen=False), []
    errors = threading.Event()
    session.on_error = lambda event: (told.append(event.error), errors.set())
    session.connect()
    assert errors.wait(5)
    while session.stats.messages_received < 10 or session.stats.inbox:
        errors.wait()
    session.close()
    assert [type(error) for error in told] == [InvalidState]
    assert session.stats.receive_dropped == 6
    assert list(session.receive()) == ["6", "7", "8", "9"]


def test_listeners_do_not_care_that_nobody_receives(make, peer):
    """With a message listener nothing is lost and nothing is reported."""

    def script(conn):
        conn.send(b"".join(frame(1, b"%d" % i) for i in range(10)))
        conn.echo_until_close()

    session = make(peer(script).url, receive_queue=4)
    session.connect()
    while len(session.log.of("message")) < 10:
        session._delivery.join(0.001)
    session.close()
    assert session.log.of("error") == []
    assert session.stats.receive_dropped == 6


def test_a_slow_consumer_holds_the_events_back(make, peer):
    """Once somebody receives, nothing is dropped: the queue waits for them."""
    count = 500

    def script(conn):
        conn.send(frame(1, b"first"))
        conn.read_frame()
        conn.send(b"".join(frame(1, b"%d" % i) for i in range(count)))
        conn.echo_until_close()

    session = make(peer(script).url, receive_queue=4, inbox=4, listen=False)
    session.connect()
    messages = session.receive(timeout=10)
    assert next(messages) == "first"
    session.send_text("go")
    assert [next(messages) for _ in range(count)] == [str(i) for i in range(count)]
    assert session.stats.receive_dropped == 0


def test_closing_with_a_full_receive_queue(make, peer):
    """close() does not wait for a consumer that is gone; the rest is counted."""

    def script(conn):
        conn.read_frame()
        conn.send(b"".join(frame(1, b"%d" % i) for i in range(50)))
        conn.echo_until_close()

    session = make(peer(script).url, receive_queue=4, inbox=64, listen=False)
    session.connect()
    messages = session.receive(timeout=5)
    session.send_text("go")
    assert next(messages) == "0"
    while session.stats.messages_received < 50:
        session._delivery.join(0.001)
    session.close()
    assert session.close_code == 1000
    rest = list(messages)
    assert rest == [str(i) for i in range(1, len(rest) + 1)]
    assert len(rest) + session.stats.receive_dropped == 49


def test_queue_dispatcher(echo, make):
    """Listeners run where run_pending() is called; close() there does not hang."""
    dispatcher = QueueDispatcher()
    session = make(echo.url, dispatcher=dispatcher)
    threads = []
    session.on_message = lambda event: threads.append(threading.get_ident())
    session.connect()
    session.send_text("x")
    while not threads:
        assert dispatcher.wait(5)
        dispatcher.run_pending()
    session.close()  # on the thread that runs the listeners
    assert session.close_code == 1000
    while "close" not in session.log.kinds:
        assert dispatcher.wait(5)
        dispatcher.run_pending()
    session.log.check()
    assert threads == [threading.get_ident()]


def test_a_listener_connects_another_session(echo, make):
    """As the handler of a button does: opening needs no listeners."""
    dispatcher = QueueDispatcher()
    first = make(echo.url, dispatcher=dispatcher)
    second = make(echo.url, dispatcher=dispatcher)
    first.on_message = lambda event: second.connect().send_text(event.text)
    first.connect().send_text("x")
    while "message" not in second.log.kinds:
        assert dispatcher.wait(5)
        dispatcher.run_pending()


def test_a_listener_does_not_wait_for_its_own_session(echo, make):
    """On the events thread that would be for ever: it is told what to do."""
    session, errors = make(echo.url, listen=False), []

    def closed(event):
        try:
            session.connect()
        except InvalidState as exc:
            errors.append(str(exc))

    session.on_close = closed
    session.connect().close()
    assert errors == ["a listener cannot wait for connect(); use wait=False"]


def test_close_gives_up_on_a_listener_that_never_returns(echo, make, caplog):
    """I6: such a listener costs the caller close_timeout, not for ever."""
    gate, entered = threading.Event(), threading.Event()
    session = make(echo.url, close_timeout=0.2, listen=False)
    session.on_message = lambda event: (entered.set(), gate.wait(30))
    session.connect()
    session.send_text("x")
    entered.wait(5)
    session.close()
    assert "a listener still runs" in caplog.text
    with pytest.raises(TimeoutError):
        session.wait_closed(0.05)
    assert session.is_closed
    gate.set()
    session.wait_closed(5)


def test_subprotocol_and_headers(make, peer):
    """Offered and sent as given; the choice is told."""

    def script(conn):
        request = conn.read_head()
        server.requests.append(request)
        conn.answer(request, b"Sec-WebSocket-Protocol: b\r\n")
        conn.echo_until_close()

    server = peer(script, upgrade=False)
    options = {"headers": {"X-One": "1", "Host": "other"}, "subprotocols": ("a", "b")}
    session = make(server.url, **options).connect()
    assert session.subprotocol == "b"
    request = server.requests[0]
    assert b"\r\nX-One: 1" in request
    assert b"\r\nSec-WebSocket-Protocol: a, b" in request
    assert request.count(b"Host:") == 1


def test_idle_timeout(make, peer):
    """A silent peer is given up after idle_timeout, if that is set."""
    session = make(peer(lambda c: c.until_stopped()).url, idle_timeout=0.1).connect()
    assert session.wait_closed(5).code == 1006
    assert "no byte for 0.1 s" in str(session.log.of("error")[0].error.__cause__)
    session.log.check()


def test_a_ping_is_answered_and_measured(echo, make):
    """Silence leads to a ping; its pong is life and gives the round trip."""
    session = make(echo.url, ping_interval=0.05, ping_timeout=5).connect()
    while session.stats.ping_round_trip is None:
        session._delivery.join(0.001)
    assert session.is_active


def test_a_peer_that_answers_no_ping(make, peer):
    """It is dead after ping_timeout."""
    url = peer(lambda conn: conn.until_stopped()).url
    session = make(url, ping_interval=0.05, ping_timeout=0.05).connect()
    assert session.wait_closed(5).code == 1006
    assert "ping" in str(session.log.of("error")[0].error.__cause__)


def test_the_child_of_a_fork_is_told(echo, make):
    """Every method raises there, and touches neither lock nor socket."""
    session = make(echo.url).connect()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for call in (
            lambda: session.send_text("x"),
            session.close,
            session.cancel,
            session.finish,
            session.receive,
            session.wait_closed,
            session.connect,
        ):
            try:
                call()
            except SessionClosed as exc:
                said.append("belongs to process" in str(exc))
        os.write(write, b"ok" if said == [True] * 7 else b"no")
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"ok"
    os.close(read)
    os.waitpid(child, 0)
    session.send_text("still mine")
    assert next(session.receive(timeout=5)) == "still mine"


PROGRAM = """
import sys, signal
from voxsync import PlainSession
session = PlainSession(sys.argv[1])
{body}
"""


def program(body, url):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body), url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_forgotten_session_says_goodbye_at_exit(make, peer):
    """The program ends at once, and the server gets Close 1001."""
    closes = []

    def script(conn):
        conn.send(frame(1, b"hello"))
        opcode, data = conn.read_frame()
        closes.append((opcode, data[:2]))
        conn.send(close_frame(1001))

    child = program("session.connect(); next(session.receive())", peer(script).url)
    _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (0, "")
    assert closes == [(8, b"\x03\xe9")]


@pytest.mark.parametrize(
    "body",
    [
        "session.connect(); print('in', flush=True); session.wait_closed()",
        "session.connect(); print('in', flush=True); next(session.receive())",
        """session.connect(); print('in', flush=True)
while True: session.send_binary(bytes(30000))""",
    ],
)
def test_ctrl_c_works_in_every_wait(peer, body):
    """KeyboardInterrupt comes out of the call, and the program ends."""
    child = program(body, peer(lambda conn: conn.until_stopped()).url)
    assert child.stdout.readline() == "in\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in err
    assert child.returncode in (1, -signal.SIGINT)


def test_ctrl_c_while_connecting(peer):
    """Also when the server never answers the upgrade."""
    accepted = threading.Event()

    def script(conn):
        conn.read_head()
        accepted.set()
        conn.until_stopped()

    child = program("session.connect(timeout=60)", peer(script, upgrade=False).url)
    assert accepted.wait(20)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert "KeyboardInterrupt" in err


def test_cancel_from_a_signal_handler(peer):
    """It takes no lock, so it may interrupt the very thread that holds one."""
    body = """
signal.signal(signal.SIGTERM, lambda *_: session.cancel())
session.connect(); print('in', flush=True)
try:
    while True: session.send_binary(bytes(30000))
except Exception as exc: print(type(exc).__name__)
"""
    child = program(body, peer(lambda conn: conn.until_stopped()).url)
    assert child.stdout.readline() == "in\n"
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=20)
    assert (out, err, child.returncode) == ("SessionClosed\n", "", 0)


def test_close_reason_of_a_peer_that_gives_no_code(make, peer):
    """An empty Close frame is a clean end with code 1005."""

    def script(conn):
        conn.send(close_frame(None))
        conn.until_eof()

    session = make(peer(script).url).connect()
    close = session.wait_closed(5)
    assert (close.code, close.was_clean, close.error) == (1005, True, None)
    assert list(session.receive()) == []


def test_bytes_behind_the_upgrade_are_not_lost(make, peer):
    """First frames that came in one piece with the 101."""

    def script(conn):
        request = conn.read_head()
        send = conn.send
        conn.send = lambda data: send(data + frame(1, b"early"))
        conn.answer(request)
        conn.send = send
        conn.echo_until_close()

    session = make(peer(script, upgrade=False).url).connect()
    assert next(session.receive(timeout=5)) == "early"


def test_context_managers_of_connected_sessions(echo):
    """`with session.connect():` does not connect twice."""
    with contextlib.closing(PlainSession(echo.url).connect()) as session, session:
        assert session.is_active


def test_ctrl_c_in_wait_closed_takes_nothing_for_ended(peer):
    """The session lives on after it, and can be waited for and closed."""
    body = """
session.connect()
try: print('in', flush=True); session.wait_closed()
except KeyboardInterrupt: print('interrupted', session.is_active)
try: session.wait_closed(0.2)
except TimeoutError as exc: print(exc)
session.close()
print(session.wait_closed().code)
"""
    child = program(body, peer(lambda conn: conn.echo_until_close()).url)
    assert child.stdout.readline() == "in\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert out.splitlines() == [
        "interrupted True",
        "the session was not over within 0.2 s",
        "1000",
    ]
    assert err == ""


WRONG_TIMES = [
    ("x", TypeError),
    (True, TypeError),
    (-1, ValueError),
    (float("nan"), ValueError),
]


@pytest.mark.parametrize(("timeout", "error"), WRONG_TIMES)
@pytest.mark.parametrize(
    "verb",
    [
        lambda session, timeout: session.receive(timeout),
        lambda session, timeout: session.receive(timeout=timeout),
        lambda session, timeout: session.wait_closed(timeout),
        lambda session, timeout: session.send_text("x", timeout=timeout),
        lambda session, timeout: session.send_binary(b"x", timeout=timeout),
        lambda session, timeout: session.send_json({}, timeout=timeout),
        lambda session, timeout: session._send_all(["x"], True, timeout),
    ],
    ids=["receive", "named", "wait_closed", "text", "binary", "json", "all"],
)
def test_timeouts_that_are_none(echo, make, verb, timeout, error):
    """They are refused where they are given, and nothing was sent."""
    session = make(echo.url, listen=False).connect()
    with pytest.raises(error, match="timeout must be"):
        verb(session, timeout)
    assert session.is_active
    session.close()
    assert session.stats.messages_sent == 0


@pytest.mark.parametrize(("timeout", "error"), [*WRONG_TIMES, (0, ValueError)])
def test_timeouts_that_are_none_for_connect(echo, make, timeout, error):
    """Nothing was begun: the session can be connected still."""
    session = make(echo.url, listen=False)
    with pytest.raises(error, match="timeout must be"):
        session.connect(timeout)
    session.connect(5).close()


@pytest.mark.parametrize("block", [3, None, "no"])
def test_blocking_is_a_bool(echo, make, block):
    """Else a name in the wrong place would pass for one."""
    session = make(echo.url, listen=False).connect()
    with pytest.raises(TypeError, match="block must be a bool"):
        session.send_text("x", block=block)
    with pytest.raises(TypeError, match="block must be a bool"):
        session._send_all(["x"], block, None)


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_a_session_of_the_past_cannot_be_entered(echo, make, end):
    """At once, and not with the first message that is sent."""
    session = make(echo.url, listen=False).connect()
    getattr(session, end)()
    session.wait_closed(5)
    with pytest.raises(SessionClosed, match="the session is over"), session:
        pass


def test_the_last_messages_of_a_session_can_be_received(make, peer):
    """The service said something and left before the program came to `with`."""

    def script(conn):
        conn.send(frame(1, b"bye") + close_frame(1000))
        conn.until_eof()

    session = make(peer(script).url, listen=False).connect()
    session.wait_closed(5)
    with session:
        assert list(session.receive(5)) == ["bye"]


def test_a_timeout_tells_of_nothing_else(echo, make):
    """No other exception is told before it."""
    session = make(echo.url, listen=False).connect()
    with pytest.raises(ReceiveTimeout) as caught:
        next(session.receive(0))
    assert caught.value.__context__ is None


# A bad end that nobody waits for


def broken(conn):
    """TCP ends."""


def greeting(conn):
    """One message; TCP ends when one was sent back."""
    conn.send(frame(1, b"hi"))
    conn.read_frame()


def told_of(caplog, session):
    return [
        (record.levelname, record.message.partition(": ")[0])
        for record in caplog.records
        if session.id in record.message
    ]


def warned(session):
    words = f"session {session.id} ended, and nobody listens to `error` or `close`"
    return [("WARNING", words)]


def test_a_bad_end_is_logged_where_nobody_listens(make, peer, caplog):
    """Once, whatever is called afterwards."""
    session = make(peer(broken).url, listen=False).connect()
    with session:
        assert session._connection.io_done.wait(5)
        assert told_of(caplog, session) == []  # a receive() might follow
    session.close()
    assert told_of(caplog, session) == warned(session)
    assert "without a Close frame" in caplog.text


def test_a_bad_end_is_logged_at_once_where_nothing_else_would_tell(make, peer, caplog):
    """A program that only listens to messages waits for what will not come."""
    session = make(peer(broken).url, listen=False)
    session.on_message = lambda _: None
    session.connect()
    assert session._connection.io_done.wait(5)
    assert told_of(caplog, session) == warned(session)
    session.close()
    assert told_of(caplog, session) == warned(session)


@pytest.mark.parametrize("name", ["error", "close"])
def test_a_bad_end_that_is_listened_to(make, peer, caplog, name):
    """The listener knows what to do."""
    session = make(peer(broken).url, listen=False)
    session.add_event_listener(name, lambda _: None)
    session.connect().wait_closed(5)
    session.close()
    assert told_of(caplog, session) == []


def test_a_bad_end_that_is_received(make, peer, caplog):
    """The exception says it all."""
    session = make(peer(broken).url, listen=False).connect()
    messages = session.receive(5)
    with pytest.raises(SessionClosed), session:
        next(messages)
    session.close()
    assert told_of(caplog, session) == []


def test_a_bad_end_that_is_not_received_any_more(make, peer, caplog):
    """Who has left the loop is told at the end of the session."""
    session = make(peer(greeting).url, listen=False).connect()
    with session:
        for _ in session.receive(5):
            break
        session.send_text("x")
        assert session._connection.io_done.wait(5)
        assert told_of(caplog, session) == []
    assert told_of(caplog, session) == warned(session)


def test_a_bad_end_that_is_told_otherwise(make, peer, caplog):
    """By the next message that is sent, or by whoever waits for the end."""

    def send(session):
        with pytest.raises(SessionClosed):
            session.send_text("y")

    for tell in (send, lambda session: session.wait_closed(5)):
        session = make(peer(greeting).url, listen=False).connect()
        assert next(session.receive(5)) == "hi"
        session.send_text("x")
        assert session._connection.io_done.wait(5)
        tell(session)
        session.close()
        assert told_of(caplog, session) == []


def test_an_opening_that_fails_unwatched(make, peer, caplog):
    """connect() raises it, unless nobody waits for that."""
    url = peer(broken, upgrade=False).url
    session = make(url, listen=False)
    with pytest.raises(ConnectError):
        session.connect()
    assert told_of(caplog, session) == []
    session = make(url, listen=False)
    session.on_message = lambda _: None
    session.connect(wait=False).wait_closed(5)
    assert told_of(caplog, session) == warned(session)


def test_good_ends_are_not_logged(echo, make, caplog):
    """Neither is what the program itself cut short."""
    for end in ("close", "cancel"):
        session = make(echo.url, listen=False).connect()
        getattr(session, end)()
        session.wait_closed(5)
        assert told_of(caplog, session) == []
