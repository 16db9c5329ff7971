"""`voxsync record-session`."""

import pytest

from voxsync.cli.main import main
from voxsync.plain import PlainSession
from voxsync.trace import read


def test_transcribe(tmp_path, service, make_wav, capsys, token):
    """The command does what it does; each of its sessions has a trace."""
    files = [str(make_wav(name, seconds=1)) for name in ("a.wav", "b.wav")]
    path = tmp_path / "t.trace"
    command = ["transcribe", "--language", "en", "--url", service.url, *files]
    assert main(["record-session", str(path), *command]) == 0
    out, err = capsys.readouterr()
    assert out.count("one two three four five") == 2
    assert err.splitlines() == [
        f"voxsync: the trace is {path}",
        f"voxsync: the trace is {tmp_path / 't-2.trace'}",
    ]
    for each in (path, tmp_path / "t-2.trace"):
        trace = read(each)
        assert trace.is_whole
        assert trace.header["door"] == "MimiSession"
        assert sum(len(samples) for _, samples, _ in trace.audio("out")) == 16000
        assert token not in each.read_text()
    assert sorted(p.name for p in tmp_path.glob("*.trace")) == ["t-2.trace", "t.trace"]


def test_the_commands_own_failure(tmp_path, service, make_wav, capsys):
    """Its words and exit code; -- may stand before it."""
    path = tmp_path / "t.trace"
    url = service.url
    service.close()
    command = ["--", "transcribe", "--url", url, str(make_wav())]
    assert main(["record-session", str(path), *command]) == 1
    assert "could not connect" in capsys.readouterr().err
    assert [r.type for r in read(path) if r.type] == ["created", "error", "close"]


def test_a_refusal_names_the_variable(tmp_path, make_service, make_wav, capsys, token):
    """As the command itself would."""
    url = make_service(token="another").url
    command = ["transcribe", "--url", url, str(make_wav())]
    assert main(["record-session", str(tmp_path / "t.trace"), *command]) == 3
    assert "MIMI_TOKEN" in capsys.readouterr().err
    assert "401" in (tmp_path / "t.trace").read_text()


def test_a_file_that_cannot_be_written(tmp_path, service, make_wav, capsys):
    """The command goes on; the exit code tells."""
    command = ["transcribe", "--language", "en", "--url", service.url, str(make_wav())]
    path = tmp_path / "no" / "t.trace"
    assert main(["record-session", str(path), *command]) == 1
    out, err = capsys.readouterr()
    assert "one two three four five" in out
    assert str(path) in err
    assert "No such file" in err


def test_serve(tmp_path, spawn):
    """Connections that come in."""
    path = tmp_path / "echo.trace"
    child = spawn("record-session", path, "serve", "echo", "--port", "0")
    url = child.process.stdout.readline().strip()
    with PlainSession(url) as session:
        session.send_text("hello")
        next(session.receive(10))
    child.interrupt()
    code, _, err = child.end()
    assert code == 0, err
    assert f"the trace is {path}" in err
    trace = read(path)
    assert trace.header["role"] == "server"
    assert "hello" in [r.text for r in trace]


@pytest.mark.parametrize("command", [[], ["--"], ["record-session", "x", "devices"]])
def test_no_command(tmp_path, capsys, command):
    """Says what would do."""
    assert main(["record-session", str(tmp_path / "t"), *command]) == 2
    assert "which command" in capsys.readouterr().err


def test_a_file_that_is_no_trace(tmp_path, service, make_wav, capsys):
    """Somebody's audio is not overwritten unless that is said; a trace is."""
    wav, other = make_wav(seconds=1), tmp_path / "other.wav"
    other.write_bytes(b"RIFF")
    command = ["transcribe", "--language", "en", "--url", service.url, str(wav)]
    before = wav.read_bytes()
    assert main(["record-session", str(wav), *command]) == 2
    assert f"{wav} exists and is no trace; --force" in capsys.readouterr().err
    assert wav.read_bytes() == before
    assert main(["record-session", "--force", str(other), *command]) == 0
    assert main(["record-session", str(other), *command]) == 0
    assert read(other).is_whole


def test_no_file(tmp_path, capsys, monkeypatch):
    """A dash is not a file of that name."""
    monkeypatch.chdir(tmp_path)
    assert main(["record-session", "-", "devices", "--json"]) == 2
    assert "a trace needs a file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_session(tmp_path, capsys, monkeypatch):
    """Is told."""
    monkeypatch.setattr("voxsync.media.audio_devices", list, raising=False)
    assert main(["record-session", str(tmp_path / "t"), "devices", "--json"]) == 1
    assert "there was no session to record" in capsys.readouterr().err


def test_help(capsys):
    """With examples."""
    with pytest.raises(SystemExit):
        main(["record-session", "--help"])
    assert "examples:" in capsys.readouterr().out
