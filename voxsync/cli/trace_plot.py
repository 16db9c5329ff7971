"""`voxsync trace plot`: a picture of a session, from its trace."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, Usage, plain

if TYPE_CHECKING:
    from voxsync.trace.figures import Figures

__all__ = ["add_parser", "run"]

_EPILOG = f"""\
Shows on one axis of time: the sound of both sides, who said what (with the moments at
which the text came), how long one waited for the other, network stalls, what was lost,
interruptions, messages and the end. The output's name decides what is made:

  .png   a picture
  .svg   the same, which can be enlarged
  .html  a page: point at a part to read what it is; below, all of it in words

It needs matplotlib: pip install 'voxsync[plot]'. A file that is there is replaced.
What was said is in the picture: it is as private as the conversation.

examples:
  voxsync trace plot call.trace -o call.png
  voxsync trace plot call.trace -o call.html
  voxsync trace plot call.trace -o detail.png --from 62.5 --to 75
  voxsync trace plot call.trace -o poster.png --size 3200x1800

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line; `commands` are those of `voxsync trace`."""
    parser = commands.add_parser(
        "plot",
        help="draw a session: who spoke when, where one waited, what was lost",
        description="Draw a picture of a session from its trace.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("trace", metavar="TRACE", type=Path, help="as `record-session` writes it")
    add(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help=".png, .svg or .html",
    )
    add(
        "--from",
        dest="start",
        type=_moment,
        default=0.0,
        metavar="S",
        help="show from this second of the trace on; default: its beginning",
    )
    add(
        "--to",
        dest="end",
        type=arguments.seconds,
        metavar="S",
        help="show until this second; default: its end",
    )
    add(
        "--size",
        type=_size,
        default=(1600, 900),
        metavar="WxH",
        help="pixels; default: 1600x900",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Read, draw, say so."""
    from voxsync.trace import read  # noqa: PLC0415 - with what it needs
    from voxsync.trace.plot import (  # noqa: PLC0415
        bins_of,
        check_output,
        plot,
        require_matplotlib,
    )

    try:  # what cannot work is told before a long trace is read
        check_output(args.output)
    except ValueError as exc:
        raise Usage(str(exc)) from exc
    both_there = args.output.exists() and args.trace.exists()
    if both_there and args.output.samefile(args.trace):
        raise Usage(f"{args.output}: the picture would replace the trace")
    if args.end is not None and args.end <= args.start:
        raise Usage(f"--to {args.end:g} is not after --from {args.start:g}")
    require_matplotlib()
    trace = read(args.trace)
    from voxsync.trace.figures import figures  # noqa: PLC0415 - numpy

    width, height = args.size
    try:
        found = figures(trace, args.start, args.end, bins=bins_of(width))
    except ValueError as exc:
        raise Usage(plain(f"{args.trace}: {exc}")) from exc
    complete = plot(found, args.output, width=width, height=height)
    _tell(found, args.output, complete=complete)
    return Exit.OK


def _tell(found: Figures, output: Path, *, complete: bool) -> None:
    for note in found.notes:
        print(f"voxsync: {plain(note)}", file=sys.stderr)
    if not complete:
        print(
            "voxsync: this machine has no font for some of the letters; a page (.html) "
            "shows them wherever there is one",
            file=sys.stderr,
        )
    print(plain(str(output)))


def _moment(text: str) -> float:
    """A second of the trace; 0 is its beginning."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 or more seconds, e.g. 62.5")
    return found


def _size(text: str) -> tuple[int, int]:
    """Pixels, e.g. "1600x900"."""
    parts = text.lower().split("x")
    if len(parts) == 2 and all(p.isascii() and p.isdecimal() for p in parts):
        width, height = (int(part[:6]) for part in parts)
        from voxsync.trace.plot import LARGEST, SMALLEST  # noqa: PLC0415

        if all(SMALLEST <= side <= LARGEST for side in (width, height)):
            return width, height
    raise argparse.ArgumentTypeError(
        f"{text!r}: width x height in pixels, e.g. 1600x900, each 640 to 8000"
    )
