"""`voxsync trace`: look at a recorded session, as lines or as a picture."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import trace_plot
from voxsync.cli.exits import HELP, Exit, plain
from voxsync.cli.progress import fit, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxsync.trace import Trace
    from voxsync.trace.telling import Row

__all__ = ["add_parser", "lines", "run"]

_KIND_COLUMNS = 13  # "media-started"
_LEAST_COLUMNS = 40
_DIM, _RED, _BOLD, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[1m", "\x1b[0m"

_ABOUT = f"""\
examples:
  voxsync record-session call.trace talk --simulated
  voxsync trace show call.trace
  voxsync trace plot call.trace -o call.png

`voxsync trace WHAT --help` says more about each.

{HELP}"""

_EPILOG = f"""\
A line is: seconds since the recording began, the direction (-> to the service,
<- from it, drawn as arrows; none = it was never on the wire), what it is, and the
rest in words.

  audio      a run without a pause: how long, how many blocks, how loud (RMS)
  partial    words that may still change; "heard" of what was sent, "said" of what came
  final      words that will not
  cut        what had not sounded yet was dropped: somebody cut in
  lost       what found no room or nobody who wanted it
  missing    chunks of audio that never came

At the end: how much there was, how long answers took, interruptions, network stalls
and losses. On a terminal a line is cut to its width; in a pipe it is whole. A trace
that was cut is shown up to its last whole line.

examples:
  voxsync trace show call.trace
  voxsync trace show call.trace | grep -E 'lost|error'
  voxsync trace show call.trace | less

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    trace = commands.add_parser(
        "trace",
        help="look at a recorded session, as lines or as a picture",
        description="Look at a recorded session.",
        epilog=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ways = trace.add_subparsers(title="ways to look", metavar="WHAT", required=True)
    show = ways.add_parser(
        "show",
        help="what happened, line by line",
        description="Print a timeline of a recorded session.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument(
        "trace", metavar="TRACE", type=Path, help="as `record-session` writes it"
    )
    show.set_defaults(run=run)
    trace_plot.add_parser(ways)


def run(args: argparse.Namespace) -> Exit:
    """Print it."""
    from voxsync.trace import read  # noqa: PLC0415 - start-up time

    trace = read(args.trace)
    is_terminal = sys.stdout.isatty()
    colours = is_terminal and "NO_COLOR" not in os.environ
    columns = shutil.get_terminal_size().columns
    if not is_terminal and "COLUMNS" not in os.environ:
        columns = sys.maxsize
    for line in lines(trace, max(_LEAST_COLUMNS, columns), colours=colours):
        print(line)
    return Exit.OK


def lines(trace: Trace, columns: int, *, colours: bool = False) -> Iterator[str]:
    """The timeline and what it comes to.

    Args:
        trace: What to show.
        columns: Of the terminal, which no line exceeds.
        colours: Partial words are dim, what went wrong is red.
    """
    from voxsync.trace.figures import figures  # noqa: PLC0415 - numpy
    from voxsync.trace.telling import about, rows, summary  # noqa: PLC0415 - likewise

    for text in about(trace):
        yield _drawn(text, columns, _BOLD if colours else "")
    yield ""
    found = rows(trace)
    wide = max([6, *(len(f"{row.t:.3f}") for row in found[-1:])])
    for row in found:
        yield _drawn(_line(row, wide), columns, _colour(row) if colours else "")
    yield ""
    for text in summary(trace, figures(trace)):
        yield _drawn(text, columns, "")


def _line(row: Row, wide: int) -> str:
    return f"{row.t:{wide}.3f} {row.arrow} {row.kind:{_KIND_COLUMNS}} {row.what}"


def _colour(row: Row) -> str:
    if row.is_bad:
        return _RED
    return _DIM if row.kind == "partial" else ""


def _drawn(text: str, columns: int, colour: str) -> str:
    """On one line, no wider than that, and without what could steer a terminal."""
    text = plain(text).rstrip()
    if width_of(text) > columns:
        text = f"{fit(text, columns - 1)}…"
    return f"{colour}{text}{_PLAIN}" if colour else text
