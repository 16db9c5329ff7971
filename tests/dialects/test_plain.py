"""The dialect of services without rules of their own."""

import numpy as np
import pytest

from voxsync.audio import AudioFormat
from voxsync.dialects.base import Audio, Deliver, Reply, SendAudio, UpgradeRequest
from voxsync.dialects.plain import PlainDialect
from voxsync.errors import ProtocolError, SessionClosed


def test_messages_are_what_they_are():
    """Text and binary messages pass in both directions, unchanged."""
    dialect = PlainDialect("ws://host/")
    assert dialect.request() == UpgradeRequest(url="ws://host/")
    for message in ("text", b"bytes"):
        assert tuple(dialect.encode(message)) == (Reply(message),)
        assert tuple(dialect.decode(message)) == (Deliver(message),)


def test_binary_messages_may_be_audio():
    """They are told as audio and as the message they are; text is only text."""
    dialect = PlainDialect("ws://host/", AudioFormat(sample_rate=24000))
    data = np.array([1, -2, 300], "<i2").tobytes()
    assert tuple(dialect.decode(data)) == (Audio("", data, 24000), Deliver(data))
    assert tuple(dialect.decode("text")) == (Deliver("text"),)
    assert tuple(dialect.encode(SendAudio("", data))) == (Reply(data),)
    assert tuple(dialect.encode(b"own")) == (Reply(b"own"),)


def test_audio_may_be_a_telephones():
    """G.711 on the wire is linear inside."""
    dialect = PlainDialect("ws://host/", AudioFormat("ulaw", 8000))
    audio, message = dialect.decode(b"\xff\x00")
    assert np.frombuffer(audio.pcm, "<i2").tolist() == [0, -32124]
    assert (audio.sample_rate, message) == (8000, Deliver(b"\xff\x00"))
    (reply,) = dialect.encode(SendAudio("", audio.pcm))
    assert reply == Reply(b"\xff\x00")


def test_a_message_that_is_no_audio_is_told():
    """With what it was; the next one may be better."""
    dialect = PlainDialect("ws://host/", AudioFormat())
    with pytest.raises(ProtocolError, match="not pcm16") as caught:
        tuple(dialect.decode(b"\0\0\0"))
    assert caught.value.raw == b"\0\0\0"


@pytest.mark.parametrize(
    ("code", "by_us", "was_clean"),
    [
        (1000, False, True),
        (1001, False, True),
        (1005, False, True),
        (1006, True, False),
        (4000, True, True),
    ],
)
def test_good_ends(code, by_us, was_clean):
    """Our own doing, and a proper close, are no errors."""
    verdict = PlainDialect("ws://host/").verdict
    assert verdict(code, "", by_us=by_us, was_clean=was_clean) is None


@pytest.mark.parametrize(
    ("code", "reason", "was_clean", "words"),
    [
        (1006, "", False, "the session ended with code 1006"),
        (1000, "", False, "the session ended with code 1000"),
        (4001, "no more", True, "the session ended with code 4001: no more"),
    ],
)
def test_bad_ends(code, reason, was_clean, words):
    """Any other end is an error that carries code, reason and cleanliness."""
    error = PlainDialect("ws://host/").verdict(
        code, reason, by_us=False, was_clean=was_clean
    )
    assert isinstance(error, SessionClosed)
    assert str(error) == words
    assert (error.code, error.reason, error.was_clean) == (code, reason, was_clean)


def test_packets_are_a_message_each():
    """Opus has no byte stream; what is left of a packet goes out at the end."""
    dialect = PlainDialect("ws://host/", AudioFormat("opus"))
    block = np.zeros(2000, "<i2").tobytes()  # two packets of 960 frames, and a rest
    first = tuple(dialect.encode(SendAudio("", block)))
    assert len(first) == 2
    last = tuple(dialect.finish())
    assert last
    for reply in first + last:
        audio, message = dialect.decode(reply.data)
        assert (len(audio.pcm), audio.sample_rate) == (1920, 48000)
        assert message == Deliver(reply.data)


def test_without_audio_there_is_nothing_to_finish():
    """Messages are not held back."""
    assert tuple(PlainDialect("ws://host/").finish()) == ()
