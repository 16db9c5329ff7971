"""What PortAudio's error numbers mean."""

import pytest

from tests.media.test_devices import device
from voxsync.media.faults import device_error, lost_error, unanswered_error

HEADSET = device(3, "Headset")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9997, "96000 frames per second; try sample_rate=48000"),
        (-9998, "neither mono nor stereo"),
        (-9996, "audio_devices()"),
        (-9994, "16-bit"),
        (-9985, "another program"),
        (-9993, "no permission"),
        (-9999, "the server runs"),
        (-9992, "PortAudio -9992"),
    ],
)
def test_opening(code, words):
    """Each says what to do, names the device, and keeps PortAudio's number."""
    error = device_error(OSError(code, "its words"), HEADSET, 96000)
    assert words in str(error)
    assert "'Headset' (device 3)" in str(error)
    assert "its words" in str(error)
    assert error.portaudio_code == code


def test_starting():
    """There is no device yet that could be named."""
    error = device_error(OSError(-9999, "its words"))
    assert str(error) == "the sound system failed: its words (PortAudio -9999)"
    assert error.portaudio_code == -9999


def test_silence():
    """A loss and a hang are told in words of their own."""
    assert "it can be opened again" in str(lost_error(HEADSET, 0.6))
    assert "more than 5 s to open it" in str(unanswered_error("open it", 5.0))
