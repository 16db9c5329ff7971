"""A VoxEngine session: its life, its scenario, its end."""

import numpy as np
import pytest

from tests.simulators.vox_app import App, noise, speech, until
from voxsync.clocks import VirtualClock
from voxsync.errors import InvalidState
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


def test_it_ends_a_minute_after_its_last_call():
    """And closes its sockets; a call in time takes that back."""
    clock = VirtualClock()
    silent = SessionOptions(ping_interval=None)
    with App() as app, VoxEngine(clock=clock, options=silent) as engine:
        ws = engine.create_web_socket(app.url)
        engine.wait_for("open")
        clock.advance(59.0)
        call = engine.call()
        engine.wait_for("call-connected")
        clock.advance(3600.0)
        call.hangup()
        engine.wait_for("call-disconnected")
        clock.advance(59.9)
        with pytest.raises(TimeoutError):
            engine.wait(0.02)
        assert not ws.is_closed
        clock.advance(0.2)
        engine.wait(10)
        assert ws.is_closed
    last = engine.wait_for("terminated")
    assert last.seconds == pytest.approx(59 + 3600 + 60.1)
    assert last.fields == {"reason": "no call for 60 s"}
    with pytest.raises(InvalidState, match="is over"):
        engine.call()
    with pytest.raises(InvalidState, match="is over"):
        engine.create_web_socket(URL)
    assert "over" in repr(engine)


def test_a_session_that_was_empty_from_the_beginning():
    """Has its minute as well, of whatever length."""
    clock = VirtualClock()
    with VoxEngine(clock=clock, life=5.0) as engine:
        engine.wait_for("started")
        with pytest.raises(TimeoutError):
            engine.wait(0.01)
        clock.advance(5.0)
        engine.wait(10)
    assert names(engine) == ["started", "terminated"]


def test_a_scenario_that_fails_ends_the_session(caplog):
    """Its sockets are closed, and whoever waits gets what it raised."""

    def scenario(engine):
        engine.create_web_socket(app.url)
        raise ValueError("planted")

    with App() as app, VoxEngine(scenario) as engine:
        with pytest.raises(ValueError, match="planted"):
            engine.wait(10)
        assert engine.sockets[0].is_closed
    assert str(engine.error) == "planted"
    assert "a scenario failed" in caplog.text


def test_the_program_may_fail_it():
    """The first reason counts."""
    with VoxEngine() as engine:
        engine.fail(ValueError("one"))
        engine.fail(ValueError("two"))
        with pytest.raises(ValueError, match="one"):
            engine.wait(10)


def test_before_it_has_begun():
    """There are no calls and no sockets; its end is nothing."""
    engine = VoxEngine()
    with pytest.raises(InvalidState, match="not begun"):
        engine.call()
    engine.close()
    with pytest.raises(InvalidState, match="begins once"):
        engine.start().start()
    engine.close()
    engine.close()
    assert "0 calls" in repr(VoxEngine())


def test_who_must_not_wait():
    """The engine's thread, for itself."""
    found = []

    def scenario(engine):
        for act in (lambda: engine.wait_for("open"), engine.close):
            try:
                act()
            except InvalidState as exc:
                found.append(str(exc))

    with VoxEngine(scenario) as engine:
        until(lambda: len(found) == 2)
        engine.terminate()
        engine.wait(10)
    assert "cannot wait" in found[0]
    assert "terminate()" in found[1]


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


def test_who_wants_is_told_at_once():
    """Of each entry, where it happened."""
    told = []
    with VoxEngine(told=told.append) as engine:
        engine.call()
        engine.wait_for("call-connected")
    assert told == engine.events


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
