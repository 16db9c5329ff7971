"""The documentation: complete, and all it shows runs. The tool for docstrings, too."""

import functools
import importlib
import importlib.util
import re
import subprocess
import sys
import textwrap

import pytest

from tests.documents import (
    ROOT,
    python_blocks,
    run_examples,
    run_program,
    shell_examples,
)

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCKS = [
    pytest.param(code, id=f"{page.relative_to(DOCS)}-{number}")
    for page in PAGES
    for number, code in enumerate(python_blocks(page.read_text(encoding="utf-8")))
]
TOOL = ROOT / ".ci" / "docstrings.py"
MODULES = [
    name
    for page in PAGES
    for name in re.findall(
        r"^\.\. (?:auto|py:)module:: (\S+)", page.read_text(), re.MULTILINE
    )
]


def tool():
    """The tool as a module."""
    spec = importlib.util.spec_from_file_location("docstrings", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_pages_and_programs():
    """An empty list would pass every test below."""
    assert len(PAGES) > 20
    assert len(BLOCKS) > 15
    assert len(MODULES) > 15


@pytest.mark.parametrize("code", BLOCKS)
def test_programs_run(code, tmp_path):
    """Each as a program of its own; it prints something, and nothing goes wrong."""
    if "print(" in code:
        assert run_program(code, tmp_path).strip()
    else:
        run_program(code, tmp_path)


def test_commands_run(tmp_path):
    """Each `voxsync ...` line of the pages, page by page, does what it says."""
    for page in PAGES:
        if examples := shell_examples(page.read_text(encoding="utf-8")):
            folder = tmp_path / page.stem
            folder.mkdir()
            run_examples(examples, folder)


def test_every_page_is_in_the_contents():
    """Who reads from the first page finds all of them."""
    index = (DOCS / "index.md").read_text()
    listed = re.findall(r"^(?:\S+ <)?([a-z_/]+)>?$", index, re.MULTILINE)
    there = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES}
    assert {name for name in listed if name in there} == there - {"index"}


def documented(door):
    """The public names that the page of a door shows."""
    text = "\n".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    block = re.search(rf"automodule:: {re.escape(door)}\n((?:   .*\n)*)", text)
    if block is None:
        return {}
    left_out = re.findall(r"[\w]+", block[1].partition(":exclude-members:")[2])
    module = importlib.import_module(door)
    return {n: getattr(module, n) for n in module.__all__ if n not in left_out}


def test_every_public_name_has_a_place():
    """In one page of the reference: by its own door, or by another that has it, too."""
    shown = {id(thing) for door in MODULES for thing in documented(door).values()}
    for door in tool().DOORS:
        name = f"voxsync.{door}".rstrip(".")
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        missing = [n for n in module.__all__ if id(getattr(module, n)) not in shown]
        assert missing == [], name


def test_the_lobby_is_listed():
    """The page of `voxsync` leads to every name of it, and to nothing else."""
    import voxsync

    page = (DOCS / "api" / "voxsync.md").read_text()
    assert sorted(re.findall(r"`\.(\w+)`", page)) == sorted(voxsync.__all__)


KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_the_changelog_keeps_its_form():
    """Keep a Changelog: unreleased on top, versions with dates, known kinds, lists."""
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    for version in versions[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version)
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", section, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds]
        for entries in re.split(r"^### .*$", section, flags=re.MULTILINE)[1:]:
            lines = [line for line in entries.splitlines() if line]
            assert lines
            assert all(line.startswith(("- ", "  ")) for line in lines)


# The tool

GOOD = '''
    """Whatever."""

    from __future__ import annotations

    __all__ = ["BOUND", "Unit", "load"]

    BOUND = 3
    """How many there may be."""


    class Unit:
        """Gives audio.

        Args:
            rate: Hz.

        Attributes:
            rate: As given.

        Raises:
            ValueError: Another rate.

        Thread: any.
        """

        def __init__(self, rate: int) -> None:
            if rate < 1:
                raise ValueError(rate)
            self.rate = rate

        @property
        def delay(self) -> float:
            """Seconds until it is heard."""
            return 0.1

        def read(self, timeout: float | None = None) -> NDArray[np.int16]:
            """The next int16 `(frames,)`.

            Args:
                timeout: Seconds; None = no limit.
            """
            return []

        def again(self, timeout: float) -> NDArray[np.int16]:
            """See `read`."""
            return []


    def load(path: str) -> Unit:
        """Make the unit of the file at `path`."""
        return Unit(1)
'''
DEFECTS = [
    ('\n    """How many there may be."""\n', "", "BOUND: no docstring"),
    ('"""Make the unit of the file at `path`."""', "", "load: no docstring"),
    ("file at `path`", "file", "load: `path` is not documented"),
    ('"""Make the unit', '"""Fetch the unit', "load: what it returns (Unit)"),
    ("timeout: Seconds; None", "timeout: None", "Unit.read: `timeout` has no unit"),
    ("Args:\n            rate: Hz.", "Args:", "Unit.__init__: `rate` has no unit"),
    ("Seconds until", "Time until", "Unit.delay: `delay` has no unit"),
    ("int16 `(frames,)`", "audio", "Unit.read: `read`: shape, dtype?"),
    (
        "ValueError: Another rate",
        "Bad: Another rate",
        "Unit.__init__: raises ValueError",
    ),
    ("Thread: any.", "", "Unit.read: no Thread:"),
    ("See `read`", "The next", "Unit.again: `timeout` is not documented"),
]


def judged(text, tmp_path, monkeypatch, capsys):
    """What the tool says of a module, and how it ends."""
    (tmp_path / "units.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "units", raising=False)
    importlib.invalidate_caches()
    status = tool().main(["units"])
    monkeypatch.delitem(sys.modules, "units", raising=False)
    return status, capsys.readouterr().out


def test_good_docstrings_pass(tmp_path, monkeypatch, capsys):
    """A module that says all is let through, and was looked at."""
    status, said = judged(GOOD, tmp_path, monkeypatch, capsys)
    assert (status, said) == (0, "7 public names, 0 things lacking\n")


@pytest.mark.parametrize(("words", "instead", "lack"), DEFECTS)
def test_each_defect_is_found(words, instead, lack, tmp_path, monkeypatch, capsys):
    """With its file and line."""
    assert words in GOOD
    text = GOOD.replace(words, instead)
    status, said = judged(text, tmp_path, monkeypatch, capsys)
    assert status == 1
    assert re.search(rf"units\.py:\d+: {re.escape(lack)}", said), said


def test_nothing_to_judge_is_a_failure(tmp_path, monkeypatch, capsys):
    """A tool that looks at nothing must not pass."""
    status, _ = judged('"""Empty."""\n__all__ = []\n', tmp_path, monkeypatch, capsys)
    assert status == 1


# `help()`

DOORS = (
    "voxsync",
    *(f"voxsync.{n}" for n in ("gemini", "conversation", "media", "mimi")),
)


@pytest.mark.parametrize("door", DOORS)
def test_help_shows_what_is_loaded_when_used(door):
    """Each class and function of a door, and its import loads none of them for that."""
    code = (
        "import importlib, pydoc, sys\n"
        f"door = importlib.import_module({door!r})\n"
        "assert set(door.__all__) <= set(dir(door))\n"
        "lazy = [name for name in door.__all__ if name not in vars(door)]\n"
        "text = pydoc.render_doc(door, renderer=pydoc.plaintext)\n"
        "for name in lazy:\n"
        "    if isinstance(getattr(door, name), type):\n"
        "        assert f'class {name}' in text, name\n"
        "    else:\n"
        "        assert name in text, name\n"
        "print(len(lazy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 0


def test_docstrings_of_doors_name_what_there_is():
    """Names in them are names of the door, or lead to where they are."""
    for name in ("gemini", "conversation"):
        door = importlib.import_module(f"voxsync.{name}")
        groups = door.__doc__.partition("\n- ")[2].partition("\n\n")[0]
        listed = re.findall(r"`([A-Z]\w+)`", groups)
        assert listed
        assert set(listed) <= set(door.__all__)


def test_the_example_of_the_gemini_door_prints_the_answer(monkeypatch, capsys):
    """As it stands there, with the service's address put in."""
    import voxsync.gemini as door
    from voxsync.simulators.gemini import GeminiService
    from voxsync.simulators.gemini_brain import PhraseBrain

    code = re.search(r"\n\n((?: {4}.*\n|\n)+)", door.__doc__)[1]
    brain = PhraseBrain({}, otherwise="Good morning to you.")
    with GeminiService(brain=brain, paced=False) as service:
        there = functools.partial(door.LiveGenerativeModel, base_url=service.url)
        monkeypatch.setattr(door, "LiveGenerativeModel", there)
        exec(textwrap.dedent(code), {"key": "a key"})
    assert capsys.readouterr().out.strip() == "Good morning to you."
