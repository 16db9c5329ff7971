"""What the model says: words, sounds, and turns that are made later."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

from voxsync.dialects.gemini.content import ServerContent, Transcription, WordInfo
from voxsync.dialects.gemini.parsing import parse
from voxsync.dialects.gemini.parts import Blob, Content, Part

PCM = np.arange(-3, 3, dtype="<i2").tobytes()
AUDIO = (
    '{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":'
    '{"mimeType":"audio/pcm;rate=24000","data":"/f/+////AAABAAIA"}}]}}}'
)


def said(*parts, **more):
    return ServerContent(model_turn=Content("model", parts), **more)


def audio(data=PCM, mime_type="audio/pcm;rate=24000"):
    return Part(inline_data=Blob(mime_type, data))


def test_the_quick_ones_are_as_frozen():
    """A turn that is made later belongs to a message as any other."""
    (message,) = parse(AUDIO)
    for name in ("model_turn", "raw", "interrupted", "anything"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, name, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del message.model_turn


def test_equality():
    """By what it says, whether its turn is made yet or not."""
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


def test_transcriptions():
    """Fragments are equal by what they say; what was not said is None."""
    words = (WordInfo(word="hi", start_offset=0.5),)
    said = Transcription(text="hi", words=words)
    assert said == Transcription(text="hi", words=words)
    assert said != Transcription(text="hi", words=words, finished=True)
    assert said.start_offset is None
    assert words[0].end_offset is None


def test_repr():
    """What is set, and neither sound nor a flood."""
    (message,) = parse(AUDIO)
    assert repr(message) == (
        "ServerContent(model_turn=Content(role='model', parts=(Part(inline_data="
        "Blob(mime_type='audio/pcm;rate=24000', data=<12 bytes>)),)))"
    )
    assert repr(ServerContent(interrupted=True)) == "ServerContent(interrupted=True)"


def test_they_cost_no_numpy():
    """It comes with the first `audio`."""
    program = (
        "import sys; from voxsync.dialects.gemini.parsing import parse; "
        f"m, = parse({AUDIO!r}); assert m.inline; assert 'numpy' not in sys.modules; "
        "assert len(m.audio) == 6"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
