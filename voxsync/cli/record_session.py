"""`voxsync record-session`: another command, with a trace of its sessions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli.exits import HELP, Exit, Usage, plain

if TYPE_CHECKING:
    from voxsync.trace.recording import Recording

__all__ = ["add_parser", "run"]

_INCOMING = ("serve", "simulate")
"""Commands whose sessions come in."""

_EPILOG = f"""\
COMMAND is any other command of voxsync, with its arguments. Each session that it
opens is recorded; of `serve` and `simulate` each that comes in. The first one goes
to TRACE, the others to files beside it: call.trace, call-2.trace, ...

A trace that is there is replaced, another file only with --force. Tokens, keys and
passwords are masked; what was said is not: a trace is as private as the
conversation. Where the file cannot be written, or not any more, the command goes
on, and the exit code is 1 at least.

examples:
  voxsync record-session call.trace talk --simulated
  voxsync record-session hello.trace transcribe hello.wav
  voxsync record-session echo.trace serve echo --port 8080
  voxsync trace show call.trace
  voxsync replay call.trace

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    parser = commands.add_parser(
        "record-session",
        help="run another command and record its sessions",
        description="Run another command and record its sessions.",
        epilog=_EPILOG,
        usage="voxsync record-session [-h] [--force] TRACE COMMAND [ARGUMENT ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--force",
        action="store_true",
        help="overwrite TRACE even if it is no trace; stands before it",
    )
    add("trace", metavar="TRACE", type=Path, help="the file to write")
    add(
        "command",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="e.g. transcribe hello.wav",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Run the command, then say what was recorded."""
    from voxsync.cli.main import parse  # noqa: PLC0415 - it imports us
    from voxsync.trace.sessions import SessionRecorder  # noqa: PLC0415 - start-up time

    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command or command[0] == "record-session":
        raise Usage("which command? E.g. record-session call.trace talk --simulated")
    inner = parse(command)
    _check_trace(args)
    if hasattr(inner, "variable"):
        args.variable = inner.variable  # where credentials come from, for errors
    recorder = SessionRecorder(
        args.trace, incoming=command[0] in _INCOMING, force=args.force
    )
    try:
        with recorder:
            code: Exit = inner.run(inner)
    finally:
        is_good = _tell(recorder.recordings)
    return code if is_good else max(code, Exit.FAILED)


def _check_trace(args: argparse.Namespace) -> None:
    from voxsync.trace.output import is_foreign  # noqa: PLC0415 - start-up time

    path = str(args.trace)
    if path == "-":
        raise Usage("a trace needs a file: - is none")
    try:
        foreign = is_foreign(path)
    except OSError:
        return  # told when it is written
    if foreign and not args.force:
        raise Usage(f"{path} exists and is no trace; --force overwrites it")


def _tell(recordings: list[Recording]) -> bool:
    """Say where the traces are; whether all are whole."""
    for recording in recordings:
        words = f"the trace is {recording.path}"
        if recording.error is not None:
            words = str(recording.error)
        elif recording.lost:
            records = (
                "1 record was"
                if recording.lost == 1
                else f"{recording.lost} records were"
            )
            words += f"; {records} left out, for the disk was slow"
        print(plain(f"voxsync: {words}"), file=sys.stderr, flush=True)
    if not recordings:
        print("voxsync: there was no session to record", file=sys.stderr, flush=True)
    return all(each.error is None and not each.lost for each in recordings)
