"""Records as lines: each reads back as what it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.errors import SessionClosed
from voxsync.events import (
    CloseEvent,
    CreatedEvent,
    ErrorEvent,
    MediaEndedEvent,
    MediaInfo,
    MediaStartedEvent,
)
from voxsync.session.stats import Stats
from voxsync.session.tapping import TapRecord
from voxsync.trace.lines import Lines
from voxsync.trace.masking import Masker
from voxsync.trace.reading import Record


def of(way, kind, data, connection=1, moment=12.5):
    line = Lines(Masker(), 10.0).of(TapRecord(moment, way, kind, data, connection))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def payload(found):
    found = dict(found)
    t, way, kind = (found.pop(name) for name in ("t", "dir", "kind"))
    return Record(t, way, kind, found).payload


@given(st.text())
def test_text(text):
    """Any text, in and out; no character ends the line."""
    text = text.encode("utf-8", "ignore").decode()
    assert payload(of("in", "text", text)) == text
    assert payload(of("out", "text", text.encode())) == text


@given(
    st.one_of(st.binary(), st.text().map(lambda t: b"{" + t.encode("utf-8", "ignore")))
)
def test_binary(data):
    """Any bytes; JSON among them is readable."""
    assert payload(of("in", "binary", data)) == data
    assert payload(of("out", "ping", data[:125])) == data[:125]


def test_members():
    """As the format says."""
    assert of("in", "binary", b"\0\1") == {
        "t": 2.5,
        "dir": "in",
        "kind": "binary",
        "base64": "AAE=",
    }
    assert of("in", "binary", b'{"a":1}', 2) == {
        "t": 2.5,
        "dir": "in",
        "kind": "binary",
        "conn": 2,
        "text": '{"a":1}',
    }
    assert of("out", "close", (1000, "bye"))["reason"] == "bye"
    assert of("local", "interrupted", None, 0)["tag"] is None


def test_upgrades():
    """Masked, and what was a secret there is one in all that follows."""
    lines = Lines(Masker(), 0.0)
    headers = (("Authorization", "Bearer t0ken-planted"), ("X-Room", "blue"))
    asked = lines.of(
        TapRecord(1.0, "out", "upgrade", ("ws://x/?key=planted-key", headers), 1)
    )
    assert json.loads(asked)["headers"] == {"Authorization": "***", "X-Room": "blue"}
    told = lines.of(
        TapRecord(1.0, "in", "upgrade", (101, {"x-echo": "t0ken-planted"}), 1)
    )
    assert json.loads(told)["status"] == 101
    assert b"planted" not in asked + told
    assert b"planted" not in lines.of(TapRecord(2.0, "in", "text", "planted-key", 1))
    assert b"planted" not in lines.of(
        TapRecord(2.0, "in", "close", (1008, "planted-key"), 1)
    )
    error = ErrorEvent(None, SessionClosed("t0ken-planted"))
    assert b"planted" not in lines.of(TapRecord(2.0, "local", "event", error))


INFO = MediaInfo(duration=1, seconds=1.5, burst_seconds=1.5, reason="stop")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (CreatedEvent("target"), {"type": "created"}),
        (
            MediaStartedEvent(None, "a", "PCM16", {"x": "private"}),
            {"type": "media-started", "tag": "a", "encoding": "PCM16"},
        ),
        (
            ErrorEvent(None, ValueError("what")),
            {"type": "error", "error": "ValueError", "message": "what"},
        ),
        (
            CloseEvent(None, code=1000, reason="bye", was_clean=True, unsent=2),
            {"type": "close", "code": 1000, "reason": "bye", "was_clean": True,
             "unsent": 2},
        ),
    ],
    ids=lambda event: getattr(event, "attribute", ""),
)  # fmt: skip
def test_events(event, expected):
    """What is for everybody; nothing of the program's own objects."""
    found = of("local", "event", event, 0)
    for name in ("t", "dir", "kind"):
        del found[name]
    assert found == expected


def test_media_ended():
    """With how much there was."""
    found = of("local", "event", MediaEndedEvent(None, "a", INFO), 0)
    assert found["media_info"]["seconds"] == 1.5
    odd = of("local", "event", MediaEndedEvent(None, "a", {"services": "own"}), 0)
    assert "media_info" not in odd


def test_time_never_goes_back():
    """Two connections' threads may be out of step by a little."""
    lines = Lines(Masker(), 0.0)
    times = [
        json.loads(lines.of(TapRecord(t, "in", "text", "x", 1)))["t"]
        for t in (1.0, 0.9, 2.0)
    ]
    assert times == [1.0, 1.0, 2.0]
    assert json.loads(lines.lost(1.5, "trace", 3))["t"] == 2.0


def test_local_lines():
    """Losses, and the end with the figures."""
    lines = Lines(Masker(), 0.0)
    found = json.loads(lines.lost(1.0, "gated", seconds=0.1234567))
    assert (found["what"], found["seconds"]) == ("gated", 0.123457)
    assert "count" not in found
    assert json.loads(lines.lost(1.0, "unsent", 3))["count"] == 3
    end = json.loads(lines.end(2.0, Stats(bytes_sent=5)))
    assert end["stats"]["bytes_sent"] == 5
    assert json.loads(lines.end(2.0, None))["stats"] is None


def test_header():
    """First of all: which format this is."""
    found = json.loads(Lines(Masker(), 0.0).header(session="ab", url="ws://x/"))
    assert list(found)[:3] == ["voxsync_trace", "t", "session"]
    assert found["voxsync_trace"] == 1
    assert found["started"].endswith("+00:00")
