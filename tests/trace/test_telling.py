"""A trace in words."""

import base64
import json

import numpy as np
import pytest

from voxsync.trace import Record, Trace
from voxsync.trace.figures import figures
from voxsync.trace.telling import Row, about, rows, summary

LOUD = base64.b64encode(np.full(320, 4096, "<i2").tobytes()).decode()
SILENT = base64.b64encode(bytes(640)).decode()
FORMAT = {"encoding": "pcm16", "sample_rate": 16000, "channels": 1, "bit_depth": 16}
HEADER = {
    "door": "PlainSession",
    "dialect": "plain",
    "audio": FORMAT,
    "url": "ws://x/",
    "started": "2026-11-21T18:52:28.123+00:00",
}
END = (9.0, "local", "end", {"stats": None})


def a_trace(*lines, damaged=0, **header):
    records = [
        Record(t, way, kind, fields, fields.pop("conn", 1))
        for t, way, kind, fields in lines
    ]
    return Trace("x.trace", {**HEADER, **header}, tuple(records), damaged)


def blocks(start, count, way="out", data=LOUD):
    return [(start + n * 0.02, way, "binary", {"base64": data}) for n in range(count)]


def told(*lines, **header):
    return [(r.t, r.way, r.kind, r.what) for r in rows(a_trace(*lines, **header))]


def test_audio_in_runs():
    """How long, how many blocks, how loud; a second's pause makes two of it."""
    assert told(*blocks(1.0, 50), *blocks(1.5, 1, "in", SILENT), *blocks(5.0, 1)) == [
        (1.0, "out", "audio", "1.00 s in 50 blocks, -18 dB, until 1.980"),
        (1.5, "in", "audio", "0.02 s in 1 block, silence"),
        (5.0, "out", "audio", "0.02 s in 1 block, -18 dB"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("out", "upgrade", {"url": "ws://x/"}), "to ws://x/"),
        (("in", "upgrade", {"status": 101, "conn": 2}), "101 (connection 2)"),
        (("out", "text", {"text": "hello"}), "hello"),
        (("in", "close", {"code": 1000, "reason": ""}), "1000"),
        (("in", "close", {"code": 4003, "reason": "idle"}), "4003 idle"),
        (("in", "ping", {"base64": ""}), ""),
        (("local", "lost", {"what": "gated", "seconds": 0.5}), "0.50 s of audio gated"),
        (("local", "lost", {"what": "refused", "count": 3}), "3 messages refused"),
        (
            ("local", "lost", {"what": "trace", "count": 3}),
            "3 records of this trace",
        ),
        (
            ("local", "interrupted", {"tag": None}),
            "the application dropped what had not sounded yet",
        ),
    ],
)
def test_one_by_one(line, expected):
    """Each with what matters of it."""
    ((t, way, _, what),) = told((0.5, *line))
    assert (t, way, what) == (0.5, line[0], expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "open"}, ""),
        (
            {"type": "close", "code": 1006, "reason": "", "was_clean": False,
             "unsent": 2},
            "1006, not clean, 2 messages unsent",
        ),
        (
            {"type": "media-started", "tag": "a", "encoding": "PCM16"},
            "stream 'a', PCM16",
        ),
        (
            {"type": "media-ended", "tag": "",
             "media_info": {"seconds": 1.5, "reason": "stop"}},
            "1.50 s heard (stop)",
        ),
        ({"type": "error", "error": "X", "message": "why"}, "X: why"),
    ],
    ids=lambda fields: fields["type"] if isinstance(fields, dict) else "",
)  # fmt: skip
def test_events(fields, expected):
    """By their own names."""
    assert told((1.0, "local", "event", fields)) == [
        (1.0, "local", fields["type"], expected)
    ]


def test_pongs():
    """With how long they took; one that was not asked for is just that."""
    assert told(
        (1.0, "out", "ping", {"base64": ""}),
        (1.25, "in", "pong", {"base64": ""}),
        (2.0, "in", "pong", {"base64": ""}),
    ) == [
        (1.0, "out", "ping", ""),
        (1.25, "in", "pong", "after 250 ms"),
        (2.0, "in", "pong", ""),
    ]


def test_words():
    """What was heard of what was sent, as long as it changes, and at the end."""

    def result(status, *words):
        heard = [{"result": w, "pronunciation": w, "time": [0, 100]} for w in words]
        found = {"type": "asr#mimilvcsr", "status": status, "response": heard}
        return {"text": json.dumps(found)}

    assert told(
        (1.0, "in", "text", result("recog-in-progress", "朝日")),
        (2.0, "in", "text", result("recog-finished", "朝日", "が")),
        dialect="mimi",
    ) == [
        (1.0, "in", "partial", "heard: 朝日"),
        (2.0, "in", "final", "heard: 朝日が"),
    ]


def test_an_interruption_of_the_services():
    """What came of it is cut; who speaks now is heard."""
    content = {"serverContent": {"interrupted": True}}
    found = told((1.0, "in", "binary", {"text": json.dumps(content)}), dialect="gemini")
    assert (1.0, "in", "cut", "what had not sounded yet is dropped") in found


def test_bytes_that_are_no_audio():
    """Only how many."""
    assert told((1.0, "in", "binary", {"base64": "AAE="}), audio=None) == [
        (1.0, "in", "binary", "2 bytes")
    ]


def test_what_cannot_be_decoded():
    """Says why; the rest goes on."""
    ((_, _, kind, what),) = told((1.0, "in", "binary", {"base64": "AA=="}))
    assert kind == "unheard"
    assert "1 byte" in what


def test_rows():
    """Arrows, and what is to be seen at once."""
    assert [Row(0, way, "x").arrow for way in ("out", "in", "local")] == ["→", "←", " "]
    assert Row(0, "local", "lost").is_bad
    assert not Row(0, "in", "close").is_bad


def test_about():
    """What it is of; and whether it is whole."""
    assert about(a_trace(END)) == [
        "PlainSession  ws://x/",
        "2026-11-21 18:52:28 UTC  9.0 s",
    ]
    cut = about(a_trace(damaged=2))
    assert "cut" in cut[-2]
    assert cut[-1] == "2 lines of it could not be read"
    assert about(a_trace(damaged=1))[-1] == "1 line of it could not be read"
    assert about(Trace("x", {}, ()))[0] == "a session"


def test_summary():
    """Amounts, waits, and what was lost, added up."""
    trace = a_trace(
        *blocks(1.0, 50),
        *blocks(3.0, 50, "in"),
        (5.0, "local", "lost", {"what": "gated", "seconds": 0.5}),
        (6.0, "local", "lost", {"what": "gated", "seconds": 0.25}),
        (6.0, "local", "lost", {"what": "trace", "count": 7}),
        END,
    )
    lines = summary(trace, figures(trace))
    assert lines[0] == "out 50 messages, 1.00 s of audio, 1 utterance"
    assert lines[1] == "in  50 messages, 1.00 s of audio, 1 utterance"
    assert any(line.startswith("reply: ") for line in lines)
    assert lines[-2:] == [
        "lost: 0.75 s of audio (gated)",
        "lost: 7 records of this trace (trace)",
    ]
