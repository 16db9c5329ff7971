"""`voxsync simulate voxengine`: a call from the command line."""

import io
import sys
import wave

import pytest

from tests.simulators.vox_app import App
from voxsync.cli.main import main
from voxsync.cli.simulate_voxengine import described, summary
from voxsync.events import MediaInfo
from voxsync.simulators.faults import FAULTS
from voxsync.simulators.voximplant import Entry
from voxsync.simulators.voximplant_faults import VOX_FAULTS
from voxsync.voximplant import WebSocket

TOKEN = "planted-token-7f3a91"
BASE = ["simulate", "voxengine"]


@pytest.fixture(autouse=True)
def no_token_of_voxsync(monkeypatch):
    """A token of the machine's own must not decide a test."""
    monkeypatch.delenv("VOXSYNC_TOKEN", raising=False)


def frames(path):
    with wave.open(str(path)) as file:
        return file.readframes(1 << 20)


def test_a_call_is_played_and_recorded(make_wav, tmp_path, capsys):
    """Events as they come, a summary; exit code 0 once nothing more is said."""
    hello, heard = make_wav(seconds=0.3), tmp_path / "heard.wav"
    with App(echo=True) as app:
        code = main(
            [
                *BASE,
                f"--connect={app.url}",
                f"--play={hello}",
                f"--record={heard}",
                "--tag=caller",
                "--encoding=PCM16",
                "--parameter=room=blue",
                "--patience=0.2",
                "--messages",
                "hello",
                "there",
            ]
        )
        app.wait_for("close")
    out, err = capsys.readouterr()
    assert (code, out) == (0, "")
    assert app.named("message") == ["hello", "there"]
    names = [line.split(None, 1)[1] for line in err.splitlines()[:-1]]
    assert names[:4] == ["started", "call-connected", "created", "open"]
    assert "media-started caller PCM16" in names
    assert names[-1] == "close 1000"
    assert err.splitlines()[-1] == (
        "socket 1: said 0.30 s as PCM16, heard caller 0.30 s as PCM16, closed with 1000"
    )
    assert frames(heard) == frames(hello)


def test_an_app_comes_in(spawn, make_wav):
    """The access URL is printed; who has it is let in and talked to."""
    hello = make_wav(seconds=0.3)
    child = spawn(*BASE, "--listen", "0", "--play", hello, "--patience", "0.2")
    url = child.process.stdout.readline().strip()
    assert url.startswith("ws://127.0.0.1:")
    with WebSocket(url) as ws:
        ended = ws.wait_closed(20)
        assert ended.code == 1000
        assert ws.media_statistics.received[""].frames == 2400  # PCM8, VoxEngine's
    code, out, err = child.end()
    assert (code, out) == (0, "")
    assert "connection" in err
    assert url.rsplit("/", 1)[1] not in err


def test_without_a_file_it_lasts_until_ctrl_c(spawn):
    """Which is its end, and a good one."""
    child = spawn(*BASE, "--listen", "0")
    url = child.process.stdout.readline().strip()
    with WebSocket(url) as ws:
        while not child.error_line().endswith(" open\n"):
            pass
        child.interrupt()
        assert ws.wait_closed(10).code == 1000
    code, _, err = child.end()
    assert code == 0
    assert "socket 1: closed with 1000" in err
    assert "Traceback" not in err


def test_ctrl_c_while_it_listens(monkeypatch, interrupt):
    """From the moment at which the URL is there."""

    class Output(io.StringIO):
        def flush(self):
            if "ws://" in self.getvalue() and not self.closed:
                monkeypatch.undo()
                interrupt()

    monkeypatch.setattr(sys, "stdout", Output())
    assert main([*BASE, "--listen=0"]) == 0


def test_ctrl_c_before_the_end_of_the_file(spawn, make_wav):
    """The call is hung up; 130 tells that not all was played."""
    with App() as app:
        child = spawn(
            *BASE, "--connect", app.url, "--play", make_wav(seconds=30), "--tag", "c"
        )
        app.wait_for("media-started", timeout=30)
        child.interrupt()
        code, _, err = child.end()
        assert app.wait_for("close") == [1000]
    assert code == 130
    assert "call-disconnected" in err


def test_seconds_are_the_end(make_wav, tmp_path):
    """Whatever is being said; what was heard until then is in the file."""
    heard = tmp_path / "heard.wav"
    with App(echo=True) as app:
        args = [
            f"--connect={app.url}",
            f"--play={make_wav(seconds=30)}",
            f"--record={heard}",
        ]
        assert main([*BASE, *args, "--seconds=0.8"]) == 0
        assert app.wait_for("close") == [1000]
    assert 0 < len(frames(heard)) < 30 * 16000


def test_the_token_comes_from_the_environment(monkeypatch, make_wav, capsys):
    """It is sent, refused or not, and printed nowhere."""
    monkeypatch.setenv("VOXSYNC_TOKEN", TOKEN)
    args = [f"--play={make_wav(seconds=0.1)}", "--patience=0.1"]

    def judge(request):
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    with App(authenticate=judge) as app:
        assert main([*BASE, f"--connect={app.url}?key={TOKEN}", *args]) == 0
        monkeypatch.setenv("VOXSYNC_TOKEN", "wrong")
        assert main([*BASE, f"--connect={app.url}?key={TOKEN}", *args]) == 3
    err = capsys.readouterr().err
    assert "refused with status 401; a token comes from" in err
    assert TOKEN not in err


def test_faults_go_wrong(make_wav, capsys):
    """As asked for on the command line; an end that is no good end is exit code 1."""
    with App() as app:
        code = main(
            [
                *BASE,
                f"--connect={app.url}",
                f"--play={make_wav(seconds=0.5)}",
                "--fault=gaps:count=5",
                "--fault=unknown_event",
                "--patience=0.1",
            ]
        )
        assert code == 0
        assert app.sockets[0].media_statistics.received[""].lost >= 4
        assert "unheard-of" in app.named("message")[0]
        code = main([*BASE, f"--connect={app.url}", "--fault=fin"])
        assert code == 1
    assert "1006" in capsys.readouterr().err


def test_the_menu_of_faults(capsys):
    """VoxEngine's, not mimi's."""
    assert main([*BASE, "--list-faults"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} " in out for name in VOX_FAULTS)
    assert not any(f"\n{name} " in out for name in FAULTS.keys() - VOX_FAULTS.keys())


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "--connect URL, or --listen PORT"),
        (["--connect", "ftp://x/"], "ws:// or wss://"),
        (["--connect", "ws://x/", "--parameter", "=1"], "KEY=VALUE"),
        (["--connect", "ws://x/", "--parameter", "a"], "KEY=VALUE"),
        (["--listen", "65536"], "a port is 0 to 65535"),
        (["--listen", "x"], "a port is 0 to 65535"),
        (["--connect", "ws://x/", "--listen", "0"], "not allowed with"),
        (["--connect", "ws://x/", "--encoding", "G729"], "invalid choice"),
        (["--connect", "ws://x/", "--fault", "burst"], "no fault 'burst'"),
        (["--connect", "ws://x/", "--patience", "0"], "more than 0"),
        (["--listen", "0", "--seconds", "0"], "more than 0"),
        (["--connect", "ws://x/", "--fault", "hang_up"], "use --listen"),
        (["--listen", "0", "--record", "/no/such/a.wav"], "no directory for it"),
    ],
)
def test_a_command_line_that_makes_no_sense(capsys, args, words):
    """Exit code 2 and what to write instead."""
    try:
        code = main([*BASE, *args])
    except SystemExit as exc:  # argparse's own
        code = exc.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_what_is_not_there(capsys, tmp_path, make_wav):
    """A file, an app, a port: exit code 1 and one line."""
    with App() as app:
        args = [f"--connect={app.url}", f"--play={tmp_path / 'none.wav'}"]
        assert main([*BASE, *args]) == 1
        assert "No such file" in capsys.readouterr().err
        assert app.sockets == []  # found out before anybody was called
        port = app.url.split(":")[2].strip("/")
        assert main([*BASE, f"--listen={port}"]) == 1
        assert f"cannot listen at 127.0.0.1:{port}: Address" in capsys.readouterr().err
    assert main([*BASE, f"--connect={app.url}"]) == 1
    assert "could not connect" in capsys.readouterr().err
    mp3 = f"--record={tmp_path / 'a.mp3'}"
    assert main([*BASE, f"--connect={app.url}", mp3]) == 1
    assert "another format" in capsys.readouterr().err


def test_the_file_to_play_is_not_written_over(capsys, make_wav, tmp_path):
    """By no other name, either; code 2, and it is as it was."""
    hello = make_wav(seconds=0.1)
    before = hello.read_bytes()
    link = tmp_path / "link.wav"
    link.symlink_to(hello)
    for path in (hello, link):
        assert main([*BASE, "--listen=0", f"--play={hello}", f"--record={path}"]) == 2
        assert "that is the file to play" in capsys.readouterr().err
    assert hello.read_bytes() == before


def test_help_has_examples(capsys):
    """And says where the token comes from."""
    with pytest.raises(SystemExit):
        main([*BASE, "--help"])
    out = capsys.readouterr().out
    assert "--connect ws://127.0.0.1:8080/ --play hello.wav" in out
    assert "VOXSYNC_TOKEN" in out


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry(0, "open", {"socket": 2}), "open (socket 2)"),
        (Entry(0, "message", {"socket": 1, "text": "a\nb\x1b[2J"}), "message a b [2J"),
        (Entry(0, "error", {"error": OSError(2, "none")}), "error none"),
        (
            Entry(0, "close", {"socket": 1, "code": 4000, "reason": "why"}),
            "close 4000 why",
        ),
        (
            Entry(
                0,
                "media-started",
                {"tag": "", "encoding": "ULAW", "custom_parameters": {"a": "b"}},
            ),
            "media-started (no tag) ULAW {'a': 'b'}",
        ),
        (
            Entry(
                0,
                "media-ended",
                {
                    "tag": "t",
                    "media_info": MediaInfo(
                        duration=1, seconds=1.5, burst_seconds=1.5, reason="stop"
                    ),
                },
            ),
            "media-ended t 1.50 s, stop",
        ),
        (Entry(0, "terminated", {"reason": "no call"}), "terminated no call"),
        (Entry(0, "call-played", {"call": 1}), "call-played"),
    ],
)
def test_events_are_described(entry, words):
    """On one line that no terminal obeys."""
    assert described(entry) == words


def test_losses_are_in_the_summary():
    """What came too late, not at all, or was of no use."""

    class Socket:
        number, close_code = 3, 1006

        class media_statistics:  # noqa: N801
            class received:  # noqa: N801
                encoding, sample_rate, frames, lost, late = "PCM8", 8000, 4000, 2, 1

            received, sent, rejected = {"": received}, {}, 4

        class stats:  # noqa: N801
            audio_refused = 1.5

    assert summary(Socket) == (
        "socket 3: heard (no tag) 0.50 s as PCM8 (2 chunks lost) (1 late), 4 messages "
        "were no use, 1.50 s did not fit into the buffer, closed with 1006"
    )
