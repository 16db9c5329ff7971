"""Messages on their way out, as faults have them."""

import json

import pytest

from voxsync.dialects.base import (
    CloseStream,
    Deliver,
    OpenStream,
    Ready,
    Reply,
    SendAudio,
)
from voxsync.dialects.voximplant import VoximplantDialect
from voxsync.simulators.voximplant_faults import fault
from voxsync.simulators.voximplant_travel import TRAVEL, Travel

BLOCK = bytes(640)


def sent(name, blocks=7, encoding="PCM16", count=3):
    """What becomes of a stream: its messages as objects."""
    inner = VoximplantDialect("ws://127.0.0.1/", side="voxengine")
    dialect = Travel(inner, fault(name, count=count))
    outputs = [*dialect.encode(OpenStream("t", encoding))]
    for _ in range(blocks):
        outputs += dialect.encode(SendAudio("t", BLOCK))
    outputs += dialect.encode(CloseStream("t"))
    return [json.loads(output.data) for output in outputs]


def chunks(messages):
    """Numbers of the media messages, and where the stop is."""
    return [
        m["media"]["chunk"] if m["event"] == "media" else m["event"] for m in messages
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gaps", ["start", 0, 1, 3, 4, 6, "stop"]),
        ("duplicates", ["start", 0, 1, 2, 2, 3, 4, 5, 5, 6, "stop"]),
        ("late", ["start", 0, 1, 3, 2, 4, 6, 5, "stop"]),
    ],
)
def test_chunks(name, expected):
    """Every third is missing, there twice, or behind the next."""
    assert chunks(sent(name)) == expected


def test_the_last_chunk_is_not_later_than_the_stop():
    """Where no chunk follows, it comes before that."""
    assert chunks(sent("late", blocks=3)) == ["start", 0, 1, 2, "stop"]


def test_numbers_as_strings():
    """Wherever they stand; nothing else is changed."""
    messages = sent("strings", blocks=1)
    assert messages[0]["start"]["mediaFormat"] == {
        "encoding": "PCM16",
        "sampleRate": "16000",
    }
    media = messages[1]["media"]
    assert (messages[1]["sequenceNumber"], media["chunk"], media["timestamp"]) == (
        "1",
        "0",
        "0",
    )
    assert messages[2]["stop"]["mediaInfo"] == {"bytesSent": "640", "duration": "20"}


@pytest.mark.parametrize(("encoding", "rate"), [("PCM16", 8000), ("PCM8", 16000)])
def test_the_other_rate(encoding, rate):
    """In the start alone."""
    messages = sent("wrong_rate", encoding=encoding)
    assert messages[0]["start"]["mediaFormat"]["sampleRate"] == rate
    assert messages[1]["event"] == "media"


@pytest.mark.parametrize("name", TRAVEL)
def test_the_applications_own_messages_are_left_alone(name):
    """Plain text, JSON of its own, and JSON that is no object."""
    dialect = Travel(VoximplantDialect("ws://127.0.0.1/"), fault(name, count=1))
    for text in ("hello", '{"customEvent":"x","chunk":1}', "[1]"):
        assert list(dialect.encode(text)) == [Reply(text)]


def test_what_is_not_sent_is_left_alone():
    """A report of the inner dialect."""

    class Reporting(VoximplantDialect):
        def encode(self, command):
            return (Ready(),)

    dialect = Travel(Reporting("ws://127.0.0.1/"), fault("gaps", count=1))
    assert list(dialect.encode("x")) == [Ready()]


def test_all_else_is_the_inner_dialects():
    """Request, greeting, what comes in, the end, the verdict."""
    inner = VoximplantDialect("ws://127.0.0.1/x", subprotocols=("chat",))
    dialect = Travel(inner, fault("gaps", count=1))
    assert dialect.request() == inner.request()
    assert list(dialect.opened()) == [Ready()]
    assert list(dialect.decode("hello")) == [Deliver("hello")]
    list(dialect.encode(OpenStream("a", "PCM16")))
    assert [json.loads(o.data)["event"] for o in dialect.closing()] == ["stop"]
    list(dialect.encode(OpenStream("b", "PCM16")))
    assert [json.loads(o.data)["event"] for o in dialect.finish()] == ["stop"]
    assert dialect.verdict(1000, "", by_us=False, was_clean=True) is None
    assert dialect.verdict(1006, "", by_us=False, was_clean=False) is not None
