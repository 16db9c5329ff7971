"""One open stream, and what its callbacks may do: PortAudio forgives nothing."""

import numpy as np
import pytest

from tests.media.fake_sound import FakeAudio, FakeSound
from tests.media.test_devices import device
from voxsync.errors import DeviceError, MediaError
from voxsync.media import stream as stream_module
from voxsync.media.stream import DeviceStream


class User:
    """Takes and gives what the test says."""

    def __init__(self):
        self.taken = []
        self.to_give = np.arange(160, dtype=np.int16).tobytes()
        self.fault = None
        self.looks = 0
        self.losses = []

    def take(self, data):
        if self.fault:
            raise self.fault
        self.taken.append(np.frombuffer(data, np.int16))

    def give(self, frames):
        if self.fault:
            raise self.fault
        return self.to_give

    def look(self):
        self.looks += 1

    def lost(self, stream, error):
        self.losses.append((stream, error))


class Pin:
    """Notes what is done with the thread's record."""

    def __init__(self):
        self.steps = []

    def hold(self):
        self.steps.append("hold")

    def release(self):
        self.steps.append("release")

    def wait(self, seconds):
        self.steps.append(seconds)
        return True


@pytest.fixture(autouse=True)
def pins(monkeypatch):
    made = []
    monkeypatch.setattr(
        stream_module, "ThreadPin", lambda: made.append(Pin()) or made[-1]
    )
    return made


def opened(direction, channels=1):
    sound, user = FakeSound(), User()
    stream = DeviceStream(device(0, "Headset"), direction, user)
    stream.open(FakeAudio(sound), 16000, 160, channels)
    return sound.stream, user, stream


def test_input():
    """What comes is handed on, and counted."""
    device, user, stream = opened("input")
    assert device.options["input_device_index"] == 0
    assert device.is_started
    assert device.run(np.full(160, 7, np.int16).tobytes()) is None
    assert user.taken[0].tolist() == [7] * 160
    assert (stream.calls, stream.xruns, stream.latency) == (1, 0, 0.02)


def test_output():
    """What is asked for is given."""
    device, user, stream = opened("output")
    assert device.options["output_device_index"] == 0
    assert device.run() == user.to_give
    assert stream.calls == 1


def test_stereo():
    """A device without mono gets the same in both ears, and is mixed down."""
    device, user, _ = opened("output", 2)
    both = np.frombuffer(device.run(), np.int16).reshape(-1, 2)
    assert both[:, 0].tolist() == both[:, 1].tolist() == list(range(160))
    device, user, _ = opened("input", 2)
    device.run(np.tile(np.array([100, 300], np.int16), 160).tobytes())
    assert user.taken[0].tolist() == [200] * 160


@pytest.mark.parametrize(("flags", "count"), [(0, 0), (2, 1), (4, 1), (16, 0), (18, 1)])
def test_flags(flags, count):
    """PortAudio's under- and overflows are counted; priming is none."""
    device, _, stream = opened("output")
    device.run(flags=flags)
    assert stream.xruns == count
    device, _, stream = opened("input")
    device.run(bytes(320), flags)
    assert stream.xruns == count


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_user_that_raises(direction):
    """Silence goes out, nothing is raised, and the watchdog tells it as a loss."""
    device, user, stream = opened(direction)
    stream.look()
    assert user.looks == 1
    user.fault = ValueError("oops")
    given = device.run(bytes(320))
    assert given == (None if direction == "input" else bytes(320))
    stream.look()
    ((lost, error),) = user.losses
    assert lost is stream
    assert isinstance(error, MediaError)
    assert error.__cause__ is user.fault
    assert user.looks == 1


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_dead_stream(direction):
    """Given up, it neither takes nor gives: its unit may be open anew already."""
    device, user, stream = opened(direction)
    stream.is_dead = True
    given = device.run(np.ones(160, np.int16).tobytes())
    assert given == (None if direction == "input" else bytes(320))
    assert user.taken == []


@pytest.mark.parametrize("direction", ["input", "output"])
def test_the_thread_is_kept(direction, pins):
    """From the first callback to the one that finds the stream dead, then closed."""
    device, _, stream = opened(direction)
    for _ in range(3):
        device.run(bytes(320))
    assert pins[0].steps == ["hold"]
    stream.is_dead = True
    device.run(bytes(320))
    stream.close()
    assert pins[0].steps == ["hold", "release", 0.03]  # two buffers and a bit


def test_silence():
    """A device that died is told with its name."""
    _, user, stream = opened("output")
    stream.lost(0.6)
    ((_, error),) = user.losses
    assert isinstance(error, DeviceError)
    assert "'Headset'" in str(error)
    assert repr(stream) == "<DeviceStream output 'Headset'>"


def test_close():
    """Once is enough, and once it is."""
    device, _, stream = opened("output")
    stream.close()
    stream.close()
    assert device.is_closed
    assert stream.is_dead


def test_a_start_that_fails():
    """What was opened is closed, there and then."""
    sound = FakeSound()
    sound.failures["start"] = [OSError(-9999, "no")]
    stream = DeviceStream(device(0, "Headset"), "output", User())
    with pytest.raises(OSError, match="no"):
        stream.open(FakeAudio(sound), 16000, 160, 1)
    assert sound.stream.is_closed
    stream.close()
    assert sound.steps == ["open", "start", "close"]
