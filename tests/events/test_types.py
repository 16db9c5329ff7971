"""Events are frozen and mirror the DOM's and VoxEngine's fields."""

import dataclasses
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
    ]
    assert CloseEvent(None, 1000).type == "close"


def test_repr_leaves_the_session_out():
    """An event's repr shows what happened, not the whole session again."""
    assert repr(ErrorEvent(object(), ValueError("x"))) == (
        "ErrorEvent(error=ValueError('x'))"
    )
