"""`--stats`: what a session has counted, on the error output when it is over."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxsync.cli.exits import plain
from voxsync.session.tables import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from voxsync.cli.progress import LiveLine
    from voxsync.media import MediaUnit
    from voxsync.session import Session

__all__ = ["add_option", "shown"]


def add_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option."""
    parser.add_argument(
        "--stats",
        action="store_true",
        help="print figures of each session on the error output when it is over: "
        "bytes, messages, audio, queues, waiting, latency, losses",
    )


@contextmanager
def shown(
    session: Session[Any],
    line: LiveLine,
    *,
    wanted: bool,
    name: str = "the session",
    units: tuple[MediaUnit, ...] = (),
    **meaningless: Any,
) -> Iterator[None]:
    """Print the figures at the end, however that comes.

    Args:
        session: Whose.
        line: Where.
        wanted: False: print nothing.
        name: What it is for people.
        units: Devices, whose losses are told as well.
        meaningless: Figures that mean nothing here, with what they are to be.

    Thread: the main one.
    """
    try:
        yield
    finally:
        if wanted:
            more = [(unit.name, words) for unit in units if (words := _losses(unit))]
            stats = replace(session.stats, **meaningless)
            rows = [f"figures of {name}:", *table(stats, more).splitlines()]
            if stats.open_seconds is None:
                rows = [f"figures of {name}: none, it never opened"]
            line.clear()
            line.say("\n  ".join(map(plain, rows)))


def _losses(unit: MediaUnit) -> str:
    """What a device has lost; "" = nothing."""
    stats = unit.stats
    lost = (stats.dropped + stats.refused) / unit.sample_rate
    words = [f"{lost:.2f} s lost"] if lost else []
    if stats.overflows:
        words.append(f"input lost by the sound system {stats.overflows} time(s)")
    if stats.underflows:
        words.append(f"nothing to play {stats.underflows} time(s)")
    return ", ".join(words)
