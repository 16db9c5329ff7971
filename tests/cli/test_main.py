import logging
import os
import runpy
import signal
import sys
from importlib.metadata import version

import pytest

from voxsync.cli import demo
from voxsync.cli import main as module
from voxsync.cli.exits import Exit, Usage
from voxsync.cli.main import main
from voxsync.errors import ConnectError, HandshakeError

REFUSAL = HandshakeError("no", status=401, headers={}, body=b"")
COMMANDS = (
    "talk",
    "transcribe",
    "devices",
    "record",
    "play",
    "serve",
    "simulate",
    "demo",
)
SERVICES = (
    ("serve", "echo"),
    ("serve", "transcribe"),
    ("simulate", "mimi"),
    ("simulate", "gemini"),
    ("simulate", "voxengine"),
)


@pytest.fixture
def command(monkeypatch):
    """Have `voxsync demo` do something else."""
    return lambda run: monkeypatch.setattr(demo, "run", run)


def raising(exc):
    def run(args):
        raise exc

    return run


def test_the_module_can_be_run(monkeypatch, capsys, own_sigint):
    """`python -m voxsync.cli` is the command."""
    monkeypatch.setattr(sys, "argv", ["voxsync", "--version"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("voxsync.cli", run_name="__main__")
    assert caught.value.code == 0


INTERRUPTING = """
import atexit, os, signal, sys

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            interrupt()

sys.meta_path.insert(0, Finder())
if os.environ["INTERRUPT_AT"] == "the end":
    atexit.register(interrupt)
"""


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("voxsync.cli.main", ""),
        ("argparse", ""),
        ("voxsync.errors", ""),
        ("voxsync.cli.trace_plot", ""),
        ("voxsync.simulators.mimi", "voxsync: interrupted\n"),
        ("the end", ""),
    ],
)
def test_ctrl_c_at_any_moment_is_quiet(spawn, tmp_path, moment, said):
    """While modules are being loaded, and while the interpreter ends: only 130."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING)
    command = ("--version",) if moment == "the end" else ("simulate", "mimi")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    child = spawn(*command, env={"PYTHONPATH": path, "INTERRUPT_AT": moment})
    code, _, err = child.end()
    assert (code, err) == (130, said)


def test_ctrl_c_that_is_not_for_us(spawn, tmp_path):
    """In the background of a script it is ignored, and stays so."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": path, "INTERRUPT_AT": "voxsync.cli.main"}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = spawn("--version", env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    assert child.end() == (0, f"voxsync {version('voxsync')}\n", "")


@pytest.fixture
def own_sigint():
    """What the program did with Ctrl-C is undone."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_version(capsys):
    """Name and version of the installed package."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"voxsync {version('voxsync')}\n"


@pytest.mark.parametrize("argv", [(), *((name,) for name in COMMANDS), *SERVICES])
def test_help_has_examples_and_exit_codes(capsys, argv):
    """Of the program and of each command, in 80 columns."""
    with pytest.raises(SystemExit) as caught:
        main([*argv, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "\nexamples:\n  voxsync " in out
    assert "\nexit codes:\n" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    "argv", [[], ["nothing"], ["record"], ["play"], ["demo", "--process", "x"]]
)
def test_a_wrong_command_line_is_code_2(capsys, argv):
    """Argparse says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: voxsync" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("exc", "code", "words"),
    [
        (Usage("do it so"), 2, "voxsync: do it so\n"),
        (ConnectError("not there"), 1, "voxsync: not there\n"),
        (OSError(13, "Permission denied"), 1, "voxsync: Permission denied\n"),
        (REFUSAL, 3, "voxsync: the service refused with status 401\n"),
        (KeyboardInterrupt(), 130, "voxsync: interrupted\n"),
    ],
)
def test_expected_errors_are_one_line(command, capsys, exc, code, words):
    """And an exit code; no traceback."""
    command(raising(exc))
    assert main(["demo"]) == code
    err = capsys.readouterr().err
    assert err.startswith(words)
    assert len(err.splitlines()) == 1


def test_sigterm_is_as_ctrl_c(command, capsys):
    """While a command runs, and not behind it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        command(lambda args: os.kill(os.getpid(), signal.SIGTERM))
        assert main(["demo"]) == Exit.INTERRUPTED
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "interrupted" in capsys.readouterr().err


def test_another_handler_of_sigterm_is_let_be(command):
    """Who wants something else has it."""
    got = []
    before = signal.signal(signal.SIGTERM, lambda *of_it: got.append(of_it[0]))
    try:
        command(lambda args: os.kill(os.getpid(), signal.SIGTERM) or Exit.OK)
        assert main(["demo"]) == Exit.OK
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]


def test_a_bug_is_not_hidden(command):
    """An error that nobody expects keeps its traceback."""
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["demo"])


def test_output_that_nobody_reads(command, monkeypatch, capfd):
    """Ends with 141 and leaves the interpreter nothing to complain about."""
    read, write = os.pipe()
    os.close(read)

    def run(args):
        print("x" * 10)
        return Exit.OK

    command(run)
    with os.fdopen(write, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert main(["demo"]) == 141
    assert capfd.readouterr().err == ""


def test_output_without_a_file_behind_it(command, capsys):
    """`main()` may be called where standard output is an object of one's own."""
    command(raising(BrokenPipeError()))
    assert main(["demo"]) == 141


def test_streams_that_cannot_be_adjusted_are_left_alone():
    """As those of some notebooks."""
    module._tolerate(object())


@pytest.mark.parametrize(
    ("flags", "shown"),
    [([], ["w"]), (["-v"], ["i", "w"]), (["-vv"], ["d", "i", "w"])],
)
def test_verbose_logs_on_the_error_output(command, capsys, flags, shown):
    """Warnings always, the rest on demand; the logger is as before afterwards."""
    logger = logging.getLogger("voxsync.test")
    above = logging.getLogger("voxsync")
    before = (above.level, list(above.handlers))

    def run(args):
        logger.debug("d")
        logger.info("i")
        logger.warning("w")
        return Exit.OK

    command(run)
    assert main([*flags, "demo"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"voxsync: voxsync.test: {each}" for each in shown]
    assert (above.level, list(above.handlers)) == before
