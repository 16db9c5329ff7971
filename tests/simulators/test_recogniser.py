import importlib.util
import random
import sys
import types
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.errors import InvalidState
from voxsync.simulators.recogniser import (
    Blocks,
    Hypothesis,
    ScriptedRecogniser,
    Word,
    check_sample_rate,
    open_recogniser,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "voxsync" / "simulators" / "data"


def cuts(pcm, sizes):
    """Yield `pcm` in pieces of the given sizes, the last size again and again."""
    at, number = 0, 0
    while at < len(pcm):
        size = sizes[min(number, len(sizes) - 1)]
        yield pcm[at : at + size]
        at += size
        number += 1


@given(
    pcm=st.binary(max_size=5000),
    sizes=st.lists(st.integers(1, 1500), min_size=1, max_size=20),
)
def test_blocks_do_not_depend_on_the_pieces(pcm, sizes):
    """Whatever the pieces, the blocks are the same and no whole sample is lost."""
    blocks = Blocks()
    out = [block for piece in cuts(pcm, sizes) for block in blocks.push(piece)]
    assert {len(block) for block in out} <= {640}
    rest = blocks.rest()
    assert len(rest) < 640
    assert b"".join(out) + rest == pcm[: len(pcm) // 2 * 2]
    assert blocks.rest() == b""


def test_other_sample_rates_are_refused_by_name():
    """A rate the engines do not know is a ValueError that names the right one."""
    check_sample_rate(16000)
    with pytest.raises(ValueError, match="16000 Hz, not 8000"):
        check_sample_rate(8000)


@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=20))
def test_a_script_follows_the_amount_of_audio(sizes):
    """Scripted words come in their order, however the audio is cut."""
    recogniser = ScriptedRecogniser.words("one two three", ms_per_word=100)
    stream = recogniser.open(sample_rate=8000, language="ja")
    found = [h for piece in cuts(bytes(4800), sizes) for h in stream.feed(piece)]
    assert [h.text for h in found] == ["one", "one two", "one two three"]
    assert not any(h.is_final for h in found)
    assert found[1].words == (Word("one", 0, 100), Word("two", 100, 200))
    (final,) = stream.finish()
    assert final.is_final
    assert (final.text, final.start_ms, final.end_ms) == ("one two three", 0, 300)
    stream.close()
    stream.close()


def test_a_script_says_only_what_the_audio_reaches():
    """Of words that were not yet heard at the end, none is said."""
    stream = ScriptedRecogniser.words("one two").open(sample_rate=16000, language="en")
    assert stream.feed(bytes(300 * 32 - 2)) == []
    assert [h.text for h in stream.feed(bytes(2))] == ["one"]
    assert [h.text for h in stream.finish()] == ["one"]


def test_a_script_with_finals_ends_with_them():
    """`finals` are what `finish` answers; a final in the script closes its segment."""
    first = Hypothesis(text="a", is_final=True, start_ms=0, end_ms=10)
    last = Hypothesis(text="b", is_final=True, start_ms=10, end_ms=20)
    stream = ScriptedRecogniser([(10, first)], finals=[last]).open(
        sample_rate=16000, language="en"
    )
    assert stream.feed(bytes(320)) == [first]
    assert list(stream.finish()) == [last]
    bare = ScriptedRecogniser([(10, first)]).open(sample_rate=16000, language="en")
    bare.feed(bytes(320))
    assert bare.finish() == []


def test_a_script_backwards_in_time_is_refused():
    """Entries out of order are a mistake of the test that wrote them."""
    one = Hypothesis(text="a", is_final=True, start_ms=0, end_ms=10)
    with pytest.raises(ValueError, match="sort it"):
        ScriptedRecogniser([(20, one), (10, one)])


def test_a_scripted_stream_ends_once():
    """Audio or an end after the end is local misuse."""
    stream = ScriptedRecogniser().open(sample_rate=16000, language="en")
    assert stream.finish() == []
    with pytest.raises(InvalidState):
        stream.feed(b"")
    with pytest.raises(InvalidState):
        stream.finish()


def test_shipped_recognisers_open_by_name(tmp_path):
    """The CLI's names give the engines; wrong names and pairs are explained."""
    file = tmp_path / "phrases.txt"
    file.write_text("hello world\n")
    assert open_recogniser("phrases", phrases=file).phrases == ("hello world",)
    assert "good morning" in open_recogniser("phrases").phrases
    assert type(open_recogniser("dictation")).__name__ == "DictationRecogniser"
    with pytest.raises(ValueError, match="no list of phrases"):
        open_recogniser("dictation", phrases=file)
    with pytest.raises(ValueError, match="'phrases' and 'dictation'"):
        open_recogniser("vosk")


def test_the_recording_is_what_its_licence_note_says():
    """The shipped speech: 16 kHz mono 16 bit, below 1 MB, five sentences, no click."""
    path = DATA / "sense_and_sensibility.wav"
    assert path.stat().st_size < 1_000_000
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 16000)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len((DATA / "sense_and_sensibility.txt").read_text().splitlines()) == 5
    assert np.abs(pcm).max() < 32767
    # The quiet between sentences is noise, not digital silence, and joins are smooth.
    quiet = pcm[-8000:].astype(float)
    assert 20 < quiet.std() < 150
    assert np.abs(np.diff(quiet)).max() < 400


# ---- the sample that plugs in faster-whisper, with a small fake of that library


class FakeWhisperModel:
    def __init__(self, model, *, device, compute_type):
        self.calls = []

    def transcribe(self, samples, *, language, word_timestamps):
        assert samples.dtype == np.float32
        self.calls.append((len(samples), language))
        word = types.SimpleNamespace(word=" hello", start=0.5, end=0.9)
        with_words = types.SimpleNamespace(
            text=" hello", start=0.5, end=1.0, words=[word]
        )
        without = types.SimpleNamespace(text=" there", start=1.0, end=1.5, words=None)
        return iter([with_words, without]), None


@pytest.fixture
def sample():
    path = ROOT / "samples" / "plug_in_faster_whisper.py"
    spec = importlib.util.spec_from_file_location("plug_in_faster_whisper", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_faster_whisper_sample_works(sample, monkeypatch):
    """The documented plug-in gives the same finals for any cut, times in order."""
    fake = types.ModuleType("faster_whisper")
    fake.WhisperModel = FakeWhisperModel
    monkeypatch.setitem(sys.modules, "faster_whisper", fake)
    recogniser = sample.WhisperRecogniser()
    pcm = bytes(25 * 32000 + 1)
    answers = []
    for size in (3200, 32768, random.Random(1).randrange(1, 9999)):
        stream = recogniser.open(sample_rate=16000, language="en")
        found = [h for piece in cuts(pcm, [size]) for h in stream.feed(piece)]
        answers.append([*found, *stream.finish()])
        assert stream.finish() == []
        stream.close()
    assert answers[0] == answers[1] == answers[2]
    assert [h.text for h in answers[0]] == ["hello", "there"] * 2
    assert answers[0][2].words == (Word("hello", 20500, 20900),)
    assert recogniser._model.calls[:2] == [(20 * 16000, "en"), (5 * 16000, "en")]
    with pytest.raises(ValueError, match="16000"):
        recogniser.open(sample_rate=8000, language="en")


def test_the_faster_whisper_sample_says_what_is_missing(sample, monkeypatch):
    """Without the library, the sample names the command that brings it."""
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ImportError, match="pip install faster-whisper"):
        sample.WhisperRecogniser()
