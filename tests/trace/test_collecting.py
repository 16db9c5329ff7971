"""What is made of records; a whole session is in `test_figures`."""

import pytest

from tests.trace.written import (
    LIVE,
    binary,
    content,
    end,
    event,
    said,
    spoken,
    text,
    written,
)
from voxsync.trace.figures import (
    Close,
    Failure,
    Interruption,
    Latency,
    Loss,
    Stall,
    Stream,
    figures,
)


def shown(tmp_path, lines, **header):
    return figures(written(tmp_path, lines, **header))


def local(t, kind, **more):
    return {"t": t, "dir": "local", "kind": kind, **more}


def test_a_barge_in(tmp_path):
    """Both tell of it: it is one, and what was not heard is known."""
    found = shown(
        tmp_path,
        [
            spoken(1.0, 3.0),
            local(2.0, "interrupted", tag=None),
            content(2.1, interrupted=True),
            spoken(5.0, 1.0),
            content(5.5, interrupted=True),
            end(9.0),
        ],
        **LIVE,
    )
    assert found.interruptions == (
        Interruption(2.0, "both", pytest.approx(2.0)),
        Interruption(5.5, "service", pytest.approx(0.5)),
    )
    spans = [(one.start, one.end) for one in found.utterances]
    assert spans == [pytest.approx((1.0, 2.0)), pytest.approx((5.0, 5.5))]


def test_interruptions_of_one_side_are_several(tmp_path):
    """However soon one follows the other."""
    lines = [local(t, "interrupted", tag=None) for t in (1.0, 1.1)]
    assert len(shown(tmp_path, lines).interruptions) == 2


def test_only_the_stream_of_that_tag_is_cut(tmp_path):
    """The others sound on."""
    lines = [binary(1, "in", 3.0), local(1.5, "interrupted", tag="x"), end(9)]
    (one,) = shown(tmp_path, lines).utterances
    assert (one.start, one.end) == pytest.approx((1.0, 4.0))


def test_latencies_of_a_conversation(tmp_path):
    """Until the first words, until the last, and until the answer."""
    found = shown(
        tmp_path,
        [
            *(said(1 + n / 10, 0.1) for n in range(1, 11)),  # 1.0 to 2.0
            content(2.4, inputTranscription={"text": "hel"}),
            content(2.6, inputTranscription={"text": "lo"}),
            spoken(3.0, 1.0),
            content(4.2, turnComplete=True),
            end(9.0),
        ],
        **LIVE,
    )
    kinds = [(each.kind, each.start, each.end) for each in found.latencies]
    assert kinds == [
        ("first result", pytest.approx(1.0), 2.4),
        ("last result", pytest.approx(2.0), 2.6),
        ("reply", pytest.approx(2.0), 3.0),
    ]
    assert found.latencies[2].ms == 1000
    assert [one.text for one in found.utterances] == ["hello", ""]


def test_an_answer_is_to_what_was_said_last(tmp_path):
    """Who goes on speaking has not waited yet; after a minute nobody waits."""
    lines = [binary(t, "out", 1.0) for t in (1.0, 4.0, 8.0)]
    lines += [binary(5.0, "in", 1.0), binary(90.0, "in", 1.0), end(99)]
    assert shown(tmp_path, lines).latencies == (Latency("reply", 4.0, 5.0),)


def test_a_pong_that_is_late(tmp_path):
    """Is a stall; others are messages like others."""

    def frame(t, way, kind, what):
        return {"t": t, "dir": way, "kind": kind, "base64": what}

    found = shown(
        tmp_path,
        [
            frame(1.0, "out", "ping", "AAAA"),
            frame(1.01, "in", "pong", "AAAA"),
            frame(2.0, "out", "ping", "AAAB"),
            frame(2.5, "in", "ping", "AAAC"),
            frame(2.6, "out", "pong", "AAAC"),
            frame(3.5, "in", "pong", "AAAB"),
            frame(4.0, "in", "pong", "AAAD"),
        ],
    )
    assert found.stalls == (Stall("ping", 2.0, 3.5),)
    (ticks,) = found.messages
    assert (ticks.way, ticks.kind, ticks.count) == ("both", "ping", 7)


def test_losses_and_errors(tmp_path):
    """As they were told, with what they were."""
    found = shown(
        tmp_path,
        [
            local(1.0, "lost", what="refused", count=3),
            local(2.0, "lost", what="missing", seconds=0.5),
            event(3.0, "error", error="ProtocolError", message="no\nsense\x1b[2J"),
            end(9.0),
        ],
    )
    assert found.losses == (Loss(1.0, "refused", 3), Loss(2.0, "missing", 0, 0.5))
    assert found.failures == (Failure(3.0, "ProtocolError: no sense [2J"),)


def test_streams_of_the_far_end(tmp_path):
    """From the event that they start to the event that they end."""
    found = shown(
        tmp_path,
        [
            event(1.0, "media-started", tag="a"),
            event(2.0, "media-started", tag="b"),
            event(3.0, "media-ended", tag="a"),
            event(4.0, "media-started", tag="a"),
            event(5.0, "media-ended", tag="a"),
            end(9.0),
        ],
    )
    assert found.streams == (
        Stream("a", 1.0, 3.0),
        Stream("b", 2.0),
        Stream("a", 4.0, 5.0),
    )


def test_how_it_ended(tmp_path):
    """When the first Close frame went; code and reason are the event's."""
    close = {"kind": "close", "code": 1001, "reason": "bye"}
    lines = [
        {"t": 1.0, "dir": "in", **close},
        {"t": 1.1, "dir": "out", **close},
        event(1.2, "close", code=1001, reason="bye", was_clean=True),
    ]
    assert shown(tmp_path, lines).closes == (Close(1.0, 1001, "bye", True),)
    lost = [event(2.0, "close", code=1006, was_clean=False)]
    assert shown(tmp_path, lost).closes == (Close(2.0, 1006, "", False),)


def test_connections_of_a_session_that_was_resumed(tmp_path):
    """Each ends; the event is about the last one."""
    close = {"dir": "in", "kind": "close", "code": 1000, "reason": ""}
    lines = [
        {"t": 1.0, **close},
        {"t": 5.0, "conn": 2, **close},
        event(5.1, "close", code=1000, was_clean=True),
    ]
    assert shown(tmp_path, lines).closes == (
        Close(1.0, 1000),
        Close(5.0, 1000, "", True),
    )


def test_a_trace_that_was_cut(tmp_path):
    """What is there is shown, and that there was more."""
    lines = [binary(1, "out", 0.5), b"rubbish\n", b'{"t": 2.0, "dir": "ou']
    found = shown(tmp_path, lines)
    assert found.waves["out"].seconds == 0.5
    assert found.notes == (
        "the trace was cut short: what came later is not in it",
        "1 line not readable",
    )


def test_audio_that_is_not_shown(tmp_path):
    """There is a note with the reason; messages are messages all the same."""
    form = {"encoding": "flac", "sample_rate": 16000, "channels": 1, "bit_depth": 16}
    lines = [binary(1, "out", 0.5), binary(2, "out", 0.5), text(3, "in", "x"), end(4)]
    found = shown(tmp_path, lines, audio=form)
    (note,) = found.notes
    assert note.startswith("2 audio messages not shown: decoding flac")
    counts = [(ticks.way, ticks.kind, ticks.count) for ticks in found.messages]
    assert counts == [("in", "other", 1), ("out", "other", 2)]
