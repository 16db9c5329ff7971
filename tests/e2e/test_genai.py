"""Google's own client and ours go through the same scenes, over TLS, and get the same.

See `tests/genai`: each prints, message by message, what it got.
"""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trustme

from voxsync.clocks import VirtualClock
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import Answer, Call
from voxsync.simulators.gemini_faults import fault
from voxsync.simulators.recogniser import Hypothesis

ROOT = Path(__file__).parents[2]
RAMP = np.arange(-12_000, 12_000).astype(np.int16)  # a second


class Model:
    """Says what it was told, in several ways."""

    def answer(self, turn):
        if turn.results:
            found = ", ".join(f"{r.id}: {json.dumps(r.response)}" for r in turn.results)
            return Answer(text=found, audio=RAMP[:4800])
        if turn.spoken:
            heard = None if turn.audio is None or not len(turn.audio) else turn.audio
            return Answer(text=f"I heard: {turn.text}", audio=heard)
        match turn.text:
            case "lamp, please":
                calls = (Call("lamp", {"room_name": "hall"}), Call("lamp"))
                return Answer(text="One moment.", calls=calls)
            case "a long story":
                return Answer(text="Once upon a time", audio=np.tile(RAMP, 60))
            case "what is that":
                return f"{len(turn.images)} of {turn.images[0][0]}"
            case "what did I say":
                return " / ".join(f"{said.role}: {said.text}" for said in turn.history)
            case "your instruction":
                return turn.system_instruction
            case "never mind":
                return "As you wish."
        return Answer(text=f"You said {turn.text}, 夜.", thought="Hm.", audio=RAMP)


class Voice:
    """A block for each text; silent where time stands still."""

    def say(self, text):
        yield RAMP[: 100 * len(text)]


class Silence:
    def say(self, text):
        return ()


class Recogniser:
    """Finds the same words in everything."""

    def open(self, *, sample_rate, language):
        return self

    def feed(self, data):
        return ()

    def finish(self):
        return (
            Hypothesis(text="good morning", is_final=True, start_ms=0, end_ms=None),
        )

    def close(self):
        pass


class Services:
    """One for each way that things go."""

    def __init__(self, context):
        usual = {"brain": Model(), "ssl_context": context, "models": {"gemini-live"}}
        usual.update(
            voice=Voice(), recogniser=Recogniser(), keys="AIza-0123456789-abcdef"
        )
        deadline = fault("close", code=1011, reason="Deadline expired.", at="turn")
        self.all = {
            "usual": GeminiService(paced=False, **usual),
            "standing": GeminiService(
                clock=VirtualClock(), **{**usual, "voice": Silence()}
            ),
            "failing": GeminiService(paced=False, faults=[deadline], **usual),
            "leaving": GeminiService(
                faults=[fault("go_away", seconds=58.2)], clock=VirtualClock(), **usual
            ),
        }

    def __enter__(self):
        for service in self.all.values():
            service.start()
        return self

    def __exit__(self, *exc):
        for service in self.all.values():
            service.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What both clients printed, and what the services saw of each."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path_factory.mktemp("genai") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    found = {}
    with Services(context) as services:
        urls = {name: service.base_url for name, service in services.all.items()}
        for name in ("official", "ours"):
            before = {n: len(s.records) for n, s in services.all.items()}
            run = subprocess.run(
                [sys.executable, "-m", f"tests.genai.{name}", json.dumps(urls)],
                cwd=ROOT,
                env={**os.environ, "SSL_CERT_FILE": str(trusted)},
                capture_output=True,
                text=True,
                timeout=50,
                check=False,
            )
            assert run.returncode == 0, run.stderr[-4000:]
            seen = {
                n: [s.wait_record(i) for i in range(before[n] + 1, len(s.records) + 1)]
                for n, s in services.all.items()
            }
            found[name] = json.loads(run.stdout.splitlines()[-1]), seen
    return found


SCENES = [
    "text",
    "audio",
    "listening",
    "video",
    "tool",
    "interruption",
    "cancellation",
    "resumption",
    "leaving",
    "failing",
    "refused",
]


def test_all_scenes_were_played(shown):
    """Both went through all of them."""
    for name in ("official", "ours"):
        assert sorted(shown[name][0]) == sorted(SCENES)


@pytest.mark.parametrize("scene", SCENES)
def test_both_get_the_same(shown, scene):
    """Message by message: texts, audio, calls, flags, usage, code and reason."""
    official, ours = shown["official"][0][scene], shown["ours"][0][scene]
    assert ours == official
    assert ours


@pytest.mark.parametrize(
    ("scene", "name", "values"),
    [
        ("text", "text", {"You said hello, 夜."}),
        ("text", "thoughts", {"Hm."}),
        ("audio", "input", {"good ", "morning "}),
        ("tool", "turn_complete", {True}),
        ("interruption", "interrupted", {True}),
        ("resumption", "handle", {True}),
        ("leaving", "leaving", {58.2}),
        ("failing", "code", {1011}),
        ("refused", "code", {1008}),
    ],
)
def test_what_they_get(shown, scene, name, values):
    """It is no accident that they are equal: it is what the service said."""
    got = [message[name] for message in shown["ours"][0][scene] if name in message]
    if name == "text":
        assert "You said hello" in "".join(got)
    else:
        assert set(got) == values


def test_calls_and_answers(shown):
    """Each is answered by its id; keys inside are as they were."""
    messages = shown["ours"][0]["tool"]
    (calls,) = [message["calls"] for message in messages if "calls" in message]
    assert [call[1:] for call in calls] == [
        ["lamp", {"room_name": "hall"}],
        ["lamp", {}],
    ]
    said = "".join(message.get("output", "") for message in messages)
    assert said.count('{"some_key": {"inner_key": 1}, "result": "on"}') == 2
    assert said.endswith("Be formal.")


def test_cancelled_calls(shown):
    """All ids, and nobody answers them."""
    messages = shown["ours"][0]["cancellation"]
    (calls,) = [message["calls"] for message in messages if "calls" in message]
    (ids,) = [message["cancelled"] for message in messages if "cancelled" in message]
    assert ids == [call[0] for call in calls]


def test_the_service_sees_the_same(shown):
    """What was heard, how much audio, how it ended: connection by connection."""
    views = []
    for name in ("official", "ours"):
        views.append(
            {
                service: [
                    (
                        record.api,
                        record.setup["model"],
                        record.audio_bytes,
                        record.images,
                        record.close_code,
                        list(record.breaches),
                        [(turn.text, turn.seconds) for turn in record.turns],
                        list(record.answers),
                        bool(record.resumed),
                    )
                    for record in records
                ]
                for service, records in shown[name][1].items()
            }
        )
    official, ours = views
    assert ours == official
    assert len(ours["usual"]) == 8


def test_the_setups_are_the_same(shown):
    """Ours always names generationConfig and gives instructions the role "system".

    So does Firebase; all else is equal.
    """
    both = [
        [record.setup for record in shown[name][1]["usual"]]
        for name in ("official", "ours")
    ]
    for theirs, setup in zip(*both, strict=True):
        official, ours = {"generationConfig": {}, **theirs}, dict(setup)
        resumed = [each.pop("sessionResumption", None) for each in (official, ours)]
        first, second = (each and list(each) for each in resumed)
        assert first == second  # but for the handles
        told = [each.pop("systemInstruction", {}) for each in (official, ours)]
        assert told[0] == {**told[1], "role": "user"} if told[1] else not told[0]
        assert ours == official
