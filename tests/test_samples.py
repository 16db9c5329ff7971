"""Samples run as a user would run them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync
from tests.sound.server import RATE, SoundServer, write_wav
from voxsync.media import BufferSink, ToneSource
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import Call, PhraseBrain
from voxsync.simulators.phrases import PhraseRecogniser
from voxsync.simulators.voice import FliteVoice
from voxsync.simulators.voximplant import Scenario, VoxEngine
from voxsync.voximplant import WebSocketServer

SAMPLES = Path(__file__).parent.parent / "samples"
EXPECTED = {
    "mimi_transcribe.py": "final: and mister john dashwood",
    "script_blocking.py": "True",
    "plain_echo_client.py": "closed: 1000 counted",
    "legacy_signals.py": "".join(
        f"{name}: open\n{name}: good morning\nOffice saw the end: 1000\n"
        for name in ("front desk", "warehouse")
    ),
}


@pytest.mark.parametrize("name", list(EXPECTED))
def test_sample(name):
    """Exit code 0, the expected words, nothing on stderr."""
    done = subprocess.run(
        [sys.executable, str(SAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert EXPECTED[name] in done.stdout


def test_the_microphone_is_transcribed(tmp_path):
    """Spoken into a virtual microphone, live; Ctrl-C ends it with the right words."""
    data = Path(voxsync.__file__).parent / "simulators" / "data"
    with wave.open(str(data / "sense_and_sensibility.wav")) as file:
        assert file.getframerate() == 16000
        file.setpos(round(7.7 * 16000))
        speech = file.readframes(round(3.9 * 16000))
    write_wav(tmp_path / "speech.wav", np.frombuffer(speech, "<i2"), 16000)
    with (
        SoundServer() as server,
        subprocess.Popen(
            [sys.executable, str(SAMPLES / "mic_transcribe.py")],
            env=server.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as sample,
    ):
        try:
            assert sample.stdout.readline() == "listening; Ctrl-C ends\n"
            assert server.speak(tmp_path / "speech.wav").wait(20) == 0
            heard = ""
            while "young man" not in heard:  # the recogniser waits for a pause
                heard = sample.stdout.readline()
                assert heard
            sample.send_signal(signal.SIGINT)
            out, err = sample.communicate(timeout=20)
        finally:
            sample.kill()
    assert (sample.returncode, err) == (0, "")
    last = out.splitlines()[-1]
    assert last == "final: he was not an ill disposed young man"


@contextlib.contextmanager
def running(name, *args, **settings):
    """A sample that goes on until Ctrl-C, which it takes without complaint."""
    with subprocess.Popen(
        [sys.executable, str(SAMPLES / name), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    ) as sample:
        try:
            yield sample
            sample.send_signal(signal.SIGINT)
            sample.out, err = sample.communicate(timeout=20)
        finally:
            sample.kill()
    # Sound devices say it where the machine was too busy for a moment.
    lines = [line for line in err.splitlines() if "this is told once" not in line]
    assert (sample.returncode, lines) == (0, [])


def test_vox_echo_server():
    """A caller of VoxEngine hears what was said, and reads what was written."""
    heard = BufferSink(10)
    with running("vox_echo_server.py", "0") as sample:
        words = sample.stdout.readline().split()
        assert words[:2] == ["listening", "at"]
        scenario = Scenario(
            url=words[2],
            play=ToneSource(440, seconds=1.0),
            record=heard,
            encoding="PCM16",
            messages=("are you there",),
            patience=1.0,
        )
        with VoxEngine(scenario) as engine:
            engine.wait_for("message", text="are you there")
            engine.wait_for("media-ended")
            engine.terminate()
            engine.wait(10)
        assert sample.stdout.readline() == "heard 1.0 s\n"
        assert sample.stdout.readline() == "closed: 1000\n"
    tone = ToneSource(440, seconds=1.0)
    assert np.array_equal(heard.frames, tone.read(16000))
    tone.close()


def share_of(samples, rate, frequency):
    """How much of the energy is near this frequency."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / rate)
    return power[np.abs(at - frequency) < 20].sum() / power.sum()


def test_vox_desktop_call(tmp_path):
    """What is spoken into the microphone arrives; what the far end plays is heard."""
    seconds = np.arange(2 * RATE) / RATE
    spoken = np.round(8000 * np.sin(2 * np.pi * 300 * seconds)).astype(np.int16)
    write_wav(tmp_path / "spoken.wav", spoken)
    heard = BufferSink(60)
    peers = []

    def connected(ws):
        peers.append(ws)
        ws.send_media_to(heard)
        ToneSource(1000, seconds=2.0).send_media_to(ws, encoding="PCM16")

    with SoundServer() as sound, WebSocketServer() as server:
        server.on_connection = lambda ws: ws.add_event_listener(
            "open", lambda event: connected(ws)
        )
        env = sound.environment
        with (
            sound.record() as recording,
            running("vox_desktop_call.py", server.url, env=env) as sample,
        ):
            assert sample.stdout.readline() == "calling; Ctrl-C hangs up\n"
            assert sample.stdout.readline() == "they speak: PCM16\n"
            peers[0].send("hello")
            assert sample.stdout.readline() == "they write: hello\n"
            assert sound.speak(tmp_path / "spoken.wav").wait(20) == 0
            recording.wait_for(2.0)
        assert sample.out == "closed: 1000 \n"
        assert peers[0].wait_closed(10).code == 1000
        played = recording.samples
    loud = played[np.abs(played) > 100]
    assert len(loud) > RATE  # of two seconds of a sine, most samples
    assert share_of(played, RATE, 1000) > 0.95
    assert share_of(heard.frames, 16000, 300) > 0.95


def test_vox_desktop_call_without_a_far_end():
    """One line that says so."""
    with SoundServer() as sound, socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
        nobody.close()
        done = subprocess.run(
            [
                sys.executable,
                SAMPLES / "vox_desktop_call.py",
                f"ws://127.0.0.1:{port}/",
            ],
            env=sound.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "could not connect" in done.stderr


@pytest.mark.parametrize("by_url", [False, True], ids=["simulated", "url"])
def test_live_tools(by_url):
    """The model calls a function, and says what that has returned."""
    brain = PhraseBrain({"warm": Call("how_warm", {"city": "Bergen"})})
    with GeminiService(brain=brain, paced=False, keys="its-key") as service:
        done = subprocess.run(
            [
                sys.executable,
                SAMPLES / "live_tools.py",
                service.url if by_url else "--simulated",
            ],
            env=os.environ | {"GEMINI_API_KEY": "its-key"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    city, degrees = ("Bergen", 24) if by_url else ("Oslo", 16)
    assert done.stdout.splitlines() == [
        f"called: how_warm {city}",
        f"how_warm: {degrees} degrees.",
    ]


def test_live_tools_without_a_service():
    """One line that says so."""
    with GeminiService() as service:
        url = service.url
    done = subprocess.run(
        [sys.executable, SAMPLES / "live_tools.py", url],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "could not connect" in done.stderr


@pytest.mark.parametrize("by_url", [False, True], ids=["simulated", "url"])
def test_live_talk(tmp_path, by_url):
    """What is spoken into the microphone is answered by the speaker."""
    said = np.concatenate(list(FliteVoice().say("good morning")))
    write_wav(tmp_path / "said.wav", said, 24000)
    brain = PhraseBrain({"good morning": "Good morning to you."})
    with (
        contextlib.ExitStack() as stack,
        SoundServer() as sound,
        sound.record() as recording,
    ):
        where = "--simulated"
        if by_url:
            service = GeminiService(
                brain=brain, recogniser=PhraseRecogniser(["good morning", "stop"])
            )
            where = stack.enter_context(service).url
        with running("live_talk.py", where, env=sound.environment) as sample:
            assert sample.stdout.readline() == "speak; Ctrl-C ends\n"
            for _ in range(3):  # a busy machine leaves gaps in what is said
                assert sound.speak(tmp_path / "said.wav").wait(20) == 0
                heard = [sample.stdout.readline().strip()]
                while heard[-1] and not heard[-1].startswith("model: "):
                    heard.append(sample.stdout.readline().strip())
                if len(heard) == 2:
                    break
            recording.wait_for(0.2)
        played = recording.samples
    assert heard == ["user: good morning", "model: Good morning to you."]
    assert np.sum(np.abs(played) > 500) > RATE / 10


def test_live_talk_without_a_key():
    """What the service says of it is one line."""
    with (
        SoundServer() as sound,
        GeminiService(keys="its-key") as service,
    ):
        done = subprocess.run(
            [sys.executable, SAMPLES / "live_talk.py", service.url],
            env={k: v for k, v in sound.environment.items() if "API_KEY" not in k},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "401" in done.stderr


def test_every_sample_is_tested():
    """A new sample needs an expectation here or a test of its own."""
    others = {
        "live_talk.py",  # above
        "live_tools.py",  # above
        "mic_transcribe.py",  # above
        "plug_in_faster_whisper.py",  # tests/simulators/test_recogniser.py
        "qt_app.py",  # tests/test_qt_app.py
        "tk_app.py",  # tests/test_tk_app.py
        "vox_desktop_call.py",  # above
        "vox_echo_server.py",  # above
    }
    assert {path.name for path in SAMPLES.glob("*.py")} == set(EXPECTED) | others
