"""The rules of the house that no type checker knows."""

import ast
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

import voxsync

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "voxsync"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
LONGEST = 400

# Files of a room whose test is not tests/<room>/test_<file>.py, and why.
TESTED_ELSEWHERE = {
    # One menu, cut into files for their length: tests/simulators/test_acts.py
    "voxsync/simulators/act.py": "the base of the acts",
    "voxsync/simulators/acts_opening.py": "a page of the acts",
    "voxsync/simulators/acts_results.py": "a page of the acts",
    "voxsync/simulators/acts_session.py": "a page of the acts",
    "voxsync/session/owner.py": "a protocol; nothing runs there",
}
# The one place that may sleep, when it is there: the pacing clock of voice.
MAY_SLEEP = {"voxsync/media/clock.py"}


def test_there_is_something_to_check():
    """An empty list of files would pass every test below."""
    assert len(FILES) > 40
    assert {room.name for room in ROOMS} >= {"audio", "wire", "transport", "session"}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_file_is_too_long(path):
    """One file, one noun: at most 400 lines, better 250."""
    assert len(path.read_text().splitlines()) <= LONGEST


def mirror(path):
    """Where the test of this file belongs."""
    inside = path.relative_to(PACKAGE)
    return ROOT / "tests" / inside.parent / f"test_{inside.stem}.py"


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.stem not in ("__init__", "__main__")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_tests_mirror_the_tree(path):
    """Who looks for the tests of a file finds them by its name."""
    if str(path.relative_to(ROOT)) in TESTED_ELSEWHERE:
        assert not mirror(path).exists(), "not an exception any more"
    else:
        assert mirror(path).exists(), f"there is no {mirror(path).relative_to(ROOT)}"


def test_public_names_are_sorted():
    """Who looks for a name finds it where the alphabet says."""
    assert voxsync.__all__ == sorted(set(voxsync.__all__))


@pytest.mark.parametrize("name", voxsync.__all__)
def test_public_names_resolve(name):
    """Every name of `__all__` is there, is called that, and is documented."""
    found = getattr(voxsync, name)
    assert found.__name__ == name
    assert found.__doc__


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_rooms_say_what_they_are(room):
    """A room's docstring: what lives here, what it may import, who enters."""
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    assert docstring
    assert "may import" in docstring.lower(), "say what the room may import"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_modules_have_docstrings(path):
    """The first line of a file says what it is for."""
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_is_left_for_later(path):
    """What is to be done stands in the issue tracker, not in the code."""
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text())


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nobody_sleeps(path):
    """Waiting is for something: an event, a condition, a deadline in select."""
    if str(path.relative_to(ROOT)) in MAY_SLEEP:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr != "sleep", f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            assert all(a.name != "sleep" for a in node.names), f"line {node.lineno}"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("voxsync", ["numpy", "websocket", "websockets", "blinker", "voxsync.session"]),
        ("voxsync.mimi", ["numpy", "websockets", "pocketsphinx"]),
        ("voxsync.plain", ["numpy", "websockets"]),
        (
            "voxsync.voximplant",
            ["numpy", "websockets", "opuslib_next", "voxsync.server"],
        ),
        ("voxsync.gemini", ["numpy", "websocket", "websockets", "voxsync.server"]),
        ("voxsync.conversation", ["numpy", "blinker", "voxsync.session"]),
        # What its names load on first use.
        (
            "voxsync.conversation.conversation",
            ["numpy", "pyaudio", "websockets", "voxsync.dialects.gemini"],
        ),
        ("voxsync.media", ["numpy", "pyaudio"]),
        ("voxsync.simulators", ["numpy", "pocketsphinx", "voxsync.session"]),
        ("voxsync.websocket_server", ["numpy"]),
        ("voxsync.clocks", ["numpy", "voxsync.session", "voxsync.media"]),
        ("voxsync.errors", ["numpy", "websocket", "blinker"]),
    ],
)
def test_imports_are_lazy(module, absent):
    """A program pays for what it uses when it uses it."""
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert module in loaded
    assert [name for name in absent if name in loaded] == []


def layers():
    """The rooms that the import contract orders."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    (ordered,) = [c["layers"] for c in contracts if c["type"] == "layers"]
    return {name.strip() for layer in ordered for name in layer.split("|")}


def test_the_contract_names_every_room():
    """A new room, door or file at the top must be given its place."""
    there = {f"voxsync.{room.name}" for room in ROOMS}
    there |= {f"voxsync.{p.stem}" for p in PACKAGE.glob("*.py") if p.stem[0] != "_"}
    assert layers() == there
