"""A PyAudio that a test holds in its hands: it hangs, fails and plays when told to."""

import sys
import threading
import time
import types

import pytest

from tests.media.toys import SOON
from voxsync.media import port, portaudio, stream, watchdog


class FakeStream:
    """An open stream; `run` is one callback of the device's."""

    def __init__(self, sound, options):
        self._sound = sound
        self.options = options
        self.callback = options["stream_callback"]
        self.is_started = self.is_closed = False

    def get_input_latency(self):
        return 0.02

    def get_output_latency(self):
        return 0.02

    def start_stream(self):
        self._sound.step("start")
        self.is_started = True

    def close(self):
        self._sound.step("close")
        self.is_closed = True

    def run(self, data=None, flags=0):
        """The device gives `data`, or (None) wants a buffer of output."""
        frames = self.options["frames_per_buffer"]
        result, verdict = self.callback(data, frames, {}, flags)
        assert verdict == 0, "never anything but paContinue"
        return result


class FakeSound:
    """The module, and what a test does to it.

    Attributes:
        devices: (name, input channels, output channels, rate), of the next list.
        defaults: Indexes of the default input and output, or None.
        failures: Name of a step to what it raises, once for each item of the list.
        steps: What was called, in order: init, terminate, open, start, close.
    """

    def __init__(self):
        self.devices = [("Headset", 1, 2, 16000), ("Speakers", 0, 2, 48000)]
        self.defaults = [0, 1]
        self.failures = {}
        self.steps = []
        self.streams = []
        self._hung = {}
        self.waits = threading.Event()  # a call hangs now

    def step(self, name):
        self.steps.append(name)
        gate = self._hung.get(name)
        if gate is not None:
            self.waits.set()
            assert gate.wait(SOON)
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    def hang(self, name):
        """Calls of that name hang, until the function returned is called."""
        self._hung[name] = threading.Event()
        return self._hung[name].set

    @property
    def stream(self):
        return self.streams[-1]

    # PyAudio's side

    def start(self):
        self.step("init")
        return FakeAudio(self)


class FakeAudio:
    def __init__(self, sound):
        self._sound = sound
        self._devices = list(sound.devices)
        self._defaults = list(sound.defaults)

    def terminate(self):
        self._sound.step("terminate")

    def get_device_count(self):
        return len(self._devices)

    def get_device_info_by_index(self, index):
        name, inputs, outputs, rate = self._devices[index]
        return {
            "index": index, "name": name, "hostApi": 0, "maxInputChannels": inputs,
            "maxOutputChannels": outputs, "defaultSampleRate": float(rate),
        }  # fmt: skip

    def get_host_api_info_by_index(self, index):
        assert index == 0
        return {"name": "FAKE"}

    def _default(self, which):
        index = self._defaults[which]
        if index is None or index >= len(self._devices):
            raise OSError(-9996, "Invalid device (no default)")
        return self.get_device_info_by_index(index)

    def get_default_input_device_info(self):
        return self._default(0)

    def get_default_output_device_info(self):
        return self._default(1)

    def open(self, **options):
        self._sound.step("open")
        stream = FakeStream(self._sound, options)
        self._sound.streams.append(stream)
        return stream


def until(condition):
    """Spin until another thread has got so far."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end


def raised(kind, work):
    """The exception of that kind that the work raises."""
    with pytest.raises(kind) as caught:
        work()
    return caught.value


class NoPin:
    """The test's own thread needs none."""

    is_held = False

    def hold(self):
        pass

    def release(self):
        pass

    def wait(self, seconds):
        return True


@pytest.fixture
def sound(monkeypatch):
    """The process as if PortAudio had never been started, and were this fake."""
    fake = FakeSound()
    module = types.ModuleType("pyaudio")
    module.PyAudio = fake.start
    monkeypatch.setitem(sys.modules, "pyaudio", module)
    monkeypatch.setattr(portaudio, "_pyaudio", None)
    monkeypatch.setattr(portaudio, "_process", None)
    monkeypatch.setattr(portaudio, "_open", set())
    monkeypatch.setattr(portaudio, "_turn", threading.Lock())
    monkeypatch.setattr(portaudio, "silence_libraries", list)
    monkeypatch.setattr(stream, "ThreadPin", NoPin)
    monkeypatch.setattr(port, "_watchdog", watchdog.Watchdog())
    # Nobody calls back but the test, when it has time: that is no death.
    monkeypatch.setattr(watchdog, "TICK", SOON)
    return fake


@pytest.fixture
def quick(monkeypatch):
    """A watchdog that bites ten times as soon."""
    monkeypatch.setattr(watchdog, "TICK", 0.01)
