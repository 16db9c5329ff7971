import io
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.trace.written import binary, end, event, text, written
from voxsync.errors import MissingExtra
from voxsync.trace import plot as module
from voxsync.trace.figures import figures
from voxsync.trace.plot import FORMATS, check_output, plot, require_matplotlib


@pytest.fixture
def found(tmp_path):
    """A session in which somebody spoke, and something went wrong."""
    lines = [
        binary(1, "out", 1.0),
        text(1.5, "in", "hello"),
        binary(2, "in", 1.0),
        event(3, "error", error="ProtocolError", message="<b>odd</b> & 'so on'"),
        {"t": 3, "dir": "local", "kind": "lost", "what": "refused", "count": 2},
        event(4, "close", code=1000, was_clean=True),
        end(4),
    ]
    return figures(written(tmp_path, lines))


def test_a_png(tmp_path, found):
    """Of the size that was asked for."""
    path = tmp_path / "a.png"
    assert plot(found, path, width=800, height=640) is True
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", data[16:24]) == (800, 640)


def test_an_svg_tells_what_its_parts_are(tmp_path, found):
    """In titles, which browsers show; nobody's words become markup."""
    path = tmp_path / "a.svg"
    plot(found, path)
    root = ET.parse(path).getroot()
    name = "{http://www.w3.org/2000/svg}title"
    titles = [each.text for each in root.iter(name)]
    assert "error at 3.00 s: ProtocolError: <b>odd</b> & 'so on'" in titles
    assert "lost at 3.00 s: refused 2: there was no room for it" in titles


def test_a_page_needs_nothing_else(tmp_path, found):
    """No script, no network; below the picture all is said in words, by time."""
    path = tmp_path / "a.html"
    plot(found, path)
    page = path.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "<b>odd" not in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    rows = re.findall(r"<tr><td>([\d.]+) s</td><td>(.*?)</td><td>(.*?)</td></tr>", page)
    assert [row[1] for row in rows] == [
        "person",
        "waited",
        "service",
        "error",
        "lost",
        "closed",
    ]
    assert rows[4][2] == "refused: 2 messages, 0.000 s"


@pytest.mark.parametrize("name", ["a.jpg", "a", "png", "a.pdf", ".png.txt"])
def test_other_formats_are_refused(tmp_path, found, name):
    """With the list of those that there are; nothing is written."""
    path = tmp_path / "out" / name
    path.parent.mkdir()
    with pytest.raises(ValueError, match=r"ends in \.png, \.svg, \.html"):
        plot(found, path)
    assert list(path.parent.iterdir()) == []
    assert [check_output(f"a{each.upper()}") for each in FORMATS] == list(FORMATS)


@pytest.mark.parametrize("size", [{"width": 639}, {"height": 8001}])
def test_sizes_have_limits(tmp_path, found, size):
    """A picture nobody can read, or that no memory holds."""
    with pytest.raises(ValueError, match="640 to 8000"):
        plot(found, tmp_path / "a.png", **size)


def test_it_is_there_whole_or_not_at_all(tmp_path, found, monkeypatch):
    """What was there stays when drawing or writing fails; no rest is left."""
    path = tmp_path / "out" / "a.png"
    path.parent.mkdir()
    path.write_text("before")

    def full(_, __):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        with pytest.raises(OSError, match="No space left") as caught:
            plot(found, path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]
    plot(found, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileNotFoundError) as caught:
        plot(found, tmp_path / "nowhere" / "a.png")
    assert caught.value.filename == str(tmp_path / "nowhere" / "a.png")


def test_a_link_stays_a_link(tmp_path, found):
    """The picture is written where it points to."""
    path, link = tmp_path / "a.png", tmp_path / "b.png"
    link.symlink_to(path)
    plot(found, link)
    assert link.is_symlink()
    assert path.read_bytes().startswith(b"\x89PNG")


def test_letters_without_a_font(tmp_path, monkeypatch):
    """They are told of; in a page they are as text."""
    monkeypatch.setattr(module, "_FAMILIES", ("DejaVu Sans",))
    lines = [event(1, "error", error="E", message="朝日が昇る"), end(9)]
    found = figures(written(tmp_path, lines))
    assert plot(found, tmp_path / "a.png") is False
    plot(found, tmp_path / "a.html")
    assert "朝日が昇る" in (tmp_path / "a.html").read_text("utf-8")


def test_nobodys_matplotlib_is_changed(tmp_path, found):
    """Options are as they were, pyplot is not loaded, no display is wanted."""
    code = f"""
import sys, matplotlib
def options():
    rc = matplotlib.rcParams  # to ask for the backend is to load pyplot
    return {{name: rc[name] for name in rc if name != "backend"}}
matplotlib.rcParams["axes.facecolor"] = "black"
before = options()
from voxsync.trace import read
from voxsync.trace.figures import figures
from voxsync.trace.plot import plot
plot(figures(read({str(tmp_path / "a.trace")!r})), {str(tmp_path / "a.svg")!r})
assert options() == before
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_without_matplotlib(tmp_path, found, monkeypatch):
    """The error names the extra; nothing is written."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'voxsync\[plot\]'"):
        require_matplotlib()
    with pytest.raises(MissingExtra):
        plot(found, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_it_is_loaded_when_it_is_used():
    """Who asks for figures, or for the module, needs no matplotlib."""
    code = "import sys, voxsync.trace.plot, voxsync.trace.figures; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in loaded if name in ("matplotlib", "numpy")] == []


def test_the_same_trace_gives_the_same_picture(tmp_path, found):
    """No date, no chance is in it."""
    for suffix in FORMATS:
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        plot(found, first)
        plot(found, second)
        assert first.read_bytes() == second.read_bytes()
    assert io.BytesIO(first.read_bytes()).read(9) == b"<!DOCTYPE"
