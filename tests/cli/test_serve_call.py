"""A call: who answers which stream, within bounds, and what is said of it."""

from types import SimpleNamespace

import pytest

from voxsync.cli.serve_call import Call
from voxsync.dialects.voximplant import MediaStatistics, ReceivedStats, SentStats
from voxsync.errors import ProtocolError
from voxsync.events import (
    CloseEvent,
    ErrorEvent,
    MediaEndedEvent,
    MediaStartedEvent,
    MessageEvent,
)


class Socket:
    """What a call needs of one; the test makes its events."""

    request = SimpleNamespace(address=("192.0.2.1", 9), path="/voice\n")
    media_statistics = MediaStatistics()

    def __init__(self):
        self.listeners = {}

    def add_event_listener(self, kind, fn):
        self.listeners[kind] = fn

    def begin(self, tag, encoding="PCM8"):
        self.listeners["media-started"](MediaStartedEvent(self, tag, encoding))

    def end(self, tag):
        self.listeners["media-ended"](MediaEndedEvent(self, tag))


class Notes:
    """An app, and all of its answers, that only notes what it is told."""

    most_streams = 2

    def __init__(self, lag=0.0):
        self.lag = lag
        self.notes = []

    def answer(self, call, tag):
        self.notes.append(f"answer {tag}")
        return SimpleNamespace(
            begun=lambda event: self.notes.append(f"begun {tag} {event.encoding}"),
            ended=lambda: self.notes.append(f"ended {tag}"),
            close=lambda: self.notes.append(f"close {tag}"),
        )

    def text(self, call, text):
        self.notes.append(text)


@pytest.fixture
def make():
    """A call of an app: socket, app, and the lines that were said."""

    def make(lag=0.0):
        ws, app, lines = Socket(), Notes(lag), []
        return ws, app, lines, Call(1, ws, app, lines.append)

    return make


def test_each_stream_has_an_answer_of_its_own(make):
    """It is told of each burst; messages go to the app."""
    ws, app, lines, _ = make()
    ws.begin("a")
    ws.begin("b", "ULAW")
    ws.end("a")
    ws.begin("a")
    ws.listeners["message"](MessageEvent(ws, "good morning"))
    assert app.notes == [
        *("answer a", "begun a PCM8", "answer b", "begun b ULAW"),
        *("ended a", "begun a PCM8", "good morning"),
    ]
    assert lines == ["call 1: from 192.0.2.1 at /voice "]


def test_the_stream_that_ended_first_makes_room(make):
    """Not one that goes on, nor one that has begun again."""
    ws, app, lines, _ = make()
    for tag in "ab":
        ws.begin(tag)
        ws.end(tag)
    ws.begin("a")
    ws.begin("c")
    ws.end("a")
    ws.begin("d")
    ws.begin("b")  # everybody speaks
    assert app.notes[6:] == [
        *("begun a PCM8", "close b", "answer c", "begun c PCM8"),
        *("ended a", "close a", "answer d", "begun d PCM8"),
    ]
    assert len(lines) == 2


def test_too_many_streams_get_no_answer(make):
    """It is said once; what has just ended may still be on its way back."""
    ws, app, lines, _ = make(lag=1e6)
    for tag in "abcd":
        ws.begin(tag)
        ws.end(tag)
    assert [note for note in app.notes if "answer" in note] == ["answer a", "answer b"]
    assert lines[1:] == [
        "call 1: more than 2 streams at a time: the others get no answer"
    ]


def test_errors_are_said_within_bounds(make):
    """A peer that makes them without end does not fill a disk."""
    ws, _, lines, _ = make()
    for number in range(30):
        ws.listeners["error"](ErrorEvent(ws, ProtocolError(f"wrong {number}")))
    assert lines[1:3] == ["call 1: wrong 0", "call 1: wrong 1"]
    assert len(lines) == 22
    assert lines[-1] == "call 1: more errors, which are not shown"


def test_the_end(make):
    """Answers are closed, then it is said what there was."""
    ws, app, lines, call = make()
    ws.begin("a")
    ws.media_statistics = MediaStatistics(
        received={"a": ReceivedStats("PCM8", 8000, frames=12000, lost=3)},
        sent={"x" * 50: SentStats("PCM16", 16000, frames=16000)},
        rejected=2,
    )
    assert not call.over.is_set()
    ws.listeners["close"](CloseEvent(ws, 1001, "bye", True))
    assert app.notes[-1] == "close a"
    assert lines[-1] == (
        "call 1: closed with 1001: heard 'a' PCM8 1.5 s, "
        f"sent '{'x' * 40}' PCM16 1.0 s, 3 chunks lost, 2 messages of no use"
    )
    assert call.over.is_set()


def test_without_a_request():
    """As where it is we who call."""
    ws, lines = Socket(), []
    ws.request = None
    Call(7, ws, Notes(), lines.append)
    ws.listeners["close"](CloseEvent(ws, 1000, "", True))
    assert lines == ["call 7: closed with 1000: no audio"]
