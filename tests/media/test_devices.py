"""What a sound device is, and which one is meant."""

import pytest

from voxsync.errors import DeviceError
from voxsync.media import devices
from voxsync.media.devices import AudioDevice, check_device, find_device


def device(index, name, inputs=2, outputs=2, **more):
    return AudioDevice(
        index=index, name=name, host_api="FAKE", max_input_channels=inputs,
        max_output_channels=outputs, default_sample_rate=48000, **more,
    )  # fmt: skip


THREE = [
    device(0, "USB Headset", is_default_input=True),
    device(1, "USB Headset (2)"),
    device(2, "Built-in Speakers", 0, is_default_output=True),
]


def test_what_a_device_says():
    """Its repr says all that one chooses by."""
    assert repr(THREE[0]) == (
        "<AudioDevice 0 'USB Headset' FAKE, 2 in (default), 2 out, 48000 Hz>"
    )
    assert repr(THREE[2]) == (
        "<AudioDevice 2 'Built-in Speakers' FAKE, 2 out (default), 48000 Hz>"
    )
    assert "no channels" in repr(device(3, "x", 0, 0))


@pytest.mark.parametrize(
    ("wanted", "direction", "index"),
    [
        (None, "input", 0),
        (None, "output", 2),
        (1, "input", 1),
        ("usb headset", "input", 0),  # the whole name wins
        ("(2)", "output", 1),
        (" SPEAKERS ", "output", 2),
    ],
)
def test_one_is_meant(wanted, direction, index):
    """An index, a part of the name in any case, or the default."""
    assert find_device(THREE, wanted, direction).index == index


def test_the_first_where_none_is_the_default():
    """Some systems have devices but no default."""
    assert find_device(THREE[1:], None, "input").index == 1


@pytest.mark.parametrize(
    ("wanted", "direction", "words"),
    [
        (7, "input", "no input device has the index 7"),
        (2, "input", "no input device has the index 2"),  # it is a speaker
        ("tv", "output", "no output device has 'tv' in its name"),
        ("usb", "output", "2 output devices have 'usb' in their names"),
    ],
)
def test_none_or_several_are_meant(wanted, direction, words):
    """The error lists what there is to choose from."""
    with pytest.raises(DeviceError) as caught:
        find_device(THREE, wanted, direction)
    assert words in str(caught.value)
    assert "0: USB Headset; 1: USB Headset (2)" in str(caught.value)


def test_there_is_none(monkeypatch, tmp_path):
    """Without a device, what to check; with one that is closed to us, who opens it."""
    monkeypatch.setattr(devices, "_NODES", tmp_path)
    with pytest.raises(DeviceError, match="sound server"):
        find_device([THREE[2]], None, "input")
    for name in ("pcmC0D0c", "pcmC0D0p"):
        (tmp_path / name).touch()
    with pytest.raises(DeviceError, match="sound server"):
        find_device([], None, "input")
    monkeypatch.setattr(devices.os, "access", lambda *_: False)
    with pytest.raises(DeviceError, match=r"no permission for .*pcmC0D0c and 1 more"):
        find_device([], None, "input")


@pytest.mark.parametrize("wanted", [True, 1.0, b"usb", [0]])
def test_no_device_at_all(wanted):
    """A float or a bool is no index."""
    with pytest.raises(TypeError, match="index"):
        check_device(wanted)


@pytest.mark.parametrize("wanted", [-1, "", "  "])
def test_no_such_index_or_name(wanted):
    """Nor is a negative index, which PortAudio takes for its default."""
    with pytest.raises(ValueError, match="device"):
        check_device(wanted)


@pytest.mark.parametrize("wanted", [None, 0, "x"])
def test_fine(wanted):
    """What names a device passes."""
    check_device(wanted)
