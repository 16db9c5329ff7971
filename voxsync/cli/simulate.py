"""`voxsync simulate`: local stand-ins for services."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.simulators.faults import Fault
    from voxsync.simulators.recogniser import Recogniser

__all__ = ["add_parser"]

_EXAMPLES = """\
examples:
  voxsync simulate mimi --port 9000
  voxsync simulate mimi --phrases my_sentences.txt
  voxsync simulate mimi --fault close:code=4003,at=audio,after_bytes=32000
  voxsync simulate mimi --list-faults

The URL is the first line on stdout. Ctrl-C ends it. With --require-token clients must
send the token of the environment variable MIMI_TOKEN.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "simulate", help="run a local stand-in for a service", epilog=_EXAMPLES
    )
    services = parser.add_subparsers(dest="service", required=True, metavar="SERVICE")
    mimi = services.add_parser(
        "mimi",
        help="a mimi-compatible speech recognition service",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    mimi.add_argument("--host", default="127.0.0.1", help="default: this machine only")
    mimi.add_argument("--port", type=int, default=0, help="default: any free one")
    mimi.add_argument(
        "--recogniser",
        choices=("phrases", "dictation", "scripted"),
        default="phrases",
        help="a phrase list, free dictation, or a fixed text (default phrases)",
    )
    mimi.add_argument("--phrases", metavar="FILE", help="one sentence a line")
    mimi.add_argument("--fault", action="append", default=[], metavar="NAME[:K=V,...]")
    mimi.add_argument("--list-faults", action="store_true", help="name them and stop")
    mimi.add_argument("--require-token", action="store_true", help="that of MIMI_TOKEN")
    mimi.set_defaults(run=run_mimi)


def run_mimi(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from voxsync.simulators.faults import FAULTS  # noqa: PLC0415 - an extra's room
    from voxsync.simulators.mimi import MimiService  # noqa: PLC0415

    if args.list_faults:
        for name, description in FAULTS.items():
            print(f"{name:20} {description}")
        return 0
    token = os.environ.get("MIMI_TOKEN") if args.require_token else None
    if args.require_token and not token:
        print("voxsync: --require-token needs MIMI_TOKEN to be set", file=sys.stderr)
        return 2
    service = MimiService(
        args.host,
        args.port,
        recogniser=_recogniser(args),
        faults=[parse_fault(text) for text in args.fault],
        token=token,
    )
    with service:
        print(service.url, flush=True)
        print(f"voxsync: serving {service.url}; Ctrl-C ends it", file=sys.stderr)
        try:
            service.serve_forever()
        except KeyboardInterrupt:
            print("voxsync: ended", file=sys.stderr)
    return 0


def _recogniser(args: argparse.Namespace) -> Recogniser | None:
    from voxsync.simulators.recogniser import open_recogniser  # noqa: PLC0415

    if args.recogniser == "scripted":
        return None
    return open_recogniser(args.recogniser, phrases=args.phrases)


def parse_fault(text: str) -> Fault:
    """`name:key=value,key=value` as a fault.

    Raises:
        ValueError: There is no such fault or setting.
    """
    from voxsync.simulators.faults import fault  # noqa: PLC0415

    name, _, settings = text.partition(":")
    pairs: dict[str, object] = {}
    for part in filter(None, settings.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"fault {name}: write key=value, not {part!r}")
        pairs[key] = _number(value)
    try:
        return fault(name, **pairs)
    except TypeError as exc:
        raise ValueError(f"fault {name}: {exc}") from None


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
