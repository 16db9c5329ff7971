"""Events are frozen and mirror the DOM's and VoxEngine's fields."""

import dataclasses
import operator
from enum import StrEnum
from types import SimpleNamespace

import pytest

from voxsync.events import CloseEvent, ErrorEvent, EventType, MessageEvent


def test_events_are_frozen():
    """An event cannot be changed by one listener under another's eyes."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        MessageEvent(None, "x").data = "y"


@pytest.mark.parametrize(
    ("data", "text", "raw"),
    [("hi", "hi", "hi"), (b"\1", "", b"\1")],
)
def test_message_of_a_plain_session(data, text, raw):
    """`data`, `message` and `raw` are the message; `text` is empty for binary."""
    event = MessageEvent(None, data)
    assert (event.message, event.text, event.raw) == (data, text, raw)


def test_message_of_a_typed_session():
    """`text` and `raw` are those of the typed message."""
    result = SimpleNamespace(text="hello", raw={"a": 1})
    event = MessageEvent(None, result)
    assert (event.text, event.raw) == ("hello", {"a": 1})


def test_types_are_their_strings():
    """The constants equal the card's strings."""
    assert list(map(str, EventType)) == [
        "created",
        "open",
        "message",
        "close",
        "error",
        "media-started",
        "media-ended",
        "transcript",
    ]
    assert CloseEvent(None, 1000).type == "close"


class Vendor(StrEnum):
    """A service's own names, which know that they are equal to ours."""

    OPEN = "Vendor.Open"

    def __eq__(self, other):
        return isinstance(other, str) and str.__str__(other) in (self.value, "open")

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


class Namesake(str):
    """What is a str besides, and knows nothing."""

    __slots__ = ()


@pytest.mark.parametrize(
    "same", ["open", EventType.OPEN, Vendor.OPEN, Namesake("open")]
)
def test_types_are_equal_both_ways(same):
    """To strings, to themselves, and to a service's enumeration that says so."""
    for pair in ((EventType.OPEN, same), (same, EventType.OPEN)):
        assert operator.eq(*pair) is True
        assert operator.ne(*pair) is False


@pytest.mark.parametrize("other", ["close", EventType.CLOSE, Vendor.OPEN, 7, None])
def test_types_are_no_others(other):
    """Nor are they equal to what is no name."""
    for pair in ((EventType.MESSAGE, other), (other, EventType.MESSAGE)):
        assert operator.eq(*pair) is False
        assert operator.ne(*pair) is True


def test_repr_leaves_the_session_out():
    """An event's repr shows what happened, not the whole session again."""
    assert repr(ErrorEvent(object(), ValueError("x"))) == (
        "ErrorEvent(error=ValueError('x'))"
    )
