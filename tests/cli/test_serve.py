"""`voxsync serve`: a voice app, until Ctrl-C."""

import os
import signal
import ssl
import subprocess
import sys
import threading

import numpy as np
import pytest
import trustme

from voxsync.cli.main import main
from voxsync.errors import HandshakeError
from voxsync.media import BufferSink, ToneSource
from voxsync.session import SessionOptions
from voxsync.voximplant import WebSocket, WebSocketParameters

TOKEN = "planted-token-7f3a91"
SOON = 10.0


class Served(threading.Thread):
    """A client for `voxsync serve`, which has the main thread, as Ctrl-C needs."""

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
def serve(monkeypatch, interrupt):
    """Serve, let a client work, press Ctrl-C; return exit code and client's result."""
    read, write = os.pipe()
    pipe, output = os.fdopen(read), os.fdopen(write, "w")

    def run(client, *args):
        monkeypatch.setattr(sys, "stdout", output)
        served = Served(pipe, client, interrupt)
        served.start()
        code = main(["serve", *map(str, args)])
        served.join()
        return code, served.result

    yield run
    output.close()
    pipe.close()


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("VOXSYNC_TOKEN", TOKEN)
    return TOKEN


def told(url, text="hello", **settings):
    """Send a text and return the answer."""
    ws = WebSocket(url, side="voxengine", **settings)
    answer, came = [], threading.Event()
    ws.on_message = lambda event: (answer.append(event.text), came.set())
    with ws:
        ws.send(text)
        assert came.wait(SOON)
    return answer[0]


def spoken(url, delay=0):
    """Send a tone; return what was sent and heard."""
    heard, over = BufferSink(10, 8000), threading.Event()
    ws = WebSocket(url, side="voxengine")
    ws.send_media_to(heard, tag="a")
    ws.on_media_ended = lambda event: over.set()
    with ws, ToneSource(440, seconds=0.5, sample_rate=8000) as tone:
        tone.send_media_to(ws, tag="a", encoding="PCM8").wait(SOON)
        assert over.wait(SOON)
    with ToneSource(440, seconds=0.5, sample_rate=8000) as tone:
        return tone.read(4000), heard.frames


@pytest.mark.parametrize("args", [(), ("--delay", "0.2")])
def test_echo_until_ctrl_c(serve, capsys, args):
    """The URL comes first; calls are reported; exit code 0."""

    def client(url):
        return told(url), spoken(url)

    code, (text, (said, heard)) = serve(client, "echo", *args)
    assert code == 0
    assert text == "hello"
    assert np.array_equal(said, heard)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [
        "call 1: closed with 1000: no audio",
        "call 1: from 127.0.0.1 at /",
        "call 2: closed with 1000: heard 'a' PCM8 0.5 s, sent 'a' PCM8 0.5 s",
        "call 2: echo of 'a' in PCM8",
        "call 2: from 127.0.0.1 at /",
    ]


def test_transcribe(serve, tmp_path, capsys):
    """With a list of phrases of one's own, of which a tone is none."""
    path = tmp_path / "phrases.txt"
    path.write_text("open the door\n")

    def client(url):
        texts = []
        ws = WebSocket(url, side="voxengine")
        ws.on_message = lambda event: texts.append(event.text)
        with ws, ToneSource(440, seconds=0.5) as tone:
            tone.send_media_to(ws, tag="a", encoding="ULAW").wait(SOON)
        return texts

    assert serve(client, "transcribe", "--phrases", path) == (0, [])
    err = capsys.readouterr().err
    assert "call 1: hearing 'a' in ULAW\n" in err
    assert "call 1: closed with 1000: heard 'a' ULAW 0.5 s\n" in err


def test_calls_that_are_open_are_closed(serve, capsys):
    """Ctrl-C ends them with 1001, and waits until they have said so."""

    def client(url):
        answered = threading.Event()
        call = WebSocket(url)
        call.on_message = lambda event: answered.set()
        calls.append(call.connect())
        call.send("are you there")
        assert answered.wait(SOON)

    calls = []
    assert serve(client, "echo")[0] == 0
    assert calls[0].wait_closed(SOON).code == 1001
    assert "call 1: closed with 1001: no audio\n" in capsys.readouterr().err


def test_who_has_the_token_is_let_in(serve, token, capsys):
    """In the query or in a header; others get 401, and it is printed nowhere."""

    def client(url):
        for given in ("", "?token=", f"?token={TOKEN}x", "?token=%ff"):
            with pytest.raises(HandshakeError) as caught:
                told(url + given)
            assert caught.value.status == 401
        for header in (f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN[1:]}"):
            wrong = WebSocketParameters(headers={"Authorization": header})
            with pytest.raises(HandshakeError):
                told(url, parameters=wrong)
        right = WebSocketParameters(headers={"Authorization": f"bearer {TOKEN}"})
        return told(f"{url}?token={TOKEN}"), told(url, parameters=right)

    assert serve(client, "echo", "--require-token") == (0, ("hello", "hello"))
    err = capsys.readouterr().err
    assert err.count("refused 127.0.0.1: not the token\n") == 8
    assert "call 2: from 127.0.0.1 at /\n" in err
    assert TOKEN[1:] not in err


def test_path_and_number_of_calls(serve):
    """Elsewhere is 404, one call too many 503."""

    def client(url):
        statuses = []
        with WebSocket(url):
            for where in (url + "x", url):
                with pytest.raises(HandshakeError) as caught:
                    WebSocket(where).connect()
                statuses.append(caught.value.status)
        return url.rpartition("/")[2], statuses

    args = ("--path", "/voice", "--max-calls", 1)
    assert serve(client, "echo", *args) == (0, ("voice", [404, 503]))


@pytest.mark.parametrize("together", [True, False])
def test_over_tls(serve, tmp_path, together):
    """With a certificate, and its key in the same file or another."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(cert)
    args = ["--cert", cert]
    if not together:
        issued.private_key_pem.write_to_path(key)
        cert.write_bytes(b"".join(p.bytes() for p in issued.cert_chain_pems))
        args += ["--key", key]
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def client(url):
        assert url.startswith("wss://")
        return told(url, options=SessionOptions(ssl_context=context))

    assert serve(client, "echo", *args) == (0, "hello")


ENCRYPTED = """\
-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00000000000000000000000000000000

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END RSA PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--require-token"], "VOXSYNC_TOKEN"),
        (["--key", "x"], "--key goes with --cert"),
        (["--cert", "nowhere.pem"], "--cert, --key: No such file"),
        (["--cert", __file__], "no certificate with its key"),
        (["--path", "voice"], 'path must be like "/voice"'),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, monkeypatch, args, words):
    """Exit code 2 and what to write instead."""
    monkeypatch.delenv("VOXSYNC_TOKEN", raising=False)
    assert main(["serve", "echo", *args]) == 2
    assert words in capsys.readouterr().err


def test_a_key_that_is_encrypted(tmp_path, capsys):
    """Nobody is asked for a password."""
    cert = tmp_path / "cert.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    cert.write_bytes(issued.cert_chain_pems[0].bytes() + ENCRYPTED.encode())
    assert main(["serve", "echo", "--cert", str(cert)]) == 2
    assert "--key is encrypted" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["-1", "61", "nan", "soon"])
def test_a_delay_that_makes_no_sense(capsys, given):
    """Argparse says what would."""
    with pytest.raises(SystemExit) as caught:
        main(["serve", "echo", f"--delay={given}"])
    assert caught.value.code == 2
    assert "seconds are 0 to 60" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "10001", "x"])
def test_a_number_of_calls_that_makes_no_sense(capsys, given):
    """Likewise."""
    with pytest.raises(SystemExit):
        main(["serve", "echo", "--max-calls", given])
    assert "1 to 10000" in capsys.readouterr().err


def test_lists_that_do_not_suit(tmp_path, capsys):
    """Of a recogniser that takes none, or with words that it does not know."""
    path = tmp_path / "phrases.txt"
    path.write_text("xyzzyqwk\n")
    command = ["serve", "transcribe", "--phrases", str(path)]
    assert main([*command, "--recogniser", "dictation"]) == 2
    assert "of no use to --recogniser dictation" in capsys.readouterr().err
    assert main(command) == 2
    assert "xyzzyqwk" in capsys.readouterr().err


def test_a_port_that_is_taken(service, capsys):
    """Is one line that names it."""
    assert main(["serve", "echo", "--port", str(service.port)]) == 1
    err = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1:{service.port}: Address" in err


@pytest.mark.parametrize("app", ["", "echo", "transcribe"])
def test_help(capsys, app):
    """Of all apps and of each: examples and exit codes, in 80 columns."""
    with pytest.raises(SystemExit) as caught:
        main(["serve", *app.split(), "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"\nexamples:\n  voxsync serve {app}" in out
    assert "\nexit codes:\n" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("missing", "app", "extra"),
    [("websockets", "echo", "server"), ("pocketsphinx", "transcribe", "demo")],
)
def test_without_the_extra(missing, app, extra):
    """The message names what to install."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from voxsync.cli.main import main\n"
        f"sys.exit(main(['serve', {app!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert f"pip install 'voxsync[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_process(spawn, number):
    """A signal ends it with code 0, without a word of complaint."""
    child = spawn("serve", "echo")
    assert child.process.stdout.readline().startswith("ws://127.0.0.1:")
    child.process.send_signal(number)
    assert child.end() == (0, "", "")
