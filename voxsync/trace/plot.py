"""A trace as a picture: PNG, SVG, or a page with the words to what one points at."""

from __future__ import annotations

import html
import io
import os
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.errors import MissingExtra
from voxsync.trace.lettering import LANES

if TYPE_CHECKING:
    from voxsync.trace.drawing import Picture
    from voxsync.trace.figures import Figures

__all__ = [
    "FORMATS",
    "LARGEST",
    "SMALLEST",
    "bins_of",
    "check_output",
    "plot",
    "require_matplotlib",
]

FORMATS = (".png", ".svg", ".html")
"""What a picture's file name may end with."""

SMALLEST, LARGEST = 640, 8000
"""Pixels of a side."""

# Fonts for the languages that the first one has no letters for, where there are any.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoPGothic",
    "WenQuanYi Micro Hei",
    "Hiragino Sans",
    "Yu Gothic",
    "MS Gothic",
    "Meiryo",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "Noto Sans",
)
_GROUP = re.compile(r'<g id="(tip-\d+)">')
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 0; font: 15px/1.5 system-ui, sans-serif; color: #222 }}
.picture {{ overflow-x: auto }}
.picture svg {{ display: block; width: 100%; min-width: 1000px; height: auto }}
.picture g[id^="tip-"]:hover {{ opacity: 0.6 }}
main {{ max-width: 70em; margin: 1em auto; padding: 0 1em }}
td {{ vertical-align: top; padding: 0 1em 0 0 }}
td:first-child, td:nth-child(2) {{ white-space: nowrap }}
</style>
</head>
<body>
<div class="picture">
{svg}
</div>
<main>
<h1>What happened</h1>
<p>Point at a part of the picture to read what it is.</p>
<table>
{rows}
</table>
</main>
</body>
</html>
"""


def check_output(path: str | os.PathLike[str]) -> str:
    """See that a picture can be written there; return its format, e.g. ".png".

    Raises:
        ValueError: The name ends otherwise than a picture's.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise ValueError(f"{os.fsdecode(path)}: a picture's name ends in {known}")
    return suffix


def bins_of(width: int) -> int:
    """Into how many bins the time is best cut for a picture so many pixels wide."""
    return round(width * LANES)


def require_matplotlib() -> None:
    """See that there is something to draw with.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        import_module("matplotlib")
    except ImportError as exc:
        raise MissingExtra(
            "plotting a trace needs matplotlib: pip install 'voxsync[plot]'"
        ) from exc


def plot(
    figures: Figures,
    path: str | os.PathLike[str],
    *,
    width: int = 1600,
    height: int = 900,
) -> bool:
    """Draw figures into a file, which is there whole in the end, or as it was.

    Args:
        figures: As `voxsync.trace.figures.figures` returns them.
        path: Ends in one of `FORMATS`; a file that is there is replaced.
        width: Pixels, 640 to 8000; of .svg and .html the size that it is made for.
        height: Likewise.

    Returns:
        Whether all letters could be drawn. False: this machine has no font for some;
        in .svg and .html they are as text, so whoever has one sees them.

    Raises:
        ValueError: Another name, or a size out of range.
        MissingExtra: matplotlib is not installed.
        OSError: The file cannot be written.

    Thread: one at a time, for drawing sets options of matplotlib that are everybody's
    (`pyplot` is not touched). Takes a second or two.
    """
    suffix = check_output(path)
    for name, value in (("width", width), ("height", height)):
        if not SMALLEST <= value <= LARGEST:
            raise ValueError(
                f"{name} must be {SMALLEST} to {LARGEST} pixels, not {value}"
            )
    require_matplotlib()
    data, complete = _drawn(figures, suffix, width, height)
    _replace(Path(path), data)
    return complete


def _drawn(
    figures: Figures, suffix: str, width: int, height: int
) -> tuple[bytes, bool]:
    import matplotlib.style  # noqa: PLC0415 - an extra

    # A person's own style is for their own pictures.
    options = {
        "svg.fonttype": "none",
        "svg.hashsalt": "voxsync",
        "hatch.linewidth": 0.6,
    }
    with (
        matplotlib.style.context(["default", options]),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        from voxsync.trace.drawing import DPI, Picture  # noqa: PLC0415

        picture = Picture(figures, width, height, _families())
        file = io.BytesIO()
        kind = "png" if suffix == ".png" else "svg"
        about = {"Software": None} if kind == "png" else {"Date": None}
        picture.figure.savefig(file, format=kind, dpi=DPI, metadata=about)
    complete = not any("missing from font" in str(each.message) for each in told)
    data = file.getvalue()
    if kind == "svg":
        data = _with_tips(data.decode(), picture).encode()
    if suffix == ".html":
        data = _page(figures, data.decode()).encode()
    return data, complete


def _families() -> list[str]:
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - an extra

    there = {font.name for font in fontManager.ttflist}
    return [name for name in _FAMILIES if name in there] or ["sans-serif"]


def _with_tips(svg: str, picture: Picture) -> str:
    """With a title for each part, which browsers show where one points at it."""
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # texts have spaces
    return _GROUP.sub(
        lambda found: f"{found[0]}<title>{html.escape(picture.tips[found[1]])}</title>",
        svg,
    )


def _page(figures: Figures, svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    title = html.escape(f"{figures.door} {figures.url} {figures.started}")
    rows = "\n".join(
        f"<tr><td>{t:.3f} s</td><td>{what}</td><td>{html.escape(words)}</td></tr>"
        for t, what, words in sorted(_happened(figures))
    )
    return _PAGE.format(title=title, svg=svg, rows=rows)


def _happened(figures: Figures) -> list[tuple[float, str, str]]:
    found = [
        (u.start, "person" if u.way == figures.person else "service", u.text)
        for u in figures.utterances
    ]
    found += [(w.start, "waited", f"{w.kind}: {w.ms} ms") for w in figures.latencies]
    found += [
        (s.start, "stall", f"{s.seconds:.3f} s ({s.way})") for s in figures.stalls
    ]
    found += [
        (i.t, "interrupted", f"by {i.by}, {i.unheard:.3f} s not heard")
        for i in figures.interruptions
    ]
    found += [
        (loss.t, "lost", f"{loss.what}: {loss.count} messages, {loss.seconds:.3f} s")
        for loss in figures.losses
    ]
    found += [(f.t, "error", f.message) for f in figures.failures]
    found += [
        (c.t, "closed", f"{'' if c.code is None else c.code} {c.reason}".strip())
        for c in figures.closes
    ]
    return found


def _replace(path: Path, data: bytes) -> None:
    """Beside it first, so that nobody ever sees half a picture."""
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as exc:  # people know nothing of the part
        raise OSError(exc.errno, exc.strerror, str(path)) from exc
    finally:
        part.unlink(missing_ok=True)
