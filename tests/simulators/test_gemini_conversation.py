"""One session from its setup to its end, over a real connection."""

import threading

import pytest

from tests.simulators.gemini_client import (
    LOUD,
    PATH,
    QUIET,
    VERTEX,
    LiveClient,
    Loudness,
    service,
)
from voxsync.clocks import VirtualClock
from voxsync.simulators.gemini_brain import Answer, Call, PhraseBrain, ScriptedBrain
from voxsync.simulators.recogniser import ScriptedRecogniser


def first_words(there, first):
    """The close code and reason of a client whose first message is this."""
    with LiveClient(there, setup=False) as live:
        live.send(first)
        return live.end()


@pytest.mark.parametrize(
    ("first", "code", "words"),
    [
        ({"clientContent": {}}, 1007, "the first message must be setup"),
        ({"realtimeInput": {"text": "hello"}}, 1007, "must be setup"),
        ("hello", 1007, "one JSON object"),
        ({"setup": {}}, 1007, "model is required"),
        ({"setup": {"model": "models/other"}}, 1008, "models/other is not found"),
        ({"setup": {"model": "models/models/live"}}, 1008, "not found"),
        ({"setup": {"model": "models/live", "x": 1}}, 1007, "no field 'x'"),
        (
            {"setup": {"model": "models/live", "sessionResumption": {"handle": "x"}}},
            1007,
            "handle",
        ),
        (
            {
                "setup": {
                    "model": "models/live",
                    "tools": [{"functionDeclarations": [{}]}],
                }
            },
            1007,
            "function declarations",
        ),
        ({"setup": {"model": "models/" + "ü" * 2000}}, 1008, "is not found"),
    ],
)
def test_a_setup_that_is_refused(first, code, words):
    """With code and reason, in place of setupComplete."""
    with service(models=["live"]) as there:
        found, reason = first_words(there, first)
        assert found == code
        assert words in reason
        assert len(there.wait_record(1).breaches) == 1


@pytest.mark.parametrize("binary", [False, True])
def test_a_written_turn(binary):
    """Frames of both kinds are taken."""
    with service(brain=ScriptedBrain(["one two"])) as there:
        with LiveClient(there, outputAudioTranscription={}) as live:
            content = {"turns": [{"parts": [{"text": "hi"}]}], "turn_complete": True}
            live.send({"client_content": content}, binary=binary)
            turn = live.turn()
            assert turn.said == "one two"
            assert turn.sizes == [9600]
            assert turn.usage["responseTokenCount"] == 5
        record = there.wait_record(1)
    assert [each.text for each in record.turns] == ["hi"]
    assert [each.text for each in record.answers] == ["one two"]
    assert (record.close_code, record.sent_audio) == (1000, 9600)
    assert record.setup["model"] == "models/live"
    assert "client_content" in record.texts[0]
    assert "setupComplete" in record.messages[0]


def test_text_where_text_is_wanted():
    """No sound then."""
    with service(brain=ScriptedBrain([Answer(text="so it is", thought="hm")])) as there:
        config = {
            "responseModalities": ["TEXT"],
            "thinkingConfig": {"includeThoughts": True},
        }
        with LiveClient(there, generationConfig=config) as live:
            live.write("hi")
            turn = live.turn()
    assert (turn.text, turn.thought, turn.blobs) == ("so it is", "hm", [])


def test_rules_that_are_broken_later():
    """The session ends with 1007."""
    for message, rule in (
        ({"setup": {"model": "models/x"}}, "second_setup"),
        ({"clientContent": {}, "toolResponse": {}}, "one_key"),
        ({"toolResponse": {}}, "no_responses"),
        ({"contextUpdate": {"x": {}}}, "unknown_field"),
    ):
        with service() as there, LiveClient(there) as live:
            live.send(message)
            assert live.end()[0] == 1007
            assert list(there.wait_record(1).breaches) == [rule]


def test_rules_that_are_borne():
    """Where the service is not strict the session goes on; the record tells."""
    with service(strict=False) as there:
        with LiveClient(there, novelty=1) as live:
            live.send({"setup": {"model": "models/x"}})
            live.send({"realtimeInput": {"activityStart": {}}})
            live.send("{")
            live.write("hello")
            assert live.turn().sizes
        breaches = list(there.wait_record(1).breaches)
        assert breaches == [
            "unknown_field",
            "second_setup",
            "activity_signal",
            "not_json",
        ]
        assert first_words(there, {"clientContent": {}})[0] == 1007


class Broken:
    def answer(self, turn):
        raise RuntimeError("out of order")

    def say(self, text):
        raise RuntimeError("hoarse")


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [({"brain": Broken()}, "out of order"), ({"voice": Broken()}, "hoarse")],
)
def test_a_brain_or_voice_that_fails(caplog, kwargs, words):
    """1011 for its client, a traceback in the log; others go on."""
    with service(**kwargs) as there:
        for _ in range(2):
            with LiveClient(there) as live:
                live.write("hello")
                assert live.end() == (1011, f"Internal error: {words}")
    assert "RuntimeError" in caplog.text


def test_a_goaway_and_the_end():
    """So long before the end of the connection's time."""
    clock = VirtualClock()
    with (
        service(clock=clock, lifetime=600, go_away_before=50) as there,
        LiveClient(there) as live,
    ):
        live.write("hello")
        live.turn()
        clock.advance(550)
        assert live.next() == {"goAway": {"timeLeft": "50s"}}
        clock.advance(50)
        assert live.end() == (1000, "the connection has reached its age")


def test_resumption():
    """A handle comes behind each turn, and brings back what was said."""
    brain = ScriptedBrain(["a", "b", "c", "d"])
    with service(brain=brain) as there:
        with LiveClient(there, sessionResumption={"transparent": True}) as live:
            first = live.session_id
            live.write("one")
            update = live.until("sessionResumptionUpdate")[-1][
                "sessionResumptionUpdate"
            ]
            assert update["resumable"] is True
            assert update["lastConsumedClientMessageIndex"] == "1"
            live.write("two", complete=False)
            live.write("three")
            update = live.until("sessionResumptionUpdate")[-1][
                "sessionResumptionUpdate"
            ]
            assert update["lastConsumedClientMessageIndex"] == "3"
        handle = update["newHandle"]
        assert list(there.wait_record(1).handles)[-1] == handle
        with LiveClient(there, sessionResumption={"handle": handle}) as live:
            assert live.session_id == first
            live.write("four")
            update = live.until("sessionResumptionUpdate")[-1][
                "sessionResumptionUpdate"
            ]
            assert "lastConsumedClientMessageIndex" not in update
        assert there.wait_record(2).resumed == first
        said = [each.text for each in brain.heard[2].history]
        assert said == ["one", "a", "two\nthree", "b", "four"]
        other = {
            "setup": {
                "model": "models/other",
                "sessionResumption": {"handle": handle},
            }
        }
        assert first_words(there, other)[0] == 1007
        there.forget_handles()
        other["setup"]["model"] = "models/live"
        assert first_words(there, other)[0] == 1007


def test_no_handles_unless_they_are_wanted():
    """And none while a function is at work."""
    with service(brain=ScriptedBrain(["a", "b"])) as there, LiveClient(there) as live:
        for text in ("one", "two"):
            live.write(text)
            assert "sessionResumptionUpdate" not in str(live.turn().messages)
        live.close()
        assert not there.wait_record(1).handles
    tools = [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]
    with (
        service(brain=ScriptedBrain([Call("f")])) as there,
        LiveClient(there, tools=tools, sessionResumption={}) as live,
    ):
        live.write("one")
        update = live.until("sessionResumptionUpdate")[-1]
        assert update["sessionResumptionUpdate"] == {
            "newHandle": "",
            "resumable": False,
        }


@pytest.mark.parametrize("vertex", [False, True])
def test_how_speech_is_found(vertex):
    """As the client says; Vertex is slower to find it unless it says otherwise."""
    seen = []

    def detector(detection):
        seen.append(detection)
        return Loudness()

    config = {
        "automaticActivityDetection": {
            "start_of_speech_sensitivity": "START_SENSITIVITY_HIGH",
            "prefixPaddingMs": 20,
        }
    }
    with (
        service(detector=detector) as there,
        LiveClient(
            there, VERTEX if vertex else PATH, realtimeInputConfig=config
        ) as live,
    ):
        live.audio(LOUD, QUIET)
        assert live.turn().sizes
    expected = {
        "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
        "prefixPaddingMs": 20,
    }
    if vertex:
        expected["endOfSpeechSensitivity"] = "END_SENSITIVITY_LOW"
    assert seen == [expected]


def test_speech_interrupts():
    """An `interrupted` comes, and no generationComplete, before the next answer."""
    recogniser = ScriptedRecogniser.words("stop it please", ms_per_word=50)
    brain = ScriptedBrain([" ".join("w" * 600), "sorry"])
    with service(brain=brain, recogniser=recogniser, paced=True) as there:
        with LiveClient(there, inputAudioTranscription={}) as live:
            live.write("talk")
            live.until("modelTurn")
            live.audio(QUIET, LOUD, LOUD)
            messages = live.until("turnComplete")
            live.audio(QUIET)
            turn = live.turn()
        record = there.wait_record(1)
    contents = [each["serverContent"] for each in messages]
    assert {"interrupted": True} in contents
    assert contents[-1] == {"turnComplete": True}
    assert not any("generationComplete" in each for each in contents)
    assert turn.heard == "stop it please "
    assert turn.has("generationComplete")
    assert [each.interrupted for each in record.answers] == [True, False]
    assert record.turns[1].text == "stop it please"
    assert record.turns[1].spoken


def test_speech_does_not_interrupt_where_it_may_not():
    """The answer is finished, then the speech is answered."""
    brain = ScriptedBrain(["one two three", "four"])
    clock = VirtualClock()
    with service(brain=brain, paced=True, clock=clock) as there:
        config = {"activityHandling": "NO_INTERRUPTION"}
        with LiveClient(there, realtimeInputConfig=config) as live:
            live.write("talk")
            live.until("generationComplete")
            live.audio(LOUD, QUIET)
            live.send({"realtimeInput": {"text": ""}})
            until_heard(there, 2)
            clock.advance(1)
            assert not live.turn().has("interrupted")
            clock.advance(1)
            live.until("generationComplete")


def until_heard(there, count):
    """Wait until so many turns were heard."""
    gate = threading.Event()
    for _ in range(2000):
        if len(there.records[0].turns) >= count:
            return
        gate.wait(0.005)
    raise AssertionError("it was not heard")


def test_a_call_over_the_wire():
    """From the call to what is said about its result; struct keys stay."""
    brain = ScriptedBrain([Call("lamp", {"on_off": True}), "done"])
    with service(brain=brain) as there, LiveClient(there) as live:
        live.write("lamp")
        (call,) = live.until("toolCall")[-1]["toolCall"]["functionCalls"]
        assert call["args"] == {"on_off": True}
        live.answer(call, scheduling="WHEN_IDLE")
        assert live.turn().sizes
        live.answer(call)
        assert live.end()[0] == 1007


def test_a_client_that_leaves_in_the_middle():
    """Takes nothing with it."""
    brain = ScriptedBrain([" ".join("w" * 5000)] * 2)
    with service(brain=brain, paced=True) as there:
        with LiveClient(there) as live:
            live.write("talk")
            live.until("modelTurn")
            live.ws.socket.close()
        record = there.wait_record(1)
        assert record.close_code in (1006, 1000)


def test_a_client_that_does_not_read():
    """It is heard all the same, and holds up nobody."""
    brain = PhraseBrain({"talk": " ".join("w" * 50_000)}, otherwise="yes")
    with service(brain=brain) as there:
        with LiveClient(there) as slow, LiveClient(there) as live:
            slow.write("talk")
            live.write("hello")
            live.turn()
            slow.write("stop")
            until_heard(there, 2)
        assert len(there.records[0].turns) == 2


def test_an_hour_in_virtual_time():
    """240 turns, one each 15 s; at its end the session is what it was before."""
    clock = VirtualClock(speed=1000)
    brain = ScriptedBrain([" ".join("w" * 20)], repeat=True)  # 2 s
    with service(brain=brain, paced=True, clock=clock) as there:
        start = clock.now()
        with LiveClient(there, sessionResumption={}) as live:
            before = threading.active_count()
            for number in range(240):
                live.audio(LOUD, QUIET)
                assert sum(live.turn().sizes) == 2 * 48_000, number
                clock.advance(13)
            assert threading.active_count() == before
        assert clock.now() - start >= 3600
        assert len(there.wait_record(1).answers) == 240
