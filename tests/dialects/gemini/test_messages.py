"""The service's messages as the application sees them."""

import dataclasses
import typing

import pytest

from voxsync.dialects.gemini import messages
from voxsync.dialects.gemini.messages import (
    GoAway,
    LiveServerMessage,
    ServerContent,
    ServerError,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    UnknownMessage,
    UsageUpdate,
    VoiceActivity,
    VoiceActivityDetectionSignal,
)
from voxsync.dialects.gemini.parts import FunctionCall

KINDS = typing.get_args(LiveServerMessage)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SetupComplete, "setupComplete"),
        (ServerContent, "serverContent"),
        (ToolCall, "toolCall"),
        (ToolCallCancellation, "toolCallCancellation"),
        (GoAway, "goingAwayNotice"),
        (SessionResumptionUpdate, "sessionResumptionUpdate"),
        (UsageUpdate, "usageMetadata"),
        (VoiceActivity, "voiceActivity"),
        (VoiceActivityDetectionSignal, "voiceActivityDetectionSignal"),
        (ServerError, "error"),
        (UnknownMessage, "unknown"),
    ],
)
def test_types(kind, name):
    """Firebase's names, and the wire's for what Firebase has not."""
    message = kind()
    assert message.type == name
    assert isinstance(message, ServerMessage)
    assert message.raw == {}
    assert message.usage_metadata is None
    assert kind in KINDS


def test_all_are_tried():
    """The union and `__all__` have every message."""
    public = {getattr(messages, name) for name in messages.__all__} - {
        LiveServerMessage
    }
    found = {c for c in public if issubclass(c, ServerMessage)} - {ServerMessage}
    assert found == set(KINDS)
    assert messages.__all__ == sorted(messages.__all__)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_changes_them(kind):
    """They are shared between threads."""
    message = kind()
    for each in dataclasses.fields(message):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, each.name, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.anything = 1


def test_tool_calls_are_typed():
    """What a handler gets."""
    call = FunctionCall("c-7", "lamp", {"state": "on"})
    assert ToolCall(function_calls=(call,)).function_calls[0].args == {"state": "on"}
    assert ToolCall().function_calls == ()
    assert ToolCallCancellation().ids == ()
