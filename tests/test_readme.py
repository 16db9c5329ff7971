"""Every python block of the README runs; every command in it exists."""

import io
import re
import shlex
import threading
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from voxsync.cli.main import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
EXPECTED = ["True", "1000 hello True", "が", "4003"]


def test_there_are_programs_to_run():
    """The expression above still finds them."""
    assert len(BLOCKS) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_blocks_run(number):
    """Each as a program of its own, and prints what it is about."""
    out, namespace = io.StringIO(), {"__name__": f"readme_{number}"}
    with redirect_stdout(out):
        exec(compile(BLOCKS[number], f"README.md[{number}]", "exec"), namespace)
    assert EXPECTED[number] in out.getvalue()


@pytest.mark.parametrize("name", ["demo-command", "test-command"])
def test_set_up_is_one_command(name):
    """One line behind its marker: what CI and newcomers copy."""
    block = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].count("\n") == 1
    assert "pip install" in block[1]


def test_shell_examples_are_valid_commands(capsys, monkeypatch):
    """Each `voxsync ...` line is understood by the command line."""
    lines = [
        shlex.split(line, comments=True)[1:]
        for line in README.splitlines()
        if line.startswith("voxsync ")
    ]
    assert len(lines) >= 4
    parsed = []
    for module in ("demo", "transcribe", "simulate"):
        monkeypatch.setattr(
            f"voxsync.cli.{module}.run", lambda a: parsed.append(a) or 0
        )
    for line in lines:
        assert main(line) == 0
    assert len(parsed) == len(lines)


def test_the_readme_names_no_thread_that_does_not_exist():
    """The thread model's names are those of a real session's threads."""
    namespace = {}
    seen = []
    code = BLOCKS[0].replace("print(", "note(")
    namespace["note"] = lambda *_: seen.extend(t.name for t in threading.enumerate())
    exec(compile(code, "README.md", "exec"), namespace)
    kinds = {name.rsplit("-", 1)[0] for name in seen if name.startswith("voxsync-")}
    assert {"voxsync-io", "voxsync-events"} <= kinds
