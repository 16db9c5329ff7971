"""Every fault of the menu, against a voice app made of our own door."""

from contextlib import suppress

import pytest

from tests.simulators.vox_app import App, noise, speech, until
from voxsync.clocks import VirtualClock
from voxsync.errors import SessionClosed
from voxsync.simulators.acts_opening import Answer, Hold, Leave
from voxsync.simulators.faults import FAULTS, Fault
from voxsync.simulators.voximplant import VOX_FAULTS, VoxEngine, VoxFault, fault
from voxsync.simulators.voximplant_acts import _OPENING

SAID = noise(0.6)

# Name, settings; what the app is told besides the usual: its errors (words), messages;
# how it ends: the code, and whether that is an error.
FINE = (1000, False)
TABLE = [
    ("close", {"code": 4001}, [], (4001, True)),
    ("close", {"code": 1001, "at": "audio"}, [], (1001, False)),
    ("close", {"code": 1005}, [], (1002, True)),
    ("close_empty", {}, [], (1005, False)),
    ("close_short", {}, [], (1002, True)),
    ("fin", {}, [], (1006, True)),
    ("rst", {}, [], (1006, True)),
    ("rst", {"at": "audio", "after_bytes": 3200}, [], (1006, True)),
    ("rst", {"at": "message"}, [], (1006, True)),
    ("ping", {}, [], FINE),
    ("ping_payload", {}, [], FINE),
    ("no_pong", {}, [], FINE),
    ("binary", {}, ["binary message"], FINE),
    ("empty_text", {}, [], FINE),
    ("malformed_json", {}, [], FINE),
    ("not_utf8", {}, [], (1007, True)),
    ("huge_frame", {}, [], (1009, True)),
    ("garbage", {}, [], (1002, True)),
    ("unknown_event", {}, [], FINE),
    ("nested_json", {}, ["nested too deeply"], FINE),
    ("huge_number", {}, ["too many digits"], FINE),
    ("huge_message", {}, [], (1009, True)),
    ("no_start", {}, ["without a start"], FINE),
    ("unknown_encoding", {}, ["'G729'", "without a start"], FINE),
    ("bad_base64", {}, ["base64"], FINE),
    ("odd_length", {}, ["whole 16-bit samples"], FINE),
    ("flood", {}, ["faster than it sounds"], FINE),
    ("wrong_rate", {}, ["sampleRate of 8000"], FINE),
    ("gaps", {}, ["lost 1 chunks"], FINE),
    ("duplicates", {}, [], FINE),
    ("late", {}, ["lost 1 chunks"], FINE),
    ("strings", {}, [], FINE),
    ("drip", {}, [], FINE),
    ("stall", {"seconds": 0.2}, [], FINE),
]
MESSAGES = {
    "empty_text": [""],
    "malformed_json": ['{"event":"media","media":{"payl'],
    "unknown_event": ['{"event":"unheard-of","unheard-of":{"tag":"fault"}}'],
}


def test_the_menu_is_whole():
    """Each fault of the menu is in the table, before the session, or deaf."""
    elsewhere = set(_OPENING) | {"stop_reading"}
    assert {row[0] for row in TABLE} | elsewhere == set(VOX_FAULTS)
    assert set(_OPENING.values()) == {Hold, Leave, Answer}
    assert VOX_FAULTS["rst"] == FAULTS["rst"]


def play(wrong, *, ends):
    """A call with a fault: the app speaks, then the caller; what became of it."""
    clock = VirtualClock()

    def speak(event):
        with suppress(SessionClosed):  # some faults are as fast as that
            event.target.send("hello")
            speech(SAID).send_media_to(event.target, paced=False, encoding="PCM16")

    def scenario(engine):
        call = engine.call(speech(SAID))
        ws = engine.create_web_socket(app.url)

        def answer(_):
            with suppress(SessionClosed):
                call.send_media_to(ws, paced=False, tag="c", encoding="PCM16")

        ws.add_event_listener("message", answer, once=True)

    def came(ws):
        ws.on_open = speak

    with App(clock, on_socket=came) as app:
        with VoxEngine(scenario, clock=clock, faults=[wrong]) as engine:
            engine.wait_for("open")
            app.wait_for("open")
            if ends:
                app.wait_for("close")
            else:
                until(lambda: has_heard(app))
            ws = engine.sockets[0]
            if wrong.name == "stall":
                until(lambda: not ws._connection.reading)
                clock.advance(0.5)
                until(lambda: ws._connection.reading)
            ws.close()
            engine.wait_for("close")
        app.wait_for("close")
    return app


def has_heard(app):
    """Whether the app has all that the caller said."""
    stats = app.sockets[0].media_statistics.received.get("c")
    return stats is not None and stats.declared_ms == 600


@pytest.mark.parametrize(
    ("name", "settings", "errors", "end"),
    TABLE,
    ids=[f"{row[0]}-{'-'.join(map(str, row[1].values()))}" for row in TABLE],
)
def test_every_fault(name, settings, errors, end):
    """The app is told what was wrong, and the session goes on or ends as it has to."""
    app = play(fault(name, **settings), ends=end is not FINE)
    code, is_bad = end
    found = [e for e in app.named("error") if not isinstance(e, SessionClosed)]
    assert len(found) == len(errors), found
    for error, words in zip(found, errors, strict=True):
        assert words in str(error)
    assert app.named("close") == [code]
    closed = [e for e in app.named("error") if isinstance(e, SessionClosed)]
    assert bool(closed) is is_bad
    assert app.named("message") == MESSAGES.get(name, [])
    assert app.events[-1][0] == "close"


def test_a_deaf_engine():
    """It reads nothing; that it closes the session all the same needs no answer."""
    with App() as app:
        scenario = lambda engine: engine.create_web_socket(app.url)  # noqa: E731
        with VoxEngine(scenario, faults=[fault("stop_reading")]) as engine:
            engine.wait_for("open")
            app.wait_for("open")
            until(lambda: not engine.sockets[0]._connection.reading)
            app.sockets[0].send("unheard")
            engine.close(timeout=0.2)
        assert app.wait_for("close") == [1000]
    assert "message" not in [entry.name for entry in engine.events]


def test_only_the_first_sockets_have_it():
    """`connections=1`."""
    wrong = fault("close", code=4001, connections=1)

    def scenario(engine):
        engine.call()
        engine.create_web_socket(app.url)
        engine.create_web_socket(app.url)

    with App() as app, VoxEngine(scenario, faults=[wrong]) as engine:
        assert engine.wait_for("close", socket=1).fields["code"] == 4001
        engine.wait_for("open", socket=2)
        assert not engine.sockets[1].is_closed


def test_faults_are_made_with_their_usual_settings():
    """A menu of its own, and the rules of all faults."""
    assert fault("flood").seconds == 12.0
    assert fault("gaps", count=3).count == 3
    assert isinstance(fault("rst"), VoxFault)
    assert isinstance(fault("rst"), Fault)
    with pytest.raises(ValueError, match="no fault 'burst'; there are: bad_accept"):
        fault("burst")
    with pytest.raises(ValueError, match="open, message, audio, not 'final'"):
        fault("rst", at="final")
    with pytest.raises(TypeError, match="no setting cod"):
        fault("close", cod=1)
    with pytest.raises(ValueError, match="no fault 'flood'"):
        Fault("flood")
