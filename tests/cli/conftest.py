"""Recordings, services and child processes for the command line."""

import codecs
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import wave
from dataclasses import dataclass

import numpy as np
import pytest

from tests.sound.server import RATE, SoundServer, without_stalls, write_wav
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import ScriptedBrain
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import Hypothesis, ScriptedRecogniser, Word
from voxsync.simulators.voice import FliteVoice

TOKEN = "planted-token-7f3a91"


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    """A token of the machine's own must not decide a test."""
    for name in ("MIMI_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def token(monkeypatch):
    """A token in the environment, as a user would have it."""
    monkeypatch.setenv("MIMI_TOKEN", TOKEN)
    return TOKEN


@pytest.fixture
def make_wav(tmp_path):
    """Write a WAV file of so many seconds of quiet."""

    def make(name="a.wav", seconds=1.0, rate=16000, channels=1, width=2):
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            file.writeframes(bytes(int(seconds * rate) * channels * width))
        return path

    return make


@pytest.fixture
def question(tmp_path):
    """Have a text said by a synthetic voice; return the WAV file."""

    def make(text="good morning", silence=0.0):
        said = np.concatenate(list(FliteVoice().say(text)))
        path = tmp_path / "question.wav"
        write_wav(path, np.pad(said, (0, round(silence * 24000))), 24000)
        return path

    return make


@pytest.fixture
def make_live():
    """Start Live APIs in which a model answers with tones, and one second of them."""
    started = []

    def make(answers=("good day to you all",), **settings):
        brain = settings.pop("brain", None) or ScriptedBrain(answers, repeat=True)
        started.append(GeminiService(brain=brain, **settings).start())
        return started[-1]

    yield make
    for each in started:
        each.close()


def script(sentences, ms_per_word=100):
    """Each sentence is heard word by word and then fixed."""
    found, at = [], 0
    for sentence in sentences:
        start, heard = at, ()
        for text in sentence.split():
            heard = (*heard, Word(text, at, at + ms_per_word))
            at += ms_per_word
            words = " ".join(word.text for word in heard)
            final = words == sentence
            what = Hypothesis(
                text=words, is_final=final, start_ms=start, end_ms=at, words=heard
            )
            found.append((at, what))
    return ScriptedRecogniser(found)


@pytest.fixture
def make_service():
    """Start services that hear "one two three" in 0.3 s and "four five" in 0.5 s."""
    started = []

    def make(sentences=("one two three", "four five"), recogniser=None, **settings):
        recogniser = recogniser or script(sentences)
        service = MimiService(recogniser=recogniser, **settings).start()
        started.append(service)
        return service

    yield make
    for service in started:
        service.close()


@pytest.fixture
def service(make_service):
    """One of them."""
    return make_service()


class Tap:
    """A recogniser around another one that says when so much audio has come.

    Args:
        inner: Who listens.
        nbytes: When `reached` is set.
        then: Called at that moment, on the service's thread.
    """

    def __init__(self, inner, nbytes, then=lambda: None):
        self.inner, self.nbytes, self.then = inner, nbytes, then
        self.reached = threading.Event()
        self.heard = 0

    def open(self, **settings):
        self.stream = self.inner.open(**settings)
        return self

    def feed(self, pcm):
        self.heard += len(pcm)
        if self.heard >= self.nbytes and not self.reached.is_set():
            self.reached.set()
            self.then()
        return self.stream.feed(pcm)

    def finish(self):
        return self.stream.finish()

    def close(self):
        self.stream.close()


@pytest.fixture
def make_tap():
    """Make a `Tap` around the usual script."""

    def make(nbytes, then=lambda: None, sentences=("one two three", "four five")):
        return Tap(script(sentences), nbytes, then)

    return make


@pytest.fixture
def sound():
    """A private sound server: `spawn(..., env=sound.environment)`, `sound.speak`."""
    with SoundServer() as server:
        yield server


@pytest.fixture
def tone(tmp_path):
    """A WAV file of 600 Hz, so many seconds long, with a peak of -6 dBFS."""

    def make(seconds):
        path = tmp_path / "tone.wav"
        t = np.arange(round(seconds * RATE)) / RATE
        write_wav(path, 16384 * np.sin(2 * np.pi * 600 * t))
        return path

    return make


@pytest.fixture
def interrupt():
    """What Ctrl-C does, to this very process."""
    return lambda: os.kill(os.getpid(), signal.SIGINT)


class Terminal:
    """A terminal for a child's output: pass `slave`, then `close_slave`.

    Attributes:
        shown: All that came until now.
    """

    def __init__(self, columns):
        self._master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, columns))
        self.shown = ""
        self._more = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_for(self, pattern, timeout=30):
        with self._more:
            found = self._more.wait_for(
                lambda: self._over or re.search(pattern, self.shown), timeout
            )
        assert found, self.shown

    def close_slave(self):
        """The child has it now; when that is gone, so is the terminal."""
        if self.slave is not None:
            os.close(self.slave)
            self.slave = None

    def end(self):
        """After the child: what the live line was, one after the other."""
        self.close_slave()
        self._thread.join(10)
        # Not the lines that stay, which end with a newline.
        return re.findall(r"\r\x1b\[K([^\r\n]*+)(?!\r\n)", self.shown)

    def close(self):
        self.end()
        os.close(self._master)

    def _run(self):
        decoder = codecs.getincrementaldecoder("utf-8")()
        while not self._over:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # EIO: the child has gone
                piece = b""
            with self._more:
                self.shown += decoder.decode(piece)
                self._over = not piece
                self._more.notify_all()


@pytest.fixture
def make_terminal():
    """Make terminals."""
    made = []

    def make(columns=80):
        made.append(Terminal(columns))
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()


@dataclass
class Child:
    """A `voxsync` process. Its pipes are closed at the end of the test."""

    process: subprocess.Popen

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait_line(self, beginning):
        """Read its error output up to a line; what came before is returned."""
        before = []
        while not (line := self.process.stderr.readline()).startswith(beginning):
            assert line, f"it ended before {beginning!r}: {before}"
            before.append(line)
        return before

    def error_line(self):
        return self.process.stderr.readline()

    def end(self, timeout=30):
        """Wait for it; return exit code, output and error output."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def end_without_stalls(self):
        """As `end`, without what devices say of a machine that is too busy."""
        code, out, err = self.end()
        return code, out, without_stalls(err)


@pytest.fixture
def spawn():
    """Start `python -m voxsync.cli` with these arguments."""
    children = []

    def start(*args, **settings):
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
        env = os.environ | {"PYTHONUNBUFFERED": "1"} | settings.pop("env", {})
        process = subprocess.Popen(
            [sys.executable, "-m", "voxsync.cli", *map(str, args)],
            text=True,
            env=env,
            **settings,
        )
        children.append(process)
        return Child(process)

    yield start
    for process in children:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
