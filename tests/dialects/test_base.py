"""The words all dialects share."""

import dataclasses

import pytest

from voxsync.dialects.base import (
    Audio,
    Deliver,
    Dialect,
    Ready,
    Reply,
    UpgradeRequest,
)


def test_a_request_shows_no_secret():
    """The repr of a request masks token, query values and user information."""
    request = UpgradeRequest(
        url="wss://me:pa55word@host/?access-token=s3cret",
        headers=(("Authorization", "Bearer s3cret"), ("x-mimi-process", "asr")),
    )
    shown = repr(request)
    assert "s3cret" not in shown
    assert "pa55word" not in shown
    assert "x-mimi-process: asr" in shown
    assert request.subprotocols == ()


def test_audio_is_not_shown():
    """The repr of audio does not hold its samples."""
    assert "pcm" not in repr(Audio("agent", b"secret"))


def test_words_compare_by_value():
    """Two outputs that say the same are equal; text is never equal to bytes."""
    assert Reply("a") == Reply("a") != Reply(b"a")
    assert Deliver(1) == Deliver(1)


def test_a_request_is_frozen():
    """What is asked for does not change between the dialect and the dialler."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        UpgradeRequest(url="ws://host/").url = "ws://other/"


def test_the_base_has_no_rules():
    """A dialect is ready at once and has nothing to say at the end."""

    class Least(Dialect):
        request = encode = decode = verdict = None

    dialect = Least()
    assert tuple(dialect.opened()) == (Ready(),)
    assert tuple(dialect.finish()) == ()


def test_what_a_dialect_must_bring():
    """What every service does its own way has no default."""
    with pytest.raises(TypeError, match=r"decode.*encode.*request.*verdict"):
        Dialect()
