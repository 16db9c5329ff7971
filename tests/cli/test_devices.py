import json

import pytest

from voxsync.cli.devices import table
from voxsync.cli.main import main
from voxsync.media import AudioDevice


def device(index, name, inputs, outputs, **more):
    return AudioDevice(
        index=index,
        name=name,
        host_api="ALSA",
        max_input_channels=inputs,
        max_output_channels=outputs,
        default_sample_rate=48000,
        **more,
    )


@pytest.fixture
def devices(monkeypatch):
    """Have the system list these."""

    def there_are(*devices):
        monkeypatch.setattr(
            "voxsync.media.audio_devices", lambda: list(devices), raising=False
        )

    return there_are


def test_the_table():
    """Figures on the right, names on the left; wide characters count as two."""
    shown = table(
        [
            device(0, "マイク\n1", 1, 0, is_default_input=True),
            device(11, "Speakers", 0, 32, is_default_output=True),
            device(12, "USB", 2, 2),
        ]
    )
    assert shown.splitlines() == [
        " #  NAME      HOST API  IN  OUT   RATE",
        " 0  マイク 1  ALSA      1*   -   48000",
        "11  Speakers  ALSA      -   32*  48000",
        "12  USB       ALSA      2    2   48000",
        "* = default",
    ]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_without_any_it_says_what_to_check(devices, capsys, flags):
    """A failure, in the library's words; JSON is an empty list."""
    devices()
    assert main(["devices", *flags]) == 1
    out, err = capsys.readouterr()
    assert out == ("[]\n" if flags else "")
    assert err.startswith("voxsync: there is no sound output device: ")


def test_json(devices, capsys):
    """All that is known of each, under the attributes' names."""
    devices(device(3, "マイク", 1, 0, is_default_input=True))
    assert main(["devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "index": 3,
            "name": "マイク",
            "host_api": "ALSA",
            "max_input_channels": 1,
            "max_output_channels": 0,
            "default_sample_rate": 48000,
            "is_default_input": True,
            "is_default_output": False,
        }
    ]


def test_the_real_ones(spawn, sound):
    """Those of a sound server; nothing of what the sound libraries chatter."""
    code, out, err = spawn("devices", env=sound.environment).end()
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["#", "NAME", "HOST", "API", "IN", "OUT", "RATE"]
    (default,) = [row for row in rows if row[1] == "default"]
    assert default[2] == "ALSA"
    assert default[3].endswith("*")
    assert default[4].endswith("*")
