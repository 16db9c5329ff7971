"""Samples run as a user would run them."""

import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import voxsync
from tests.sound.server import SoundServer, write_wav

SAMPLES = Path(__file__).parent.parent / "samples"
EXPECTED = {
    "mimi_transcribe.py": "final: and mister john dashwood",
    "script_blocking.py": "True",
    "plain_echo_client.py": "closed: 1000 counted",
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


def test_every_sample_is_tested():
    """A new sample needs an expectation here or a test of its own."""
    others = {
        "mic_transcribe.py",  # above
        "plug_in_faster_whisper.py",  # tests/simulators/test_recogniser.py
    }
    assert {path.name for path in SAMPLES.glob("*.py")} == set(EXPECTED) | others
