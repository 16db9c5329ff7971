"""A VoxEngine session: its life, its scenario, its end."""

import numpy as np

from tests.simulators.vox_app import App, noise, speech, until
from voxsync.clocks import VirtualClock
from voxsync.media import BufferSink
from voxsync.server import IncomingRequest
from voxsync.session import SessionOptions
from voxsync.simulators.voximplant import EngineSocket, VoxEngine
from voxsync.voximplant import WebSocketParameters

URL = "ws://127.0.0.1:9/"


def names(engine):
    return [entry.name for entry in engine.events]


def test_a_scenario_of_ones_own():
    """A call, a socket, both directions, a timer; nothing of it is missed."""
    clock = VirtualClock(speed=10)
    said, heard = noise(0.5), BufferSink()
    seen = []

    def scenario(engine):
        call = engine.call(speech(said), record=heard)
        call.on_connected = lambda call: seen.append("connected")
        call.on_disconnected = lambda call: engine.terminate()
        ws = engine.create_web_socket(
            app.url, WebSocketParameters(headers={"X-Room": "blue"})
        )
        ws.on_created = lambda _: seen.append("created")
        ws.send_media_to(call, tag="caller")
        ws.on_open = lambda _: call.send_media_to(ws, tag="caller", encoding="PCM16")
        engine.after(4.0, call.hangup)

    with App(clock, echo=True) as app:
        with VoxEngine(scenario, clock=clock) as engine:
            engine.wait(20)
        assert app.sockets[0].request.headers["x-room"] == "blue"
    assert seen == ["connected", "created"]
    assert np.array_equal(heard.frames, said)
    assert names(engine)[:4] == ["started", "call-connected", "created", "open"]
    assert names(engine)[-3:] == ["call-disconnected", "terminated", "close"]


def test_a_call_of_twenty_seconds_takes_less():
    """As fast as the clock says; the echo is whole."""
    clock = VirtualClock(speed=20)
    said, heard = noise(20.0, 8000), BufferSink(sample_rate=8000)
    talk = []

    def scenario(engine):
        call = engine.call(speech(said, 8000), record=heard)
        ws = engine.create_web_socket(app.url)
        ws.send_media_to(call)
        ws.on_open = lambda _: talk.append(call.send_media_to(ws))

    with App(clock, echo=True) as app, VoxEngine(scenario, clock=clock) as engine:
        engine.wait_for("media-started")
        talk[0].wait(20)
        until(lambda: len(heard.frames) == len(said))
    assert np.array_equal(heard.frames, said)
    assert app.sockets[0].stats.audio_refused == 0


def test_an_app_that_does_not_close():
    """Is not waited for beyond the time given, though the clock stands still."""
    clock = VirtualClock()
    with App() as app, VoxEngine(clock=clock) as engine:
        ws = engine.create_web_socket(app.url)
        engine.wait_for("open")
        ws.stop_reading()
        until(lambda: not ws._connection.reading)
        engine.close(timeout=0.2)
        assert ws.is_closed
        assert ws.close_code == 1006


def test_an_app_that_is_not_there():
    """Is an error and a close, as every end."""
    with VoxEngine(lambda engine: engine.create_web_socket(URL)) as engine:
        assert engine.wait_for("close").fields["code"] == 1006
        socket = [e.name for e in engine.events if e.fields.get("socket") == 1]
        assert socket == ["created", "error", "close"]


def test_options_are_the_programs_but_for_clock_and_thread():
    """Limits and timeouts as given."""
    options = SessionOptions(max_message_size=1000)
    with App() as app, VoxEngine(options=options) as engine:
        ws = engine.create_web_socket(app.url)
        engine.wait_for("open")
        app.wait_for("open")
        app.sockets[0].send("x" * 1001)
        assert engine.wait_for("close").fields["code"] == 1009
        assert ws.options.max_message_size == 1000


def test_a_socket_that_comes_in_while_the_session_ends():
    """Is closed before it has begun."""
    engine = VoxEngine().start()
    engine.terminate()
    engine.wait(10)
    request = IncomingRequest("/", {}, {}, ("127.0.0.1", 5))
    ws = EngineSocket._incoming(request, engine._options, "voxengine")
    engine._take(ws, 7, engine._acts(7))
    assert ws.is_closed
    engine.close()
