import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.sound.server import write_wav
from voxsync.cli.main import main
from voxsync.simulators.faults import fault

TEXT = "one two three four five"


@pytest.fixture
def transcribe(service, capsys):
    """Run the command in this process; return exit code, output, error output."""

    def run(*args, url=None, process="nict-asr"):
        words = ["transcribe", "--url", url or service.url, "--process", process]
        code = main([*words, "--language", "en", *map(str, args)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_final_text_is_the_output(transcribe, make_wav):
    """One line; nothing on the error output, which is no terminal."""
    assert transcribe(make_wav()) == (0, f"{TEXT}\n", "")


def test_asr_is_the_same(transcribe, make_wav):
    """The other engine says the same in its own messages."""
    assert transcribe(make_wav(), process="asr") == (0, f"{TEXT}\n", "")


def test_the_files_rate_is_declared(transcribe, make_wav, service):
    """44.1 kHz go out as 44.1 kHz."""
    assert transcribe(make_wav(rate=44100))[0] == 0
    record = service.wait_record(1)
    assert "rate=44100" in record.headers["content-type"]
    assert record.audio_bytes == 88200


def test_json(transcribe, make_wav):
    """One object per file: text, segments with times, length."""
    path = make_wav()
    code, out, _ = transcribe("--format", "json", path)
    assert code == 0
    assert json.loads(out) == {
        "file": str(path),
        "text": TEXT,
        "is_final": True,
        "interrupted": False,
        "audio_seconds": 1.0,
        "segments": [
            {"text": "one two three", "start_ms": 0, "end_ms": 300},
            {"text": "four five", "start_ms": 300, "end_ms": None},
        ],
    }


def test_srt_and_vtt(transcribe, make_wav):
    """The segments as cues."""
    path = make_wav()
    _, out, _ = transcribe("--format", "srt", path)
    assert out.startswith("1\n00:00:00,000 --> 00:00:00,300\none two three\n\n2\n")
    _, out, _ = transcribe("--format", "vtt", path)
    assert out.endswith("00:00:00.300 --> 00:00:01.000\nfour five\n")


def test_wav_files_of_any_kind(transcribe, make_wav, service):
    """Stereo of 24 bits goes out as 16 bits, mono."""
    path = make_wav(channels=2, width=3, rate=8000)
    assert transcribe(path) == (0, f"{TEXT}\n", "")
    record = service.wait_record(1)
    assert "rate=8000" in record.headers["content-type"]
    assert record.audio_bytes == 16000


def test_flac_on_the_way(transcribe, tmp_path, service):
    """`--flac` declares FLAC and sends it: of a tone, less than half the bytes."""
    path = tmp_path / "a.wav"
    t = np.arange(5 * 16000) / 16000
    write_wav(path, 8000 * np.sin(2 * np.pi * 440 * t), 16000)
    assert transcribe("--flac", path)[:2] == (0, f"{TEXT}\n")
    record = service.wait_record(1)
    assert record.headers["content-type"].startswith("audio/x-flac")
    assert 16000 < record.audio_bytes < 80000


def test_raw_samples_at_a_rate(transcribe, tmp_path):
    """Headerless PCM with --rate."""
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(32000))
    assert transcribe("--rate", 16000, path) == (0, f"{TEXT}\n", "")


def test_real_time(transcribe, make_wav, service):
    """`--realtime` sends the same bytes."""
    assert transcribe("--realtime", make_wav(seconds=0.5))[:2] == (0, f"{TEXT}\n")
    assert service.wait_record(1).audio_bytes == 16000


def test_results_into_a_folder(transcribe, make_wav, tmp_path):
    """`--out` makes the folder and names the files after the recordings."""
    files = [make_wav("a.wav"), make_wav("b.wav")]
    folder = tmp_path / "new" / "texts"
    assert transcribe("--out", folder, *files) == (0, "", "")
    assert [p.name for p in sorted(folder.iterdir())] == ["a.txt", "b.txt"]
    assert (folder / "b.txt").read_text() == f"{TEXT}\n"
    assert transcribe("--out", folder, "--format", "vtt", files[0])[0] == 0
    assert (folder / "a.vtt").read_text().startswith("WEBVTT\n")


def test_a_failing_file_does_not_stop_the_others(transcribe, make_wav, tmp_path):
    """Each is told by its name, the code tells that there was one."""
    mp3 = tmp_path / "song.mp3"
    mp3.write_bytes(b"ID3\x04" + bytes(50))
    code, out, err = transcribe(
        make_wav("a.wav"), tmp_path / "none.wav", mp3, make_wav("b.wav")
    )
    assert (code, out) == (1, f"{TEXT}\n{TEXT}\n")
    assert err.splitlines() == [
        f"voxsync: {tmp_path}/none.wav: No such file or directory",
        f"voxsync: {mp3}: an MP3 file: convert it to WAV",
    ]


def test_a_session_that_fails_does_not_stop_the_others(make_service, capsys, make_wav):
    """The first connection is lost; what it had heard is told."""
    service = make_service(faults=[fault("rst", at="break", connections=1)])
    argv = ["transcribe", "--url", service.url, "--language", "en"]
    assert main([*argv, str(make_wav("a.wav")), str(make_wav("b.wav"))]) == 1
    out, err = capsys.readouterr()
    assert out == f"{TEXT}\n"
    assert "a.wav" in err
    assert f'(heard until then: "{TEXT}")' in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--format", "srt", "a.wav", "b.wav"], "needs --out"),
        (["--out", "x", "a.wav", "other/a.wav"], "same name"),
        (["--process", "", "a.wav"], "process"),
        (["a.raw"], "need --rate"),
        (["--rate", "8000", "a.wav"], "says it itself"),
        ([], "Name a FILE, or say --mic"),
        (["--mic", "a.wav"], "--mic takes no FILE"),
        (["--mic", "--rate", "8000"], "for files"),
        (["--mic", "--realtime"], "for files"),
        (["--device", "0", "a.wav"], "for --mic"),
        (["--seconds", "1", "a.wav"], "for --mic"),
    ],
)
def test_a_command_line_that_makes_no_sense(
    transcribe, tmp_path, monkeypatch, args, words
):
    """Exit code 2 and what to write instead, before anything is sent."""
    monkeypatch.chdir(tmp_path)
    code, out, err = transcribe(*args)
    assert (code, out) == (2, "")
    assert words in err


def test_an_address_that_makes_no_sense(transcribe, make_wav):
    """Is a matter of the command line, too."""
    code, _, err = transcribe(make_wav(), url="http://127.0.0.1/")
    assert code == 2
    assert "ws://" in err


# Tokens


def test_the_token_comes_from_the_environment(make_service, make_wav, token, capsys):
    """It is sent when it is set, and is the only way in."""
    service = make_service(token=token)
    assert main(["transcribe", "--url", service.url, str(make_wav())]) == 0
    assert capsys.readouterr().out


def test_without_a_token_none_is_sent(transcribe, make_wav, service):
    """No Authorization header at all."""
    assert transcribe(make_wav())[0] == 0
    assert "authorization" not in service.wait_record(1).headers


def test_a_refused_token_has_its_own_code_and_is_shown_nowhere(
    make_service, make_wav, token, capfd
):
    """401 ends with 3; the token is in no output, not even with -vv."""
    body = f"who is {token}?"
    service = make_service(faults=[fault("status", status=401, body=body)])
    argv = ["-vv", "transcribe", "--url", f"{service.url}?key={token}", str(make_wav())]
    assert main(argv) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "status 401" in err
    assert "MIMI_TOKEN" in err
    assert token not in err


def test_a_token_that_cannot_be_sent_is_refused(transcribe, make_wav, monkeypatch):
    """It would be a header of its own; it is not shown either."""
    monkeypatch.setenv("MIMI_TOKEN", "planted\nX-Evil: 1")
    code, _, err = transcribe(make_wav())
    assert code == 2
    assert "MIMI_TOKEN" in err
    assert "planted" not in err


# As a process


def test_ctrl_c_prints_the_text_of_what_was_sent(
    spawn, make_service, make_tap, make_wav, token
):
    """SIGINT after 0.6 s of audio: the final text, exit code 130, no other file.

    The token is not among the arguments that everybody on the machine can see.
    """
    tap = make_tap(19200)
    service = make_service(recogniser=tap, token=token)
    files = [make_wav("a.wav", seconds=60.0), make_wav("b.wav")]
    argv = ["transcribe", "--url", service.url, "--realtime", "--process", "nict-asr"]
    child = spawn(*argv, "--language", "en", *files)
    assert tap.reached.wait(20)
    command = Path(f"/proc/{child.process.pid}/cmdline").read_bytes()
    assert token.encode() not in command
    child.interrupt()
    code, out, err = child.end()
    assert (code, out) == (130, f"{TEXT}\n")
    assert err == "stopping; Ctrl-C again gives up\n"
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert record.audio_bytes < 60 * 32000
    assert len(service.records) == 1


def test_ctrl_c_leaves_the_other_files_out(
    make_service, make_tap, make_wav, interrupt, capsys
):
    """What was not begun is not begun any more."""
    service = make_service(recogniser=make_tap(19200, interrupt))
    files = [str(make_wav("a.wav", seconds=20.0)), str(make_wav("b.wav"))]
    argv = ["transcribe", "--url", service.url, "--language", "en", "--realtime"]
    assert main([*argv, *files]) == 130
    assert capsys.readouterr().out == f"{TEXT}\n"
    assert len(service.records) == 1


def test_a_second_ctrl_c_gives_up(spawn, make_service, make_tap, make_wav):
    """A service that never finishes can be left; no traceback."""
    tap = make_tap(3200)
    service = make_service(recogniser=tap, faults=[fault("no_final")])
    argv = ["transcribe", "--url", service.url, "--realtime"]
    child = spawn(*argv, make_wav("a.wav", seconds=60.0))
    assert tap.reached.wait(20)
    child.interrupt()
    assert child.error_line() == "stopping; Ctrl-C again gives up\n"
    child.interrupt()
    assert child.end() == (130, "", "voxsync: interrupted\n")


def test_a_closed_pipe_ends_it_quietly(spawn, service, make_wav):
    """As in `voxsync transcribe ... | head -0`."""
    read, write = os.pipe()
    os.close(read)
    argv = ["transcribe", "--url", service.url, make_wav("a.wav"), make_wav("b.wav")]
    child = spawn(*argv, stdout=write)
    os.close(write)
    code, _, err = child.end()
    assert (code, err) == (141, "")


def test_nobody_reads_the_output(service, make_wav, monkeypatch):
    """The other files are left out then."""
    read, write = os.pipe()
    os.close(read)
    files = [str(make_wav("a.wav")), str(make_wav("b.wav"))]
    with os.fdopen(write, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        assert main(["transcribe", "--url", service.url, *files]) == 141
    assert len(service.records) == 1


def test_a_terminal_sees_partial_results(spawn, service, make_wav, make_terminal):
    """On the error output only; the line is taken away before the final text."""
    terminal = make_terminal(columns=40)
    argv = ["transcribe", "--url", service.url, "--language", "en", make_wav("a.wav")]
    child = spawn(*argv, stderr=terminal.slave)
    terminal.close_slave()
    assert child.end()[:2] == (0, f"{TEXT}\n")
    states = terminal.end()
    assert states[-1] == ""
    assert any(s.startswith("a.wav 0:0") and s.endswith(" one") for s in states)
    assert any("one two three" in state for state in states)
    assert max(map(len, states)) <= 37


def test_characters_that_the_output_cannot_hold(spawn, make_service, make_wav):
    """Are written as escapes, not as a traceback."""
    service = make_service(sentences=["朝日 が"])
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    child = spawn("transcribe", "--url", service.url, make_wav(), env=env)
    code, out, err = child.end()
    assert (code, out, err) == (0, "\\u671d\\u65e5\\u304c\n", "")


def test_python_m_is_the_command():
    """`python -m voxsync.cli` and `voxsync` are the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "voxsync.cli", "transcribe", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("usage: voxsync transcribe")
    for code in ("0", "1", "2", "3", "130"):
        assert f"\n  {code} " in done.stdout
