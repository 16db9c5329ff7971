"""Connections that come in to the engine, by its access URL."""

import pytest

from voxsync.errors import ConnectError, HandshakeError, InvalidState
from voxsync.session import SessionOptions
from voxsync.simulators.voximplant import VoxEngine, fault
from voxsync.voximplant import WebSocket, WebSocketParameters


def engine_with(calls=1, **settings):
    """An engine that takes connections; its `url` is where."""

    def scenario(engine):
        for _ in range(calls):
            engine.call()

    engine = VoxEngine(scenario, **settings).start()
    engine.url = engine.allow_web_socket_connections()
    if calls:
        engine.wait_for("call-connected", count=calls)
    return engine


def test_an_app_comes_in():
    """By `ws://`, or by `http://` as VoxEngine tells its URLs; it misses nothing."""
    with engine_with() as engine:
        news = []

        def came(new):
            news.append(new)
            new.websocket.add_event_listener(
                "open", lambda event: event.target.send("welcome")
            )

        engine.on_web_socket = came
        parameters = WebSocketParameters(
            headers={"X-Room": "blue", "X-Token": "planted", "Cookie": "planted"}
        )
        url = engine.url.replace("ws://", "http://")
        with WebSocket(url, parameters) as ws:
            assert next(ws.receive(10)) == "welcome"
            assert ws.subprotocol == "chat"
            (new,) = news
            assert (new.method, new.content, new.reason) == ("GET", "", "")
            assert url.endswith(new.path)
            assert list(new.headers) == [
                {"key": "x-room", "value": "blue"},
                {"key": "x-token", "value": "planted"},
            ]
            assert new.websocket.request is not None
            assert new.websocket.url.endswith(new.path)
        names = [entry.name for entry in engine.events]
        assert names[2:5] == ["connection", "created", "open"]
        entry = engine.wait_for("connection", socket=1)
    token = engine.url.rsplit("/", 1)[1]
    assert token not in str(entry)
    assert token not in repr(news)
    assert token not in repr(new.websocket)
    assert entry.fields["headers"] == {"x-room": "blue", "x-token": "***"}


@pytest.mark.parametrize("path", ["/", "/request/x/y", "/request/{session}/wrong"])
def test_other_paths_lead_nowhere(path):
    """The access URL is the credential."""
    with engine_with() as engine:
        base, _, rest = engine.url.partition("/request/")
        path = path.format(session=rest.split("/")[0])
        with pytest.raises(HandshakeError) as caught:
            WebSocket(base + path).connect()
        assert caught.value.status == 404
        assert not engine.sockets


@pytest.mark.parametrize("calls", [0, 2])
def test_one_too_many(calls):
    """Calls and three may come; the next fails and is told of, until one leaves."""
    with engine_with(calls) as engine:
        failed = []
        engine.on_web_socket_failed = failed.append
        sockets = [WebSocket(engine.url).connect() for _ in range(calls + 3)]
        with pytest.raises(HandshakeError) as caught:
            WebSocket(engine.url).connect()
        assert caught.value.status == 503
        entry = engine.wait_for("connection-failed")
        assert f"{calls + 3} incoming" in entry.fields["reason"]
        engine.run(lambda: None)
        sockets[0].close()
        engine.wait_for("close")
        assert failed[0].websocket is None
        assert failed[0].reason == entry.fields["reason"]
        sockets[0] = WebSocket(engine.url).connect()
        for ws in sockets:
            ws.close()
        engine.wait_for("close", count=calls + 4)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("silent", ConnectError),
        ("delay", ConnectError),
        ("hang_up", ConnectError),
        ("reset", ConnectError),
        ("status", HandshakeError),
        ("no_answer", ConnectError),
        ("delay_answer", ConnectError),
        ("bad_accept", ConnectError),
        ("not_http", ConnectError),
    ],
)
def test_faults_before_the_session(name, error):
    """They are the first connection's only; the second comes in."""
    wrong = fault(name, seconds=60, connections=1)
    hasty = SessionOptions(open_timeout=0.5)
    with engine_with(faults=[wrong]) as engine:
        with pytest.raises(error):
            WebSocket(engine.url, options=hasty).connect()
        with WebSocket(engine.url) as ws:
            ws.send("hello")
            assert engine.wait_for("message").fields["text"] == "hello"


def test_connections_are_allowed_once():
    """A second access URL would be of no use."""
    with engine_with() as engine, pytest.raises(InvalidState, match="already"):
        engine.allow_web_socket_connections()


def test_a_port_that_is_taken():
    """Is said at once."""
    with engine_with() as engine, VoxEngine() as other:
        port = int(engine.url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="Address already in use"):
            other.allow_web_socket_connections(port=port)
        assert other.allow_web_socket_connections().startswith("ws://127.0.0.1:")


def test_the_end_of_the_session_closes_all():
    """Those that came in, too; and nobody comes any more."""
    engine = engine_with()
    ws = WebSocket(engine.url).connect()
    engine.wait_for("open")
    engine.close()
    assert ws.wait_closed(10).code == 1000
    with pytest.raises(ConnectError):
        WebSocket(engine.url).connect()
