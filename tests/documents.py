"""What README and pages of docs/ show is run: programs, and `voxsync` commands."""

import re
import shlex
import signal
import subprocess
import sys
import wave
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.events.screen import Screen
from tests.sound.server import SoundServer

ROOT = Path(__file__).parent.parent
NEEDS_SCREEN = "# needs a screen"
# What a microphone hears is silence here, which `record` warns of.
_SAID = ("the recording is silent", "the trace is ")
_COMMAND = [sys.executable, "-m", "voxsync.cli"]


def python_blocks(text):
    """The programs in a page."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_program(code, folder):
    """Run one in `folder`, with a sound card; what it printed, both ways."""
    with ExitStack() as stack:
        environment = stack.enter_context(SoundServer(loop=True)).environment
        if NEEDS_SCREEN in code:
            screen = stack.enter_context(Screen()).environment
            environment = {**screen, **environment, "DISPLAY": screen["DISPLAY"]}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert (done.returncode, without_stalls(done.stderr)) == (0, "")
    return done.stdout


def without_stalls(stderr):
    """Without what sound devices say of a machine that was too busy for a moment."""
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if "this is told once" not in line)


def shell_examples(text):
    """The arguments of each `voxsync ...` line."""
    lines = [line for line in text.splitlines() if line.startswith("voxsync ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@contextmanager
def service(arguments, folder):
    """A service of the examples on a free port: its URL as written, and as it is."""
    port = arguments[arguments.index("--port") + 1]
    words = ["0" if word == port else word for word in arguments]
    with subprocess.Popen(
        [*_COMMAND, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        try:
            yield f"ws://127.0.0.1:{port}/", child.stdout.readline().strip()
        finally:
            child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0


def run_examples(examples, folder):
    """Run each command in turn; one with `--port` goes on beside those that follow."""
    write_talk(folder / "talk.wav")
    urls = {}
    with ExitStack() as stack:
        sound = stack.enter_context(SoundServer(loop=True))
        for example in examples:
            if "--port" in example:
                written, real = stack.enter_context(service(example, folder))
                urls[written] = real
                continue
            done = subprocess.run(
                [*_COMMAND, *(urls.get(word, word) for word in example)],
                cwd=folder,
                env=sound.environment,
                capture_output=True,
                text=True,
                timeout=50,
                check=False,
            )
            assert done.returncode == 0, (example, done.stderr)
            said = without_stalls(done.stderr)
            for known in _SAID:
                said = said.replace(f"voxsync: {known}", "")
            assert "voxsync: " not in said, (example, done.stderr)


def write_talk(path):
    """A second of silence, which the examples call talk.wav."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000))
