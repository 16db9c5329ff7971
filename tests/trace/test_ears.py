"""What is heard of each service; through `hear`, which makes the ears."""

import json

import pytest

from tests.trace.written import (
    APP,
    LIVE,
    MIMI,
    binary,
    content,
    event,
    media,
    said,
    spoken,
    stream,
    text,
    written,
)
from voxsync.trace.hearing import (
    Cut,
    Ended,
    Missing,
    Sound,
    Turn,
    Unheard,
    Words,
    hear,
)


def heard(tmp_path, lines, **header):
    """All that is heard, without the samples."""
    trace = written(tmp_path, lines, **header)
    return [
        (each.way, each.tag, each.seconds, each.rate)
        if isinstance(each, Sound)
        else each
        for _, found in hear(trace)
        for each in found
    ]


def test_plain_audio(tmp_path):
    """Binary messages both ways, of the format in the header."""
    lines = [binary(1, "out", 0.5), text(2, "in", "hello"), binary(3, "in", 0.25)]
    wanted = [("out", "", 0.5, 8000), ("in", "", 0.25, 8000)]
    assert heard(tmp_path, lines) == wanted
    assert heard(tmp_path, lines, audio=None) == []


def test_audio_that_cannot_be_decoded(tmp_path):
    """It is said why, and the others are heard."""
    form = {"encoding": "flac", "sample_rate": 16000, "channels": 1, "bit_depth": 16}
    (found,) = heard(tmp_path, [binary(1, "out", 0.5)], audio=form)
    assert isinstance(found, Unheard)
    assert "flac" in found.why
    half = {"t": 1, "dir": "out", "kind": "binary", "base64": "AAAA"}
    first, second = heard(tmp_path, [half, binary(2, "out", 0.5)])
    assert isinstance(first, Unheard)
    assert second == ("out", "", 0.5, 8000)


def result(t, words, status="recog-in-progress", kind="asr#mimilvcsr"):
    return text(
        t, "in", {"type": kind, "session_id": "x", "status": status, "response": words}
    )


def word(what, start, end):
    return {"pronunciation": "", "result": what, "time": [start, end]}


def test_words_of_mimi(tmp_path):
    """Partial text as it grows; in the end utterances, where one paused."""
    upgrade = {
        "t": 0,
        "dir": "out",
        "kind": "upgrade",
        "url": "",
        "headers": {"X-Mimi-Input-Language": "en"},
    }
    one, two, three = word("a", 0, 500), word("b", 600, 900), word("c", 2000, 2500)
    found = heard(
        tmp_path,
        [
            upgrade,
            binary(1, "out", 1.0),
            result(2, [one]),
            result(3, [one, two, three]),
            text(4, "out", '{"command":"recog-break"}'),
            result(5, [one, two, three], "recog-finished"),
        ],
        **MIMI,
    )
    assert found == [
        ("out", "", 1.0, 8000),
        Words("out", "a", is_final=False, since=0.0, until=0.5),
        Words("out", "a b c", is_final=False, since=0.0, until=2.5),
        Ended("out", ""),
        Words("out", "a b", is_final=True, since=0.0, until=0.9),
        Words("out", "c", is_final=True, since=2.0, until=2.5),
    ]


def test_segments_of_mimi_are_utterances(tmp_path):
    """What nict-asr v2 determines, it determines once."""
    kind = "asr#nictlvcsr2"

    def segment(what, at, determined):
        return {"result": what, "words": [], "determined": determined, "time": at}

    found = heard(
        tmp_path,
        [
            result(1, [segment("one", 0, False)], kind=kind),
            result(2, [segment("one.", 0, True)], kind=kind),
            result(3, [segment("two.", 900, True)], "recog-finished", kind),
        ],
        **MIMI,
    )
    assert [(w.text, w.is_final, w.since) for w in found] == [
        ("one", False, 0.0),
        ("one.", True, 0.0),
        ("two.", True, 0.9),
    ]


def test_what_mimi_is_sent_may_be_compressed(tmp_path):
    """The header of the upgrade knows; the application sent samples."""
    upgrade = {"t": 0, "dir": "out", "kind": "upgrade", "url": ""}
    upgrade["headers"] = {"Content-Type": "audio/x-flac;bit=16;rate=16000"}
    (found,) = heard(tmp_path, [upgrade, binary(1, "out", 0.5)], **MIMI)
    assert isinstance(found, Unheard)


def test_streams_of_an_app(tmp_path):
    """Both ways, by tag; what is missing, and what the app asks for."""
    lines = [
        *stream(1, "in", "caller", seconds=0.04),
        media(1.1, "in", "caller", 4),
        *stream(2, "out", "app", seconds=0.02),
        text(3, "out", {"customEvent": "clearMediaBuffer"}),
        text(4, "in", "hello"),
        text(
            5, "in", {"event": "stop", "sequenceNumber": 9, "stop": {"tag": "caller"}}
        ),
    ]
    assert heard(tmp_path, lines, **APP) == [
        ("in", "caller", 0.02, 8000),
        ("in", "caller", 0.02, 8000),
        ("in", "caller", 0.04, 8000),  # silence for what is missing
        ("in", "caller", 0.02, 8000),
        Missing("in", 2, pytest.approx(0.04)),
        ("out", "app", 0.02, 8000),
        Cut("out"),
        Ended("in", "caller"),
    ]


def test_a_stream_whose_start_was_not_recorded(tmp_path):
    """The event that its audio plays says what it is."""
    lines = [
        media(1, "in", "caller", 7),
        event(1.1, "media-started", tag="caller", encoding="PCM8"),
    ]
    assert heard(tmp_path, lines, **APP) == [("in", "caller", 0.02, 8000)]
    (found,) = heard(tmp_path, lines[:1], **APP)
    assert isinstance(found, Unheard)


def test_a_conversation_with_a_model(tmp_path):
    """Sound and words both ways, interruptions and the ends of turns."""
    found = heard(
        tmp_path,
        [
            text(0, "out", {"setup": {"model": "models/live"}}),
            text(0.1, "in", {"setupComplete": {}}),
            said(1, 0.1),
            content(2, inputTranscription={"text": "hel"}),
            content(2.1, inputTranscription={"text": "lo"}),
            content(2.2, outputTranscription={"text": "Good "}),
            spoken(2.3, 0.5),
            content(2.4, generationComplete=True),
            content(2.5, outputTranscription={"text": "day."}),
            content(2.6, interrupted=True),
            content(2.7, turnComplete=True),
            text(3, "out", {"realtimeInput": {"audioStreamEnd": True}}),
        ],
        **LIVE,
    )
    assert found == [
        ("out", "", 0.1, 16000),
        Words("out", "hel", is_final=False),
        Words("out", "hello", is_final=False),
        Words("in", "Good", is_final=False),
        ("in", "", 0.5, 24000),
        Ended("in", ""),
        Words("in", "Good day.", is_final=False),
        Cut("in"),
        Words("in", "", is_final=True),
        Turn("in"),
        Ended("in", ""),
        Words("out", "", is_final=True),
        Turn("in"),
        Ended("out", ""),
    ]


@pytest.mark.parametrize(
    "dialect", ["plain", "mimi", "voximplant", "gemini", "x", None]
)
@pytest.mark.parametrize(
    "line",
    [
        text(1, "in", "{"),
        text(1, "out", "[]"),
        text(1, "out", '{"realtimeInput": 3}'),
        text(1, "out", '{"realtimeInput": {"audio": {"data": 3}}}'),
        text(1, "in", '{"event":"media","media":{"payload":"!"}}'),
        text(1, "in", '{"serverContent":{"modelTurn":{"parts":3}}}'),
        text(1, "in", '{"response":[{"result":"x","time":["a"]}]}'),
        {"t": 1, "dir": "in", "kind": "binary", "base64": "?"},
        {"t": 1, "dir": "in", "kind": "binary"},
        {"t": 1, "dir": "sideways", "kind": "text", "text": "x"},
        {"t": 1, "dir": "in", "kind": "text", "text": 7},
    ],
    ids=json.dumps,
)
def test_nonsense_breaks_nothing(tmp_path, dialect, line):
    """A trace is there to look at what was wrong."""
    heard(tmp_path, [line, binary(2, "out", 0.1), event(3, "close")], dialect=dialect)
