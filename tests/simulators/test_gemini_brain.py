"""Who answers."""

import numpy as np
import pytest

from voxsync.simulators.gemini_brain import (
    Answer,
    Call,
    EchoBrain,
    HeardTurn,
    PhraseBrain,
    ScriptedBrain,
    ToolResult,
    as_answer,
)


def test_a_script_is_followed_and_then_silent():
    """Whatever it hears, which it keeps."""
    brain = ScriptedBrain(["one", Call("two"), None])
    turns = [HeardTurn(text=str(number)) for number in range(4)]
    assert [brain.answer(turn) for turn in turns] == [
        Answer(text="one"),
        Answer(calls=(Call("two"),)),
        Answer(),
        Answer(),
    ]
    assert brain.heard == turns


def test_a_script_may_begin_again():
    """And remembers only the latest of what it hears."""
    brain = ScriptedBrain(["a", "b"], repeat=True)
    said = [brain.answer(HeardTurn()).text for _ in range(1005)]
    assert said[:5] == ["a", "b", "a", "b", "a"]
    assert len(brain.heard) == 100
    assert ScriptedBrain([], repeat=True).answer(HeardTurn()) == Answer()


def test_a_script_is_several():
    """A str would be taken for its letters."""
    with pytest.raises(TypeError, match="several"):
        ScriptedBrain("hello")


def test_an_echo_says_words():
    """Where there are some."""
    assert EchoBrain().answer(HeardTurn(text="so")) == Answer(text="so")


def test_an_echo_says_sound():
    """Where there are no words: the same, at 24 kHz."""
    audio = np.arange(1600, dtype=np.int16)
    answer = EchoBrain().answer(HeardTurn(audio=audio, spoken=True))
    assert answer.audio is not None
    assert len(answer.audio) == 2400


RESULTS = (ToolResult("lamp", {"result": "on"}), ToolResult("time", {"h": 3}))


def test_results_are_told():
    """By the echo and by phrases alike."""
    told = Answer(text='lamp: on. time: {"h": 3}.')
    assert EchoBrain().answer(HeardTurn(results=RESULTS)) == told
    assert PhraseBrain({}).answer(HeardTurn(results=RESULTS)) == told


def test_phrases_by_keyword():
    """The longest that is there counts, in any case."""
    brain = PhraseBrain({"Lamp": Call("lamp"), "no lamp": "I see."}, otherwise=None)
    assert brain.answer(HeardTurn(text="the LAMP")) == Answer(calls=(Call("lamp"),))
    assert brain.answer(HeardTurn(text="No lamp!")) == Answer(text="I see.")
    assert brain.answer(HeardTurn(text="what?")) == Answer()
    with pytest.raises(ValueError, match="keyword"):
        PhraseBrain({"": "x"})


def test_only_answers_are_answers():
    """Anything else is told from them."""
    with pytest.raises(TypeError, match="a brain must answer"):
        as_answer(3)
