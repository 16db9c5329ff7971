"""Faults on the command line."""

import argparse

import pytest

from voxsync.cli.simulate_faults import menu, read_fault
from voxsync.simulators import voximplant_faults as vox
from voxsync.simulators.faults import FAULTS, fault


def test_a_menu_is_shown():
    """Each with what it does, and the settings."""
    lines = menu(FAULTS).splitlines()
    assert len(lines) == len(FAULTS) + 2
    assert lines[0].split(None, 1) == ["silent", FAULTS["silent"]]
    assert lines[-1].startswith("settings: at, after_bytes, code, ")


def test_each_menu_has_its_own():
    """The function that makes them decides."""
    assert read_fault("close:code=4003,at=audio", fault) == fault(
        "close", code=4003, at="audio"
    )
    assert read_fault("gaps:count=3", vox.fault) == vox.fault("gaps", count=3)
    with pytest.raises(argparse.ArgumentTypeError, match="no fault 'gaps'"):
        read_fault("gaps", fault)
    with pytest.raises(argparse.ArgumentTypeError, match="no fault 'burst'"):
        read_fault("burst", vox.fault)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stall:seconds=x", "seconds=x: not a number"),
        ("gaps:count", "write KEY=VALUE"),
        ("gaps:counts=1", "a key of at"),
    ],
)
def test_settings_that_make_no_sense(text, words):
    """With what there is instead."""
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        read_fault(text, vox.fault)
