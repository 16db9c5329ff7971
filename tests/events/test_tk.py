"""TkDispatcher: real windows on a private X server, each program in its own process.

What a program is to show stands in its docstring, in `gui_programs` and `tk_programs`.
"""

import pytest

from tests.events import gui_programs, tk_programs
from tests.events.gui_child import own_programs, run


@pytest.mark.parametrize("program", gui_programs.PROGRAMS)
def test_as_every_toolkit(screen, program):
    """See `gui_programs`."""
    run("tk", program, screen.environment)


@pytest.mark.parametrize("program", own_programs(tk_programs))
def test_tk(screen, program):
    """See `tk_programs`."""
    run("tk", program, screen.environment)


def test_as_fast_as_speech(screen):
    """Fifty events a second, as long as a test may take."""
    run("tk", "in_order", screen.environment, "150", "50")


@pytest.mark.parametrize("how", ["destroy", "exit"])
def test_the_program_ends(screen, how):
    """In whatever way: no hang, no traceback, exit code 0."""
    run("tk", "end_without_closing", screen.environment, how)
