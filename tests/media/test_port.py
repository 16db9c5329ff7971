"""The device behind a unit: opened, closed and lost, one at a time."""

import threading

import pytest

from tests.media.toys import SOON, in_thread
from voxsync.errors import DeviceError, InvalidState
from voxsync.media import port as port_module
from voxsync.media import portaudio
from voxsync.media.port import Port


class User:
    """A unit in miniature."""

    def __init__(self, port):
        self.port = port
        self.begun = 0
        self.gone = threading.Event()
        self.error = None

    def take(self, data):
        pass

    def give(self, frames):
        return bytes(2 * frames)

    def look(self):
        pass

    def lost(self, stream, error):
        if self.port.lose(stream, error):
            self.error = error
            self.gone.set()

    def begin(self):
        self.begun += 1

    def open(self):
        self.port.open(self, 16000, self.begin)


@pytest.fixture
def user(sound):
    user = User(Port(None, "output", 10))
    yield user
    user.port.close()()


def test_open_and_close(sound, user):
    """Both as often as one likes; in between the figures are the stream's."""
    port = user.port
    assert not port.is_open
    assert port.latency is None
    assert port.device.name == "Speakers"
    for count in (1, 2):
        user.open()
        user.open()
        assert port.is_open
        assert port.latency == 0.02
        assert user.begun == count
        sound.stream.run(flags=4)
        assert port.xruns == count
        port.close()()
        port.close()()
        assert not port.is_open
        assert sound.stream.is_closed
    assert port.xruns == 2
    assert port.frames(48000) == 480
    assert port.frames(16000) == 160


@pytest.mark.parametrize("buffer_ms", [0, 0.5, 101, -1])
def test_buffers(buffer_ms):
    """Longer ones would be silent for so long that they looked dead."""
    with pytest.raises(ValueError, match="buffer_ms"):
        Port(None, "input", buffer_ms)


def test_two_open_at_once(sound, user):
    """The second waits for the first, and both have it."""
    release = sound.hang("open")
    first, second = in_thread(user.open), in_thread(user.open)
    assert sound.waits.wait(SOON)
    release()
    first()
    second()
    assert len(sound.streams) == 1


def test_the_other_one_hangs(sound, user, monkeypatch):
    """Nobody waits for ever for somebody else's attempt."""
    release = sound.hang("open")
    first = in_thread(user.open)
    assert sound.waits.wait(SOON)
    monkeypatch.setattr(port_module, "ANSWER_SECONDS", -0.99)
    with pytest.raises(DeviceError, match="still being opened"):
        user.open()
    release()
    first()


def test_closed_while_it_is_opened(sound, user):
    """Closing wins: the device that came is closed, and its opener told."""
    release = sound.hang("open")

    def attempt():
        with pytest.raises(InvalidState, match="closed while"):
            user.open()
        return True

    opening = in_thread(attempt)
    assert sound.waits.wait(SOON)
    user.port.close()()
    release()
    assert opening()
    assert not user.port.is_open
    assert len(portaudio.audio_devices()) == 2  # in its turn: after the closing
    assert sound.stream.is_closed


def test_opening_that_fails(sound, user):
    """The next attempt may succeed."""
    sound.failures["open"] = [OSError(-9985, "busy")]
    with pytest.raises(DeviceError, match="busy"):
        user.open()
    assert not user.port.is_open
    user.open()
    assert user.port.is_open


def test_lost(sound, user, quick):
    """A device that never stirs is lost, told once, closed, and opened anew."""
    user.open()
    first = sound.stream
    assert user.gone.wait(SOON)
    assert "'Speakers'" in str(user.error)
    assert not user.port.is_open
    user.open()
    assert first.is_closed
    assert sound.stream is not first


def test_lost_too_late(sound, user):
    """A stream that was closed meanwhile is nobody's loss."""
    user.open()
    stream = user.port._stream
    user.port.close()()
    assert not user.port.lose(stream, DeviceError("late"))
    assert user.port.error is None


def test_a_close_that_hangs(sound, user, monkeypatch, caplog):
    """The caller waits for the limit, not for the sound system."""
    monkeypatch.setattr(port_module, "CLOSE_SECONDS", 0.02)
    user.open()
    release = sound.hang("close")
    user.port.close()()
    assert "did not close" in caplog.text
    assert not user.port.is_open
    release()
    user.open()
    assert len(sound.streams) == 2


def test_another_process(sound, user, monkeypatch):
    """After a fork it is not open, cannot be opened, and closing does nothing."""
    user.open()
    with monkeypatch.context() as patch:
        patch.setattr(portaudio.os, "getpid", lambda: -1)
        assert not user.port.is_open
        with pytest.raises(InvalidState):
            user.open()
        user.port.close()()
    assert user.port.is_open


def test_the_end_of_the_program(sound, user, monkeypatch):
    """What was left open is closed, but not what is the parent's."""
    port_module._at_exit()
    user.open()
    with monkeypatch.context() as patch:
        patch.setattr(portaudio.os, "getpid", lambda: -1)
        port_module._at_exit()
    assert not sound.stream.is_closed
    port_module._at_exit()
    assert sound.stream.is_closed
    assert user.port._stream.is_dead
