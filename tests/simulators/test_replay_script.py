"""What a trace makes a service do."""

import pytest

from voxsync.simulators.replay_script import Point, is_bulk, scripts
from voxsync.trace import Record, Trace

AUDIO = b"\0\1" * 320
TEXT = '{"realtimeInput":{"audio":{"data":"' + "QUJD" * 60 + '"}}}'


def a_trace(*lines, **header):
    """Each line: dir, kind, its members."""
    records = [
        Record(float(t), way, kind, fields, fields.pop("conn", 1))
        for t, (way, kind, fields) in enumerate(lines)
    ]
    return Trace("x.trace", {"voxsync_trace": 1, **header}, tuple(records))


def text(way, words, **more):
    return way, "text", {"text": words, **more}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (AUDIO, True),
        (b"{\xff\xfe", True),
        (b'{"setup":{}}', False),
        (TEXT, True),
        (TEXT.encode(), True),
        ("a long text of many words " * 20, False),
    ],
)
def test_is_bulk(payload, expected):
    """Audio, plain or as base64; JSON and words are none."""
    assert is_bulk(payload) is expected


def test_point():
    """Commands count one by one; of bulk number or bytes."""
    here = Point(1, 10, 6400)
    assert here.reaches(here)
    assert Point(1, 1, 6400).reaches(here)
    assert Point(2, 10, 100).reaches(here)
    assert not Point(0, 20, 9999).reaches(here)
    assert not Point(1, 9, 6399).reaches(here)
    assert Point().plus(AUDIO).plus("x") == Point(1, 1, 640)


def test_steps_come_behind_what_the_client_said():
    """Each with its pause; then the service's closing."""
    trace = a_trace(
        ("out", "upgrade", {"url": "ws://x/", "headers": {}}),
        ("in", "upgrade", {"status": 101, "headers": {}}),
        text("in", "welcome"),
        text("out", "hello"),
        ("in", "ping", {"base64": ""}),
        text("in", "you said hello"),
        ("in", "close", {"code": 4000, "reason": "enough"}),
        ("out", "close", {"code": 4000, "reason": ""}),
    )
    (script,) = scripts(trace)
    assert [(s.after.commands, s.pause, s.payload) for s in script.steps] == [
        (0, 1.0, "welcome"),
        (1, 2.0, "you said hello"),
        (1, 3.0, None),
    ]
    assert script.steps[-1].close == (4000, "enough")
    assert script.commands == ["hello"]
    assert script.status == 101
    assert script.subprotocol is None
    assert not script.peer_closes


def test_the_client_closes():
    """Then there is nothing left for the service to do."""
    trace = a_trace(
        text("in", "welcome"),
        ("out", "close", {"code": 1000, "reason": ""}),
        text("in", "too late"),
        ("in", "close", {"code": 1000, "reason": ""}),
    )
    (script,) = scripts(trace)
    assert script.peer_closes
    assert [step.payload for step in script.steps] == ["welcome", "too late"]


@pytest.mark.parametrize(
    ("tail", "close"),
    [
        ((("local", "event", {"type": "close", "code": 1006}),), None),
        ((), (1000, "the trace ends here")),
    ],
)
def test_no_closing_handshake(tail, close):
    """TCP ended; or only the recording did."""
    (script,) = scripts(a_trace(text("in", "welcome"), *tail))
    assert script.steps[-1].payload is None
    assert script.steps[-1].close == close


def test_several_connections():
    """Each has its own part; a refused one has none."""
    trace = a_trace(
        ("in", "upgrade", {"status": 503, "headers": {}}),
        (
            "in",
            "upgrade",
            {"status": 101, "conn": 2, "headers": {"sec-websocket-protocol": "chat"}},
        ),
        text("in", "welcome", conn=2),
    )
    first, second = scripts(trace)
    assert (first.status, first.steps) == (503, [])
    assert second.subprotocol == "chat"
    assert second.steps[0].payload == "welcome"


def test_a_servers_own_trace():
    """What it sent is what the service says."""
    (script,) = scripts(a_trace(text("in", "a"), text("out", "b"), role="server"))
    assert script.steps[0].payload == "b"
    assert script.commands == ["a"]
