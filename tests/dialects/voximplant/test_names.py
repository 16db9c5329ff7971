"""VoxEngine's names, and that they are ours."""

import operator

import pytest

from voxsync.dialects.voximplant.names import (
    ClearMediaBufferParameters,
    SendMediaParameters,
    WebSocketAudioEncoding,
    WebSocketCloseCode,
    WebSocketEvents,
    WebSocketParameters,
    WebSocketReadyState,
)
from voxsync.events import EventType
from voxsync.session import ReadyState


@pytest.mark.parametrize("event", WebSocketEvents, ids=lambda event: event.name)
def test_events_are_equal_to_ours(event):
    """To VoxEngine's string of today and of 2024, and to voxsync's event type."""
    ours = EventType[event.name]
    assert event.own == ours.value
    assert event == ours == event
    assert ours.value == event == event.value
    assert event == f"WebSocket.{event.name}"
    assert event != "WebSocket.Other"
    assert event != 1
    for name in (ours, ours.value, event.value):
        assert not operator.ne(event, name)
    assert not operator.ne(ours.value, event)
    assert {event: "found"}[ours.value] == "found"
    assert str(event) == event.value
    names = (ours.value, event.value, f"WebSocket.{event.name}")
    assert [WebSocketEvents.find(name) for name in names] == [event] * 3


def test_unknown_events_are_not_found():
    """None says so."""
    assert WebSocketEvents.find("media") is None


def test_strings_of_the_vendor():
    """The values of its typings (Voximplant notes, 1.5)."""
    assert [event.value for event in WebSocketEvents] == [
        "WebSocket.Created",
        "WebSocket.Open",
        "WebSocket.Message",
        "WebSocket.Error",
        "WebSocket.Close",
        "WebSocket.MediaEventStarted",
        "WebSocket.MediaEventEnded",
    ]


@pytest.mark.parametrize("state", WebSocketReadyState, ids=lambda state: state.name)
def test_states_are_equal_to_ours(state):
    """To VoxEngine's string and to voxsync's state, and to no other."""
    assert state == state.value == state.name.lower()
    assert state == ReadyState[state.name]
    assert [other for other in ReadyState if other == state] == [ReadyState[state.name]]
    assert {state: 1}[state.value] == 1
    for name in (ReadyState[state.name], state.value):
        assert not operator.ne(state, name)
    assert state != 7


def test_encodings_have_two_names():
    """The old ones are aliases (conformance 4)."""
    assert WebSocketAudioEncoding.PCM16_8KHZ == "PCM8"
    assert WebSocketAudioEncoding.PCM16_16KHZ == "PCM16"
    assert WebSocketAudioEncoding.PCM8 is WebSocketAudioEncoding.PCM16_8KHZ
    assert WebSocketAudioEncoding.PCM16 is WebSocketAudioEncoding.PCM16_16KHZ
    assert list(WebSocketAudioEncoding) == ["PCM8", "PCM16", "ALAW", "ULAW", "OPUS"]


def test_close_codes():
    """The vendor's sixteen, less 1004 and 1016, which it does not name."""
    assert [int(code) for code in WebSocketCloseCode] == [
        *range(1000, 1004),
        *range(1005, 1016),
    ]
    assert WebSocketCloseCode.CLOSED_NO_STATUS == 1005


def test_parameters_have_defaults():
    """VoxEngine's own (Voximplant notes, 1.2)."""
    given = WebSocketParameters()
    assert given.protocols == ("chat",)
    assert given.headers == ()
    assert (given.privacy, given.trace, given.statistics) == (False, False, False)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Key": "value"},
        [("X-Key", "value")],
        [["X-Key", "value"]],
        [{"name": "X-Key", "value": "value"}],
    ],
)
def test_headers_may_be_written_in_any_way(headers):
    """A mapping, pairs, or VoxEngine's objects."""
    assert WebSocketParameters(headers=headers).headers == (("X-Key", "value"),)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"protocols": ["chat", 1]}, TypeError, "protocols must be names"),
        ({"protocols": [""]}, TypeError, "protocols must be names"),
        ({"protocols": 5}, TypeError, "a name or several, not 5"),
        ({"protocols": "a b"}, ValueError, "'a b' cannot be offered"),
        ({"protocols": ["chat", "a,b"]}, ValueError, "'a,b' cannot be offered"),
        ({"headers": 5}, TypeError, "headers must be a mapping or .*, not int"),
        ({"headers": "X-Key: value"}, TypeError, "pairs, not str"),
        ({"headers": [{"key": "a", "value": "b"}]}, ValueError, "'name'"),
        ({"headers": ["X-Key: value"]}, TypeError, "pairs"),
        ({"trace": 1}, TypeError, "trace must be True or False"),
        ({"privacy": True, "trace": True}, ValueError, "privacy forbids"),
        ({"privacy": True, "statistics": True}, ValueError, "privacy forbids"),
    ],
)
def test_parameters_that_make_no_sense(settings, error, words):
    """Each is refused in words of its own."""
    with pytest.raises(error, match=words):
        WebSocketParameters(**settings)


def test_no_protocols_and_no_headers():
    """None and () say the same."""
    assert WebSocketParameters(protocols=None).protocols == ()  # type: ignore[arg-type]
    assert WebSocketParameters(headers=None).headers == ()


def test_parameters_keep_secrets():
    """Headers are shown without their values' secrets."""
    given = WebSocketParameters(
        headers={"Authorization": "Bearer planted-token"}, trace=True
    )
    assert "planted-token" not in repr(given)
    assert "Authorization" in repr(given)
    assert repr(given).endswith(", trace=True)")


def test_how_media_is_sent():
    """PCM8 without a tag if nothing is said; any of VoxEngine's strings."""
    assert SendMediaParameters() == SendMediaParameters("", "PCM8", None)
    given = SendMediaParameters("voice", "ULAW", {"turn": "3"})
    assert given.encoding is WebSocketAudioEncoding.ULAW
    assert given.custom_parameters == {"turn": "3"}


def test_custom_parameters_are_copied():
    """What the application does with its own later makes no difference."""
    own = {"turn": "3"}
    given = SendMediaParameters(custom_parameters=own)
    own["turn"] = "4"
    assert given.custom_parameters == {"turn": "3"}


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"tag": None}, TypeError, "tag must be a str, not NoneType"),
        ({"encoding": "audio/l16"}, ValueError, "'audio/l16' is not VoxEngine's"),
        ({"encoding": None}, ValueError, "use one of PCM8"),
        ({"custom_parameters": "turn=3"}, TypeError, "must be a mapping, not str"),
        ({"custom_parameters": {"turn": 3}}, TypeError, "to be a str, and its value"),
        ({"custom_parameters": {3: "turn"}}, TypeError, "to be a str, and its value"),
    ],
)
def test_media_parameters_that_make_no_sense(settings, error, words):
    """Each is refused in words of its own."""
    with pytest.raises(error, match=words):
        SendMediaParameters(**settings)


def test_which_buffer_is_cleared():
    """One, or all."""
    assert ClearMediaBufferParameters().tag is None
    assert ClearMediaBufferParameters("voice").tag == "voice"
    with pytest.raises(TypeError, match="tag must be a str, not int"):
        ClearMediaBufferParameters(1)
