"""`voxsync simulate`: a local service to try a client on, faults included.

What there is: mimi's, here; Gemini's, in `simulate_gemini`; and VoxEngine, in
`simulate_voxengine`.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.cli import arguments, simulate_gemini, simulate_voxengine
from voxsync.cli.exits import HELP, Exit, ListenError, Usage, plain
from voxsync.cli.simulate_faults import menu, read_fault
from voxsync.errors import FormatError
from voxsync.simulators.faults import FAULTS, Fault, fault
from voxsync.simulators.recogniser import open_recogniser

if TYPE_CHECKING:
    from voxsync.simulators.mimi import MimiService, Record
    from voxsync.simulators.recogniser import Recogniser

__all__ = ["add_parser", "describe", "parse_fault", "run"]


# Seconds after which a session is reported whose predecessor is still going on.
_LOOK_AGAIN_S = 0.5

_ABOUT = f"""\
examples:
  voxsync simulate mimi --port 8080
  voxsync simulate gemini --port 8080
  voxsync simulate voxengine --connect ws://127.0.0.1:8080/ --play hello.wav

`voxsync simulate SERVICE --help` says more about each.

{HELP}"""

_EPILOG = f"""\
The URL is printed on the standard output; sessions are reported on the error
output when they are over. Ctrl-C ends the service, with exit code 0.

examples:
  voxsync simulate mimi
  voxsync simulate mimi --port 8080 --phrases my_phrases.txt
  voxsync simulate mimi --recogniser scripted --fault close:code=4003,at=audio
  MIMI_TOKEN=... voxsync simulate mimi --require-token
  voxsync simulate mimi --list-faults

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    simulate = commands.add_parser(
        "simulate",
        help="run a local service that speaks a voice service's protocol",
        description="Run a local service that speaks a voice service's protocol.",
        epilog=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    services = simulate.add_subparsers(
        title="services", metavar="SERVICE", required=True
    )
    _add_mimi(services)
    simulate_gemini.add_parser(services)
    simulate_voxengine.add_parser(services)


def _add_mimi(services: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = services.add_parser(
        "mimi",
        help="a speech recognition service that speaks mimi's protocol",
        description="Run a speech recognition service that speaks mimi's protocol.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    arguments.add_address(parser)
    add(
        "--recogniser",
        default="phrases",
        choices=["phrases", "dictation", "scripted"],
        help="phrases: what is on a list, English (default); dictation: any English, "
        "slow; scripted: two Japanese sentences, whatever is said",
    )
    add("--phrases", type=Path, metavar="FILE", help="the list, one phrase a line")
    add(
        "--fault",
        action="append",
        default=[],
        type=parse_fault,
        metavar="NAME[:KEY=VALUE,...]",
        dest="faults",
        help="what is to go wrong; may be given several times",
    )
    add("--list-faults", action="store_true", help="say what can go wrong, and end")
    add(
        "--require-token",
        action="store_true",
        help="let in only who has the token in the environment variable MIMI_TOKEN",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C."""
    if args.list_faults:
        print(menu(FAULTS))
        return Exit.OK
    token = os.environ.get("MIMI_TOKEN", "").strip() if args.require_token else None
    if token == "":
        raise Usage("--require-token: set the environment variable MIMI_TOKEN")
    recogniser = _recogniser(args)
    from voxsync.simulators.mimi import MimiService  # noqa: PLC0415 - needs an extra

    try:
        service = MimiService(
            args.host,
            args.port,
            recogniser=recogniser,
            faults=args.faults,
            token=token,
        )
        with suppress(KeyboardInterrupt), service:
            print(service.url, flush=True)
            _report_for_ever(service)
    except BrokenPipeError:
        raise  # nobody reads the URL
    except OSError as exc:
        raise ListenError(args.host, args.port, exc) from exc
    return Exit.OK


def _recogniser(args: argparse.Namespace) -> Recogniser | None:
    if args.phrases is not None and args.recogniser != "phrases":
        raise Usage(f"--phrases is of no use to --recogniser {args.recogniser}")
    if args.recogniser == "scripted":
        return None
    try:
        return open_recogniser(args.recogniser, phrases=args.phrases)
    except ValueError as exc:
        raise Usage(f"--phrases: {exc}") from exc


def _report_for_ever(service: MimiService) -> None:
    """Tell of each connection that is over, in the order of their ends."""
    told: set[int] = set()
    following = 1
    while True:
        with suppress(TimeoutError, LookupError):
            service.wait_record(following, timeout=_LOOK_AGAIN_S)
        records = service.records
        for record in records:
            if record.number < following or record.number in told:
                continue
            if record.over.is_set():
                told.add(record.number)
                print(describe(record), file=sys.stderr, flush=True)
        following = max(following, records[0].number if records else 1)
        while following in told:
            told.discard(following)
            following += 1


def describe(record: Record) -> str:
    """One line about a connection that is over."""
    name = f"session {record.number}"
    faults = f" [{', '.join(record.faults)}]" if record.faults else ""
    if record.status is None:
        return f"{name}: no answer to its request{faults}"
    if record.status != 101:
        return f"{name}: refused with status {record.status}{faults}"
    asked = {**record.query, **record.headers}
    process, language = (
        plain(asked.get(key, "-"))
        for key in ("x-mimi-process", "x-mimi-input-language")
    )
    kind = asked.get("content-type") or asked.get("x-mimi-content-type")
    heard = f"{record.audio_bytes} bytes"
    with suppress(FormatError):
        audio = AudioFormat() if kind is None else AudioFormat.from_content_type(kind)
        heard = f"{audio.seconds(record.audio_bytes):.1f} s at {audio.sample_rate} Hz"
    breaches = f", broke: {', '.join(record.breaches)}" if record.breaches else ""
    return (
        f"{name}: {process} {language}, {heard}, {len(record.messages)} results, "
        f"closed with {record.close_code}{breaches}{faults}"
    )


def parse_fault(text: str) -> Fault:
    """A fault from the command line, e.g. `close:code=4003,at=audio`.

    Raises:
        argparse.ArgumentTypeError: Nothing like that; the message says what there is.
    """
    return read_fault(text, fault)
