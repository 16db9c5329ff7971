import argparse

import pytest

from voxsync.cli.arguments import device, port, rate, seconds


@pytest.mark.parametrize(
    ("text", "what"), [("3", 3), ("usb", "usb"), ("USB 2", "USB 2"), ("-1", "-1")]
)
def test_device(text, what):
    """A number is an index; all else is a name."""
    assert device(text) == what


@pytest.mark.parametrize("text", ["0", "8080", "65535"])
def test_port(text):
    """One that can be listened on, or any."""
    assert port(text) == int(text)


@pytest.mark.parametrize("text", ["1000", "16000", "768000"])
def test_rate(text):
    """What a media unit takes."""
    assert rate(text) == int(text)


@pytest.mark.parametrize(("text", "what"), [("2.5", 2.5), ("1e1", 10.0)])
def test_seconds(text, what):
    """Also a part of one."""
    assert seconds(text) == what


@pytest.mark.parametrize(
    ("take", "text"),
    [
        (port, "65536"),
        (port, "-1"),
        (port, "http"),
        (device, ""),
        (device, "  "),
        *((rate, each) for each in ("", "x", "0", "999", "768001", "16k", "-8000")),
        *((seconds, each) for each in ("", "x", "0", "-1", "inf", "nan")),
    ],
)
def test_what_makes_no_sense(take, text):
    """Argparse makes a message and exit code 2 of it."""
    with pytest.raises(argparse.ArgumentTypeError):
        take(text)
