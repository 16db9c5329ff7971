"""The names of the room, and what it costs to enter."""

import subprocess
import sys
from importlib import import_module

import pytest

from voxsync.dialects import gemini


@pytest.mark.parametrize("name", gemini.__all__)
def test_names_resolve(name):
    """Every name of `__all__` is found where the room says it lives."""
    home = import_module(f"voxsync.dialects.gemini.{gemini._HOMES[name]}")
    assert name in home.__all__
    assert getattr(gemini, name) is getattr(home, name)


def test_names_are_sorted():
    """Who looks for a name finds it where the alphabet says."""
    assert gemini.__all__ == sorted(set(gemini.__all__))
    assert set(gemini.__all__) == set(gemini._HOMES)


def test_other_names():
    """A name that is not there is an AttributeError, as everywhere."""
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        gemini.Nonsense  # noqa: B018


def test_entering_is_cheap():
    """Nothing of the room is loaded before it is used, numpy not at all."""
    code = (
        "import sys, voxsync.dialects.gemini as gemini; first = set(sys.modules)\n"
        "for name in gemini.__all__: getattr(gemini, name)\n"
        "print('voxsync.dialects.gemini.parts' in first, 'numpy' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]
