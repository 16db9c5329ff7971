"""The life of a session: its beginning, its last minute, its end."""

import pytest

from tests.simulators.vox_app import App, until
from voxsync.clocks import VirtualClock
from voxsync.errors import InvalidState
from voxsync.session import SessionOptions
from voxsync.simulators.voximplant import VoxEngine

URL = "ws://127.0.0.1:9/"


def names(engine):
    return [entry.name for entry in engine.events]


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
    assert "a call on voxsync-voxengine failed" in caplog.text


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


def test_who_wants_is_told_at_once():
    """Of each entry, where it happened."""
    told = []
    with VoxEngine(told=told.append) as engine:
        engine.call()
        engine.wait_for("call-connected")
    assert told == engine.events
