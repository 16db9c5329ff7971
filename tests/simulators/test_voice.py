"""What is said comes out as sound that can be understood, and stops when it must."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from voxsync.audio.resample import Resampler
from voxsync.errors import FormatError, MissingExtra, VoxsyncError
from voxsync.simulators import voice as module
from voxsync.simulators.phrases import PhraseRecogniser
from voxsync.simulators.voice import (
    BLOCK_FRAMES,
    SAMPLE_RATE,
    EspeakVoice,
    FliteVoice,
    ScriptedVoice,
    ToneVoice,
    open_voice,
    sentences,
)

ANSWERS = [
    "He was not an ill disposed young man.",
    "Hello world, please open the door!",
    "Turn on the kitchen light.",
    "Turn off the living room light.",
    "What time is it?",
    "Set a timer for five minutes.",
    "One, two, three, four, five.",
    "What is the weather today?",
    "Call my mother.",
    "The quick brown fox jumps over the lazy dog.",
]


@pytest.fixture(scope="module")
def recogniser():
    return PhraseRecogniser()


def spoken(voice, text):
    blocks = list(voice.say(text))
    assert all(len(each) == BLOCK_FRAMES for each in blocks)
    assert all(each.dtype == np.int16 for each in blocks)
    return np.concatenate([np.zeros(0, np.int16), *blocks])


def heard(recogniser, samples):
    """What the recogniser makes of speech at 24 kHz, between two silences."""
    resampler = Resampler(SAMPLE_RATE, 16_000)
    quiet = bytes(16_000)
    pcm = (resampler.process(samples).tobytes(), resampler.flush().tobytes())
    stream = recogniser.open(sample_rate=16_000, language="en")
    found = [*stream.feed(quiet + b"".join(pcm) + quiet), *stream.finish()]
    stream.close()
    return [each.text for each in found if each.is_final]


def plain(text):
    return "".join(c for c in text.lower() if c.isalpha() or c == " ")


@pytest.mark.parametrize("text", ANSWERS)
def test_what_flite_says_is_understood(recogniser, text):
    """A spoken sentence is recognised again, word for word."""
    assert heard(recogniser, spoken(FliteVoice(), text)) == [plain(text)]


@pytest.mark.parametrize("text", [ANSWERS[0], ANSWERS[2], ANSWERS[7], ANSWERS[9]])
def test_what_espeak_says_is_understood(recogniser, text):
    """The mechanical voice's, too, with few exceptions."""
    assert heard(recogniser, spoken(EspeakVoice(), text)) == [plain(text)]


def test_espeak_speaks_other_languages():
    """Languages differ, and a slower rate takes longer."""
    german = spoken(EspeakVoice("de"), "Guten Tag, wie geht es Ihnen?")
    slow = spoken(EspeakVoice("de", rate=90), "Guten Tag, wie geht es Ihnen?")
    assert SAMPLE_RATE < len(german) < len(slow)
    assert spoken(EspeakVoice("ja"), "こんにちは").any()


@pytest.mark.parametrize("name", ["flite", "espeak", "tone"])
def test_voices_by_name(name):
    """Each speaks; a text of no words gives nothing; options are no danger."""
    voice = open_voice(name)
    assert spoken(voice, "-o hello --version [[x]] \x01 caf\xe9").any()
    assert spoken(voice, "").size == 0


def test_an_unknown_name():
    """The message says which there are."""
    with pytest.raises(ValueError, match="'flite', 'espeak' and 'tone'"):
        open_voice("siri")


def test_sentences():
    """Texts are cut after sentences, long ones between words or where none ends."""
    assert list(sentences("One. Two?\nThree: four; ... - !")) == [
        "One.",
        "Two?",
        "Three:",
        "four;",
    ]
    cut = list(sentences("word " * 200))
    assert len(cut) == 4
    assert " ".join(cut) == ("word " * 200).strip()
    assert [len(each) for each in sentences("x" * 700)] == [300, 300, 100]


def program(folder, monkeypatch, name, script):
    """Put a program of that name first on the path; it notes its starts."""
    path = Path(folder) / name
    path.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/starts"\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(path))
    return Path(folder) / "starts"


def test_closing_stops_the_work(tmp_path, monkeypatch):
    """After the iterator is closed no further sentence is synthesised."""
    real = shutil.which("flite")
    starts = program(tmp_path, monkeypatch, "flite", f'exec {real} "$@"')
    blocks = FliteVoice().say("Hello world. Good morning. Play some music.")
    assert not starts.exists()
    next(blocks)
    blocks.close()
    assert starts.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no such voice >&2; exit 3", r"failed \(3\): no such voice"),
        ("echo nothing to say >&2", "gave no sound: nothing to say"),
        ("echo this is not a file of sound, by any means", "gave no sound: .*WAV"),
    ],
)
def test_a_program_that_fails(tmp_path, monkeypatch, script, message):
    """The error has its words."""
    program(tmp_path, monkeypatch, "flite", script)
    with pytest.raises(VoxsyncError, match=message):
        list(FliteVoice().say("hello"))


def test_a_program_that_hangs(tmp_path, monkeypatch):
    """It is ended when its time is over."""
    program(tmp_path, monkeypatch, "espeak-ng", "exec sleep 60")
    with pytest.raises(VoxsyncError, match=r"0\.2 s and was ended"):
        list(EspeakVoice(timeout=0.2).say("hello"))


def test_a_program_that_cannot_be_run(tmp_path, monkeypatch):
    """Gone since it was found, for instance."""
    program(tmp_path, monkeypatch, "flite", "").with_name("flite").unlink()
    with pytest.raises(VoxsyncError, match="cannot be run"):
        list(FliteVoice().say("hello"))


@pytest.mark.parametrize("voice", [FliteVoice, EspeakVoice])
def test_a_program_that_is_not_there(voice, monkeypatch):
    """The message says how to install it, and what does without."""
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    with pytest.raises(MissingExtra, match=r"apt install .*'tone' needs nothing"):
        voice()


def test_wrong_arguments():
    """Refused when the voice is made."""
    with pytest.raises(ValueError, match="no voice 'x'; there are: slt"):
        FliteVoice("x")
    with pytest.raises(ValueError, match="80 to 450"):
        EspeakVoice(rate=10)
    with pytest.raises(ValueError, match="no language"):
        EspeakVoice("--path=/tmp")
    with pytest.raises(ValueError, match="more than 0"):
        FliteVoice(timeout=0)


def test_tones_are_the_same_every_time():
    """Each word has its own pitch and its length's time."""
    voice = ToneVoice()
    one = spoken(voice, "hello world")
    assert (one == spoken(ToneVoice(), "Hello  World")).all()
    assert len(one) == 18 * BLOCK_FRAMES  # two words of 300 + 60 ms
    pitches = [
        np.abs(np.fft.rfft(one[at : at + 7200])).argmax() * SAMPLE_RATE / 7200
        for at in (0, 8640)
    ]
    assert abs(pitches[0] - pitches[1]) > 20
    assert 5000 < np.abs(one).max() <= 8000


def test_a_script():
    """What was recorded is played, resampled; the rest is said by another."""
    samples = np.arange(16_000, dtype=np.int16)
    voice = ScriptedVoice({"yes": samples}, sample_rate=16_000)
    assert len(spoken(voice, "yes")) == SAMPLE_RATE
    assert (spoken(voice, "no") == spoken(ToneVoice(), "no")).all()
    again = ScriptedVoice({}, otherwise=ScriptedVoice({"no": samples[:960]}))
    assert (spoken(again, "no") == samples[:960]).all()
    with pytest.raises(ValueError, match="sample_rate"):
        ScriptedVoice({}, sample_rate=1)
    with pytest.raises(FormatError, match="recording of 'yes'"):
        ScriptedVoice({"yes": np.zeros(3)})


@pytest.mark.parametrize("voice", [FliteVoice, EspeakVoice])
def test_several_sentences(voice):
    """They follow each other in one sound, with the pauses that each ends with."""
    one, two = (spoken(voice(), text) for text in ("Good morning.", "Call my mother."))
    both = spoken(voice(), "Good morning. Call my mother.")
    assert abs(len(both) - len(one) - len(two)) <= 2 * BLOCK_FRAMES
