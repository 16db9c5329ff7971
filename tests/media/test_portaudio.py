"""The one owner of PyAudio. What real sound systems do to it: tests/sound."""

import builtins
import os
import sys

import pytest

from tests.media.test_stream import User
from tests.media.toys import SOON
from voxsync.errors import DeviceError, InvalidState, MissingExtra
from voxsync.media import portaudio
from voxsync.media.portaudio import (
    audio_devices,
    close_stream,
    is_foreign,
    look_up,
    open_stream,
)


def opened(direction="output", wanted=None, rate=16000):
    return open_stream(wanted, direction, rate, 160, User())


def test_list(sound):
    """Every device with what one chooses by; fresh at every call."""
    first, second = audio_devices()
    assert (first.index, first.name, first.host_api) == (0, "Headset", "FAKE")
    assert (first.max_input_channels, first.max_output_channels) == (1, 2)
    assert first.is_default_input
    assert not first.is_default_output
    assert second.default_sample_rate == 48000
    assert second.is_default_output
    sound.devices = [(b"Sm\xf6r", 1, 0, 8000)]  # in no encoding that is known
    sound.defaults = [None, None]
    (only,) = audio_devices()
    assert only.name == "Sm\N{REPLACEMENT CHARACTER}r"
    assert not only.is_default_input
    assert sound.steps == ["init", "terminate", "init"]


def test_list_while_a_stream_is_open(sound):
    """Starting anew would tear the stream down: the list is as it was."""
    stream = opened()
    sound.devices = []
    assert len(audio_devices()) == 2
    close_stream(stream)(SOON)
    assert audio_devices() == []


def test_open(sound):
    """Mono, 16 bits, callbacks, the device by its index."""
    stream = opened(wanted="head")
    options = sound.stream.options
    assert options["output_device_index"] == stream.device.index == 0
    assert (options["channels"], options["rate"]) == (1, 16000)
    assert options["format"] == 8
    assert options["frames_per_buffer"] == 160
    assert sound.stream.is_started
    close_stream(stream)(SOON)
    close_stream(stream)(SOON)
    assert sound.stream.is_closed
    assert sound.steps.count("close") == 1


@pytest.mark.parametrize(
    ("name", "refused", "channels"),
    [("Box", [], 1), ("Box", [1], 2), ("Card (hw:0,0)", [], 2), ("C (hw:1)", [2], 1)],
)
def test_channels(sound, name, refused, channels):
    """Mono, unless there is none, or it would be heard on the left only."""
    sound.devices = [(name, 2, 2, 48000)]
    sound.failures["open"] = [OSError(-9998, "channels") for _ in refused]
    stream = opened()
    assert sound.stream.options["channels"] == channels
    close_stream(stream)(SOON)


def test_no_channels(sound):
    """Neither mono nor stereo is an error that says so, without a second look."""
    sound.failures["open"] = [OSError(-9998, "channels") for _ in range(2)]
    with pytest.raises(DeviceError, match="neither mono nor stereo") as caught:
        opened()
    assert caught.value.portaudio_code == -9998
    assert sound.steps == ["init", "open", "open"]


@pytest.mark.parametrize("code", [-9985, -9997])
def test_refused_for_good(sound, code):
    """A busy device or a wrong rate stays so: one attempt, and its number."""
    audio_devices()
    sound.failures["open"] = [OSError(code, "no")]
    with pytest.raises(DeviceError) as caught:
        opened()
    assert caught.value.portaudio_code == code
    assert sound.steps == ["init", "open"]


def test_second_look(sound):
    """A sound server that was restarted needs PortAudio to be, and so it is."""
    audio_devices()
    sound.failures["open"] = [OSError(-9999, "host error")]
    stream = opened()
    assert sound.steps == ["init", "open", "terminate", "init", "open", "start"]
    # Not while a stream is open, to which it would be the end.
    sound.failures["open"] = [OSError(-9999, "host error")]
    with pytest.raises(DeviceError) as caught:
        opened()
    assert caught.value.portaudio_code == -9999
    close_stream(stream)(SOON)


def test_second_look_in_vain(sound):
    """The error is the second one, with the first one's number."""
    audio_devices()
    sound.devices = []
    sound.failures["open"] = [OSError(-9993, "combination")]
    with pytest.raises(DeviceError, match="there is no sound output") as caught:
        opened()
    assert caught.value.portaudio_code == -9993
    assert "no permission" in str(caught.value.__cause__)


def test_device_plugged_in_later(sound):
    """A name that the old list does not have is looked for in a new one."""
    assert look_up(None, "input").name == "Headset"
    sound.devices.append(("New one", 1, 1, 44100))
    assert look_up("new", "input").index == 2
    assert look_up("new", "input").index == 2
    assert sound.steps == ["init", "terminate", "init"]


def test_start_that_fails(sound):
    """PortAudio itself may fail; the next attempt starts anew."""
    sound.failures["init"] = [OSError(-9999, "no")]
    with pytest.raises(DeviceError, match="the sound system failed"):
        audio_devices()
    assert len(audio_devices()) == 2


def test_hang(sound, monkeypatch):
    """A sound system that hangs costs the time limit; what comes late is closed."""
    monkeypatch.setattr(portaudio, "ANSWER_SECONDS", 0.05)
    release = sound.hang("open")
    with pytest.raises(DeviceError, match="does not answer"):
        opened()
    with pytest.raises(DeviceError, match="list the devices"):
        audio_devices()  # the other one holds the turn
    release()
    monkeypatch.setattr(portaudio, "ANSWER_SECONDS", SOON)
    audio_devices()
    assert sound.stream.is_closed
    assert portaudio._open == set()


def test_hanging_close(sound, caplog):
    """It is left to itself and said so; the list waits until it is closed."""
    stream = opened()
    release = sound.hang("close")
    wait = close_stream(stream)
    assert stream.is_dead
    wait(0.02)
    assert "did not close within" in caplog.text
    assert portaudio._open == {stream}
    release()
    assert len(audio_devices()) == 2
    assert sound.stream.is_closed
    assert portaudio._open == set()


def test_missing(sound, monkeypatch):
    """The error names the extra, and what the system needs to build it."""
    monkeypatch.delitem(sys.modules, "pyaudio")
    real = builtins.__import__

    def without(name, *rest):
        if name == "pyaudio":
            raise ImportError("No module named 'pyaudio'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for use in (audio_devices, opened, lambda: look_up(None, "input")):
        with pytest.raises(MissingExtra) as caught:
            use()
        for words in (
            "pip install 'voxsync[audio]'",
            "apt install portaudio19-dev python3-dev gcc",
            "dnf install portaudio-devel python3-devel gcc",
            "brew install portaudio",
        ):
            assert words in str(caught.value)


def test_another_process(sound, monkeypatch):
    """After a fork: refused, and the parent's stream is let alone."""
    stream = opened()
    assert not is_foreign()
    monkeypatch.setattr(portaudio.os, "getpid", lambda: -1)
    assert is_foreign()
    for use in (audio_devices, opened, lambda: look_up(None, "input")):
        with pytest.raises(InvalidState, match="before it forked"):
            use()
    close_stream(stream)(SOON)
    assert not sound.stream.is_closed
    monkeypatch.undo()
    assert os.getpid() != -1
