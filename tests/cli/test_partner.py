import datetime as dt
import sys

import pytest

from voxsync.cli import partner
from voxsync.cli.exits import Usage
from voxsync.errors import MissingExtra
from voxsync.simulators.gemini_brain import Answer, Call, HeardTurn, ToolResult
from voxsync.simulators.voice import EspeakVoice, FliteVoice, ToneVoice


def answer(text="", **settings):
    talk = partner.SmallTalk(now=lambda: dt.datetime(2026, 1, 1, 9, 5, tzinfo=dt.UTC))
    found = talk.answer(HeardTurn(text=text, **settings))
    return found.text if isinstance(found, Answer) else found


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("good morning", "Good morning to you."),
        ("Tell me a joke, please", "Why did the packet cross the network? "),
        ("what time is it", "It is 09:05."),
        ("he was not an ill disposed young man ", "You said: he was not an ill "),
        ("", "I did not understand that."),
    ],
)
def test_small_talk(heard, said):
    """What it knows, the time, and else what it heard."""
    assert answer(heard).startswith(said)


@pytest.mark.parametrize("name", ["what_time", "whatTime", "Time"])
def test_functions_are_called_by_their_names(name):
    """Where a word of the name is said; short words say nothing."""
    assert answer("what time is it", tools=("set_it", name)) == Call(name)
    assert answer("set it", tools=("set_it",)) == "You said: set it"


def test_what_a_function_returned_is_told():
    """And calls nothing again."""
    results = (ToolResult("what_time", {"result": "noon"}),)
    assert answer(results=results, tools=("what_time",)) == "what_time: noon."


def test_ears(tmp_path):
    """By name; a list only where it is of use, and only one that suits."""
    path = tmp_path / "phrases.txt"
    path.write_text("xyzzyqwk\n")
    assert partner.open_ears("none") is None
    assert partner.open_ears("phrases") is not None
    with pytest.raises(Usage, match="--phrases is of no use to --recogniser none"):
        partner.open_ears("none", path)
    with pytest.raises(Usage, match=r"--phrases: .*xyzzyqwk"):
        partner.open_ears("phrases", path)


def test_ears_without_the_extra(monkeypatch):
    """The message names what to install."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtra, match="demo"):
        partner.open_ears("phrases")


@pytest.mark.parametrize(
    ("there", "name", "kind", "said"),
    [
        ("flite espeak-ng", "any", FliteVoice, 0),
        ("espeak-ng", "any", EspeakVoice, 0),
        ("", "any", ToneVoice, 1),
        ("", "tone", ToneVoice, 0),
        ("flite espeak-ng", "espeak", EspeakVoice, 0),
        ("flite", "flite", FliteVoice, 0),
    ],
)
def test_voices(monkeypatch, there, name, kind, said):
    """By name, or the best that is installed; that it is only tones is told."""
    found = lambda each: each if each in there.split() else None  # noqa: E731
    monkeypatch.setattr("shutil.which", found)
    told = []
    assert type(partner.open_voice(name, told.append)) is kind
    assert len(told) == said


def test_a_voice_that_is_not_installed(monkeypatch):
    """Who asks for it by name is told what to install."""
    monkeypatch.setattr("shutil.which", lambda each: None)
    with pytest.raises(MissingExtra, match="espeak-ng"):
        partner.open_voice("espeak", print)
