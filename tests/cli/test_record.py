import re
import subprocess
import sys
import time
import wave
from dataclasses import replace

import numpy as np
import pytest

from tests.sound.gauge import Gauge
from tests.sound.server import seconds_of_tone
from voxsync.cli.main import main
from voxsync.errors import DeviceError
from voxsync.media import ToneSource, UnitStats


def read(path):
    with wave.open(str(path)) as file:
        rate, frames = file.getframerate(), file.getnframes()
        samples = np.frombuffer(file.readframes(frames + 1), np.int16)
    assert len(samples) == frames  # the header is right
    return rate, samples


def said(out, path):
    """Length and rate of a summary whose peak is that of the tone.

    The rate is converted on its way, and a filter's ripple may be 0.1 dB.
    """
    head, _, words = out.rstrip("\n").rpartition(": ")
    assert head == str(path)
    length, rate, peak = words.split(", ")
    number = re.fullmatch(r"peak (-[0-9]\.[0-9]) dBFS", peak)
    assert -6.15 <= float(number[1]) <= -5.85
    return length, rate


def test_ctrl_c_is_the_way_to_end(spawn, sound, tone, tmp_path):
    """What was said is in the file, whole; the exit code is 0."""
    path = tmp_path / "x.wav"
    child = spawn("record", path, env=sound.environment)
    child.wait_line("recording from ")
    assert sound.speak(tone(1.0)).wait(20) == 0
    child.interrupt()
    code, out, err = child.end_without_stalls()
    assert (code, err) == (0, "")
    rate, samples = read(path)
    assert rate == 16000
    assert 0.995 <= seconds_of_tone(rate, samples) <= 1.005
    assert said(out, path) == (f"{len(samples) / 16000:.2f} s", "16000 Hz")


def test_a_terminal_sees_the_level(spawn, sound, tone, tmp_path, make_terminal):
    """And how far it is; both go when it is over. To the frame, at any rate."""
    terminal, path = make_terminal(), tmp_path / "x.wav"
    sound.speak(tone(20.0))
    with sound.record("vs_mic") as heard:
        heard.wait_loud()
    argv = ["record", "--seconds", 1.2, "--rate", 48000, "--device", "pulse", path]
    started = time.monotonic()
    child = spawn(*argv, env=sound.environment, stderr=terminal.slave)
    terminal.close_slave()
    code, out, _ = child.end()
    took = time.monotonic() - started
    assert code == 0
    assert said(out, path) == ("1.20 s", "48000 Hz")
    states = terminal.end()
    assert "recording 1.2 s from pulse; Ctrl-C ends\r\n" in terminal.shown
    assert states[-1] == ""
    assert states[0].startswith("x.wav 0:00/0:01 [")
    assert any(s.startswith("x.wav 0:01/0:01 [") for s in states)
    assert any(s.endswith("]  -6 dB ") and "[###########" in s for s in states)
    assert max(map(len, states)) <= 77
    assert len(states) < 15 * took
    rate, samples = read(path)
    assert (rate, len(samples)) == (48000, 57600)


def test_silence_is_told(spawn, sound, tmp_path):
    """A muted microphone is noticed before the meeting is over."""
    path = tmp_path / "x.wav"
    child = spawn("record", "--seconds", 0.3, path, env=sound.environment)
    code, out, err = child.end_without_stalls()
    assert (code, out) == (0, f"{path}: 0.30 s, 16000 Hz, peak -120.0 dBFS\n")
    assert "voxsync: the recording is silent: is the microphone muted" in err


def test_a_sound_server_that_dies(spawn, sound, tmp_path):
    """A message and exit code 1 within 3 s; what was recorded is there, whole."""
    path = tmp_path / "x.wav"
    child = spawn("record", path, env=sound.environment)
    child.wait_line("recording from ")
    with sound.record("vs_mic") as time_passes:
        time_passes.wait_for(0.5)
    sound.kill()
    with Gauge() as gauge:
        killed = time.monotonic()
        code, out, err = child.end_without_stalls()
        assert time.monotonic() - killed - gauge.stalled < 3.0
    assert code == 1
    assert err.splitlines()[-1].startswith("voxsync: ")
    assert "Traceback" not in err
    rate, samples = read(path)
    assert 0.2 < len(samples) / rate < 5.0
    assert out.startswith(f"{path}: ")


def test_ctrl_c_before_the_time_is_over(spawn, sound, tmp_path):
    """Keeps the file, and says by its exit code that it is not what was asked for."""
    path = tmp_path / "x.raw"
    child = spawn("record", "--seconds", 60, path, env=sound.environment)
    child.wait_line("recording 60 s from ")
    with sound.record("vs_mic") as time_passes:
        time_passes.wait_for(0.5)
    child.interrupt()
    assert child.end_without_stalls()[0] == 130
    assert 3200 < path.stat().st_size < 60 * 32000


@pytest.mark.parametrize(
    ("name", "words"), [("x.mp3", "must end in .wav, .raw, .pcm"), ("x", "must end in")]
)
def test_a_name_that_promises_another_kind(tmp_path, capsys, name, words):
    """Nothing but WAV and bare samples is written."""
    assert main(["record", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_a_file_is_not_overwritten(spawn, sound, tmp_path, capsys):
    """Unless that is said; a device that cannot be opened costs no file either."""
    path = tmp_path / "x.wav"
    path.write_bytes(b"precious")
    assert main(["record", str(path)]) == 2
    assert "--force overwrites it" in capsys.readouterr().err
    argv = ["record", "--force", "--seconds", 0.1, path]
    child = spawn(*argv, "--device", "none such", env=sound.environment)
    code, _, err = child.end_without_stalls()
    assert code == 1
    assert "no input device has 'none such' in its name" in err
    assert path.read_bytes() == b"precious"
    assert spawn(*argv, env=sound.environment).end_without_stalls()[0] == 0
    assert len(read(path)[1]) == 1600


def test_a_folder_that_is_not_there(spawn, sound, tmp_path):
    """The system's words, without a traceback."""
    path = tmp_path / "none" / "x.wav"
    code, _, err = spawn("record", path, env=sound.environment).end_without_stalls()
    assert (code, err) == (1, f"voxsync: {path}: No such file or directory\n")


@pytest.mark.parametrize("argv", [["devices"], ["record", "x.wav"], ["play"]])
def test_without_pyaudio(tmp_path, make_wav, argv):
    """The library says what to install; that is all."""
    if argv == ["play"]:
        argv = ["play", str(make_wav())]
    code = (
        "import sys; sys.modules['pyaudio'] = None; "
        f"from voxsync.cli.main import main; sys.exit(main({argv!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "voxsync[audio]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.wav").exists()


# With a device that does what is rare


class Microphone(ToneSource):
    """A tone, at -6 dBFS, and figures to choose."""

    class device:  # noqa: N801
        name = "fake"

    length = 0.3
    figures = None
    failure = None

    def __init__(self, device, *, sample_rate=None, name):
        super().__init__(600, self.length, -6.0, sample_rate=44100, name=name)

    @property
    def stats(self):
        return replace(super().stats, **(self.figures or {}))

    def _produce(self, frames):
        if self.failure is not None:
            raise self.failure
        return super()._produce(frames)


@pytest.fixture
def microphone(monkeypatch):
    monkeypatch.setattr("voxsync.media.Microphone", Microphone, raising=False)
    return lambda **what: [monkeypatch.setattr(Microphone, *x) for x in what.items()]


def test_losses_are_in_the_summary(microphone, tmp_path, capsys):
    """Nothing that is missing goes unsaid."""
    microphone(figures={"dropped": 22050, "overflows": 2})
    path = tmp_path / "x.wav"
    assert main(["record", str(path)]) == 0
    assert capsys.readouterr().out == (
        f"{path}: 0.30 s, 16000 Hz, peak -6.0 dBFS, 0.50 s lost, "
        "input lost by the sound system 2 time(s)\n"
    )


def test_a_device_that_fails_at_once_leaves_no_file(microphone, tmp_path, capsys):
    """An empty one would only be in the way of the next try."""
    microphone(failure=DeviceError("unplugged"))
    assert main(["record", str(tmp_path / "x.wav")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("voxsync: unplugged\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_before_anything_was_recorded(microphone, tmp_path, monkeypatch):
    """Is no success, whatever was asked for; nor is there a file."""

    def follow(link, draw, wanted=None):
        link.stop()
        raise KeyboardInterrupt

    monkeypatch.setattr("voxsync.cli.record.follow", follow)
    monkeypatch.setattr("voxsync.cli.take.Take.stats", UnitStats())
    assert main(["record", str(tmp_path / "x.wav")]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full(microphone, tmp_path, monkeypatch, capsys):
    """The system's words; what could be stored is there."""

    def write(self, data):
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.wav"
    path.touch()
    monkeypatch.setattr("voxsync.media.wavwriter.WavWriter._append", write)
    assert main(["record", "--force", str(path)]) == 1
    assert capsys.readouterr().err.endswith("voxsync: No space left on device\n")


class Late(Microphone):
    """What it hears comes late; after 0.2 s of it, somebody presses Ctrl-C.

    It notes when that was, and when the command asks how late it is, which is the
    first thing that it does then; `then` is called behind that.
    """

    length = None
    late = 0.5
    interrupt = None
    then = None
    made = pressed = 0
    noticed = False

    @property
    def stats(self):
        if self.pressed:
            self.noticed = True
        return replace(super().stats, latency=self.late)

    def _produce(self, frames):
        if not self.pressed and self.made >= 0.2 * 44100:
            self.pressed = self.made
            type(self).pressed_at = self.made / 44100
            self.interrupt()
        if self.noticed and self.then is not None:
            then, self.then = self.then, None
            then()
        block = super()._produce(frames)
        self.made += len(block)
        return block


@pytest.fixture
def late(monkeypatch, interrupt):
    monkeypatch.setattr("voxsync.media.Microphone", Late, raising=False)
    monkeypatch.setattr(Late, "interrupt", staticmethod(interrupt))
    return lambda **what: [monkeypatch.setattr(Late, *x) for x in what.items()]


@pytest.mark.parametrize("seconds", [(), ("--seconds", "60")])
def test_what_is_on_its_way_at_ctrl_c_is_waited_for(late, tmp_path, seconds):
    """As late as the sound system says that it is, and what it does not say."""
    late()
    path = tmp_path / "x.wav"
    assert main(["record", str(path), *seconds]) == (130 if seconds else 0)
    length = len(read(path)[1]) / 16000
    assert Late.pressed_at + 0.5 + 0.2 <= length < 60


def test_a_second_ctrl_c_does_not_wait_for_it(late, tmp_path, interrupt):
    """What came until then is kept."""
    late(late=3600.0, then=staticmethod(interrupt))
    path = tmp_path / "x.wav"
    assert main(["record", str(path)]) == 0
    assert len(read(path)[1]) >= 0.18 * 16000


def test_ctrl_c_just_before_the_end(late, tmp_path):
    """What was asked for is there, to the frame: that is no interruption."""
    late(late=3600.0)
    path = tmp_path / "x.wav"
    assert main(["record", "--seconds", "0.6", str(path)]) == 0
    assert len(read(path)[1]) == 9600


def test_a_device_that_fails_after_ctrl_c(late, tmp_path, capsys):
    """Is told, like before; what it gave is kept."""

    def fail():
        raise DeviceError("unplugged")

    late(late=3600.0, then=staticmethod(fail))
    path = tmp_path / "x.wav"
    assert main(["record", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}: 0.")
    assert err.endswith("voxsync: unplugged\n")
    assert len(read(path)[1]) >= 0.18 * 16000
