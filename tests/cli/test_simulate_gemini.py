"""`voxsync simulate gemini`: a Live API, until Ctrl-C."""

import os
import ssl
import sys
import threading
from types import SimpleNamespace

import pytest
import trustme

from voxsync.cli.main import main
from voxsync.cli.simulate_gemini import Reporter
from voxsync.errors import HandshakeError, SetupError
from voxsync.gemini import LiveGenerativeModel
from voxsync.session import SessionOptions
from voxsync.simulators.gemini_brain import HeardTurn, ToolResult
from voxsync.simulators.gemini_faults import GEMINI_FAULTS
from voxsync.simulators.gemini_record import GeminiRecord, Spoken

KEY = "planted-key-7f3a91"
CHEAP = ("--recogniser", "none", "--voice", "tone", "--unpaced")


class Served(threading.Thread):
    """A client for the service, which has the main thread, as Ctrl-C needs."""

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
        code = main(["simulate", "gemini", *CHEAP, *map(str, args)])
        served.join()
        return code, served.result

    yield run
    output.close()
    pipe.close()


def ask(url, *questions, key=None, model="gemini-live", options=None, **settings):
    """One session; return what was answered, and the messages."""
    config = {"output_audio_transcription": {}}
    live = LiveGenerativeModel(
        model, api_key=key, base_url=url, config=config, options=options, **settings
    )
    texts, messages = [], []
    with live.connect() as session:
        for each in questions:
            session.send(each)
            text = ""
            for message in session.receive_turn(20):
                messages.append(message)
                said = getattr(message, "output_transcription", None)
                text += said.text if said else ""
            texts.append(text)
    return texts, messages


def test_it_serves_until_ctrl_c(simulate, capsys):
    """The URL comes first; what happens is told; exit code 0."""

    def client(url):
        return ask(url, "good morning", "blue elephants")[0]

    code, texts = simulate(client)
    assert (code, texts) == (0, ["Good morning to you.", "You said: blue elephants"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "session 1: gemini-live, by way of developer"
    for asked, said in (("good morning", texts[0]), ("blue elephants", texts[1])):
        at = lines.index(f'session 1: read "{asked}"')
        begin = f'session 1: said "{said}" ('
        assert any(line.startswith(begin) for line in lines[at:])
    assert lines[-1] == "session 1: closed with 1000"
    assert len(lines) == 6


def test_echo_and_what_it_sends(simulate):
    """Another brain; text frames; models that are not on offer are refused."""

    def client(url):
        with pytest.raises(SetupError) as caught:
            ask(url, model="other")
        return caught.value.code, ask(url, "hello")[0]

    args = ["--brain", "echo", "--text-frames", "--model", "gemini-live"]
    assert simulate(client, *args) == (0, (1008, ["hello"]))


def test_a_lifetime(simulate):
    """The connection is closed at its age, and that is announced."""

    def client(url):
        model = LiveGenerativeModel("gemini-live", base_url=url)
        with model.connect() as session:
            messages = list(session.receive(20))
        return [each.type for each in messages], session.close_code

    found = simulate(client, "--lifetime", 0.4)
    assert found == (0, (["goingAwayNotice"], 1000))


def test_who_has_the_key_is_let_in(simulate, monkeypatch, capsys):
    """It comes from the environment, and is printed nowhere."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)

    def client(url):
        with pytest.raises(HandshakeError) as caught:
            ask(url, key=f"{KEY}x")
        return caught.value.status, ask(url, "hello", key=KEY)[0]

    code, (status, texts) = simulate(client, "--require-key", "--brain", "echo")
    assert (code, status, texts) == (0, 403, ["hello"])
    err = capsys.readouterr().err
    assert "session 1: refused with status 403\n" in err
    assert KEY not in err


def test_tls(simulate, tmp_path):
    """With a certificate the URL is wss://."""
    authority, cert = trustme.CA(), tmp_path / "cert.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(cert)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    options = SessionOptions(ssl_context=context)

    def client(url):
        assert url.startswith("wss://")
        return ask(url, "hello", options=options)[0]

    found = simulate(client, "--cert", cert, "--brain", "echo")
    assert found == (0, ["hello"])


def test_faults_go_wrong(simulate, capsys):
    """As asked for on the command line; lenient ones go on."""

    def client(url):
        with pytest.raises(SetupError) as caught:
            ask(url)
        return caught.value.code

    assert simulate(client, "--fault", "quota", "--lenient") == (0, 1011)
    assert " (You exceeded your current quota, " in capsys.readouterr().err


def test_the_menu_of_faults(capsys):
    """Each name with what it does, and the settings."""
    assert main(["simulate", "gemini", "--list-faults"]) == 0
    out = capsys.readouterr().out
    for name, what in GEMINI_FAULTS.items():
        assert f"{name} " in out
        assert what in out
    assert "settings: at, after_bytes, code" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--require-key"], "GEMINI_API_KEY"),
        (["--recogniser", "none", "--phrases", "x"], "--phrases is of no use"),
        (["--key", "x"], "--key goes with --cert"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, monkeypatch, args, words):
    """Exit code 2 and what to write instead."""
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    assert main(["simulate", "gemini", *args]) == 2
    assert words in capsys.readouterr().err


def test_a_fault_that_is_none(capsys):
    """The menu is in the message."""
    with pytest.raises(SystemExit):
        main(["simulate", "gemini", "--fault", "nothing"])
    assert "there are: bad_accept" in capsys.readouterr().err


def test_a_port_that_is_taken(service, capsys):
    """Is one line that names it."""
    assert main(["simulate", "gemini", *CHEAP, "--port", str(service.port)]) == 1
    err = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1:{service.port}: Address" in err


def test_as_a_process(spawn):
    """SIGINT ends it with code 0, without a word of complaint."""
    child = spawn("simulate", "gemini", *CHEAP)
    assert child.process.stdout.readline().startswith("ws://127.0.0.1:")
    child.interrupt()
    assert child.end() == (0, "", "")


def report(*records, after=lambda: None):
    reporter = Reporter(SimpleNamespace(records=list(records)))
    reporter.report()
    after()
    reporter.report()
    reporter.report()


def test_each_thing_is_told_once(capsys):
    """In its order, also where a record has forgotten what was told."""
    record = GeminiRecord(7, status=101, api="vertex", close_code=1000)
    record.setup = {"model": "projects/p/models/x"}
    record.turns.append(HeardTurn(text="one ", spoken=True, seconds=1.25))
    record.answers.append(Spoken(text="two\x1b", seconds=0.5, interrupted=True))

    def more():
        record.turns.clear()
        record.turns.append(HeardTurn(text="three", images=(("image/png", b""),)))
        results = (ToolResult("lamp", {"result": "on"}),)
        record.turns.append(HeardTurn(results=results))
        record.answers.append(Spoken(calls=("lamp", "door")))
        record.answers.append(Spoken(text="four", calls=("lamp",)))
        record.breaches.append("bad_rate")
        record.over.set()

    report(record, after=more)
    assert capsys.readouterr().err.splitlines() == [
        "session 7: x, by way of vertex",
        'session 7: heard "one" (1.2 s)',
        'session 7: said "two " (0.5 s), was interrupted',
        'session 7: read "three" and 1 picture(s)',
        "session 7: got lamp: on",
        "session 7: called lamp, door",
        'session 7: said "four", called lamp',
        "session 7: closed with 1000, broke: bad_rate",
    ]


def test_connections_that_did_not_open(capsys):
    """Whatever became of them; a setup without a model is told as such."""
    silent = GeminiRecord(1, ("rst",))
    refused = GeminiRecord(2, status=401)
    nameless = GeminiRecord(3, ("close",), status=101, close_code=1007)
    nameless.setup, nameless.api, nameless.close_reason = {}, "any", "no model"
    for each in (silent, refused, nameless):
        each.over.set()
    report(silent, refused, nameless)
    assert capsys.readouterr().err.splitlines() == [
        "session 1: no answer to its request [rst]",
        "session 2: refused with status 401",
        "session 3: (no model), by way of any",
        "session 3: closed with 1007 (no model) [close]",
    ]
