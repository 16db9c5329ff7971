import argparse
import sys

import pytest

from tests.trace.troubled import call
from tests.trace.written import binary, end, event, write
from voxsync.cli import trace_plot
from voxsync.cli.exits import Exit, Usage
from voxsync.errors import MissingExtra, TraceError


@pytest.fixture
def command(capsys):
    """Run `plot ...` as a command of its own; return code, output and errors."""

    def run(*args):
        parser = argparse.ArgumentParser(prog="voxsync trace")
        trace_plot.add_parser(parser.add_subparsers(required=True))
        found = parser.parse_args(["plot", *map(str, args)])
        code = found.run(found)
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def trace(tmp_path):
    lines = [binary(1, "out", 0.5), event(3, "close", code=1000), end(3)]
    return write(tmp_path / "call.trace", lines)


def test_a_call_over_a_bad_network(tmp_path, command):
    """E6: the picture of a session with interruptions, a stall and lost chunks."""
    done = call(tmp_path)
    path = tmp_path / "call.png"
    assert command(done.path, "-o", path) == (Exit.OK, f"{path}\n", "")
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    # Bars, waves and letters: an empty picture is a third of that.
    assert len(data) > 40_000


def test_a_part_of_a_page(tmp_path, command, trace):
    """From here to there, at a size."""
    path = tmp_path / "call.html"
    args = (trace, "--output", path, "--from", "0.5", "--to", "2", "--size", "800X640")
    assert command(*args) == (Exit.OK, f"{path}\n", "")
    assert "shown: 500 ms to 2.00 s" in path.read_text("utf-8")


def test_a_trace_that_was_cut(tmp_path, command):
    """Is drawn; one line says that there was more."""
    path = write(tmp_path / "a.trace", [binary(1, "out", 0.5), b'{"t":2,"di'])
    code, _, err = command(path, "-o", tmp_path / "a.png")
    assert code == Exit.OK
    assert err == "voxsync: the trace was cut short: what came later is not in it\n"
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize("what", [b"", b"RIFF....WAVE", b"\xff\xfe{}", b"{}\n"])
def test_a_file_that_is_no_trace(tmp_path, command, what):
    """Is said to be none; nothing is written."""
    path = tmp_path / "a.wav"
    path.write_bytes(what)
    with pytest.raises(TraceError, match=r"a\.wav is no trace"):
        command(path, "-o", tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_format_that_is_not_offered(tmp_path, command):
    """Is refused before the trace is looked at; the list is told."""
    with pytest.raises(Usage, match=r"a\.gif: .* \.png, \.svg, \.html"):
        command(tmp_path / "nowhere.trace", "-o", tmp_path / "a.gif")


def test_without_matplotlib(tmp_path, command, monkeypatch):
    """That is said before a long trace is read."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"voxsync\[plot\]"):
        command(tmp_path / "nowhere.trace", "-o", tmp_path / "a.png")


def test_the_trace_is_not_replaced(tmp_path, command, trace):
    """By its own picture; any other file is, as everywhere."""
    odd = trace.rename(tmp_path / "call.png")
    with pytest.raises(Usage, match="would replace the trace"):
        command(odd, "-o", odd)
    other = tmp_path / "other.png"
    other.write_text("before")
    assert command(odd, "-o", other)[0] == Exit.OK
    assert other.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--from", "2", "--to", "1"), "--to 1 is not after --from 2"),
        (("--from", "9"), "the trace ends at 3.000 s"),
    ],
)
def test_times_that_make_no_sense(tmp_path, command, trace, args, words):
    """Are told in the words of the command line."""
    with pytest.raises(Usage, match=words):
        command(trace, "-o", tmp_path / "a.png", *args)


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--from", "-1"),
        ("--from", "nan"),
        ("--to", "0"),
        ("--size", "100x100"),
        ("--size", "1600"),
        ("--size", "99999999999999x900"),
    ],
)
def test_wrong_arguments(tmp_path, command, trace, capsys, args):
    """Argparse says which; without -o, too."""
    output = ("-o", tmp_path / "a.png") if args else ()
    with pytest.raises(SystemExit) as caught:
        command(trace, *output, *args)
    assert caught.value.code == Exit.USAGE
    assert (args[0] if args else "-o/--output") in capsys.readouterr().err


def test_letters_without_a_font(tmp_path, command, monkeypatch):
    """The command says so, and what helps."""
    monkeypatch.setattr("voxsync.trace.plot._FAMILIES", ("DejaVu Sans",))
    lines = [event(1, "error", error="E", message="朝日"), end(3)]
    path = write(tmp_path / "a.trace", lines)
    code, _, err = command(path, "-o", tmp_path / "a.png")
    assert code == Exit.OK
    assert "has no font for some of the letters" in err


def test_help_has_examples(command, capsys):
    """That can be copied."""
    with pytest.raises(SystemExit):
        command("--help")
    shown = capsys.readouterr().out
    assert "voxsync trace plot call.trace -o call.html" in shown
    assert "exit codes:" in shown
