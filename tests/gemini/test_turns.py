"""A session that has no more input is over after the last answer, never before."""

import json
import time

import pytest

from tests.gemini.far import DONE, INTERRUPTED, READY, content, says, sounds
from voxsync.dialects.base import CloseStream, Finished, Reply, SendAudio
from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.parsing import parse
from voxsync.errors import AnswerCutOff, SessionClosed
from voxsync.gemini.turns import TurnsDialect, ends_turn

ASK = requests.client_content("a question")
MORE = requests.client_content("and", turn_complete=False)
TYPED = requests.realtime_text("typed")
BEGUN = requests.activity_start()
SPOKEN = requests.activity_end()
ANSWERED = requests.tool_response({"id": "c-1", "name": "now", "response": {}})
PICTURE = requests.realtime_video({"mime_type": "image/png", "data": b"x"})
READY_MADE = requests.realtime_audio({"mime_type": "audio/pcm", "data": b"xx"})
CHUNK = requests.media_chunk({"mime_type": "audio/pcm", "data": b"xx"})
AUDIO = SendAudio("", b"\0\0")
FINISH = "finish"
FINISH_ITEM = object()  # the session's own

HI = says("hi")
VOICE = sounds(1)
CALL = {"toolCall": {"functionCalls": [{"id": "c-1", "name": "now", "args": {}}]}}
CUT_IN = content(interrupted=True, turnComplete=True)
HEARD = content(inputTranscription={"text": "late"})
BUSY = content(turnComplete=True, interactionStatus="IN_PROGRESS")
IDLE = content(interactionStatus="IDLE")
CONTENTS = (HI, VOICE, CALL, DONE, INTERRUPTED, CUT_IN, HEARD, BUSY, IDLE)


def opened(*, automatic=True, setup="{}"):
    dialect = TurnsDialect("ws://test/", (), setup, automatic_activity=automatic)
    dialect.decode(json.dumps(READY))
    return dialect


def ends(dialect, steps):
    """After which of these steps, by number, it is over."""
    found = []
    for number, step in enumerate(steps):
        if step is FINISH:
            outputs = dialect.finish()
        elif isinstance(step, dict):
            outputs = dialect.decode(json.dumps(step))
        else:
            outputs = dialect.encode(step)
        found += [number for each in outputs if type(each) is Finished]
    return found


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        # Nothing is to be answered.
        ([FINISH], 0),
        ([MORE, PICTURE, BEGUN, FINISH], 3),
        ([ASK, HI, DONE, FINISH], 3),
        ([AUDIO, VOICE, DONE, FINISH], 3),
        ([ASK, HI, DONE, HEARD, FINISH], 4),
        # Each complete turn is answered.
        ([ASK, FINISH, HI, DONE], 3),
        ([ASK, HI, FINISH, DONE], 3),
        ([ASK, ASK, FINISH, HI, DONE, HI, DONE], 6),
        ([ASK, FINISH, DONE], 2),
        ([MORE, ASK, FINISH, HI, DONE], 4),
        # So is what may have been said, if it was.
        ([AUDIO, FINISH, VOICE, DONE], 3),
        ([READY_MADE, FINISH, VOICE, DONE], 3),
        ([CHUNK, FINISH, VOICE, DONE], 3),
        ([TYPED, FINISH, HI, DONE], 3),
        ([AUDIO, FINISH, HEARD], None),
        # A microphone is on while the model speaks.
        ([AUDIO, VOICE, AUDIO, FINISH, DONE], 4),
        # Who cuts in is answered behind the turn.
        ([AUDIO, VOICE, AUDIO, FINISH, INTERRUPTED, DONE, VOICE, DONE], 7),
        ([ASK, VOICE, ASK, FINISH, CUT_IN, VOICE, DONE], 6),
        ([AUDIO, VOICE, ASK, FINISH, DONE, HI, DONE], 6),
        ([ASK, VOICE, TYPED, FINISH, DONE, HI, DONE], 6),
        # A function's answer is followed by the rest of the turn.
        ([ASK, CALL, ANSWERED, FINISH, HI, DONE], 5),
        ([ASK, CALL, FINISH], None),
        ([ASK, CALL, DONE, ANSWERED, FINISH, HI, DONE], 6),
        # Where the model says how far it is.
        ([ASK, FINISH, HI, BUSY, HI, IDLE], 5),
    ],
)
def test_it_is_over_behind_the_last_answer(steps, end):
    """Once, and in doubt not at all."""
    steps = [*steps, DONE, HI, DONE] if end is not None else steps
    assert ends(opened(), steps) == ([] if end is None else [end])


def test_the_end_of_the_audio_is_told_before():
    """In the same breath, where there was some; a microphone's end is none of all."""
    dialect = opened()
    dialect.encode(AUDIO)
    assert [type(each) for each in dialect.encode(CloseStream(""))] == [Reply]
    assert ends(dialect, [VOICE, DONE]) == []
    dialect.encode(AUDIO)
    dialect.decode(json.dumps(VOICE))
    dialect.decode(json.dumps(DONE))
    assert [type(each) for each in dialect.finish()] == [Reply, Finished]


def test_speech_by_hand():
    """The end of an activity is answered; its audio is no question."""
    assert ends(opened(automatic=False), [BEGUN, AUDIO, FINISH]) == [2]
    steps = [BEGUN, AUDIO, SPOKEN, FINISH, VOICE, DONE]
    assert ends(opened(automatic=False), steps) == [5]


def test_a_model_that_cannot_be_interrupted():
    """What was said meanwhile is answered behind its turn."""
    setup = '{"setup":{"x":{"activityHandling":"NO_INTERRUPTION"}}}'
    steps = [AUDIO, VOICE, AUDIO, FINISH, DONE, VOICE, DONE]
    assert ends(opened(setup=setup), steps) == [6]


def test_behind_another_connection():
    """Nobody knows what it has left unanswered."""
    dialect = opened()
    dialect.expect_more()
    assert ends(dialect, [FINISH, HI, DONE]) == [2]


@pytest.mark.parametrize(
    ("steps", "owes"),
    [
        ([], False),
        ([ASK], True),
        ([MORE, PICTURE, AUDIO], False),
        ([TYPED], True),
        ([ASK, HI], True),
        ([ASK, HI, DONE], False),
        ([HI], True),
        ([CALL], True),
        ([CALL, DONE, ANSWERED], True),
        ([AUDIO, VOICE, AUDIO, DONE, AUDIO], False),
        ([AUDIO, VOICE, INTERRUPTED, DONE], True),
        ([ASK, VOICE, TYPED, DONE], True),
        ([ASK, VOICE, TYPED, DONE, HI, DONE], False),
    ],
)
def test_what_is_owed(steps, owes):
    """An answer that is on, or expected; sounds alone are no question."""
    dialect = opened()
    ends(dialect, steps)
    assert dialect.owes is owes
    assert isinstance(dialect.lost(), AnswerCutOff) is owes
    closing = {"by_us": False, "was_clean": True}
    error = dialect.verdict(1000, "bye", **closing)
    assert isinstance(error, SessionClosed) is owes
    assert dialect.verdict(1000, "bye", **{**closing, "by_us": True}) is None
    if owes:
        assert error.reason == "the model's answer was not complete: bye"


def test_sounds_during_a_turn_that_cannot_be_interrupted():
    """They may be answered; nobody knows."""
    setup = '{"setup":{"x":{"activityHandling":"NO_INTERRUPTION"}}}'
    dialect = opened(setup=setup)
    ends(dialect, [AUDIO, VOICE, AUDIO, DONE])
    assert not dialect.owes


def test_what_waits_for_the_next_turn():
    """What is typed, but no sounds, pictures or answers to calls."""
    update = requests.context_update("be kind")
    now = [AUDIO, SPOKEN, BEGUN, ANSWERED, PICTURE, READY_MADE, CHUNK, FINISH_ITEM]
    assert [opened().is_for_next(each) for each in now] == [False] * len(now)
    later = [ASK, MORE, TYPED, update]
    assert [opened().is_for_next(each) for each in later] == [True] * len(later)


def test_when_the_service_leaves():
    """As it says, if it does."""
    dialect, before = opened(), time.monotonic()
    ends(dialect, [{"goAway": {}}])
    assert dialect.leaves_at == float("inf")
    ends(dialect, [{"goAway": {"timeLeft": "50s"}}])
    assert before + 50 <= dialect.leaves_at <= time.monotonic() + 50


def test_which_messages_end_a_turn():
    """By the model's own status, where it gives one."""
    found = [ends_turn(parse(json.dumps(each))[0]) for each in CONTENTS]
    expected = [False, False, False, True, False, True, False, False, True]
    assert found == expected
