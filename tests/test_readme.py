"""Every python block of the README runs; every command in it exists."""

import configparser
import re
import threading
import wave

import pytest

from tests.documents import (
    ROOT,
    python_blocks,
    run_examples,
    run_program,
    shell_examples,
)
from voxsync.cli.exits import Exit
from voxsync.gemini import LiveSession
from voxsync.mimi import MimiSession
from voxsync.simulators.mimi import MimiService

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = python_blocks(README)
EXPECTED = [
    "True",
    "1000 hello True",
    "が",
    "2.0",
    "s recorded",
    "hung up: 1000",
    "4000 bye True",
    "serverContent UsageMetadata(",
    "Good morning.",
    "が昇る",
    "True",
    "4003",
    "of: second",
    "message: hello\nclose: 1000 bye",
]


def test_there_are_programs_to_run():
    """The expression above still finds them."""
    assert len(BLOCKS) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_blocks_run(number, tmp_path):
    """Each as a program of its own, with a sound card, and prints what it is about."""
    assert EXPECTED[number] in run_program(BLOCKS[number], tmp_path)


@pytest.mark.parametrize("name", ["demo-command", "test-command"])
def test_set_up_is_one_command(name):
    """One line behind its marker: what CI and newcomers copy."""
    block = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].count("\n") == 1
    assert "pip install" in block[1]


def test_shell_examples_run(tmp_path):
    """Each `voxsync ...` line does what it says, as a process, on a free port."""
    examples = shell_examples(README)
    assert len([example for example in examples if "--port" in example]) == 4
    run_examples(examples, tmp_path)
    assert (tmp_path / "subs" / "talk.srt").exists()
    with wave.open(str(tmp_path / "echo.wav")) as file:
        assert file.getnframes() == file.getframerate()  # the second that was said


def test_exit_codes_are_those_of_the_program():
    """The README's table and the enumeration agree."""
    table = README.partition("| exit code |")[2].partition("\n\n")[0]
    numbers = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    found = {int(number) for row in numbers for number in row.split(",")}
    assert found == set(Exit)


def test_extras_are_those_of_the_package():
    """Each with a row of the table; `dev` is for those who work on it."""
    listed = set(re.findall(r"^\| `voxsync\[(\w+)\]`", README, re.MULTILINE))
    settings = configparser.RawConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert listed == set(settings["options.extras_require"]) - {"dev"}


def test_names_for_who_comes_from_google_genai():
    """What is in the right column is what a session has."""
    table = README.partition("| google-genai (Python) |")[2].partition("\n\n")[0]
    right = [row.rpartition(" | ")[2] for row in table.splitlines()]
    methods = set(re.findall(r"\b(?:send|receive)\w*(?=\()", " ".join(right)))
    assert len(methods) == 10
    assert all(callable(getattr(LiveSession, name)) for name in methods)


def test_the_readme_names_no_thread_that_does_not_exist():
    """The thread model's names are those of a real session's threads."""
    named = set(re.findall(r"(voxsync-[a-z]+)-<id>", README))
    with MimiService() as service:
        session = MimiSession(None, url=service.url)
        session.on_open = lambda event: None  # somebody listens: the thread is there
        with session:
            seen = {thread.name for thread in threading.enumerate()}
    kinds = {f"voxsync-{kind}" for kind in ("io", "events")}
    assert named == kinds
    assert {f"{kind}-{session.id}" for kind in kinds} <= seen
