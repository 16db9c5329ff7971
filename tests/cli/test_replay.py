"""`voxsync replay`."""

import pytest

from voxsync.cli.main import main
from voxsync.cli.replay import describe
from voxsync.mimi import MimiSession
from voxsync.plain import PlainSession
from voxsync.simulators.replay_player import ReplayReport
from voxsync.trace import record


def recognise(url):
    session = MimiSession(None, language="en", url=url)
    with session:
        session.send_binary(bytes(32000))
        session.stop_recognition()
        return [result.text for result in session.receive(20)]


@pytest.fixture
def trace(tmp_path, service):
    path = tmp_path / "call.trace"
    session = MimiSession(None, language="en", url=service.url)
    with record(session, path), session:
        session.send_binary(bytes(32000))
        session.stop_recognition()
        list(session.receive(20))
    return path


@pytest.mark.parametrize("flags", [[], ["--realtime"]])
def test_replay(trace, service, spawn, flags):
    """The same results; each connection is reported; Ctrl-C ends it well."""
    child = spawn("replay", *flags, "--patience", "0.5", trace)
    url = child.process.stdout.readline().strip()
    assert recognise(url) == recognise(service.url)
    assert "the client did as in the trace" in child.error_line()
    PlainSession(url).connect().close()
    assert "connection 2: " in child.error_line()
    child.interrupt()
    code, out, err = child.end()
    assert (code, out, err) == (0, "", "")


def test_what_is_no_trace(make_wav, capsys):
    """One line, exit code 1."""
    assert main(["replay", str(make_wav())]) == 1
    assert "is no trace" in capsys.readouterr().err


def test_a_port_that_is_taken(trace, service, capsys):
    """Says which."""
    assert main(["replay", str(trace), "--port", str(service.port)]) == 1
    assert f"cannot listen at 127.0.0.1:{service.port}" in capsys.readouterr().err


def test_a_key_without_a_certificate(trace, capsys):
    """As of the other services."""
    assert main(["replay", str(trace), "--key", "x"]) == 2
    assert "--cert" in capsys.readouterr().err


def test_describe():
    """One line: that all is well, or all that is not."""
    report = ReplayReport(1, 1, 2, 100, 5, commands=2, steps=5)
    said = "connection 1: 5 of 5 messages said; "
    assert describe(report) == said + "the client did as in the trace"
    report.commands, report.waited = 3, 2
    report.different, report.difference = 1, "message 1\n"
    assert describe(report) == said + (
        "3 messages came, 2 in the trace; 1 said something else: message 1 ; "
        "waited 2 times in vain"
    )


def test_help(capsys):
    """With examples."""
    with pytest.raises(SystemExit):
        main(["replay", "--help"])
    assert "examples:" in capsys.readouterr().out
