"""Accepting: one client never harms another, and the end leaves nothing behind."""

import logging
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.server.conftest import Sessions, head, until
from voxsync import PlainSession
from voxsync.errors import HandshakeError, InvalidState
from voxsync.server import Listener, ListenerStats, Refusal, ServerSession
from voxsync.session import SessionOptions
from voxsync.wire import Close, Text

# Starting


def test_a_port_of_its_own():
    """Port 0 becomes a real one with start(); the URL leads there."""
    listener = Listener()
    assert listener.port == 0
    with listener:
        assert listener.port > 0
        assert listener.url == f"ws://127.0.0.1:{listener.port}/"
        assert repr(listener) == f"<Listener {listener.url} 0 sessions>"
        assert not listener.is_closed
    assert "closed" in repr(listener)
    assert listener.is_closed


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


@pytest.mark.parametrize(
    ("error", "kwargs"),
    [
        (TypeError, {"ssl_context": "cert.pem"}),
        (TypeError, {"options": {}}),
        (TypeError, {"subprotocols": "chat"}),
        (ValueError, {"subprotocols": ("a b",)}),
    ],
)
def test_arguments_that_make_no_sense(error, kwargs):
    """Said when the listener is made, with the argument's name."""
    with pytest.raises(error, match=next(iter(kwargs))):
        Listener(**kwargs)


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
    sock = sessions.wait()._connection._channel.sock
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


def test_a_check_that_raises(listening, client, caplog):
    """500 for the client, a traceback for us; the next client is served."""
    broken = [True]

    def check(request):
        if broken.pop():
            raise RuntimeError("check failed")

    broken.insert(0, False)
    listener = listening(check=check)
    raw = client(listener)
    raw.send(head())
    assert raw.rest().startswith(b"HTTP/1.1 500 ")
    assert "Traceback" in caplog.text
    assert "check failed" in caplog.text
    client(listener).upgrade()
    assert listener.stats.refused_check == 1


def test_a_check_may_take_its_time(listening, client):
    """What it takes is not the client's: the answer is 101 all the same."""
    gate, asked = threading.Event(), threading.Event()

    def check(request):
        if request.path == "/slow":
            asked.set()
            gate.wait(5)

    listener = listening(check=check, open_timeout=0.2)
    slow = client(listener)
    slow.send(head("/slow"))
    asked.wait(5)
    client(listener).upgrade()  # who comes meanwhile is served
    gate.wait(0.3)  # more than open_timeout
    gate.set()
    assert slow.answer().startswith(b"HTTP/1.1 101 ")


def test_path_and_origins(listening, client):
    """404 and 403, before the check is asked; the URL has the path."""
    asked = []
    listener = listening(
        path="/voice", origins=["https://app.example.com"], check=asked.append
    )
    assert listener.url == f"ws://127.0.0.1:{listener.port}/voice"
    for request, status in (
        (head("/other"), b"404"),
        (head("/voice", "Origin: https://evil.example.com"), b"403"),
        (head("/voice?a=b", "Origin: https://app.example.com"), b"101"),
        (head("/voice"), b"101"),
    ):
        raw = client(listener)
        raw.send(request)
        assert raw.answer().startswith(b"HTTP/1.1 " + status)
    assert len(asked) == 2
    assert listener.stats.refused_check == 2


def test_subprotocols_may_be_a_wish(listening):
    """strict_subprotocols=False: who speaks none of ours is let in without one."""
    listener = listening(subprotocols=("chat",), strict_subprotocols=False)
    for offered, agreed in ((("x",), None), ((), None), (("x", "chat"), "chat")):
        options = SessionOptions(subprotocols=offered)
        with PlainSession(listener.url, options=options) as session:
            assert session.subprotocol == agreed


def test_stats_count_each_connection_once(listening, client):
    """Nobody is refused silently: the sum is the number of those who came."""
    listener = listening(check=lambda request: None, open_timeout=0.3)
    assert listener.stats == ListenerStats()
    open_ = client(listener)
    open_.upgrade()
    for words in (b"nonsense\r\n\r\n", head(drop=["Upgrade"]), b""):
        raw = client(listener)
        raw.send(words)
        raw.rest()  # the last: until its time is over
        raw.close()
    until(lambda: len(listener._places) == 1)
    assert listener.stats == ListenerStats(accepted=1, failed_handshakes=3)


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


def test_a_handler_that_came_too_late(listening, client, caplog):
    """The client has hung up already: one line, no traceback, nothing is told."""
    caplog.set_level(logging.INFO)
    listener, errors = listening(), []

    def slow(listener, session):
        session.add_event_listener("error", errors.append)
        until(lambda: session.is_closed)
        session.send_text("welcome")

    listener.connection.connect(slow)
    raw = client(listener)
    raw.upgrade()
    raw.wire.send_close(1000)
    raw.flush()
    raw.until_close()
    until(lambda: "too late" in caplog.text)
    (record,) = [r for r in caplog.records if "too late" in r.message]
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert f"connection handler {slow!r} came too late" in record.message
    assert errors == []


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
    raw.close()
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
    more = client(listener)
    more.send(head())
    answer = more.rest()
    more.close()
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 5\r\n" in answer
    assert "too many connections" in caplog.text
    assert listener.stats.refused_full == 1
    raws[0].close()
    until(lambda: len(listener._places) < 2)
    client(listener).upgrade()
    sessions.wait(3)


def test_the_answer_to_one_too_many_can_be_read(listening, client):
    """It reaches who has sent more than a request: no reset overtakes it."""
    listener = listening(max_connections=1)
    sessions = Sessions(listener)
    client(listener).upgrade()
    sessions.wait()
    more = client(listener)
    more.send(head() + bytes(100_000))
    assert more.rest().startswith(b"HTTP/1.1 503 ")
    more.close()


def test_one_too_many_over_tls(listening, server_tls, client_tls):
    """503 as everywhere; the error of the client has it."""
    listener = listening(max_connections=1, ssl_context=server_tls)
    sessions = Sessions(listener)
    options = SessionOptions(ssl_context=client_tls)
    with PlainSession(listener.url, options=options):
        sessions.wait()
        with pytest.raises(HandshakeError) as info:
            PlainSession(listener.url, options=options).connect()
    assert info.value.status == 503
    assert info.value.headers["retry-after"] == "5"


def test_max_per_address(listening, client):
    """One address cannot take all places; another gets in."""
    listener = listening(max_per_address=1)
    sessions = Sessions(listener)
    first = client(listener)
    first.upgrade()
    sessions.wait()
    more = client(listener)
    more.send(head())
    assert more.rest().startswith(b"HTTP/1.1 503 ")
    more.close()
    client(listener, source="127.0.0.2").upgrade()
    sessions.wait(2)
    assert listener.stats.refused_address == 1
    first.close()
    until(lambda: len(listener._places) <= 1)
    client(listener).upgrade()


def test_addresses_are_forgotten(listening, client):
    """The count per address does not grow with the addresses that have been there."""
    listener = listening(max_per_address=5)
    for _ in range(3):
        raw = client(listener)
        raw.upgrade()
        raw.close()
    until(lambda: not len(listener._places))
    assert not listener._places._open_by_host
    assert not listener._places._pending_by_host


def test_a_refused_client_that_is_gone(listening, client):
    """Nobody to tell: it counts as refused all the same, and the next is served."""
    gate, asked = threading.Event(), threading.Event()

    def check(request):
        if request.path != "/gone":
            return None
        asked.set()
        gate.wait(5)
        return Refusal(403)

    listener = listening(check=check)
    gone = client(listener)
    gone.send(head("/gone"))
    asked.wait(5)
    gone.end()
    gate.set()
    until(lambda: not len(listener._places))
    client(listener).upgrade()
    assert listener.stats.refused_check == 1
    assert listener.stats.failed_handshakes == 0


@pytest.mark.parametrize("name", ["connections", "per_address", "handshakes"])
def test_limits_below_one(name):
    """Nobody could ever be let in: that is said at once."""
    with pytest.raises(ValueError, match=f"max_{name} must be at least 1"):
        Listener(**{f"max_{name}": 0})


def test_no_thread_to_be_had(listening, client, caplog, monkeypatch):
    """The connection is closed, counted and logged; the accepting goes on."""
    listener = listening()
    sessions = Sessions(listener)
    start = threading.Thread.start

    def none_left(thread):
        if thread.name.startswith("voxsync-io-incoming"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        assert client(listener).rest() == b""
    client(listener).upgrade()
    sessions.wait()
    assert "no thread for a connection of 127.0.0.1" in caplog.text
    assert (listener.stats.refused_full, listener.stats.accepted) == (1, 1)


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
    until(lambda: listener.stats.pending)
    listener.close()
    assert raw.rest() == b""


def test_close_while_a_client_is_in_the_middle_of_its_tls(server_tls, client):
    """The same: a handshake of TLS that does not go on holds up nothing."""
    listener = Listener(open_timeout=30, ssl_context=server_tls).start()
    raw = client(listener)
    raw.send(b"\x16\x03\x01\x02\x00")  # the begin of a record
    until(lambda: listener.stats.pending)
    started = time.monotonic()
    listener.close(timeout=20)
    assert time.monotonic() - started < 20
    raw.rest()  # an alert, and the end


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
    until(lambda: not len(listener._places))
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
wait = listener._closed.wait

def tell(timeout):
    # Not earlier: Ctrl-C is to come while it is served.
    listener._closed.wait = wait
    print(listener.port, flush=True)
    return wait(timeout)

listener._closed.wait = tell
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
