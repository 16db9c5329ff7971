"""Who has the floor; without a connection, in steps."""

import collections

import numpy as np
import pytest

from tests.simulators.gemini_client import Beeps
from voxsync.clocks import VirtualClock
from voxsync.simulators.gemini_brain import Answer, Call, HeardTurn, Said, ScriptedBrain
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import Memory
from voxsync.simulators.gemini_speech import Manner
from voxsync.simulators.gemini_turn import Turns


class Table:
    """Both the other side and the thread; calls wait until `run`."""

    def __init__(self, *answers, paced=False, tools=None, voice=True, vertex=False):
        self.clock = VirtualClock()
        self.calls = collections.deque()
        self.timers = []
        self.said, self.turns_over, self.breaches = [], [], []
        self.room = True
        self.brain = ScriptedBrain(answers)
        self.memory = Memory(tools=tools or {})
        self.turns = Turns(
            self,
            self,
            clock=self.clock,
            brain=self.brain,
            manner=Manner(Beeps() if voice else None, False, False, paced),
            memory=self.memory,
            vertex=vertex,
        )

    def say(self, message, patience=None):
        if patience is not None and not self.room:
            return False
        self.said.append(message)
        return True

    def completed(self, spoken, *, calling):
        self.turns_over.append((spoken, calling))

    def breach(self, rule):
        self.breaches.append(rule)

    def call(self, fn):
        self.calls.append(fn)

    def after(self, seconds, fn):
        self.timers.append((self.clock.now() + seconds, fn))

    def run(self, most=10_000):
        while self.calls and most:
            self.calls.popleft()()
            most -= 1

    def advance(self, seconds):
        """Let time pass, timer by timer."""
        end = self.clock.now() + seconds
        self.run()
        while self.timers and min(self.timers, key=lambda t: t[0])[0] <= end:
            self.timers.sort(key=lambda t: t[0])
            at, fn = self.timers.pop(0)
            self.clock.advance(max(0.0, at - self.clock.now()))
            fn()
            self.run()
        self.clock.advance(max(0.0, end - self.clock.now()))

    def keys(self):
        """What was said, each message by its key."""
        found = []
        for message in self.said:
            body = message.get("serverContent")
            found.append(next(iter(body if body is not None else message)))
        self.said.clear()
        return found

    def hear(self, text="hello"):
        self.turns.hear(HeardTurn(text=text))


def test_a_turn():
    """Sound, then generationComplete, then turnComplete with its usage."""
    table = Table(Answer(text="one two", reason="NEED_MORE_INPUT"))
    table.hear()
    assert table.turns.active
    table.run()
    last = table.said[-1]
    assert last["serverContent"]["turnCompleteReason"] == "NEED_MORE_INPUT"
    usage = last["usageMetadata"]
    assert usage["responseTokenCount"] == 5  # 0.2 s of sound
    assert (
        usage["totalTokenCount"]
        == usage["promptTokenCount"] + usage["responseTokenCount"]
    )
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"]
    assert not table.turns.active
    spoken, calling = table.turns_over[0]
    assert (spoken.text, spoken.seconds, calling) == ("one two", 0.2, False)
    assert list(table.memory.history) == [
        Said("user", "hello"),
        Said("model", "one two"),
    ]


def test_vertex_counts_candidates():
    """And text is counted by its length."""
    table = Table("text of some length", voice=False, vertex=True)
    table.hear()
    table.run()
    usage = table.said[-1]["usageMetadata"]
    assert usage["candidatesTokenCount"] == 5
    assert usage["candidatesTokensDetails"][0]["modality"] == "TEXT"


def test_the_brain_is_told_everything():
    """History, instruction and tools, too."""
    table = Table("a", "b", tools={"lamp": True})
    table.memory.system_instruction = "Be brief."
    table.hear("one")
    table.run()
    table.hear("two")
    heard = table.brain.heard[1]
    assert heard.text == "two"
    assert [each.text for each in heard.history] == ["one", "a", "two"]
    assert heard.system_instruction == "Be brief."
    assert heard.tools == ("lamp",)


def test_a_paced_turn_takes_as_long_as_it_sounds():
    """The last sound comes ahead of that, turnComplete does not."""
    table = Table(" ".join("w" * 30), paced=True)  # 3 s
    table.hear()
    table.advance(0.1)
    assert table.keys() == ["modelTurn"] * 3
    table.advance(2.4)
    assert table.keys() == ["modelTurn"] * 10 + ["generationComplete"]
    table.advance(0.4)
    assert table.keys() == []
    table.advance(0.2)
    assert table.keys() == ["turnComplete"]


def test_an_interruption():
    """interrupted, then turnComplete; no generationComplete, and no more sound."""
    table = Table(" ".join("w" * 30), "next", paced=True)
    table.hear()
    table.advance(1.0)
    table.keys()
    assert table.turns.interrupt()
    assert table.keys() == ["interrupted", "turnComplete"]
    table.advance(10)
    assert table.keys() == []
    spoken = table.turns_over[0][0]
    assert spoken.interrupted
    assert 1.0 <= spoken.seconds < 2.0
    assert table.memory.history[-1].text == spoken.text == "w " * 7
    table.hear()
    table.advance(1)
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"]


def test_nothing_to_interrupt():
    """Nothing is said then."""
    table = Table("a")
    assert not table.turns.interrupt()
    table.hear()
    table.run()
    table.keys()
    assert not table.turns.interrupt()
    assert table.keys() == []


def test_an_interruption_between_sound_and_its_end():
    """It still sounds at the client: that is interrupted, too."""
    table = Table("one two", paced=True)
    table.hear()
    table.advance(0.1)
    assert table.keys() == ["modelTurn", "generationComplete"]
    assert table.turns.interrupt()
    table.advance(1)
    assert table.keys() == ["interrupted", "turnComplete"]


def test_turns_wait_for_each_other():
    """Each is answered behind the one before; an interruption forgets them."""
    table = Table("a", "b", "c", "d")
    for text in ("one", "two", "three"):
        table.hear(text)
    table.run()
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"] * 3
    table.hear("four")
    table.hear("five")
    table.turns.interrupt()
    table.run()
    assert table.keys() == ["interrupted", "turnComplete"]
    assert [each.text for each in table.memory.history][-3:] == ["four", "five", ""]
    assert len(table.brain.heard) == 4


def test_not_too_many_turns_wait():
    """Beyond that the client is refused."""
    table = Table("a")
    with pytest.raises(BadRequest, match="too many turns"):
        for _ in range(100):
            table.hear()


def test_a_client_that_does_not_read_is_still_heard():
    """A message without room is offered again; others get their turn in between."""
    table = Table("a")
    table.hear()
    table.room = False
    table.run(100)
    assert table.keys() == []
    assert len(table.calls) == 1
    assert table.turns.interrupt()
    table.run()
    assert table.keys() == ["interrupted", "turnComplete"]


def respond(table, *ids, **more):
    table.turns.respond(
        [{"id": each, "response": {"output": "on"}, **more} for each in ids]
    )


def test_a_call_that_is_waited_for():
    """The turn goes on with what the function returned."""
    table = Table(Answer(text="wait", calls=(Call("lamp", {"a_b": 1}),)), "done")
    table.hear()
    table.run()
    call = table.said[-1]["toolCall"]["functionCalls"][0]
    assert call == {"id": "call-1", "name": "lamp", "args": {"a_b": 1}}
    assert table.keys() == ["modelTurn", "toolCall"]
    assert table.turns.active
    assert table.turns.calling
    respond(table, "call-1")
    table.run()
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"]
    result = table.brain.heard[1].results[0]
    assert (result.name, result.output, result.id) == ("lamp", "on", "call-1")
    spoken = table.turns_over[0][0]
    assert (spoken.text, spoken.calls) == ("waitdone", ("lamp",))
    assert [each.role for each in table.memory.history] == ["user", "function", "model"]


def test_all_calls_are_waited_for():
    """In whatever order and pieces their answers come; one may come in several."""
    table = Table(Answer(calls=(Call("a"), Call("b", id="x"))), "done")
    table.hear()
    table.run()
    respond(table, "x", willContinue=True)
    respond(table, "call-1")
    table.run()
    assert table.keys() == ["toolCall"]
    respond(table, "x")
    table.run()
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"]
    results = table.brain.heard[1].results
    assert [(each.id, each.will_continue) for each in results] == [
        ("x", True),
        ("call-1", False),
        ("x", False),
    ]


def test_an_interruption_cancels_calls():
    """Answers to those are told from answers to no call at all."""
    table = Table(Call("lamp"), "next")
    table.hear()
    table.run()
    table.keys()
    table.turns.interrupt()
    assert table.said[1] == {"toolCallCancellation": {"ids": ["call-1"]}}
    assert table.keys() == ["interrupted", "toolCallCancellation", "turnComplete"]
    respond(table, "call-1")
    assert table.breaches == ["cancelled_call"]
    with pytest.raises(BadRequest) as caught:
        respond(table, "call-7")
    assert caught.value.rule == "unknown_call"
    table.run()
    assert table.keys() == []
    assert not table.turns.active


def test_an_answer_that_comes_twice():
    """The second is for no call."""
    table = Table(Call("lamp"), "done")
    table.hear()
    table.run()
    respond(table, "call-1")
    with pytest.raises(BadRequest):
        respond(table, "call-1")


FREE = {"lamp": False}


def test_a_call_that_is_not_waited_for():
    """The turn ends; what it returns is answered when the model is idle."""
    table = Table(Answer(text="wait", calls=(Call("lamp"),)), "done", tools=FREE)
    table.hear()
    table.run()
    assert table.keys() == [
        "modelTurn",
        "toolCall",
        "generationComplete",
        "turnComplete",
    ]
    assert table.turns_over[0][1]  # functions are still at work
    respond(table, "call-1", scheduling="WHEN_IDLE")
    table.run()
    assert table.keys() == ["modelTurn", "generationComplete", "turnComplete"]
    assert not table.turns_over[1][1]


def test_scheduling():
    """SILENT is remembered, INTERRUPT does not wait, WHEN_IDLE does."""
    long = " ".join("w" * 30)
    calls = tuple(Call("lamp") for _ in range(3))
    table = Table(Answer(calls=calls), long, "now", tools=FREE, paced=True)
    table.hear()
    table.advance(1)
    table.keys()
    respond(table, "call-1", scheduling="SILENT")
    table.run()
    assert table.keys() == []
    assert table.memory.history[-1] == Said("function", "lamp: on")
    table.hear()
    table.advance(1)
    table.keys()
    respond(table, "call-2", scheduling="INTERRUPT")
    table.advance(1)
    assert table.keys() == [
        "interrupted",
        "toolCallCancellation",
        "turnComplete",
        "modelTurn",
        "generationComplete",
        "turnComplete",
    ]


def test_results_that_wait_are_not_forgotten():
    """An interruption leaves them unanswered, but known."""
    long = " ".join("w" * 30)
    table = Table(Call("lamp"), long, tools=FREE, paced=True)
    table.hear()
    table.advance(1)
    table.hear()
    table.advance(0.1)
    respond(table, "call-1")
    table.turns.interrupt()
    table.advance(9)
    assert len(table.brain.heard) == 2
    assert Said("function", "lamp: on") in table.memory.history


def test_a_function_may_go_on_returning():
    """Each piece is answered; then the call is over."""
    table = Table(Call("lamp"), "more", "end", tools=FREE)
    table.hear()
    table.run()
    respond(table, "call-1", willContinue=True)
    respond(table, "call-1", willContinue=False)
    table.run()
    assert len(table.turns_over) == 3
    assert not table.turns.calling


def test_a_storm_of_calls():
    """It is taken silently; too many of them push out the oldest."""
    table = Table()
    table.turns.storm(10_050)
    assert len(table.said[0]["toolCall"]["functionCalls"]) == 10_050
    respond(table, "call-60")
    respond(table, "call-1")
    table.run()
    assert table.breaches == ["cancelled_call"]
    assert not table.brain.heard
    assert table.memory.history[-1].text == "storm: on"


def test_a_turn_of_pictures_and_sound():
    """Sound counts by its length."""
    table = Table("a")
    audio = np.zeros(16_000, np.int16)
    table.turns.hear(HeardTurn(audio=audio, seconds=1.0, spoken=True))
    assert table.memory.tokens == 26


def test_results_have_their_functions_names():
    """Whatever the client calls them."""
    table = Table(Call("lamp"), "done")
    table.hear()
    table.run()
    table.turns.respond([{"id": "call-1", "name": ""}])
    result = table.brain.heard[1].results[0]
    assert (result.name, result.response, result.output) == ("lamp", {}, {})
