"""A client's audio, cut into utterances, with the words in it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.simulators.gemini_client import LOUD, QUIET, Loudness
from voxsync.simulators.gemini_hearing import Hearing
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.recogniser import ScriptedRecogniser

PCM = "audio/pcm;rate=16000"


class Told:
    def __init__(self):
        self.began_at, self.said, self.utterances, self.ended_at = [], [], [], []

    def began(self, seconds):
        self.began_at.append(round(seconds, 3))

    def words(self, text):
        self.said.append(text)

    def ended(self, seconds, utterance):
        self.ended_at.append(round(seconds, 3))
        self.utterances.append(utterance)


def made(*, detector=Loudness, recogniser=None, **kwargs):
    told = Told()
    kwargs = {"margin": 0, **kwargs}
    hearing = Hearing(
        told, recogniser=recogniser, language="en", detector=detector, **kwargs
    )
    return hearing, told


def feed(hearing, *blocks, mime=PCM):
    for block in blocks:
        hearing.audio(mime, block.astype("<i2").tobytes())


def test_speech_is_found():
    """From its beginning to its end, wherever that is."""
    hearing, told = made()
    feed(hearing, QUIET, LOUD, LOUD, QUIET, QUIET, LOUD, QUIET)
    assert told.began_at == [0.1, 0.5]
    assert told.ended_at == [0.3, 0.6]
    assert [each.seconds for each in told.utterances] == pytest.approx([0.2, 0.1])
    assert np.array_equal(told.utterances[0].audio, np.concatenate([LOUD, LOUD]))


class Late(Loudness):
    """Finds out late, and tells where it was."""

    def feed(self, pcm):
        return [replace(each, at_ms=each.at_ms - 100) for each in super().feed(pcm)]


def test_what_came_before_it_was_found_belongs_to_it():
    """As far as it is still there, and no other utterance had it."""
    hearing, told = made(detector=Late)
    feed(hearing, QUIET, QUIET, LOUD, LOUD, LOUD, QUIET)
    assert (told.began_at, told.ended_at) == ([0.1], [0.4])
    expected = np.concatenate([QUIET, LOUD, LOUD])
    assert np.array_equal(told.utterances[0].audio, expected)
    hearing, told = made(detector=Late, before=0)
    feed(hearing, QUIET, QUIET, LOUD, LOUD, LOUD, QUIET)
    assert np.array_equal(told.utterances[0].audio, expected[1600:])
    hearing, told = made(detector=Late)
    feed(hearing, QUIET, LOUD, QUIET, LOUD, LOUD, QUIET)
    assert [len(each.audio) // 1600 for each in told.utterances] == [1, 2]


def test_a_margin_belongs_to_speech():
    """Before it and behind it, as far as it is there."""
    hearing, told = made(margin=0.15)
    feed(hearing, QUIET, QUIET, LOUD, QUIET, QUIET)
    assert (told.began_at, told.ended_at) == ([0.2], [0.3])
    assert told.utterances[0].seconds == pytest.approx(0.35)


def test_all_input_where_that_is_wanted():
    """What came between two utterances belongs to the second."""
    hearing, told = made(all_input=True)
    feed(hearing, QUIET, LOUD, QUIET, QUIET, LOUD, QUIET)
    assert [len(each.audio) // 1600 for each in told.utterances] == [2, 3]


def test_words_are_told_once_they_are_sure():
    """Each final part on its own, and all of them at the end."""
    hearing, told = made(recogniser=ScriptedRecogniser.words("a b", ms_per_word=100))
    feed(hearing, LOUD, LOUD, LOUD, QUIET, LOUD, QUIET)
    assert told.said == ["a b", "a"]
    assert [each.text for each in told.utterances] == ["a b", "a"]


def test_the_client_may_say_when_it_speaks():
    """Then there is nothing to find out, and what lies between is not heard."""
    hearing, told = made(detector=None, before=0)
    feed(hearing, LOUD)
    hearing.begin()
    hearing.begin()
    assert hearing.speaking
    feed(hearing, LOUD, QUIET)
    hearing.end()
    hearing.end()
    feed(hearing, LOUD)
    assert not hearing.speaking
    assert told.began_at == [0.1]
    assert [each.seconds for each in told.utterances] == pytest.approx([0.2])


def test_the_end_of_the_stream_ends_an_utterance():
    """And the detector begins anew."""
    hearing, told = made()
    feed(hearing, QUIET, LOUD)
    hearing.end()
    feed(hearing, LOUD, QUIET)
    assert told.began_at == [0.1, 0.2]
    assert len(told.utterances) == 2


def test_an_utterance_without_audio():
    """Is one all the same."""
    hearing, told = made(detector=None)
    hearing.begin()
    hearing.end()
    assert told.utterances[0].seconds == 0
    assert len(told.utterances[0].audio) == 0


@pytest.mark.parametrize(
    ("mime", "rate"),
    [
        ("audio/pcm", 16_000),
        ("audio/pcm;rate=16000", 16_000),
        ("Audio/PCM; rate = 48000", 48_000),
        ("audio/pcm;rate=8000;channels=1", 8_000),
        ("audio/l16;rate=24000", 24_000),
    ],
)
def test_audio_of_other_rates(mime, rate):
    """It is converted as it comes."""
    hearing, told = made(detector=None)
    hearing.begin()
    tone = (np.sin(np.arange(rate) * 440 * 6.283 / rate) * 9000).astype(np.int16)
    feed(hearing, *np.array_split(tone, 10), mime=mime)
    hearing.end()
    assert told.utterances[0].seconds == pytest.approx(1.0, abs=0.01)


def test_the_rate_may_change():
    """Also back to that of the ears."""
    hearing, told = made(detector=None)
    hearing.begin()
    feed(hearing, LOUD, mime="audio/pcm;rate=8000")
    feed(hearing, LOUD, np.zeros(0), mime=PCM)
    hearing.end()
    assert told.utterances[0].seconds == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("mime", "data", "rule"),
    [
        ("audio/wav", b"", "bad_audio"),
        ("", b"", "bad_audio"),
        (PCM, b"abc", "odd_audio"),
        ("audio/pcm;rate=12345", b"", "bad_rate"),
        ("audio/pcm;rate=0", b"", "bad_rate"),
    ],
)
def test_what_is_no_audio(mime, data, rule):
    """It is refused by what is wrong with it."""
    hearing, _ = made()
    with pytest.raises(BadRequest) as caught:
        hearing.audio(mime, data)
    assert caught.value.rule == rule


def test_an_utterance_is_bounded():
    """Of a long one 60 s are kept; how long it was is known."""
    hearing, told = made(detector=None)
    hearing.begin()
    second = np.ones(16_000, np.int16)
    feed(hearing, *[second] * 70)
    hearing.end()
    assert len(told.utterances[0].audio) == 60 * 16_000
    assert told.utterances[0].seconds == 70


def test_silence_takes_no_memory():
    """Only so much of it is kept as a beginning may need."""
    hearing, _ = made(before=0.5)
    feed(hearing, *[QUIET] * 100)
    assert len(hearing._ring) <= 6


def test_the_recogniser_is_released():
    """Also half-way."""
    closed = []

    class Recogniser(ScriptedRecogniser):
        def open(self, **kwargs):
            stream = super().open(**kwargs)
            stream.close = lambda: closed.append(1)
            return stream

    hearing, _ = made(recogniser=Recogniser())
    feed(hearing, LOUD)
    hearing.close()
    hearing.close()
    assert closed == [1]


def test_a_recording_without_a_recogniser():
    """It is sound without words."""
    hearing, told = made()
    utterance = hearing.recording(PCM, LOUD.tobytes())
    assert (utterance.text, utterance.seconds) == ("", 0.1)
    assert np.array_equal(utterance.audio, LOUD)
    assert told.began_at == []
