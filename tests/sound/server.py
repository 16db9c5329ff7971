"""A private sound server for one test, which can be made to fail in every way."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import wave
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).parent / "pulse.sh"
RATE = 48_000
_WAIT = 20


class SoundServer:
    """A PulseAudio with virtual devices: see `pulse.sh`.

        with SoundServer(loop=True) as server:
            ...  # run programs with server.environment

    Args:
        loop: The microphone hears the speaker; else it hears who calls `speak`.
        extra: Lines for its start-up script.
    """

    def __init__(self, *, loop=False, extra=""):
        self._mode = "loop" if loop else "person"
        self._extra = extra
        # Not pytest's tmp_path: a socket's path has a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="voxsync-"))
        self.address = f"unix:{self.folder}/native"
        self._children = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    @property
    def environment(self):
        """For programs that are to use this server."""
        return {**os.environ, "PULSE_SERVER": self.address}

    @property
    def pid(self):
        return int((self.folder / "pid").read_text())

    def start(self):
        """Start it, also once more after `kill`."""
        done = subprocess.run(
            [SCRIPT, "start", self.folder, self._mode],
            env={
                **os.environ,
                "VOXSYNC_PULSE_EXTRA": self._extra,
                # A test that is killed leaves it behind: not for ever.
                "VOXSYNC_PULSE_IDLE": "120",
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=_WAIT,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"export PULSE_SERVER={self.address}"

    def stop(self):
        for child in self._children:
            child.kill()
            child.wait(_WAIT)
            if child.stdout:
                child.stdout.close()
        self._children.clear()
        subprocess.run([SCRIPT, "stop", self.folder], check=True, timeout=_WAIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """The server crashes."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        gone = threading.Event()
        for _ in range(1000):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
                if Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
                    gone.wait(0.005)
                    continue
            return
        raise AssertionError(f"{pid} outlived SIGKILL")

    def freeze(self):
        """The server hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def pactl(self, *words):
        """A command of PulseAudio's; returns what it printed."""
        done = subprocess.run(
            ["pactl", *words],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_WAIT,
        )
        assert done.returncode == 0, f"pactl {words}: {done.stderr}"
        return done.stdout.strip()

    def suspend(self, *, speaker=False, microphone=False, resume=False):
        """Devices fall asleep, as a Bluetooth headset's do."""
        value = "0" if resume else "1"
        if speaker:
            self.pactl("suspend-sink", "vs_speaker", value)
        if microphone:
            self.pactl("suspend-source", "vs_mic", value)

    def load(self, *words):
        """Load a module, which may be a device; returns its number."""
        return self.pactl("load-module", *words)

    def unload(self, *names):
        """Pull out devices, by the name of sink or source; all together."""
        modules = []
        for line in self.pactl("list", "short", "modules").splitlines():
            number, _, words = line.partition("\t")
            if any(f"_name={name} " in f"{words} " for name in names):
                modules.append(number)
        assert len(modules) == len(names), (names, modules)
        for number in reversed(modules):  # what was loaded later needs the earlier
            self.pactl("unload-module", number)

    def speak(self, path):
        """A person speaks: what is in the WAV file is heard by the microphone.

        Two seconds are handed over ahead: a player that a busy machine keeps waiting
        must not stutter, for who stutters is not understood.

        Returns the process, whose end is the end of the file.
        """
        command = ["paplay", "--latency-msec=2000", "-d", "vs_voice", str(path)]
        child = subprocess.Popen(command, env=self.environment)
        self._children.append(child)
        return child

    @contextlib.contextmanager
    def record(self, device="vs_speaker.monitor", rate=RATE):
        """Record what is heard while the block runs; see `Recording`."""
        child = subprocess.Popen(
            ["parec", "-d", device, f"--rate={rate}", "--channels=1",
             "--format=s16le", "--raw", "--latency-msec=10"],
            env=self.environment,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self._children.append(child)
        recording = Recording(child, rate)
        try:
            recording.wait_for(0.05)
            yield recording
        finally:
            recording.end()
            self._children.remove(child)


class Recording:
    """What a recorder has heard so far.

    Attributes:
        blocks: (monotonic time of arrival, samples), oldest first.
    """

    def __init__(self, child, rate):
        self.rate = rate
        self.blocks = []
        self._child = child
        self._more = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def samples(self):
        with self._more:
            blocks = [samples for _, samples in self.blocks]
        return np.concatenate([np.zeros(0, np.int16), *blocks])

    def wait_for(self, seconds):
        """Wait until so much more has been recorded."""
        with self._more:
            wanted = self._count() + seconds * self.rate
            assert self._more.wait_for(
                lambda: self._over or self._count() >= wanted, seconds + _WAIT
            ), "nothing is recorded"

    def end(self):
        self._child.terminate()
        self._child.wait(_WAIT)
        self._thread.join(_WAIT)
        self._child.stdout.close()

    def time_of(self, index):
        """When a sample was heard: by its place, not by when a busy machine gave it."""
        with self._more:
            arrivals = np.array([t for t, _ in self.blocks])
            ends = np.cumsum([len(samples) for _, samples in self.blocks])
        return float(np.min(arrivals - ends / self.rate)) + index / self.rate

    def wait_loud(self):
        """Wait until something is heard."""
        while self.last_loud() is None:
            self.wait_for(0.05)

    def last_loud(self, limit=500):
        """When the last block came that is louder than so many steps of 32768."""
        with self._more:
            loud = [t for t, samples in self.blocks if np.abs(samples).max() > limit]
        return loud[-1] if loud else None

    def _count(self):
        return sum(len(samples) for _, samples in self.blocks)

    def _run(self):
        import time

        rest = b""
        while data := os.read(self._child.stdout.fileno(), 65536):
            now = time.monotonic()
            data = rest + data
            whole = len(data) // 2 * 2
            rest = data[whole:]
            with self._more:
                self.blocks.append((now, np.frombuffer(data[:whole], "<i2")))
                self._more.notify_all()
        with self._more:
            self._over = True
            self._more.notify_all()


def write_wav(path, samples, rate=RATE):
    """Mono int16 samples as a WAV file, for `speak`."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


UNDERFLOW = 0.01
"""What the sound system may lose where it had nothing to play, seconds: one callback.

Only a machine that stalls has it so, and then it is counted and told.
"""


def seconds_of_tone(rate, samples, frequency=600):
    """How much of a tone is heard, by its power: gaps neither count nor cost anything.

    A busy machine leaves some in what `speak` says, or in what is played.
    """
    window = rate // 100
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    probe = np.exp(-2j * np.pi * frequency * np.arange(window) / rate)
    heard = np.abs(whole @ probe) / window
    if not np.any(heard > 1000):
        return 0.0
    amplitude = 2 * np.median(heard[heard > 1000])
    return np.sum(samples.astype(float) ** 2) / (amplitude**2 / 2) / rate


def without_stalls(stderr):
    """Without what sound devices say of a machine that was too busy for a moment."""
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if "this is told once" not in line)
