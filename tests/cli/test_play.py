import math
import struct
import time

import numpy as np
import pytest

from tests.sound.gauge import Gauge
from tests.sound.server import (
    RATE,
    UNDERFLOW,
    seconds_of_tone,
    without_stalls,
    write_wav,
)
from voxsync.cli.main import main
from voxsync.media import BufferSink


@pytest.fixture
def tone(tmp_path):
    """A WAV file of 1000 Hz at 16 kHz, so many seconds long."""

    def make(seconds, name="tone.wav"):
        path = tmp_path / name
        t = np.arange(round(seconds * 16000)) / 16000
        write_wav(path, 12000 * np.sin(2 * np.pi * 1000 * t), 16000)
        return path

    return make


def check_played(recording, seconds, err):
    """So much of 1000 Hz was heard, and no less but where a gap is told."""
    heard = seconds_of_tone(RATE, recording.samples, 1000)
    lost = 10 * UNDERFLOW if "there was a gap" in err else 0.0
    assert seconds - 0.01 - lost <= heard <= seconds + 0.01


def test_a_file_is_heard_to_its_end(spawn, sound, tone, make_terminal):
    """On the monitor; position, length and level on the terminal."""
    terminal = make_terminal()
    with sound.record() as recording:
        child = spawn("play", tone(1.2), env=sound.environment, stderr=terminal.slave)
        terminal.close_slave()
        assert child.end()[:2] == (0, "")
        recording.wait_for(0.3)
    states = terminal.end()
    check_played(recording, 1.2, terminal.shown)
    assert states[0].startswith("tone.wav 0:00/0:01 [")
    assert any(s.startswith("tone.wav 0:01/0:01 [####") for s in states)
    assert any(s.endswith("]  -9 dB ") for s in states)
    assert states[-1] == ""
    assert max(map(len, states)) <= 77


def test_a_broken_file_does_not_stop_the_others(spawn, sound, tone, tmp_path):
    """It is named; the others are heard; the exit code tells that there was one."""
    raw = tmp_path / "x.raw"
    raw.write_bytes(tone(0.5).read_bytes()[44:])
    (tmp_path / "song.raw").mkdir()
    with sound.record() as recording:
        argv = ["play", "--rate", 16000, tmp_path / "none.raw", raw]
        argv += [tmp_path / "song.raw", raw]
        code, out, said = spawn(*argv, env=sound.environment).end()
        recording.wait_for(0.3)
    assert (code, out) == (1, "")
    missing, folder = without_stalls(said).splitlines()
    assert missing == f"voxsync: {tmp_path}/none.raw: No such file or directory"
    assert folder.startswith(f"voxsync: {tmp_path}/song.raw: it is a folder")
    check_played(recording, 1.0, said)


def test_any_rate_and_a_cut_off_file(spawn, sound, tone, tmp_path):
    """96 kHz is the sound system's to resample; what is missing is told."""
    path = tmp_path / "x.wav"
    t = np.arange(96000) / 96000
    write_wav(path, 12000 * np.sin(2 * np.pi * 1000 * t), 96000)
    path.write_bytes(path.read_bytes()[: 44 + 96000])
    with sound.record() as recording:
        code, _, err = spawn("play", path, env=sound.environment).end()
        recording.wait_for(0.3)
    assert code == 0
    assert without_stalls(err).startswith(
        f"voxsync: {path}: it ends after 48000 frames of the 96000"
    )
    check_played(recording, 0.5, err)


def test_ctrl_c_stops_at_once(spawn, sound, tone):
    """Nothing more is heard, nor are the other files; exit code 130."""
    with sound.record() as recording:
        argv = ["play", tone(30.0), tone(30.0, "b.wav")]
        child = spawn(*argv, env=sound.environment)
        recording.wait_loud()
        stopped = time.monotonic()
        child.interrupt()
        assert child.end_without_stalls() == (130, "", "voxsync: interrupted\n")
        took = time.monotonic() - stopped
        recording.wait_for(0.5)
    assert took < 5
    assert seconds_of_tone(RATE, recording.samples[-RATE // 5 :], 1000) == 0.0


def test_a_sound_server_that_dies(spawn, sound, tone):
    """A message and exit code 1 within 3 s; the other files are not tried."""
    with sound.record() as recording:
        argv = ["play", tone(30.0), tone(30.0, "b.wav")]
        child = spawn(*argv, env=sound.environment)
        recording.wait_loud()
        sound.kill()
        with Gauge() as gauge:
            killed = time.monotonic()
            code, _, err = child.end_without_stalls()
            assert time.monotonic() - killed - gauge.stalled < 3.0
    assert code == 1
    assert err.splitlines()[-1].startswith("voxsync: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [(["a.raw"], "need --rate"), (["--rate", "8000", "a.wav"], "says it itself")],
)
def test_a_command_line_that_makes_no_sense(spawn, argv, words):
    """Exit code 2, before anything is opened."""
    code, _, err = spawn("play", *argv).end()
    assert code == 2
    assert words in err


# With a device that does what is rare


class Speaker(BufferSink):
    """Takes all at once."""

    def __init__(self, device, *, sample_rate=None, name):
        super().__init__(5.0, sample_rate or 48000, name=name)


def test_output_that_nobody_reads(tone, monkeypatch):
    """Is none of the file's errors: the other files are left out."""
    played = []

    class Broken(Speaker):
        def __init__(self, device, **more):
            played.append(device)
            raise BrokenPipeError

    monkeypatch.setattr("voxsync.media.Speaker", Broken, raising=False)
    path = str(tone(0.1))
    assert main(["play", path, path]) == 141
    assert played == [None]


def test_samples_that_are_none(tmp_path, tone, monkeypatch, capsys):
    """Noticed in the midst of a file, which is named; the next one is played."""
    monkeypatch.setattr("voxsync.media.Speaker", Speaker, raising=False)
    path = tmp_path / "x.wav"
    layout = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
    samples = struct.pack("<f", 0.0) * 1600 + struct.pack("<f", math.nan) * 1600
    head = struct.pack("<4sI4s4sI", b"RIFF", 12836, b"WAVE", b"fmt ", 16) + layout
    path.write_bytes(head + struct.pack("<4sI", b"data", 12800) + samples)
    assert main(["play", str(path), str(tone(0.1))]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"voxsync: {path}: there is a NaN")
