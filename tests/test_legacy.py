"""What README says of blinker receivers and of websocket-client's WebSocketApp.

What it says of WebSocketApp is true of the version that is installed.
"""

import gc
import logging
import threading
import warnings

import blinker
import pytest
import websocket

from voxsync import ConnectError, InvalidState, SessionClosed, SessionOptions
from voxsync.plain import PlainSession
from voxsync.server import Listener


class Window:
    """Receivers that are methods."""

    def __init__(self, log):
        self.log = log

    def shown(self, session, event):
        self.log.append(event.text)

    @classmethod
    def counted(cls, session, **details):
        assert details["event"].target is session


@pytest.fixture
def server():
    """Echoes; closes as it is told by `close CODE REASON`; has `requests`."""

    def connected(listener, session):
        listener.requests.append(session.request)

        def answer(event):
            if event.text.startswith("close"):
                _, code, reason = event.text.split()
                session.close(int(code), reason, wait=False)
            elif isinstance(event.data, str):
                session.send_text(event.data)
            else:
                session.send_binary(event.data)

        session.add_event_listener("message", answer)

    listener = Listener()
    listener.requests = []
    listener.connection.connect(connected, weak=False)
    with listener:
        yield listener


@pytest.fixture(autouse=True)
def quiet():
    """It logs every end as an error."""
    logger = logging.getLogger("websocket")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


def old(url, script, **settings):
    """Run a WebSocketApp; what it told, in order."""
    log = []

    def said(ws, data):
        log.append(("message", data))
        script(ws, data)

    app = websocket.WebSocketApp(
        url,
        on_open=lambda ws: script(ws, None),
        on_message=said,
        on_error=lambda ws, error: log.append(("error", type(error).__name__)),
        on_close=lambda ws, code, reason: log.append(("close", code, reason)),
        **settings,
    )
    with warnings.catch_warnings():  # it leaves sockets to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        log.append(("returned", app.run_forever()))
        del app
        gc.collect()
    return log


def new(url, script, **options):
    """The same with a session."""
    log = []
    session = PlainSession(url, options=SessionOptions(**options))

    def said(event):
        log.append(("message", event.data))
        script(session, event.data)

    session.on_open = lambda event: script(session, None)
    session.on_message = said
    session.on_error = lambda event: log.append(("error", type(event.error).__name__))
    session.on_close = lambda event: log.append(("close", event.code, event.reason))
    try:
        session.connect()
        session.wait_closed(10)
    except ConnectError:
        session.wait_closed(10)
    return log


def test_an_end_that_is_no_error(server):
    """`WebSocketApp` tells of it as an error, too."""

    def script(ws, data):
        if data is None:
            ws.send_text("close 1000 bye")

    assert old(server.url, script) == [
        ("error", "WebSocketConnectionClosedException"),
        ("close", 1000, "bye"),
        ("returned", False),
    ]
    assert new(server.url, script) == [("close", 1000, "bye")]


def test_text_and_binary(server):
    """`str` and `bytes` in both; the verbs differ."""

    def ask(ws, data, send_binary):
        if data is None:
            ws.send_text("text")
            send_binary(b"\x01")
        elif data == b"\x01":
            ws.send_text("close 4001 why")

    found = old(server.url, lambda ws, data: ask(ws, data, ws.send_bytes))
    assert found[:2] == [("message", "text"), ("message", b"\x01")]
    assert found[-2:] == [("close", 4001, "why"), ("returned", False)]
    found = new(server.url, lambda ws, data: ask(ws, data, ws.send_binary))
    assert found == [
        ("message", "text"),
        ("message", b"\x01"),
        ("error", "SessionClosed"),
        ("close", 4001, "why"),
    ]


def test_a_callback_that_raises(server):
    """Both go on, and both tell it to `on_error`."""

    def script(ws, data):
        if data is None:
            ws.send_text("x")
        else:
            ws.send_text("close 1000 bye")
            raise ZeroDivisionError

    for run in (old, new):
        found = run(server.url, script)
        assert found[:2] == [("message", "x"), ("error", "ZeroDivisionError")]
        assert ("close", 1000, "bye") in found


def test_no_connection():
    """`on_error`, then `on_close`; without a code, and with 1006."""
    url = "ws://127.0.0.1:1/"
    assert old(url, lambda *_: None) == [
        ("error", "ConnectionRefusedError"),
        ("close", None, None),
        ("returned", True),
    ]
    error, close = new(url, lambda *_: None)
    assert error == ("error", "ConnectError")
    assert close[:2] == ("close", 1006)


def test_an_end_of_our_own(server):
    """`close()` in a callback, with or without a reason."""

    def script(ws, data):
        if data is None:
            ws.close()

    assert ("close", 1000, None) in old(server.url, script)
    assert new(server.url, script) == [("close", 1000, "")]


def test_keep_running(server):
    """False is seen when the next message comes; `cancel()` ends it at once."""
    go_on = threading.Event()

    def script(ws, data):
        if data is None:
            ws.keep_running = False
            threading.Timer(0.1, go_on.set).start()
            assert go_on.wait(5)

    assert old(server.url, script) == [("close", None, None), ("returned", False)]
    found = new(server.url, lambda ws, data: ws.cancel())
    assert found[-1][:2] == ("close", 1006)


def test_sending_too_early_or_too_late(server):
    """One exception there, two here, which say what is wrong."""
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        websocket.WebSocketApp(server.url).send("x")
    session = PlainSession(server.url)
    with pytest.raises(InvalidState):
        session.send_text("x")
    with session:
        pass
    with pytest.raises(SessionClosed):
        session.send_text("x")


def test_headers(server):
    """Lines are refused at once; cookie, origin and host are headers."""

    def script(ws, data):
        if data is None:
            ws.send_text("x")
        else:  # so the server has looked at the request
            ws.close()

    old(server.url, script, header=["X-A: 1"], cookie="a=b")
    headers = server.requests[-1].headers
    assert (headers["x-a"], headers["cookie"]) == ("1", "a=b")
    assert "origin" in headers
    new(server.url, script, headers={"X-A": "1", "Cookie": "a=b", "Host": "x.test"})
    headers = server.requests[-1].headers
    assert (headers["x-a"], headers["cookie"]) == ("1", "a=b")
    assert headers["host"] == "x.test"
    assert "origin" not in headers
    with pytest.raises(TypeError, match="headers must be"):
        SessionOptions(headers=["X-A: 1"])


def test_subprotocols_that_the_server_does_not_choose(server):
    """An error there, None here."""

    def script(ws, data):
        ws.close()

    found = old(server.url, script, subprotocols=["chat"])
    assert found[0] == ("error", "WebSocketException")
    options = SessionOptions(subprotocols=["chat"])
    with PlainSession(server.url, options=options) as session:
        assert session.subprotocol is None


def test_ping_settings():
    """There the interval must be the longer one."""
    app = websocket.WebSocketApp("ws://127.0.0.1:1/")
    with pytest.raises(websocket.WebSocketException):
        app.run_forever(ping_interval=10, ping_timeout=30)
    SessionOptions(ping_interval=10, ping_timeout=30)


# Receivers


@pytest.fixture
def told(server):
    """Connect receivers, then hear one message of the server's."""

    def run(session):
        with session:
            session.send_text("hello")
            assert next(session.receive(10)) == "hello"

    return run


def test_what_is_held_weakly(server, told):
    """Methods live as long as their objects, lambdas and local functions not at all."""
    log = []
    session = PlainSession(server.url)
    message = session.signals.message
    window = Window(log)
    message.connect(window.shown)
    message.connect(Window(log).shown)
    message.connect(lambda session, event: log.append("lambda"))
    message.connect(lambda session, event: log.append("strong"), weak=False)
    message.connect(Window.counted)

    def local(session, event):
        log.append("local")

    message.connect(local)
    del local
    gc.collect()
    assert len(message.receivers) == 3
    told(session)
    assert log == ["hello", "strong"]


def test_connect_via(server, told):
    """Strong; its receiver is called in its place, and for no other session."""
    log = []
    session, other = PlainSession(server.url), PlainSession(server.url)
    message = session.signals.message
    window = Window(log)

    @message.connect_via(session)
    def first(session, event):
        log.append("first")

    message.connect(window.shown)

    @message.connect_via(other)
    def never(session, event):
        log.append("never")

    session.add_event_listener("message", lambda event: log.append("listener"))
    session.on_message = lambda event: log.append("handler")
    del first, never
    gc.collect()
    told(session)
    assert log == ["handler", "first", "hello", "listener"]


def test_several_sessions_with_one_receiver(server, told):
    """The sender tells which."""
    heard = []

    def receiver(sender, **kw):
        heard.append((sender, kw["event"].text))

    sessions = [PlainSession(server.url) for _ in range(3)]
    for session in sessions:
        session.signals.message.connect(receiver)
        told(session)
    assert heard == [(session, "hello") for session in sessions]


def test_a_receiver_of_the_wrong_shape(server, told):
    """Blinker passes by name: another name than `event` is an error that is told."""
    errors = []
    session = PlainSession(server.url)
    session.on_error = lambda event: errors.append(event.error)
    session.signals.message.connect(lambda session, e: None, weak=False)
    told(session)
    assert [type(error) for error in errors] == [TypeError]


def test_a_signal_of_ones_own(server, told):
    """Fed by one line; its receivers get the session and the event."""
    own, heard = blinker.Namespace().signal("heard"), []

    def receiver(sender, event):
        heard.append((sender, event.text))

    own.connect(receiver)
    session = PlainSession(server.url)
    session.signals.message.connect(own.send)
    told(session)
    assert heard == [(session, "hello")]


def test_for_a_while(server, told):
    """`connected_to`, `muted` and `disconnect` are blinker's."""
    log = []

    def receiver(session, event):
        log.append(event.text)

    session = PlainSession(server.url)
    message = session.signals.message
    with session:
        replies = session.receive(10)
        with message.connected_to(receiver):
            session.send_text("heard")
            assert next(replies) == "heard"
            session.send_text("heard too")
            assert next(replies) == "heard too"
        message.connect(receiver)
        message.disconnect(receiver)
        session.send_text("not heard")
        assert next(replies) == "not heard"
    assert log[0] == "heard"
    assert "not heard" not in log
