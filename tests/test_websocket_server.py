"""The server that VoxEngine connects to: who gets in, and what his socket tells."""

import contextlib
import json
import logging
import signal
import ssl
import subprocess
import sys
import threading

import pytest
import trustme

import voxsync.voximplant
from tests.server.conftest import RawClient, head, until
from voxsync.errors import HandshakeError, InvalidState, MissingExtra
from voxsync.session import SessionOptions
from voxsync.voximplant import WebSocket, WebSocketParameters, WebSocketServer
from voxsync.websocket_server import ListenerStats, Refusal
from voxsync.wire import Close, Text


class Told(list):
    """The sockets that a server told of."""

    def __init__(self, server):
        super().__init__()
        self.changed = threading.Condition()
        server.connection.connect(self.add, weak=False)

    def add(self, server, websocket):
        with self.changed:
            self.append(websocket)
            self.changed.notify_all()

    def wait(self, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self) >= count, 20)
        return self[count - 1]


@pytest.fixture
def serving():
    """Makes servers that are open, and closes them at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda **kwargs: stack.enter_context(WebSocketServer(**kwargs))


@pytest.fixture
def client():
    """Makes raw clients, and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def make(server, **kwargs):
            made = RawClient(server.port, **kwargs)
            stack.callback(made.close)
            return made

        yield make


def refused(url, status, **kwargs):
    """The answer to who is not let in."""
    with pytest.raises(HandshakeError) as info:
        WebSocket(url, **kwargs).connect()
    assert info.value.status == status
    return info.value


# Connections


def test_a_call(serving):
    """Text both ways, and all about who came."""
    server = serving(path="/voice")
    told = Told(server)
    parameters = WebSocketParameters(headers=[{"name": "X-Call", "value": "7"}])
    with WebSocket(f"{server.url}?room=blue", parameters) as caller:
        ws = told.wait()
        assert isinstance(ws, WebSocket)
        assert ws.ready_state == "open"
        assert server.websockets == {ws}
        assert ws.request.path == "/voice"
        assert ws.request.query == {"room": "blue"}
        assert ws.request.headers["x-call"] == "7"
        assert ws.request.address[0] == "127.0.0.1"
        assert (ws.subprotocol, caller.subprotocol) == ("chat", "chat")
        caller.send("hello")
        assert next(ws.receive(timeout=20)) == "hello"
        ws.send("welcome")
        assert next(caller.receive(timeout=20)) == "welcome"
    assert ws.wait_closed(20).code == 1000
    until(lambda: not server.websockets)
    assert server.stats == ListenerStats(accepted=1)


def test_what_is_attached_in_a_handler_misses_nothing(serving, client):
    """`created`, `open`, and all that came in one piece with the request."""
    server, told, over = serving(), [], threading.Event()

    def connected(server, websocket):
        for kind in ("created", "open", "message", "media-started", "close"):
            websocket.add_event_listener(kind, lambda event: told.append(event.type))
        websocket.add_event_listener("close", lambda event: over.set())
        websocket.send_media_to(websocket, encoding="PCM8")

    server.connection.connect(connected)
    raw = client(server)
    start = {"mediaFormat": {"encoding": "PCM8", "sampleRate": 8000}}
    raw.wire.send_text(json.dumps({"event": "start", "start": start}))
    media = {"chunk": 1, "timestamp": 0, "payload": "AAAA" * 80}
    raw.wire.send_text(json.dumps({"event": "media", "media": media}))
    raw.wire.send_text("early")
    raw.send(head() + bytes(raw.wire.out))
    raw.wire.out.clear()
    raw.answer()
    until(lambda: "media-started" in told)
    raw.wire.send_close(1000)
    raw.flush()
    raw.until_close()
    assert over.wait(20)
    assert told[:2] == ["created", "open"]
    assert sorted(told[2:-1]) == ["media-started", "message"]
    assert told[-1] == "close"


def test_a_handler_may_send_at_once(serving, client):
    """The socket is open when it is told of."""
    server = serving()
    server.on_connection = lambda ws: ws.send("welcome")
    raw = client(server)
    raw.upgrade()
    assert raw.next() == Text("welcome")


def test_on_connection_is_called_first(serving, client):
    """One handler, with the socket alone; None takes it away."""
    server, told = serving(), []
    assert server.on_connection is None
    signals = Told(server)
    server.connection.connect(lambda _, websocket: told.append("signal"), weak=False)
    server.on_connection = handler = told.append
    assert server.on_connection is handler
    client(server).upgrade()
    until(lambda: len(told) == 2)
    assert told == [signals[0], "signal"]
    server.on_connection = None
    client(server).upgrade()
    until(lambda: len(told) == 3)
    assert told[2] == "signal"


async def coroutine(ws):
    """What nobody would await."""


@pytest.mark.parametrize("handler", [1, coroutine])
def test_handlers_that_cannot_be_called(handler):
    """TypeError at once, from either way to attach one."""
    server = WebSocketServer()
    with pytest.raises(TypeError):
        server.on_connection = handler
    with pytest.raises(TypeError):
        server.connection.connect(handler)


def test_handlers_that_fail_stop_nothing(serving, client, caplog):
    """I9: the others are called, the socket lives, the log has it."""
    server = serving()

    def broken(*args, **kwargs):
        raise RuntimeError("handler failed")

    server.on_connection = broken
    server.connection.connect(broken)
    told = Told(server)
    raw = client(server)
    raw.upgrade()
    told.wait().send("alive")
    assert raw.next() == Text("alive")
    assert caplog.text.count("RuntimeError: handler failed") == 2


def test_handlers_that_came_too_late(serving, client, caplog):
    """Who hung up at once: one line of INFO for each, and the next is served."""
    caplog.set_level(logging.INFO)
    server = serving()
    errors, gone = [], threading.Event()

    def first(ws):
        ws.add_event_listener("error", errors.append)
        until(lambda: ws.is_closed or gone.is_set())
        ws.send("welcome")

    def second(server, websocket):
        websocket.send_media_to(websocket, encoding="PCM8")
        websocket.send("welcome again")

    server.on_connection = first
    server.connection.connect(second)
    raw = client(server)
    raw.upgrade()
    raw.wire.send_close(1000)
    raw.flush()
    raw.until_close()
    until(lambda: caplog.text.count("too late") == 2)
    told = [r for r in caplog.records if "too late" in r.message]
    assert [(r.levelname, r.exc_info) for r in told] == [("INFO", None)] * 2
    assert f"on_connection handler {first!r} came too late" in told[0].message
    assert f"connection handler {second!r} came too late" in told[1].message
    assert errors == []
    assert "Traceback" not in caplog.text
    gone.set()
    raw = client(server)
    raw.upgrade()
    assert raw.next() == Text("welcome")


def test_handlers_are_held_weakly(serving, client, caplog):
    """Blinker's rule. Whom it leaves without a handler is told why, once."""
    server = serving()
    server.connection.connect(lambda server, websocket: None)
    for _ in range(2):
        client(server).upgrade()
    until(lambda: len(server.websockets) == 2)
    until(lambda: "weak=False" in caplog.text)
    assert caplog.text.count("nobody listens") == 1


# Who gets in


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (False, 401),
        (400, 400),
        (403, 403),
        (499, 499),
        (599, 599),
        (Refusal(429, "slower"), 429),
    ],
)
def test_authenticate_refuses(serving, answer, status):
    """With its status; nobody is told of a socket."""
    server = serving(authenticate=lambda request: answer)
    told = Told(server)
    refused(server.url, status)
    assert told == []
    assert server.stats == ListenerStats(refused_check=1)


def test_a_refusal_is_passed_on(serving):
    """Its text and headers reach the client."""
    refusal = Refusal(429, "slower", {"Retry-After": "30"})
    server = serving(authenticate=lambda request: refusal)
    error = refused(server.url, 429)
    assert error.body == b"slower\n"
    assert error.headers["retry-after"] == "30"


@pytest.mark.parametrize("answer", [None, True])
def test_authenticate_lets_in(serving, client, answer):
    """None or True."""
    client(serving(authenticate=lambda request: answer)).upgrade()


@pytest.mark.parametrize("answer", [200, 399, 600, 0, "no", 401.0, (401, "no")])
def test_authenticate_answers_nonsense(serving, answer, caplog):
    """500, and what was expected and came is in the log."""
    server = serving(authenticate=lambda request: answer)
    refused(server.url, 500)
    assert "TypeError: authenticate must return None, True, False" in caplog.text
    assert repr(answer) in caplog.text


def test_authenticate_raises(serving, caplog):
    """500, a traceback without the request's secrets, and the next one is served."""

    def authenticate(request):
        if request.query:
            raise LookupError(request.query["token"])

    server = serving(authenticate=authenticate)
    refused(f"{server.url}?token=planted-1", 500)
    assert "Traceback" in caplog.text
    assert "LookupError" in caplog.text
    assert "planted" not in caplog.text
    with WebSocket(server.url):
        pass


def test_authenticate_may_take_its_time(serving, client):
    """It holds up nobody else; its own client is let in at last."""
    gate, asked = threading.Event(), threading.Event()

    def authenticate(request):
        if request.path == "/slow":
            asked.set()
            assert gate.wait(20)

    server = serving(authenticate=authenticate)
    slow = client(server)
    slow.send(head("/slow"))
    assert asked.wait(20)
    try:
        with WebSocket(server.url):
            assert server.stats == ListenerStats(accepted=1, pending=1)
    finally:
        gate.set()
    assert slow.answer().startswith(b"HTTP/1.1 101 ")


def test_a_silent_client_holds_up_nobody(serving, client):
    """One that sends nothing, and one that opened and never reads."""
    server = serving(options=SessionOptions(send_buffer=4096))
    told = Told(server)
    client(server)
    deaf = client(server)
    deaf.upgrade()
    sender = threading.Thread(target=fill, args=(told.wait(),))
    sender.start()
    with WebSocket(server.url) as ws:
        told.wait(2).send("hello")
        assert next(ws.receive(timeout=20)) == "hello"
        assert server.stats == ListenerStats(accepted=2, pending=1)
    told[0].cancel()
    sender.join(20)
    assert not sender.is_alive()


def fill(ws):
    """Send to who never reads, until that ends."""
    with contextlib.suppress(Exception):
        while True:
            ws.send("x" * 60_000)


def test_path(serving):
    """404 elsewhere; the first of several is in the URL."""
    server = serving(path=["/voice", "/agent"])
    assert server.url == f"ws://127.0.0.1:{server.port}/voice"
    refused(server.url.replace("voice", "other"), 404)
    for url in (server.url, server.url.replace("voice", "agent")):
        with WebSocket(url):
            pass


def test_origins(serving):
    """403 for pages from elsewhere; who sends no Origin is no page."""
    server = serving(origins=["https://app.example.com"])
    for origin, status in (
        ("https://evil.example.com", 403),
        ("https://app.example.com", None),
        (None, None),
    ):
        pairs = [{"name": "Origin", "value": origin}] if origin else []
        parameters = WebSocketParameters(headers=pairs)
        if status:
            refused(server.url, status, parameters=parameters)
        else:
            with WebSocket(server.url, parameters):
                pass


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [("chat", "chat"), ("other", None), (["other", "audio"], "audio"), ([], None)],
)
def test_protocols(serving, offered, agreed):
    """One that we know, or none; nobody is refused for what he offers."""
    server = serving(protocols=("audio", "chat"))
    told = Told(server)
    parameters = WebSocketParameters(protocols=offered)
    with WebSocket(server.url, parameters) as ws:
        assert ws.subprotocol == agreed
        assert told.wait().subprotocol == agreed


def test_one_protocol_as_a_string(serving):
    """As in VoxEngine's own parameters."""
    server = serving(protocols="audio")
    parameters = WebSocketParameters(protocols="audio")
    with WebSocket(server.url, parameters) as ws:
        assert ws.subprotocol == "audio"


def test_limits_of_connections(serving, client):
    """503 in all and per address; who only waits takes no place."""
    server = serving(max_connections=2, max_per_address=1, max_handshakes=3)
    told = Told(server)
    client(server)  # says nothing
    client(server).upgrade()
    told.wait()
    assert refused(server.url, 503).headers["retry-after"]
    client(server, source="127.0.0.2").upgrade()
    told.wait(2)
    third = client(server, source="127.0.0.3")
    third.send(head())
    assert third.rest().startswith(b"HTTP/1.1 503 ")
    third.close()
    assert server.stats == ListenerStats(
        accepted=2, refused_full=1, refused_address=1, pending=1
    )
    for _ in range(5):
        client(server)
    until(lambda: server.stats.dropped_half_open >= 3)


def test_open_timeout(serving, client):
    """Who does not ask in time is given up, also by the options' time."""
    for server in (
        serving(open_timeout=0.05),
        serving(options=SessionOptions(open_timeout=0.05)),
    ):
        assert client(server).rest() == b""
        until(lambda server=server: server.stats.failed_handshakes)


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({}, 1024 * 1024),
        ({"max_message_size": 1000}, 1000),
        ({"options": SessionOptions(max_message_size=2000)}, 2000),
        (
            {"options": SessionOptions(max_message_size=2000), "max_message_size": 999},
            999,
        ),
    ],
    ids=["default", "argument", "options", "both"],
)
def test_max_message_size(serving, client, settings, limit):
    """At the limit is fine; one byte more is 1009, for this client alone."""
    server = serving(**settings)
    told = Told(server)
    raw = client(server)
    raw.upgrade()
    first = told.wait()
    other = client(server)
    other.upgrade()
    second = told.wait(2)
    raw.wire.send_text("x" * limit)
    raw.flush()
    assert len(next(first.receive(timeout=20))) == limit
    raw.wire.send_text("x" * (limit + 1))
    with contextlib.suppress(ConnectionError):
        raw.flush()
    assert raw.until_close().code == 1009
    assert first.wait_closed(20).code == 1009
    other.wire.send_text("still here")
    other.flush()
    assert next(second.receive(timeout=20)) == "still here"


@pytest.mark.parametrize(
    ("error", "kwargs"),
    [
        (ValueError, {"side": "server"}),
        (ValueError, {"path": "voice"}),
        (ValueError, {"max_connections": 0}),
        (ValueError, {"max_handshakes": 0}),
        (ValueError, {"open_timeout": 0}),
        (ValueError, {"max_message_size": 0}),
        (TypeError, {"origins": [1]}),
        (TypeError, {"authenticate": "token"}),
        (TypeError, {"host": 5}),
        (TypeError, {"host": None}),
        (TypeError, {"port": "8080"}),
        (TypeError, {"port": True}),
        (TypeError, {"port": 80.0}),
        (ValueError, {"port": -1}),
        (ValueError, {"port": 65536}),
        (TypeError, {"path": 5}),
        (TypeError, {"origins": 5}),
        (TypeError, {"max_connections": "many"}),
        (TypeError, {"max_connections": None}),
        (TypeError, {"max_per_address": True}),
        (TypeError, {"ssl_context": "cert.pem"}),
        (TypeError, {"options": {}}),
        (TypeError, {"options": {}, "open_timeout": 5}),
        (TypeError, {"protocols": 5}),
        (ValueError, {"protocols": "a b"}),
        (ValueError, {"protocols": ["chat", "a,b"]}),
    ],
)
def test_arguments_that_make_no_sense(error, kwargs):
    """Said when the server is made."""
    with pytest.raises(error, match=next(iter(kwargs))):
        WebSocketServer(**kwargs)


# TLS


def test_tls(serving, client):
    """`wss://` with a verified name; an `https://` URL does as well."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = serving(ssl_context=context, authenticate=lambda r: r.path == "/voice")
    told = Told(server)
    client(server)  # never says hello
    options = SessionOptions(ssl_context=trusting)
    assert server.url.startswith("wss://")
    url = server.url.replace("127.0.0.1", "localhost")
    refused(url, 401, options=options)
    url = url.replace("wss", "https") + "voice"
    with WebSocket(url, options=options) as ws:
        ws.send("hello")
        assert next(told.wait().receive(timeout=20)) == "hello"
    assert server.stats == ListenerStats(accepted=1, refused_check=1, pending=1)


# Secrets


def test_nothing_secret_is_logged(serving, caplog):
    """Neither of query nor headers, whatever becomes of the request."""
    caplog.set_level(logging.DEBUG)
    server = serving(authenticate=lambda request: {"/a": 403}.get(request.path))
    told = Told(server)
    parameters = WebSocketParameters(
        headers=[{"name": "Authorization", "value": "Bearer planted-2"}]
    )
    for path in ("a", "b"):
        url = f"{server.url}{path}?token=planted-1"
        with contextlib.suppress(HandshakeError), WebSocket(url, parameters) as ws:
            ws.send("x")
            next(told.wait().receive(timeout=20))
    assert "planted" not in f"{caplog.text} {told[0]!r} {told[0].request!r} {server!r}"


# The server's own life


def test_what_it_shows():
    """Port, URL and repr, before and after."""
    server = WebSocketServer()
    assert server.port == 0
    with server:
        assert server.url == f"ws://127.0.0.1:{server.port}/"
        assert repr(server) == f"<WebSocketServer {server.url} 0 open>"
        with pytest.raises(InvalidState):
            server.start()
    assert repr(server) == f"<WebSocketServer {server.url} closed>"
    with pytest.raises(InvalidState):
        server.start()


def test_started_before_with():
    """`start()` may come first."""
    with WebSocketServer().start() as server:
        assert server.port > 0


def test_a_port_in_use(serving):
    """OSError to who starts it."""
    with pytest.raises(OSError, match="in use"):
        WebSocketServer(port=serving().port).start()


def test_close_says_goodbye(client):
    """1001 for all; what had not got in yet just ends; twice is fine."""
    server = WebSocketServer().start()
    told = Told(server)
    half_open = client(server)
    raws = [client(server) for _ in range(3)]
    for raw in raws:
        raw.upgrade()
    told.wait(3)
    closes = []
    threads = [
        threading.Thread(target=lambda raw=raw: closes.append(raw.until_close()))
        for raw in raws
    ]
    for thread in threads:
        thread.start()
    server.close()
    for thread in threads:
        thread.join(20)
    assert closes == [Close(1001, "the server is closing")] * 3
    assert half_open.rest() == b""
    assert server.websockets == frozenset()
    server.close()


def test_serve_forever(client):
    """It starts the server, and returns when another thread has closed it."""
    server = WebSocketServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    until(lambda: server.port)
    server.close()
    thread.join(20)
    assert not thread.is_alive()


PROGRAM = """
from voxsync.voximplant import WebSocketServer

server = WebSocketServer().start()
closed = server._listener._closed
wait = closed.wait

def tell(timeout):
    # Not earlier: Ctrl-C is to come while it is served.
    closed.wait = wait
    print(server.port, flush=True)
    return wait(timeout)

closed.wait = tell
server.on_connection = lambda ws: ws.send("welcome")
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("bye", server)
"""


def test_ctrl_c():
    """The clients are told, and the program goes on with a KeyboardInterrupt."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        raw = RawClient(int(child.stdout.readline()))
        raw.upgrade()
        assert raw.next() == Text("welcome")
        child.send_signal(signal.SIGINT)
        assert raw.until_close().code == 1001
        raw.close()
        out, err = child.communicate(timeout=40)
    assert (err, child.returncode) == ("", 0)
    assert out.startswith("bye <WebSocketServer")
    assert out.endswith("closed>\n")


def test_without_the_extra(monkeypatch):
    """The door opens without it; the server says what to install."""
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    for name in list(sys.modules):
        if name.startswith(("voxsync.server", "voxsync.websocket_server")):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r"voxsync\[server\]"):
        _ = voxsync.voximplant.WebSocketServer
