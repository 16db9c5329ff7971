"""How messages are written and travel; without a connection."""

import base64
import threading

import pytest

from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.gemini_travel import TRAVEL, audio_blobs

DATA = bytes([0xFB, 0xFF, 0xFE, 0x01])


def sound():
    data = base64.b64encode(DATA).decode()
    blob = {"mimeType": "audio/pcm;rate=24000", "data": data}
    return {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}


def done():
    return {
        "serverContent": {"turnComplete": True},
        "usageMetadata": {"totalTokenCount": 1},
    }


def sent(name, *messages, **settings):
    acts = GeminiActs(1, [fault(name, **settings)], threading.Event())
    return [made for message in messages for made in acts.rewrite(message)]


def pieces(message):
    return [base64.b64decode(blob["data"]) for blob in audio_blobs(message)]


def test_merge():
    """So many in one; what is left comes before the next other message."""
    found = sent("merge", *[sound() for _ in range(5)], done(), count=2)
    assert [len(audio_blobs(each)) for each in found] == [2, 2, 1, 0]
    assert found[-1] == done()
    assert sent("merge", done()) == [done()]


def test_odd_bytes():
    """Every so-manieth piece."""
    found = sent("odd_bytes", *[sound() for _ in range(4)], count=2)
    assert [len(pieces(each)[0]) for each in found] == [4, 3, 4, 3]


def test_mime_and_alphabet():
    """Audio stays the same."""
    (found,) = sent("bare_mime", sound())
    assert audio_blobs(found)[0]["mimeType"] == "audio/pcm"
    (found,) = sent("url_safe", sound())
    assert audio_blobs(found)[0]["data"] == "-__-AQ"


def test_snake_case():
    """But what belongs to a function is its own."""
    call = {"toolCall": {"functionCalls": [{"id": "1", "args": {"aB": {"cD": 1}}}]}}
    assert sent("snake_case", call) == [
        {"tool_call": {"function_calls": [{"id": "1", "args": {"aB": {"cD": 1}}}]}}
    ]
    (found,) = sent("snake_case", sound())
    part = found["server_content"]["model_turn"]["parts"][0]
    assert part["inline_data"]["mime_type"] == "audio/pcm;rate=24000"


def test_what_never_comes():
    """The rest of the message does; if nothing is left, no message."""
    assert sent("no_usage", done()) == [{"serverContent": {"turnComplete": True}}]
    assert sent("no_turn_complete", done()) == [
        {"usageMetadata": {"totalTokenCount": 1}}
    ]
    assert (
        sent("no_generation_complete", {"serverContent": {"generationComplete": True}})
        == []
    )
    assert sent("no_usage", {"serverContent": {}}) == [{"serverContent": {}}]


def test_more_than_expected():
    """At the top and inside."""
    (found,) = sent("unknown_keys", done())
    assert found["serverContent"]["turnComplete"]
    assert found.keys() - done().keys() == {"unheardOf"}
    assert "unheardOf" in found["serverContent"]
    (found,) = sent("unknown_keys", {"goAway": {}})
    assert found["goAway"] == {}


def test_usage_apart():
    """Behind what it belongs to."""
    turn, usage = sent("usage_apart", done())
    assert turn == {"serverContent": {"turnComplete": True}}
    assert usage == {"usageMetadata": {"totalTokenCount": 1}}
    assert sent("usage_apart", sound()) == [sound()]


def test_audio_that_comes_too_late():
    """In the very message that says to stop."""
    (found,) = sent("interrupted_audio", {"serverContent": {"interrupted": True}})
    assert len(pieces(found)[0]) == 11520
    assert found["serverContent"]["interrupted"]
    assert sent("interrupted_audio", done()) == [done()]


def test_setup_true():
    """Some clients look at the type."""
    assert sent("setup_true", {"setupComplete": {}}) == [{"setupComplete": True}]


class Session:
    def __init__(self):
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)


def sealed(name, data, **settings):
    acts = GeminiActs(1, [fault(name, **settings)], threading.Event())
    session = Session()
    return acts.seal(session, data, 2), session.pauses


def test_slow_ways():
    """The same for each message, or by its length."""
    assert sealed("latency", b"x" * 50, seconds=0.2) == (None, [0.2])
    assert sealed("bandwidth", b"x" * 50, rate=100) == (None, [0.5])


def test_fragments():
    """With a ping in between."""
    frames, pauses = sealed("split", b"abcdef")
    assert frames == b"\x02\x01a\x00\x02bc\x89\x0ain between\x80\x03def"
    assert pauses == []


@pytest.mark.parametrize("name", sorted(TRAVEL))
def test_messages_without_audio_survive(name):
    """Whatever is done to them, they stay messages."""
    message = {"toolCallCancellation": {"ids": ["1"]}}
    (found,) = sent(name, message)
    assert "1" in str(found)
