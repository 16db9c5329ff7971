"""The dialect of services without rules of their own."""

import pytest

from voxsync.dialects.base import Deliver, Reply, UpgradeRequest
from voxsync.dialects.plain import PlainDialect
from voxsync.errors import SessionClosed


def test_messages_are_what_they_are():
    """Text and binary messages pass in both directions, unchanged."""
    dialect = PlainDialect("ws://host/")
    assert dialect.request() == UpgradeRequest(url="ws://host/")
    for message in ("text", b"bytes"):
        assert tuple(dialect.encode(message)) == (Reply(message),)
        assert tuple(dialect.decode(message)) == (Deliver(message),)


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
