"""Runs a test's program in a process of its own.

What goes wrong between GUIs and threads ends the process, hangs at its end, or is only
printed; and there can be one `QApplication` and one Qt binding in a process.
"""

import os
import subprocess
import sys
from inspect import isfunction, signature
from pathlib import Path

import coverage

ROOT = Path(__file__).parent.parent.parent


def own_programs(module):
    """The programs of a module: those of its functions that take only the toolkit."""
    return [
        name
        for name, fn in vars(module).items()
        if isfunction(fn)
        and fn.__module__ == module.__name__
        and fn.__doc__
        and list(signature(fn).parameters) in (["_"], ["binding"])
        and name != "make"
    ]


def run(gui, program, environment, *arguments):
    """Run `gui_programs.<program>` with a toolkit; it must end well and say nothing.

    Args:
        gui: "tk", "PySide6" or "PyQt6".
        program: Its name.
        environment: From a `Screen`.
        arguments: For the program.
    """
    environment = {**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    environment.pop("COVERAGE_PROCESS_START", None)
    measured = coverage.Coverage.current()
    if measured is not None and measured.config.config_file is not None:
        environment["COVERAGE_PROCESS_START"] = measured.config.config_file
    strictly = [sys.executable, "-X", "dev", "-W", "error", "-m"]
    done = subprocess.run(
        [*strictly, "tests.events.gui_child", gui, program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        cwd=ROOT,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), (
        f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    assert done.stdout == "done\n"


if __name__ == "__main__":
    coverage.process_startup()  # before what is measured is imported
    from tests.events.gui_programs import main

    main(*sys.argv[1:])
