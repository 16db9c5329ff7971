import argparse
import os
import sys
import threading

import pytest

from voxsync.cli.main import main
from voxsync.cli.simulate import describe, parse_fault
from voxsync.errors import HandshakeError
from voxsync.mimi import MimiSession
from voxsync.simulators.faults import FAULTS, fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.record import Record


def speak(url, token=None, seconds=1.4, **settings):
    """One session; return its texts."""
    with MimiSession(token, url=url, **settings) as session:
        session.send_binary(bytes(int(32000 * seconds)))
        session.stop_recognition()
        return [result.text for result in session.receive(20)]


class Served(threading.Thread):
    """A client for `voxsync simulate`, which has the main thread, as Ctrl-C needs."""

    def __init__(self, pipe, client, interrupt):
        super().__init__()
        self.pipe, self.client, self.interrupt = pipe, client, interrupt
        self.result = None

    def run(self):
        try:
            self.result = self.client(self.pipe.readline().strip())
        finally:
            self.interrupt()


@pytest.fixture
def simulate(monkeypatch, interrupt):
    """Serve, let a client work, press Ctrl-C; return exit code and client's result."""
    read, write = os.pipe()
    pipe, output = os.fdopen(read), os.fdopen(write, "w")

    def run(client, *args):
        monkeypatch.setattr(sys, "stdout", output)
        served = Served(pipe, client, interrupt)
        served.start()
        code = main(["simulate", "mimi", *args])
        served.join()
        return code, served.result

    yield run
    output.close()
    pipe.close()


def test_it_serves_until_ctrl_c(simulate, capsys):
    """The URL comes first; sessions are reported when they are over; exit code 0."""

    def client(url):
        first = speak(url)
        speak(url, process="nict-asr", language="en")
        return first

    code, texts = simulate(client, "--recogniser", "scripted")
    assert code == 0
    assert texts[-1] == "朝日が昇る。"
    lines = capsys.readouterr().err.splitlines()
    # The last may be over only after Ctrl-C.
    assert lines[0].startswith("session 1: asr ja, 1.4 s at 16000 Hz, ")
    assert lines[0].endswith(" results, closed with 1000")


def test_sessions_are_reported_in_the_order_of_their_ends(simulate, capsys):
    """One that goes on does not hold back the report of a later one."""

    def client(url):
        with MimiSession(None, url=url) as long:
            speak(url)
            reported("session 2")
            long.send_binary(bytes(3200))
            long.stop_recognition()
            list(long.receive(10))
        reported("session 1")
        return True

    def reported(name):
        gate = threading.Event()
        for _ in range(2000):  # 10 s; half a second is what the report may take
            err.append(capsys.readouterr().err)
            if name in "".join(err):
                break
            gate.wait(0.005)

    err = []
    assert simulate(client, "--recogniser", "scripted") == (0, True)
    err.append(capsys.readouterr().err)
    lines = "".join(err).splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["session 2", "session 1"]
    assert len(lines) == len(set(lines))


def test_a_list_of_phrases(simulate, tmp_path):
    """The real recogniser with a list from a file."""
    path = tmp_path / "phrases.txt"
    path.write_text("open the door\n")
    client = lambda url: speak(url, language="en")  # noqa: E731
    code, texts = simulate(client, "--phrases", str(path))
    assert code == 0
    assert texts == [""]  # quiet is none of the phrases


def test_the_token_comes_from_the_environment(simulate, token, capsys):
    """Who has it is let in, others get 401; it is printed nowhere."""

    def client(url):
        with pytest.raises(HandshakeError) as caught:
            speak(url)
        return caught.value.status, speak(url, token=token)[-1]

    code, found = simulate(client, "--recogniser", "scripted", "--require-token")
    assert code == 0
    assert found == (401, "朝日が昇る。")
    err = capsys.readouterr().err
    assert "session 1: refused with status 401\n" in err
    assert token not in err


def test_faults_go_wrong(simulate, capsys):
    """As asked for on the command line."""

    def client(url):
        with MimiSession(None, url=url) as session:
            session.send_binary(bytes(3200))
            return session.wait_closed(10).code

    args = ["--recogniser", "scripted", "--fault", "close:code=4003,at=audio"]
    assert simulate(client, *args) == (0, 4003)


def test_the_menu_of_faults(capsys):
    """Each name with what it does, and the settings."""
    assert main(["simulate", "mimi", "--list-faults"]) == 0
    out = capsys.readouterr().out
    for name, what in FAULTS.items():
        assert f"{name} " in out
        assert what in out
    assert "settings: at, after_bytes, code" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--require-token"], "MIMI_TOKEN"),
        (["--recogniser", "scripted", "--phrases", "x"], "--phrases is of no use"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, args, words):
    """Exit code 2 and what to write instead."""
    assert main(["simulate", "mimi", *args]) == 2
    assert words in capsys.readouterr().err


def test_a_list_that_does_not_suit(tmp_path, capsys):
    """Words that the recogniser's dictionary does not have are a wrong argument."""
    path = tmp_path / "phrases.txt"
    path.write_text("xyzzyqwk\n")
    assert main(["simulate", "mimi", "--phrases", str(path)]) == 2
    assert "xyzzyqwk" in capsys.readouterr().err
    assert main(["simulate", "mimi", "--phrases", str(path) + "x"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_port_that_is_taken(service, capsys):
    """Is one line that names it."""
    args = ["--recogniser", "scripted", "--port", str(service.port)]
    assert main(["simulate", "mimi", *args]) == 1
    err = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1:{service.port}: Address" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ping", fault("ping")),
        ("close:code=4003,reason=idle", fault("close", code=4003, reason="idle")),
        ("delay:seconds=1.5", fault("delay", seconds=1.5)),
        ("fin:connections=2", fault("fin", connections=2)),
    ],
)
def test_faults_are_parsed(text, expected):
    """Values get the type of their setting."""
    assert parse_fault(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "there are: bad_accept"),
        ("close:codes=1", "a key of at"),
        ("close:code", "KEY=VALUE"),
        ("close:code=x", "not a number"),
        ("close:code=-1", "two bytes"),
    ],
)
def test_wrong_faults_are_refused(text, words):
    """With what there is instead."""
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        parse_fault(text)


def test_connections_are_described():
    """Whatever became of them."""
    assert describe(Record(1)) == "session 1: no answer to its request"
    assert describe(Record(2, ("rst",), status=101, close_code=1006)) == (
        "session 2: - -, 0.0 s at 16000 Hz, 0 results, closed with 1006 [rst]"
    )
    flac = Record(3, status=101, headers={"content-type": "audio/x-flac"})
    flac.audio_bytes, flac.close_code = 5, 1003
    flac.breaches.append("format")
    assert describe(flac) == (
        "session 3: - -, 5 bytes, 0 results, closed with 1003, broke: format"
    )


def test_as_a_process(spawn):
    """SIGINT ends it with code 0, without a word of complaint."""
    child = spawn("simulate", "mimi", "--recogniser", "scripted")
    assert child.process.stdout.readline().startswith("ws://127.0.0.1:")
    child.interrupt()
    assert child.end() == (0, "", "")


def test_without_the_extra(monkeypatch, capsys):
    """The message names what to install."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert main(["simulate", "mimi"]) == 1
    assert "pip install 'voxsync[demo]'" in capsys.readouterr().err


def test_the_service_is_the_public_one():
    """Nothing here is beyond the reach of a test of one's own."""
    assert MimiService.__module__ == "voxsync.simulators.mimi"
