"""`voxsync trace show`."""

import json

import pytest

from voxsync.cli.main import main
from voxsync.cli.progress import width_of
from voxsync.cli.trace import lines
from voxsync.mimi import MimiSession
from voxsync.trace import read, record


@pytest.fixture(autouse=True)
def no_columns(monkeypatch):
    """The width is that of the terminal, not one that the test runner was told."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def trace(tmp_path, service):
    """Of a short recognition."""
    path = tmp_path / "call.trace"
    session = MimiSession("planted-token", language="en", url=service.url)
    with record(session, path), session:
        session.send_binary(bytes(32000))
        session.stop_recognition()
        list(session.receive(20))
    return path


def test_the_timeline(trace, capsys):
    """In a pipe lines are whole, and without colours."""
    assert main(["trace", "show", str(trace)]) == 0
    out, err = capsys.readouterr()
    shown = out.splitlines()
    assert shown[0].startswith("MimiSession  ws://127.0.0.1:")
    kinds = [line.split()[1:3] for line in shown[3 : shown.index("", 3)]]
    assert ["created"] in kinds
    assert ["→", "audio"] in kinds
    assert ["←", "final"] in kinds
    assert kinds[-1] == ["close", "1000,"]
    assert "final         heard: one two three four five" in out
    assert "1.00 s of audio" in out
    assert "\x1b" not in out
    assert err == ""


def test_the_width_of_a_terminal(trace, spawn, make_terminal):
    """No line is longer; wide characters count twice. What may change is dim."""
    terminal = make_terminal(columns=50)
    child = spawn("trace", "show", trace, stdout=terminal.slave, env={"NO_COLOR": ""})
    terminal.close_slave()
    code, _, err = child.end()
    terminal.end()
    assert (code, err) == (0, "")
    assert "…" in terminal.shown
    assert max(map(width_of, terminal.shown.replace("\r", "").split("\n"))) <= 50


def test_colours(trace):
    """What went wrong is red, what may change is dim; both end with their line."""
    with trace.open("a") as file:
        lost = {
            "t": 99.0,
            "dir": "local",
            "kind": "lost",
            "what": "gated",
            "seconds": 1,
        }
        file.write(json.dumps(lost) + "\n")
    found = list(lines(read(trace), 60, colours=True))
    (partial,) = [line for line in found if "partial" in line][:1]
    (lost,) = [line for line in found if "gated" in line and "99.0" in line]
    assert partial.startswith("\x1b[2m")
    assert lost.startswith("\x1b[31m")
    assert partial.endswith("\x1b[0m")
    assert not any("\x1b" in line for line in lines(read(trace), 60))


@pytest.mark.parametrize("variable", ["30", "70"])
def test_columns_of_the_environment(trace, capsys, monkeypatch, variable):
    """Also in a pipe, for who wants it; under 40 nothing could be read."""
    monkeypatch.setenv("COLUMNS", variable)
    assert main(["trace", "show", str(trace)]) == 0
    widest = max(map(width_of, capsys.readouterr().out.splitlines()))
    assert widest <= max(40, int(variable))


def test_a_cut_trace(trace, capsys):
    """Up to its last whole line, and says so."""
    trace.write_bytes(trace.read_bytes()[:-2500])
    assert main(["trace", "show", str(trace)]) == 0
    assert "the trace is cut" in capsys.readouterr().out


def test_what_a_peer_sent_steers_no_terminal(tmp_path, capsys):
    """Control characters become spaces."""
    path = tmp_path / "evil.trace"
    found = [
        {"voxsync_trace": 1, "t": 0.0, "url": "ws://x/\x1b[31m"},
        {"t": 0.1, "dir": "in", "kind": "text", "text": "\x1b[2J\r\nfake line"},
        {"t": 0.1, "dir": "in", "kind": "\x1b[2J"},
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in found))
    assert main(["trace", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "   [2J  fake line" in out.replace("\u2190", "").replace("text", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "is no trace"), (b"\x00\xff" * 99, "is no trace")],
)
def test_what_is_no_trace(tmp_path, capsys, content, words):
    """One line that names the file, exit code 1."""
    path = tmp_path / "x.bin"
    if content is not None:
        path.write_bytes(content)
    assert main(["trace", "show", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(path) in err
    assert words in err


def test_help(capsys):
    """With examples, for both ways to look."""
    for args in (["trace"], ["trace", "show"], ["trace", "plot"]):
        with pytest.raises(SystemExit) as caught:
            main([*args, "--help"])
        assert caught.value.code == 0
        assert "examples:" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["trace"])
    assert caught.value.code == 2
