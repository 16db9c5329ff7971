"""Accepting: one client never harms another, and the end leaves nothing behind."""

import logging
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.server.conftest import head
from voxsync import PlainSession
from voxsync.errors import HandshakeError, InvalidState
from voxsync.server import Listener, Refusal, ServerSession
from voxsync.session import ReadyState, SessionOptions
from voxsync.wire import Close, Text


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
    end, gate = time.monotonic() + 5, threading.Event()
    while not condition():
        assert time.monotonic() < end
        gate.wait(0.001)


# Starting


def test_a_port_of_its_own():
    """Port 0 becomes a real one with start(); the URL leads there."""
    listener = Listener()
    assert listener.port == 0
    with listener:
        assert listener.port > 0
        assert listener.url == f"ws://127.0.0.1:{listener.port}/"
        assert repr(listener) == f"<Listener {listener.url} 0 sessions>"
    assert "closed" in repr(listener)


def test_started_once():
    """Neither twice nor after the end; `with` does not start it again."""
    listener = Listener().start()
    with listener, pytest.raises(InvalidState, match="started once"):
        listener.start()
    with pytest.raises(InvalidState):
        listener.start()


def test_closed_before_it_started():
    """There is nothing to wait for, and it stays closed."""
    listener = Listener()
    listener.close()
    with pytest.raises(InvalidState):
        listener.start()


def test_a_port_in_use():
    """OSError to the caller of start(); nothing is left behind."""
    with Listener() as first, pytest.raises(OSError, match="in use"):
        Listener(port=first.port).start()


def test_ipv6(listening, client):
    """Bracketed in the URL; a client gets in."""
    listener = listening(host="::1")
    assert listener.url == f"ws://[::1]:{listener.port}/"
    sessions = Sessions(listener)
    client(listener, host="::1").upgrade()
    assert sessions.wait().url.startswith("ws://[::1]:")


def test_socket_buffers(listening, client):
    """receive_buffer is set before listen(); send_buffer per connection, if any."""
    listener = listening(receive_buffer=4096, options=SessionOptions(send_buffer=None))
    sessions = Sessions(listener)
    client(listener).upgrade()
    sock = sessions.wait()._sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 16384


# Connections


def test_tls(listening, server_tls, client_tls):
    """`wss://`, verified, both ways."""
    listener = listening(ssl_context=server_tls)
    assert listener.url.startswith("wss://")
    sessions = Sessions(listener)
    url = listener.url.replace("127.0.0.1", "localhost")
    with PlainSession(url, options=SessionOptions(ssl_context=client_tls)) as session:
        session.send_text("hello")
        assert next(sessions.wait().receive(timeout=5)) == "hello"


def test_plain_words_to_a_tls_port(listening, server_tls, client, caplog):
    """Are logged and closed; the next client is served."""
    listener = listening(ssl_context=server_tls)
    raw = client(listener)
    raw.send(head())
    raw.rest()
    until(lambda: "did not open" in caplog.text)
    assert listener.sessions == frozenset()


def test_tls_has_the_same_deadline(listening, server_tls, client, caplog):
    """A client that never says hello is given up after open_timeout."""
    listener = listening(ssl_context=server_tls, open_timeout=0.05)
    assert client(listener).rest() == b""
    until(lambda: "did not open" in caplog.text)


def test_listeners_attached_in_the_handler_miss_nothing(listening, client):
    """I1: `created` and `open` come after the `connection` handlers have returned."""
    listener, kinds, done = listening(), [], threading.Event()

    def connected(listener, session):
        for kind in ("created", "open", "message", "close"):
            session.add_event_listener(kind, lambda event: kinds.append(event.type))
        session.add_event_listener("close", lambda event: done.set())

    listener.connection.connect(connected, weak=False)
    raw = client(listener)
    raw.wire.send_text("early")
    early = bytes(raw.wire.out)
    raw.wire.out.clear()
    raw.send(head() + early)  # a message in one piece with the request
    raw.answer()
    raw.wire.send_close(1000)
    raw.flush()
    raw.until_close()
    assert done.wait(5)
    assert kinds == ["created", "open", "message", "close"]
    until(lambda: not listener.sessions)


def test_sessions_made_by_the_application(listening, client):
    """make_session is called with request and options, before the signal."""
    made = []

    def make(request, options):
        made.append(ServerSession(request, options))
        return made[-1]

    options = SessionOptions(send_queue=3)
    listener = listening(make_session=make, options=options)
    sessions = Sessions(listener)
    client(listener).upgrade("/x")
    assert sessions.wait() is made[0]
    assert listener.sessions == {made[0]}
    assert made[0].options is options
    assert made[0].request.path == "/x"


def test_subprotocols(listening):
    """The first of ours that the client offers is known at both ends."""
    listener = listening(subprotocols=("b", "a"))
    sessions = Sessions(listener)
    options = SessionOptions(subprotocols=("a", "b"))
    with PlainSession(listener.url, options=options) as session:
        assert session.subprotocol == "b"
        assert sessions.wait().subprotocol == "b"


def test_check_refuses(listening, caplog):
    """The client gets status and words; the log a line, no traceback."""
    caplog.set_level(logging.INFO)
    listener = listening(check=lambda request: Refusal(404, "no such agent"))
    with pytest.raises(HandshakeError) as info:
        PlainSession(listener.url).connect()
    assert (info.value.status, info.value.body) == (404, b"no such agent\n")
    until(lambda: "refused / with 404" in caplog.text)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("part", ["check", "make_session"])
def test_an_exception_of_the_application_costs_one_connection(
    listening, client, caplog, part
):
    """It is logged with its traceback; the next client is served."""
    broken = [True]

    def check(request):
        if broken and part == "check":
            raise RuntimeError("check failed")

    def make(request, options):
        if broken and part == "make_session":
            raise RuntimeError("make_session failed")
        return ServerSession(request, options)

    listener = listening(check=check, make_session=make)
    sessions = Sessions(listener)
    raw = client(listener)
    raw.send(head())
    raw.rest()
    until(lambda: f"{part} failed" in caplog.text)
    assert "Traceback" in caplog.text
    broken.clear()
    client(listener).upgrade()
    assert sessions.wait().ready_state is ReadyState.OPEN


def test_an_exception_of_a_handler_stops_nothing(listening, client, caplog):
    """I9: the other handlers are called, the session lives, the log has it."""
    listener = listening()

    def broken(listener, session):
        raise RuntimeError("handler failed")

    listener.connection.connect(broken)
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    sessions.wait().send_text("alive")
    assert raw.next() == Text("alive")
    assert "handler failed" in caplog.text


def test_a_silent_client_holds_up_nobody(listening, client):
    """While one says nothing another is served; then its time is over."""
    listener = listening(open_timeout=0.3)
    silent = client(listener)
    sessions = Sessions(listener)
    client(listener).upgrade()
    sessions.wait()
    assert silent.rest() == b""


def test_garbage_is_logged_and_closed(listening, client, caplog):
    """400, and one line of warning."""
    listener = listening()
    raw = client(listener)
    raw.send(b"\0\1\2\r\n\r\n")
    assert raw.rest().startswith(b"HTTP/1.1 400 ")
    until(lambda: "not a WebSocket request" in caplog.text)


# Limits


def test_max_connections(listening, client, caplog):
    """I8: one more gets 503; when one has gone there is room again."""
    listener = listening(max_connections=2)
    sessions = Sessions(listener)
    raws = [client(listener) for _ in range(2)]
    for raw in raws:
        raw.upgrade()
    sessions.wait(2)
    assert client(listener).rest().startswith(b"HTTP/1.1 503 ")
    assert "too many connections" in caplog.text
    raws[0].close()
    until(lambda: len(listener._threads) < 2)
    client(listener).upgrade()
    sessions.wait(3)


def test_connections_that_only_wait_count_too(listening, client):
    """Who says nothing occupies a place, until its time is over."""
    listener = listening(max_connections=1)
    client(listener)
    assert client(listener).rest().startswith(b"HTTP/1.1 503 ")


def test_max_per_address(listening, client):
    """One address cannot take all places; another gets in."""
    listener = listening(max_per_address=1)
    sessions = Sessions(listener)
    first = client(listener)
    first.upgrade()
    sessions.wait()
    assert client(listener).rest().startswith(b"HTTP/1.1 503 ")
    client(listener, source="127.0.0.2").upgrade()
    sessions.wait(2)
    first.close()
    until(lambda: len(listener._threads) <= 1)
    client(listener).upgrade()


def test_addresses_are_forgotten(listening, client):
    """The count per address does not grow with the addresses that have been there."""
    listener = listening(max_per_address=5)
    for _ in range(3):
        raw = client(listener)
        raw.upgrade()
        raw.close()
    until(lambda: not listener._threads)
    assert not listener._by_address


def test_a_refused_client_that_is_gone(listening, client):
    """Nobody to tell: that is no error, and the accepting goes on."""
    listener = listening(max_connections=1)
    client(listener)
    gone = client(listener)
    gone.end()
    assert client(listener).rest().startswith(b"HTTP/1.1 503 ")


class Deaf:
    """Stands for the listening socket, and cannot accept the first time."""

    def __init__(self, sock):
        self.sock = sock
        self.failed = False

    def accept(self):
        if not self.failed:
            self.failed = True
            raise OSError("no descriptors")
        return self.sock.accept()

    def __getattr__(self, name):
        return getattr(self.sock, name)


def test_accepting_goes_on_after_an_error(monkeypatch, client, caplog):
    """A shortage of descriptors passes; it is logged, and does not burn the CPU."""
    from voxsync.server import listener as module

    listen = module._listen
    monkeypatch.setattr(module, "_listen", lambda *args: Deaf(listen(*args)))
    with Listener() as listener:
        sessions = Sessions(listener)
        raw = client(listener)
        raw.upgrade()
        sessions.wait()
        raw.close()
    assert "no descriptors" in caplog.text


# Tampering


class Tamper:
    def __init__(self, accepts=True, answer=None):
        self.accepts = accepts
        self.words = answer

    def accepted(self, sock):
        if not self.accepts:
            sock.sendall(b"mine")
        return self.accepts

    def answer(self, data):
        return self.words or data


def test_a_tamper_may_take_the_connection(listening, client):
    """What it said is all that the client gets."""
    listener = listening(tamper=Tamper(accepts=False))
    raw = client(listener)
    assert raw.rest() == b"mine"
    assert listener.sessions == frozenset()


def test_a_tamper_may_change_the_answer(listening, client):
    """The session begins all the same."""
    listener = listening(tamper=Tamper(answer=b"HTTP/1.1 101 Yes\r\n\r\n"))
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    sessions.wait().send_text("x")
    assert raw.next() == Text("x")


def test_a_tamper_may_do_nothing(listening, client):
    """Then all is as without it."""
    raw = client(listening(tamper=Tamper()))
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in raw.upgrade()


# The end


def test_close_says_goodbye(client):
    """Open sessions get 1001; close() returns when they are gone; twice is fine."""
    with Listener() as listener:
        sessions = Sessions(listener)
        raws = [client(listener) for _ in range(3)]
        for raw in raws:
            raw.upgrade()
        sessions.wait(3)
        closes = []
        threads = [
            threading.Thread(target=lambda raw=raw: closes.append(raw.until_close()))
            for raw in raws
        ]
        for thread in threads:
            thread.start()
        listener.close()
        for thread in threads:
            thread.join(5)
    assert closes == [Close(1001, "the server is closing")] * 3
    assert all(session.is_closed for session in sessions)
    assert listener.sessions == frozenset()
    listener.close()


def test_close_cancels_who_does_not_answer(client):
    """After `timeout` seconds, and not before it has tried."""
    listener = Listener().start()
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    session = sessions.wait()
    started = time.monotonic()
    listener.close(timeout=0.1)
    assert time.monotonic() - started >= 0.1
    assert session.wait_closed(5).code == 1006
    assert raw.until_close().code == 1001


def test_close_while_a_client_is_in_the_middle_of_its_request(client):
    """It is not waited for; the client sees the end."""
    listener = Listener(open_timeout=30).start()
    raw = client(listener)
    raw.send(head()[:30])
    until(lambda: listener._opening)
    listener.close()
    assert raw.rest() == b""


def test_close_does_not_mind_a_client_that_just_left():
    """A socket that is gone already cannot be shut down, and need not be."""
    listener = Listener(open_timeout=30).start()
    gone = socket.socket()
    with listener._lock:
        listener._opening.add(gone)  # never connected: shutdown() fails
    listener.close()
    gone.close()


def at_upgrade(action):
    """A `make_session` that lets `action` happen at the worst moment."""

    def make(request, options):
        session = ServerSession(request, options)
        action(session)
        return session

    return make


def test_close_between_the_answer_and_the_session(client):
    """The session is not begun, but its client is told (1001)."""
    gate, reached = threading.Event(), threading.Event()
    listener = Listener(
        make_session=at_upgrade(lambda _: (reached.set(), gate.wait(5)))
    ).start()
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    reached.wait(5)
    closer = threading.Thread(target=listener.close)
    closer.start()
    listener._closed.wait(5)
    gate.set()
    assert raw.until_close().code == 1001
    raw.close()
    closer.join(5)
    assert sessions == []


def test_a_session_that_is_closed_before_it_began(listening, client):
    """Its client gets 1001, and time to end its own side."""
    listener = listening(make_session=at_upgrade(lambda session: session.close()))
    sessions = Sessions(listener)
    raw = client(listener)
    raw.upgrade()
    assert raw.until_close().code == 1001
    assert raw.next() is None
    until(lambda: not listener._threads)
    assert sessions == []


def test_a_client_that_ends_before_that_goodbye(client):
    """It cannot be told; that is logged, not raised."""
    gate, reached = threading.Event(), threading.Event()
    listener = Listener(
        make_session=at_upgrade(lambda _: (reached.set(), gate.wait(5)))
    ).start()
    raw = client(listener)
    raw.upgrade()
    reached.wait(5)
    raw.end()
    closer = threading.Thread(target=listener.close)
    closer.start()
    listener._closed.wait(5)
    gate.set()
    closer.join(5)
    assert not closer.is_alive()


def test_serve_forever_until_another_thread_closes(client):
    """It starts the listener; close() lets it return."""
    listener = Listener()
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    until(lambda: listener.port)
    raw = client(listener)
    raw.upgrade()
    thread.join(0.6)  # more than one look at whether it is closed
    waiter = threading.Thread(target=raw.until_close)
    waiter.start()
    listener.close()
    thread.join(5)
    waiter.join(5)
    assert not thread.is_alive()


def test_serve_forever_of_a_started_listener():
    """It only waits then; a closed one is left at once."""
    with Listener() as listener:
        listener.close()
        listener.serve_forever()


PROGRAM = """
from voxsync.server import Listener
listener = Listener().start()
print(listener.port, flush=True)
try:
    listener.serve_forever()
except KeyboardInterrupt:
    print("bye")
"""


def test_ctrl_c(client):
    """Ends serve_forever; clients are told; the program goes on and ends well."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        raw = client(int(child.stdout.readline()))
        raw.upgrade()
        child.send_signal(signal.SIGINT)
        assert raw.until_close().code == 1001
        raw.close()
        out, err = child.communicate(timeout=20)
    assert (out, err, child.returncode) == ("bye\n", "", 0)
