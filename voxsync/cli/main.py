"""The command line: which command, and what its failures look like."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from voxsync.cli import demo, simulate, transcribe
from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EPILOG = """\
examples:
  voxsync demo
  voxsync transcribe speech.wav
  voxsync simulate mimi --port 9000

`voxsync COMMAND --help` says more about each.
"""


class _Parser(argparse.ArgumentParser):
    """Keeps the line breaks of examples, in subcommands too."""

    def __init__(self, **settings: object) -> None:
        settings["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(**settings)  # type: ignore[arg-type]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="voxsync",
        description="Real-time voice over WebSocket for synchronous programs.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=version("voxsync"))
    parser.add_argument("-v", "--verbose", action="store_true", help="log to stderr")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (demo, transcribe, simulate):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code.

    Args:
        argv: The arguments; None = the process's own.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.ERROR,
        format="%(asctime)s %(name)s %(message)s",
    )
    try:
        return int(args.run(args))
    except BrokenPipeError:
        # Whoever reads our output has enough (`| head`). Python would complain about
        # stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except (VoxsyncError, OSError, ValueError) as exc:
        print(f"voxsync: {exc}", file=sys.stderr)
        return 1
