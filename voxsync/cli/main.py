"""The command line: which command, how loud, and what an error ends with."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from voxsync.cli import (
    demo,
    devices,
    play,
    record,
    record_session,
    replay,
    serve,
    simulate,
    talk,
    trace,
    transcribe,
)
from voxsync.cli.exits import HELP, Exit, Usage, code_for, explain
from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["main", "parse"]

_EPILOG = f"""\
Ctrl-C ends each command in good order; so does SIGTERM.

examples:
  voxsync demo
  voxsync talk --simulated
  voxsync transcribe --language ja meeting.wav
  voxsync transcribe --mic
  voxsync record hello.wav
  voxsync play hello.wav
  voxsync simulate mimi --port 8080
  voxsync serve echo --port 8080
  voxsync record-session call.trace talk --simulated
  voxsync trace show call.trace

`voxsync COMMAND --help` says more about each.

{HELP}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: Arguments; None = those of the process.

    Raises:
        SystemExit: From argparse, for `--help`, `--version` and a wrong command line.

    Thread: the main one.
    """
    _tolerate(sys.stdout, sys.stderr)
    args = parse(argv)
    with _logging(args.verbose), _terminable():
        try:
            code = _run(args.run, args)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            return Exit.BROKEN_PIPE
    return code


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; `run` of it takes it and returns an exit code.

    Raises:
        SystemExit: As `main`.
    """
    return _parser().parse_args(argv)


def _run(
    command: Callable[[argparse.Namespace], Exit], args: argparse.Namespace
) -> Exit:
    """The command, its expected errors as one line each."""
    try:
        return command(args)
    except BrokenPipeError:
        raise
    except Usage as exc:
        _complain(explain(exc))
        return Exit.USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        return Exit.INTERRUPTED
    except (VoxsyncError, OSError) as exc:
        _complain(explain(exc, getattr(args, "variable", None)))
        return code_for(exc)


def _complain(words: str) -> None:
    print(f"voxsync: {words}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voxsync",
        description="Real-time voice over WebSocket, from the command line.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"voxsync {version('voxsync')}"
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="log what happens on the error output; twice: in detail",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        talk,
        transcribe,
        devices,
        record,
        play,
        serve,
        simulate,
        record_session,
        replay,
        trace,
        demo,
    ):
        command.add_parser(commands)
    return parser


@contextmanager
def _logging(verbose: int) -> Iterator[None]:
    """Log to the error output for the time of a command."""
    logger = logging.getLogger("voxsync")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("voxsync: %(name)s: %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, of `kill` and of who runs services, ends a command as Ctrl-C does."""
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL:  # somebody wants something else
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tolerate(*streams: object) -> None:
    """Let no character that a terminal cannot show become a traceback."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Nobody reads it; the interpreter's last flush must not complain, either."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # no file behind it, so nothing that the interpreter would flush
