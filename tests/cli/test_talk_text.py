import io
import subprocess
import sys

import pytest

from voxsync.cli import talk_text
from voxsync.cli.main import main
from voxsync.simulators.gemini_brain import Answer
from voxsync.simulators.gemini_faults import fault


class Keyboard(io.StringIO):
    """Somebody at a terminal who ends with Ctrl-C."""

    def isatty(self):
        return True

    def readline(self):
        found = super().readline()
        if not found:
            raise KeyboardInterrupt
        return found


@pytest.fixture
def talk(make_live, monkeypatch, capsys):
    """Type; return exit code, output, error output and the service's records."""

    def run(typed, **settings):
        stdin = io.StringIO(typed) if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", stdin)
        service = make_live(**{"paced": False} | settings)
        code = main(["talk", "--text", "--url", service.url])
        out, err = capsys.readouterr()
        return code, out, err, service

    return run


def test_questions_and_answers(talk):
    """Each line is a turn; empty ones are none; the end of the input is the end."""
    answers = ("one two three", "four\x1b five")
    code, out, err, service = talk("a\n\n  \nb", answers=answers)
    assert (code, err) == (0, "")
    assert out == "one two three\nfour  five\n"
    record = service.wait_record(1)
    assert [turn.text for turn in record.turns] == ["a", "b"]
    assert record.close_code == 1000


def test_a_model_that_says_nothing(talk):
    """Costs no line."""
    assert talk("a\nb\n", answers=(Answer(), "yes"))[:2] == (0, "yes\n")


def test_at_a_terminal(talk):
    """It says how to end; Ctrl-C where nothing is left undone is exit code 0."""
    code, out, err, service = talk(Keyboard("a\n"), answers=("yes",))
    assert (code, out) == (0, "yes\n")
    assert err == "type, and end each line with Enter; Ctrl-D ends\n"
    assert service.wait_record(1).close_code == 1000


class Interrupting:
    """Answers at length, and presses Ctrl-C meanwhile."""

    def __init__(self, interrupt):
        self.interrupt = interrupt

    def answer(self, turn):
        self.interrupt()
        return "this answer is long " * 10


def test_ctrl_c_within_an_answer(talk, interrupt):
    """Ends the conversation properly, with the code of what was interrupted."""
    code, _, _, service = talk("a\nb\n", brain=Interrupting(interrupt), paced=True)
    assert code == 130
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert len(record.turns) == 1


def test_waiting_is_shown(make_live, make_terminal, spawn):
    """On a terminal, while a model that fell mute is waited for; Ctrl-C ends it."""
    service = make_live(faults=[fault("mute", at="message")])
    terminal = make_terminal()
    child = spawn(
        *("talk", "--text", "--url", service.url),
        stdin=subprocess.PIPE,
        stderr=terminal.slave,
    )
    terminal.close_slave()
    child.process.stdin.write("hello\n")
    child.process.stdin.flush()
    terminal.wait_for(r"waiting for the model, 0:0\d; Ctrl-C ends")
    child.interrupt()
    assert child.process.wait(30) == 130
    child.process.stdin.close()
    assert terminal.end()[-1] == ""  # nothing of it is left


def test_a_model_that_fell_mute(talk, monkeypatch):
    """In a pipe nothing is shown until it is given up; then what can be done."""
    monkeypatch.setattr(talk_text, "_PATIENCE_S", 0.3)
    code, out, err, _ = talk("a\n", faults=[fault("mute", at="message")])
    assert (code, out) == (1, "")
    assert err.startswith("voxsync: the model has said nothing for 0.3 s, though")
    assert "begin again, or try another --model" in err
    assert len(err.splitlines()) == 1


def test_a_slow_model_is_waited_for(talk, monkeypatch):
    """Longer than it is looked up; what it says is printed once."""
    monkeypatch.setattr(talk_text, "_LOOK_UP_S", 0.01)
    slow = fault("latency", seconds=0.1)
    assert talk("a\nb\n", faults=[slow], answers=("one two", "three"))[:3] == (
        0,
        "one two\nthree\n",
        "",
    )


def test_a_connection_that_reaches_its_age(talk):
    """Is left in time: the conversation goes on by another one."""
    going = fault("go_away", seconds=60, at="turn", connections=1)
    code, out, err, service = talk("a\nb\n", faults=[going], answers=("yes", "no"))
    assert (code, out, err) == (0, "yes\nno\n", "")
    assert service.wait_record(2).resumed == service.wait_record(1).session_id


def test_a_service_that_goes(talk):
    """What came is printed; code and reason are one line; exit code 1."""
    end = fault("close", code=1011, reason="overloaded", at="answer")
    code, _, err, _ = talk("a\n", faults=[end])
    assert code == 1
    assert err.startswith("voxsync: the session ended with close code 1011: overloaded")
    assert len(err.splitlines()) == 1


def test_as_a_process(spawn):
    """Offline, in a pipe."""
    child = spawn("talk", "--simulated", "--text", stdin=-1)
    child.process.stdin.write("good morning\nblue elephants\n")
    child.process.stdin.close()
    child.process.stdin = None
    assert child.end() == (0, "Good morning to you.\nYou said: blue elephants\n", "")
