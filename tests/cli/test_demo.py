import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import voxsync.simulators
from voxsync.cli.main import main
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import ScriptedRecogniser

DATA = Path(voxsync.simulators.__file__).parent / "data"
SENTENCES = (DATA / "sense_and_sensibility.txt").read_text("utf-8").splitlines()
FIGURES = re.compile(
    r"audio 28\.53 s, wall \d+\.\d\d s; first result after \d+\.\d\d s, "
    r"last \d+\.\d\d s after the end"
)


def words_after(out, heading):
    return " ".join(out.partition(heading)[2].rpartition("\naudio")[0].split())


@pytest.mark.parametrize("process", ["nict-asr", "asr"])
def test_it_hears_the_right_words(capsys, process):
    """The five sentences of the recording, through a session, by a real recogniser."""
    assert main(["demo", "--process", process]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert words_after(out, "final text:") == " ".join(SENTENCES)
    assert FIGURES.fullmatch(out.splitlines()[-1])
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("\n      > ") > 5  # partial results, as lines: no terminal here
    for sentence in SENTENCES:
        assert process == "asr" or f" {sentence[:30]}" in out.partition("final")[0]


def test_on_a_terminal_partial_results_are_one_live_line(spawn, make_terminal):
    """What is fixed stays; the line below it changes; nothing is wider than 80."""
    terminal = make_terminal()
    child = spawn("demo", stdout=terminal.slave)
    terminal.close_slave()
    code, _, err = child.end()
    assert (code, err) == (0, "")
    states, text = terminal.end(), terminal.shown
    assert words_after(text, "final text:") == " ".join(SENTENCES)
    assert "\n      > " not in text
    assert any(re.match(r" ?\d:\d\d> he was not an ill", state) for state in states)
    assert max(map(len, states)) <= 77


def play_scripted(monkeypatch, script, **settings):
    """The demo with a script in the place of the recogniser."""
    monkeypatch.setattr(
        "voxsync.cli.demo.open_recogniser", lambda name: ScriptedRecogniser(script)
    )
    monkeypatch.setattr(
        "voxsync.simulators.mimi.MimiService",
        lambda recogniser: MimiService(recogniser=recogniser, **settings),
    )
    return main(["demo"])


def test_without_words_it_is_a_failure(monkeypatch, capsys):
    """Exit code 0 means that the demo has shown what it is to show."""
    assert play_scripted(monkeypatch, []) == 1
    assert "first result after -" in capsys.readouterr().out


def test_without_a_final_result_it_is_a_failure(monkeypatch, capsys):
    """A service that ends too early is an error."""
    assert play_scripted(monkeypatch, [], faults=[fault("close", at="break")]) == 1
    assert "voxsync: " in capsys.readouterr().err


def test_ctrl_c_shows_what_was_heard(monkeypatch, capsys, make_tap, interrupt):
    """And ends with 130."""
    tap = make_tap(32000, interrupt)
    monkeypatch.setattr("voxsync.cli.demo.open_recogniser", lambda name: tap)
    assert main(["demo", "--realtime"]) == 130
    out, err = capsys.readouterr()
    assert err == ""
    assert "stopping; Ctrl-C again gives up\n" in out
    assert words_after(out, "final text:") == "one two three four five"


def test_without_the_extra(monkeypatch, capsys):
    """The message names the one that brings all of it."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert main(["demo"]) == 1
    err = capsys.readouterr().err
    assert err == "voxsync: the demo needs: pip install 'voxsync[demo]'\n"


def test_without_the_servers_package():
    """A fresh interpreter in which websockets is missing says the same."""
    code = (
        "import sys; sys.modules['websockets'] = None; "
        "from voxsync.cli.main import main; sys.exit(main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "voxsync: the demo needs: pip install 'voxsync[demo]'\n"


def test_output_that_nobody_reads(spawn):
    """As in `voxsync demo | head -1`: no traceback, and it does not go on."""
    read, write = os.pipe()
    child = spawn("demo", stdout=write)
    os.close(write)
    assert os.read(read, 1)
    os.close(read)
    code, _, err = child.end()
    assert (code, err) == (141, "")
