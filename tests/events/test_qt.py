"""QtDispatcher: real Qt without a screen, each program in its own process.

What a program is to show stands in its docstring, in `gui_programs` and `qt_programs`.
"""

import os

import pytest

from tests.events import gui_programs, qt_programs
from tests.events.gui_child import own_programs, run

BINDINGS = ["PySide6", "PyQt6"]
OFFSCREEN = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("program", gui_programs.PROGRAMS)
def test_as_every_toolkit(binding, program):
    """See `gui_programs`."""
    run(binding, program, OFFSCREEN)


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("program", own_programs(qt_programs))
def test_qt(binding, program):
    """See `qt_programs`."""
    run(binding, program, OFFSCREEN)


@pytest.mark.parametrize("binding", BINDINGS)
def test_as_fast_as_speech(binding):
    """Fifty events a second, as long as a test may take."""
    run(binding, "in_order", OFFSCREEN, "150", "50")


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("how", ["destroy", "exit"])
def test_the_program_ends(binding, how):
    """In whatever way: no hang, no traceback, exit code 0."""
    run(binding, "end_without_closing", OFFSCREEN, how)
