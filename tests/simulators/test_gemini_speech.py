"""An answer on its way out: its messages, and when each is due."""

import base64

import numpy as np
import pytest

from tests.simulators.gemini_client import Beeps, Turn
from voxsync.simulators.gemini_brain import Answer
from voxsync.simulators.gemini_speech import CHUNK_FRAMES, RATE, Manner, Speech


class Lengths:
    """A voice that gives blocks of these lengths."""

    def __init__(self, *lengths):
        self.lengths = lengths

    def say(self, text):
        at = 0
        for length in self.lengths:
            yield (np.arange(at, at + length) % 1000).astype(np.int16)
            at += length


def speech(answer, *, voice=None, transcript=True, thoughts=False, paced=True):
    return Speech(answer, Manner(voice, transcript, thoughts, paced), 100.0)


def played(made):
    """All messages, and when each was due."""
    messages, times = [], []
    while (message := made.peek()) is not None:
        times.append(made.due)
        messages.append(message)
        made.take()
    return messages, times


@pytest.mark.parametrize(
    "lengths", [(1,), (5760,), (5761,), (100,) * 100, (20_000,), (0, 3, 0)]
)
def test_audio_comes_in_messages_of_240_ms(lengths):
    """However the voice cuts it; only the last is shorter, and nothing is lost."""
    made = speech(Answer(text="a"), voice=Lengths(*lengths))
    turn = Turn(played(made)[0])
    assert all(size == CHUNK_FRAMES * 2 for size in turn.sizes[:-1])
    sound = b"".join(base64.b64decode(blob["data"]) for blob in turn.blobs)
    total = sum(lengths)
    assert sound == (np.arange(total) % 1000).astype("<i2").tobytes()
    assert {blob["mimeType"] for blob in turn.blobs} == {"audio/pcm;rate=24000"}
    assert made.frames == total


def test_audio_is_due_a_little_ahead():
    """Half a second, and what is written goes with what is said."""
    made = speech(Answer(text="one two three four"), voice=Lengths(CHUNK_FRAMES * 5))
    messages, times = played(made)
    audio = [at for at, m in zip(times, messages, strict=True) if "modelTurn" in str(m)]
    assert audio == pytest.approx([100, 100, 100, 100.24, 100.48])
    assert made.over == pytest.approx(100 + CHUNK_FRAMES * 5 / RATE)
    assert made.text == Turn(messages).said == "one two three four"


def test_without_pacing_all_is_due_at_once():
    """And over as soon as it was sent."""
    made = speech(Answer(text="one"), voice=Lengths(RATE * 10), paced=False)
    assert set(played(made)[1]) == {100.0}
    assert made.over == 100.0


@pytest.mark.parametrize("transcript", [True, False])
def test_words_that_sound_has_not_reached_come_at_the_end(transcript):
    """So the text is whole, whether or not it is written along."""
    text = "many words in a short sound, incomprehensibilities among them"
    made = speech(Answer(text=text), voice=Lengths(100), transcript=transcript)
    turn = Turn(played(made)[0])
    assert turn.said == (text if transcript else "")
    assert made.text == text


def test_an_answer_may_bring_its_sound():
    """Then the voice is not asked."""
    audio = np.arange(3000, dtype=np.int16)
    made = speech(Answer(audio=audio), voice=Beeps())
    assert Turn(played(made)[0]).sizes == [6000]


def test_nothing_to_say():
    """Makes no message."""
    assert played(speech(Answer(), voice=Beeps())) == ([], [])
    assert played(speech(Answer())) == ([], [])


def test_text_for_who_wants_text():
    """In parts, without sound; due at once."""
    made = speech(Answer(text="a b c d e f g", audio=np.zeros(9, np.int16)))
    messages, times = played(made)
    assert len(messages) == 2
    assert Turn(messages).text == made.text == "a b c d e f g"
    assert not Turn(messages).blobs
    assert set(times) == {100.0}


def test_thoughts_for_who_wants_them():
    """First, and marked."""
    answer = Answer(text="so", thought="hm")
    assert Turn(played(speech(answer, thoughts=True))[0]).thought == "hm"
    assert Turn(played(speech(answer))[0]).thought == ""


def test_what_was_not_taken_was_not_said():
    """An interruption leaves what had been sent."""
    made = speech(Answer(text="one two three"), voice=Beeps(), transcript=False)
    assert made.peek() is made.peek()
    assert (made.text, made.frames, made.sent) == ("", 0, 0)
    made.take()
    assert (made.text, made.frames, made.sent) == ("one ", CHUNK_FRAMES, 1)


def test_the_voice_is_asked_as_it_is_needed():
    """A speech without end takes no memory without end, and can be ended."""

    class Endless:
        asked, stopped = 0, False

        def say(self, text):
            try:
                while True:
                    self.asked += 1
                    yield np.zeros(CHUNK_FRAMES, np.int16)
            finally:
                self.stopped = True

    voice = Endless()
    made = speech(Answer(text="a"), voice=voice, transcript=False)
    for _ in range(3):
        assert made.peek()
        made.take()
    assert voice.asked == 3
    made.close()
    assert voice.stopped
