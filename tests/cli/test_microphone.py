"""`voxsync transcribe --mic`, from the microphone to the text."""

import json
import re
import time
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync.simulators
from tests.sound.gauge import Gauge
from tests.sound.server import seconds_of_tone, write_wav
from voxsync.audio import AudioFormat
from voxsync.cli.main import main
from voxsync.cli.microphone import MicrophoneFeed
from voxsync.errors import DeviceError
from voxsync.media import ToneSource, UnitStats
from voxsync.simulators.faults import fault
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import ScriptedRecogniser, open_recogniser

DATA = Path(voxsync.simulators.__file__).parent / "data"
SENTENCES = (DATA / "sense_and_sensibility.txt").read_text("utf-8").splitlines()
TEXT = "one two three four five"


class Microphone:
    """Gives a tone, block by block, until it fails."""

    class device:  # noqa: N801
        name = "the\nmicrophone"

    stats = UnitStats(buffered=0.1, latency=0.4)

    def __init__(self, sample_rate, blocks=1000):
        self.sample_rate = sample_rate
        self.asked = []
        self._blocks = blocks

    def read(self, frames):
        self.asked.append(frames)
        if len(self.asked) > self._blocks:
            raise DeviceError("unplugged")
        if len(self.asked) == 2:
            return None  # nothing yet
        at = np.arange(frames) + frames * len(self.asked)
        wave = 12000 * np.sin(2 * np.pi * 400 * at / self.sample_rate)
        return wave.astype(np.int16)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_blocks_are_of_the_services_rate(rate):
    """20 ms each as the device has them, resampled, cut at the end to the frame."""
    microphone, said = Microphone(rate), []
    feed = MicrophoneFeed(microphone, AudioFormat(), 0.25001)
    sizes = [len(block) for block in feed.blocks(said.append)]
    assert sum(sizes) == 8000
    assert feed.position(8000) == 0.25
    assert set(microphone.asked) == {rate // 50}
    assert said == ["listening to the microphone; Ctrl-C ends the audio"]


def test_without_a_limit_it_goes_on_until_the_device_fails():
    """What came until then is given."""
    feed, got = MicrophoneFeed(Microphone(16000, 10), AudioFormat(), None), []
    assert feed.seconds is None
    with pytest.raises(DeviceError):
        for block in feed.blocks(lambda words: None):
            got.append(len(block))
    assert got == [640] * 9


@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(None, 0.7, 0.8), (60, 0.7, 0.8), (0.5, 0.4, 0.4)]
)
def test_what_is_on_its_way_when_it_is_to_finish(seconds, least, most):
    """All of that is given, and no more: nor more than was wished for."""
    feed = MicrophoneFeed(Microphone(16000), AudioFormat(), seconds)
    blocks, before, rest = feed.blocks(lambda words: None), 0, 0
    while before < 3200:
        before += len(next(blocks))
    feed.finish()
    rest = sum(map(len, blocks))
    assert least <= rest / 32000 <= most


def test_a_device_that_fails_when_it_is_to_finish():
    """Is told, like before."""
    feed = MicrophoneFeed(Microphone(16000, 10), AudioFormat(), None)
    blocks = feed.blocks(lambda words: None)
    next(blocks)
    feed.finish()
    with pytest.raises(DeviceError):
        list(blocks)


class Tone(ToneSource):
    """The same as a unit, in the place of the real one."""

    device = Microphone.device
    failure = None

    def __init__(self, device, *, sample_rate=None, name):
        super().__init__(400, sample_rate=44100, name=name)

    def _produce(self, frames):
        if self.failure is not None and self._frames > 30000:
            raise self.failure
        return super()._produce(frames)


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [(None, 0, ""), (DeviceError("unplugged"), 1, "voxsync: unplugged\n")],
)
def test_the_command(service, monkeypatch, capsys, failure, code, said):
    """The text is printed in any case; a device that failed is told behind it."""
    monkeypatch.setattr("voxsync.media.Microphone", Tone, raising=False)
    monkeypatch.setattr(Tone, "failure", failure)
    argv = ["transcribe", "--mic", "--url", service.url, "--seconds", "1"]
    assert main([*argv, "--language", "en", "--process", "nict-asr"]) == code
    out, err = capsys.readouterr()
    assert out == f"{TEXT}\n"
    assert err == f"listening to the microphone; Ctrl-C ends the audio\n{said}"
    heard = service.wait_record(1).audio_bytes
    assert heard == 32000 if failure is None else 21000 < heard < 23000


# For real


@pytest.fixture
def speech(tmp_path):
    """The part of the shipped recording between these seconds, as a WAV file."""

    def cut(start, end):
        path = tmp_path / "speech.wav"
        with wave.open(str(DATA / "sense_and_sensibility.wav")) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        write_wav(path, samples[int(start * 16000) : int(end * 16000)], 16000)
        return path

    return cut


@pytest.fixture
def listen(spawn, sound):
    """Start `transcribe --mic` with this service."""

    def start(service, *args, **settings):
        argv = ["transcribe", "--mic", "--url", service.url, "--language", "en"]
        return spawn(*argv, *args, env=sound.environment, **settings)

    return start


def test_the_right_words_live_and_after_ctrl_c(listen, sound, speech, make_terminal):
    """What is said into the microphone is read while it is said.

    Ctrl-C, which is how it ends, still brings the final text; the exit code is 0.
    """
    terminal = make_terminal()
    with MimiService(recogniser=open_recogniser("phrases")) as service:
        child = listen(service, "--process", "nict-asr", stderr=terminal.slave)
        terminal.close_slave()
        terminal.wait_for("listening to default; Ctrl-C ends the audio\r\n")
        assert sound.speak(speech(7.6, 17.6)).wait(20) == 0
        terminal.wait_for("is to be ill disposed")
        child.interrupt()
        code, out, _ = child.end()
    assert (code, out) == (0, f"{SENTENCES[1]} {SENTENCES[2]}\n")
    states = terminal.end()
    assert "stopping; Ctrl-C again gives up\r\n" in terminal.shown
    assert states[-1] == ""
    partial = next(s for s in states if "he was not" in s)
    assert partial.startswith("mic 0:0")
    assert "unless" not in partial
    assert any(re.match(r"mic 0:\d\d \[######.*\] -\d\d dB ", s) for s in states)
    assert max(map(len, states)) <= 77
    record = service.wait_record(1)
    assert record.close_code == 1000
    assert "rate=16000" in record.headers["content-type"]


class Ear(ScriptedRecogniser):
    """Keeps what it hears."""

    def __init__(self):
        super().__init__([])
        self.heard = []

    def open(self, **settings):
        stream = super().open(**settings)
        feed = stream.feed

        def listen(pcm):
            self.heard.append(bytes(pcm))
            return feed(pcm)

        stream.feed = listen
        return stream


def test_what_was_said_before_ctrl_c_is_sent_whole(listen, sound, tone, make_service):
    """Also what the sound system still held then."""
    ear = Ear()
    child = listen(make_service(recogniser=ear), "--process", "nict-asr")
    child.wait_line("listening to ")
    assert sound.speak(tone(1.0)).wait(20) == 0
    child.interrupt()
    assert child.end_without_stalls()[0] == 0
    samples = np.frombuffer(b"".join(ear.heard), np.int16)
    assert 0.995 <= seconds_of_tone(16000, samples) <= 1.005


def test_so_many_seconds(listen, sound, speech):
    """It ends by itself, to the frame; the formats are those of files."""
    with MimiService(recogniser=open_recogniser("phrases")) as service:
        child = listen(service, "--seconds", 5, "--format", "json")
        child.wait_line("listening to ")
        sound.speak(speech(7.8, 11.0))
        code, out, err = child.end_without_stalls()
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["text"] == SENTENCES[1]
    assert found["is_final"]
    assert (found["file"], found["interrupted"]) == (None, False)
    assert found["audio_seconds"] == 5.0
    assert service.wait_record(1).audio_bytes == 160000


def test_flac_into_a_file(listen, sound, service, tmp_path):
    """`--flac` compresses what the microphone hears; `--out` names its text."""
    t = np.arange(5 * 48000) / 48000
    write_wav(tmp_path / "tone.wav", 8000 * np.sin(2 * np.pi * 440 * t))
    sound.speak(tmp_path / "tone.wav")
    with sound.record("vs_mic") as heard:
        heard.wait_loud()
    argv = ["--seconds", 2, "--flac", "--process", "nict-asr", "--out", tmp_path]
    code, out, _ = listen(service, *argv).end()
    assert (code, out) == (0, "")
    assert (tmp_path / "microphone.txt").read_text() == f"{TEXT}\n"
    record = service.wait_record(1)
    assert record.headers["content-type"].startswith("audio/x-flac")
    assert 16000 < record.audio_bytes < 40000


def test_ctrl_c_before_the_time_is_over(listen, make_service, make_tap):
    """Has the text, and the exit code of what was interrupted."""
    tap = make_tap(19200)
    child = listen(make_service(recogniser=tap), "--seconds", 60)
    assert tap.reached.wait(20)
    child.interrupt()
    code, out, err = child.end_without_stalls()
    assert (code, out) == (130, f"{TEXT}\n")
    assert err.endswith("stopping; Ctrl-C again gives up\n")


def test_a_second_ctrl_c_gives_up(listen, make_service, make_tap):
    """A service that never finishes can be left; no traceback."""
    tap = make_tap(3200)
    child = listen(make_service(recogniser=tap, faults=[fault("no_final")]))
    assert tap.reached.wait(20)
    child.interrupt()
    child.wait_line("stopping; Ctrl-C again gives up\n")
    child.interrupt()
    assert child.end_without_stalls() == (130, "", "voxsync: interrupted\n")


def test_a_sound_server_that_dies(listen, sound, make_service, make_tap):
    """The text of what was heard until then, a message, exit code 1, within 3 s."""
    tap = make_tap(19200)
    child = listen(make_service(recogniser=tap), "--process", "nict-asr")
    assert tap.reached.wait(20)
    sound.kill()
    with Gauge() as gauge:
        killed = time.monotonic()
        code, out, err = child.end()
        assert time.monotonic() - killed - gauge.stalled < 3.0
    assert (code, out) == (1, f"{TEXT}\n")
    assert err.splitlines()[-1].startswith("voxsync: ")
    assert "Traceback" not in err


def test_a_device_that_is_not_there(listen, service):
    """Is noticed before the service is asked for anything."""
    code, _, err = listen(service, "--device", "none such").end()
    assert code == 1
    assert "no input device has 'none such' in its name" in err
    assert service.records == []
