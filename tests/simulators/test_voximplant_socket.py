"""A socket of the engine: its events in the log, on the engine's thread."""

import threading

import pytest

from tests.simulators.vox_app import App, noise, speech, until
from voxsync.clocks import VirtualClock
from voxsync.simulators.voximplant import VoxEngine
from voxsync.voximplant import WebSocketEvents, WebSocketParameters


def test_events_are_in_the_log():
    """Each with what VoxEngine says of it."""
    clock = VirtualClock()

    def talk(ws):
        ws.add_event_listener("open", lambda _: ws.send("hello"))
        ws.add_event_listener(
            "open",
            lambda _: speech(noise(0.5)).send_media_to(
                ws, paced=False, tag="t", encoding="PCM16", custom_parameters={"k": "v"}
            ),
        )

    def scenario(engine):
        engine.call()
        engine.create_web_socket(app.url)

    with App(clock, on_socket=talk) as app, VoxEngine(scenario, clock=clock) as engine:
        started = engine.wait_for("media-started")
        (ws,) = engine.sockets
        assert ws.is_playing == {"t"}
        until(lambda: ws.media_statistics.received["t"].declared_ms == 500)
        clock.advance(2.0)
        ended = engine.wait_for("media-ended")
        app.sockets[0].send('{"event":"start"}')
        error = engine.wait_for("error").fields["error"]
        ws.close(4001, "enough")
        close = engine.wait_for("close")
        assert ws.is_playing == set()
    assert started.fields == {
        "socket": 1,
        "tag": "t",
        "encoding": "PCM16",
        "custom_parameters": {"k": "v"},
    }
    assert ended.fields["tag"] == "t"
    assert ended.fields["media_info"].reason == "stop"
    assert ended.seconds == 2.0
    assert "no object 'start'" in str(error)
    names = [entry.name for entry in engine.events if "socket" in entry.fields]
    assert names == [
        "created",
        "open",
        "message",
        "media-started",
        "media-ended",
        "error",
        "close",
    ]
    assert set(names) == {kind.own for kind in WebSocketEvents}
    assert close.fields == {
        "socket": 1,
        "code": 4001,
        "reason": "enough",
        "was_clean": True,
    }


def test_closing_does_not_wait():
    """As in VoxEngine; on the engine's own thread, too."""
    with App() as app, VoxEngine(lambda engine: engine.call()) as engine:
        ws = engine.create_web_socket(app.url)
        engine.wait_for("open")
        engine.run(ws.close)
        assert engine.wait_for("close").fields["code"] == 1000
        ws.close(wait=True)
        assert ws.is_closed


def test_listeners_run_on_the_engines_thread():
    """All of them, so that a scenario needs no lock."""
    seen = set()

    def scenario(engine):
        engine.call()
        seen.add(threading.current_thread())
        for _ in range(3):
            ws = engine.create_web_socket(app.url)
            for kind in ("created", "open", "close"):
                ws.add_event_listener(
                    kind, lambda _: seen.add(threading.current_thread())
                )

    with App() as app, VoxEngine(scenario) as engine:
        engine.wait_for("open", count=3)
    assert [thread.name for thread in seen] == ["voxsync-voxengine"]


@pytest.mark.parametrize("private", [False, True])
def test_what_it_shows(private):
    """No token of its URL; nothing at all if that was asked for."""
    with App() as app, VoxEngine(lambda engine: engine.call()) as engine:
        parameters = WebSocketParameters(privacy=private)
        ws = engine.create_web_socket(f"{app.url}?token=planted", parameters)
        assert "planted" not in repr(ws)
        assert ("127.0.0.1" in repr(ws)) is not private
