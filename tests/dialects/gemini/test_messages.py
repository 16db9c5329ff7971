"""The service's messages as the application sees them."""

import copy
import dataclasses
import pickle
import subprocess
import sys
import typing

import numpy as np
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
    UsageMetadata,
    UsageUpdate,
    VoiceActivity,
    VoiceActivityDetectionSignal,
)
from voxsync.dialects.gemini.parsing import parse
from voxsync.dialects.gemini.parts import Blob, Content, FunctionCall, Part

KINDS = typing.get_args(LiveServerMessage)
PCM = np.arange(-3, 3, dtype="<i2").tobytes()
AUDIO = (
    '{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":'
    '{"mimeType":"audio/pcm;rate=24000","data":"/f/+////AAABAAIA"}}]}}}'
)


def said(*parts, **more):
    return ServerContent(model_turn=Content("model", parts), **more)


def audio(data=PCM, mime_type="audio/pcm;rate=24000"):
    return Part(inline_data=Blob(mime_type, data))


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


def test_the_quick_ones_are_as_frozen():
    """A turn that is made later belongs to a message as any other."""
    (message,) = parse(AUDIO)
    for name in ("model_turn", "raw", "interrupted", "anything"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, name, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del message.model_turn


def test_equality():
    """By what they say, not by how it was written."""
    assert GoAway(time_left=1.0, raw={"a": 1}) == GoAway(time_left=1.0)
    assert GoAway(time_left=1.0) != GoAway(time_left=2.0)
    assert UnknownMessage(raw={"a": 1}) != UnknownMessage(raw={"b": 1})
    assert UsageUpdate() != GoAway()
    (message,) = parse(AUDIO)
    assert message == said(audio())
    assert said(audio()) == message
    assert message != said(audio(b""))


def test_a_turn_that_is_made_later():
    """It is what it would have been at once, and it is made once."""
    (message,) = parse(AUDIO)
    turn = message.model_turn
    assert turn == Content("model", (audio(),))
    assert turn.parts[0].raw == {
        "inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "/f/+////AAABAAIA"}
    }
    assert message.model_turn is turn
    assert ServerContent().model_turn is None
    assert ServerContent.model_turn is None


@pytest.mark.parametrize("looked", [False, True])
def test_copies(looked):
    """Copied, pickled and replaced, with the turn made or not."""
    (message,) = parse(AUDIO)
    if looked:
        assert message.model_turn is not None
    for made in (
        copy.copy(message),
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message)),
        dataclasses.replace(message),
    ):
        assert made == message
        assert made.audio.tolist() == [-3, -2, -1, 0, 1, 2]
    assert dataclasses.replace(message, interrupted=True) == said(
        audio(), interrupted=True
    )


def test_audio():
    """All audio parts, as samples; the rest of the parts is no audio."""
    message = said(
        Part(text="hm"),
        audio(),
        Part(inline_data=Blob("image/png", b"12")),
        audio(mime_type="audio/pcm"),
    )
    found = message.audio
    assert found.dtype == np.int16
    assert found.shape == (12,)
    assert found.tolist() == [-3, -2, -1, 0, 1, 2] * 2
    assert message.sample_rate == 24000
    assert message.inline == (
        ("audio/pcm;rate=24000", PCM),
        ("image/png", b"12"),
        ("audio/pcm", PCM),
    )


@pytest.mark.parametrize(
    "message",
    [
        ServerContent(),
        said(),
        said(Part(text="a")),
        said(audio(mime_type="audio/mpeg")),
        said(Part(inline_data=Blob("image/png", b"12"))),
    ],
)
def test_no_audio(message):
    """Nothing that can sound is None, not silence."""
    assert message.audio is None
    assert message.sample_rate is None


def test_odd_audio():
    """Half a sample is left out of every part; no samples are an empty array."""
    assert said(audio(PCM + b"x"), audio(PCM + b"x")).audio.size == 12
    assert said(audio(b"x")).audio.tolist() == []
    assert said(audio(b"")).audio.tolist() == []
    assert said(audio(b"")).sample_rate == 24000


def test_audio_of_two_rates():
    """The first one's: samples of two rates in one array would be nonsense."""
    message = said(audio(mime_type="audio/pcm;rate=8000"), audio())
    assert message.sample_rate == 8000
    assert message.audio.size == 6
    assert len(message.inline) == 2


def test_audio_is_read_only():
    """Messages are shared; who wants to change samples copies them."""
    (message,) = parse(AUDIO)
    with pytest.raises(ValueError, match="read-only"):
        message.audio[0] = 1


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([Part(text="a"), Part(text="b")], "ab"),
        ([Part(text="hm", thought=True), Part(text="b")], "b"),
        ([Part(text="hm", thought=True)], None),
        ([Part(text="")], None),
        ([audio()], None),
        ([], None),
    ],
)
def test_text(parts, expected):
    """The words, without thoughts; None where there are none."""
    assert said(*parts).text == expected


def test_text_of_other_content():
    """A message without a turn, and one of audio only, has none."""
    assert ServerContent(turn_complete=True).text is None
    (message,) = parse(AUDIO)
    assert message.text is None
    assert "model_turn" not in vars(message), "nothing was made to find that out"


def test_repr():
    """What is set, and neither sound nor a flood."""
    (message,) = parse(AUDIO)
    assert repr(message) == (
        "ServerContent(model_turn=Content(role='model', parts=(Part(inline_data="
        "Blob(mime_type='audio/pcm;rate=24000', data=<12 bytes>)),)))"
    )
    assert repr(ServerContent(interrupted=True)) == "ServerContent(interrupted=True)"
    assert repr(GoAway()) == "GoAway(time_left=0.0)"
    assert len(repr(UnknownMessage(raw={"a": "b" * 10_000}))) < 1000
    usage = UsageMetadata(total_token_count=0)
    assert "total_token_count=0" in repr(UsageUpdate(usage_metadata=usage))


def test_no_repr_shows_a_handle():
    """Not that of the message, of `raw`, or of another message that came along."""
    update = '"sessionResumptionUpdate":{"newHandle":"h4ndl3","resumable":true}'
    for text in (f"{{{update}}}", f'{{"serverContent":{{}},{update}}}'):
        for message in parse(text):
            assert "h4ndl3" not in f"{message!r} {message} {message.raw} "
            assert message.raw["sessionResumptionUpdate"]["newHandle"] == "h4ndl3"
    assert message.new_handle == "h4ndl3"
    assert repr(message) == (
        "SessionResumptionUpdate(new_handle='***', resumable=True)"
    )
    empty = SessionResumptionUpdate(new_handle="")
    assert repr(empty) == "SessionResumptionUpdate(new_handle='')"
    assert "h4ndl3" not in repr(UnknownMessage(raw=message.raw))


def test_tool_calls_are_typed():
    """What a handler gets."""
    call = FunctionCall("c-7", "lamp", {"state": "on"})
    assert ToolCall(function_calls=(call,)).function_calls[0].args == {"state": "on"}
    assert ToolCall().function_calls == ()
    assert ToolCallCancellation().ids == ()


def test_they_cost_no_numpy():
    """It comes with the first `audio`."""
    program = (
        "import sys; from voxsync.dialects.gemini.parsing import parse; "
        f"m, = parse({AUDIO!r}); assert m.inline; assert 'numpy' not in sys.modules; "
        "assert len(m.audio) == 6"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
