"""`voxsync replay`: a local service that says again what a trace has recorded."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, ListenError, plain
from voxsync.cli.tls import add_certificate, server_context
from voxsync.errors import TraceError

if TYPE_CHECKING:
    from voxsync.simulators.replay import ReplayReport, ReplayService

__all__ = ["add_parser", "describe", "run"]

_LOOK_S = 0.5

_EPILOG = f"""\
The URL is printed on the standard output; connections are reported on the error
output when they are over. Ctrl-C ends the service, with exit code 0.

Each message goes out once the client has sent as much as the client in the trace
had by then; of audio the amount counts, not what it holds. The end is the trace's,
too: close code, or none. Secrets are not in a trace, so no client is asked for any.

examples:
  voxsync replay call.trace --port 8080
  voxsync transcribe --url ws://127.0.0.1:8080/ hello.wav   # in another terminal
  voxsync replay --realtime call.trace

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    parser = commands.add_parser(
        "replay",
        help="run a local service that says what a trace has recorded",
        description="Serve a recorded session to any client.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("trace", metavar="TRACE", type=Path, help="as `record-session` writes it")
    arguments.add_address(parser)
    add("--realtime", action="store_true", help="keep the trace's pauses, too")
    add(
        "--patience",
        type=arguments.seconds,
        default=5.0,
        metavar="N",
        help="go on without a client that does not send what it should after so many "
        "seconds; default: %(default)g",
    )
    add_certificate(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C."""
    context = server_context(args.cert, args.key)
    from voxsync.simulators.replay import ReplayService  # noqa: PLC0415 - an extra

    service = ReplayService(
        args.trace,
        realtime=args.realtime,
        host=args.host,
        port=args.port,
        patience=args.patience,
        ssl_context=context,
    )
    try:
        with suppress(KeyboardInterrupt), service:
            print(service.url, flush=True)
            _report_for_ever(service)
    except (BrokenPipeError, TraceError):
        raise  # nobody reads the URL
    except OSError as exc:
        raise ListenError(args.host, args.port, exc) from exc
    return Exit.OK


def _report_for_ever(service: ReplayService) -> None:
    number = 1
    while True:
        try:
            report = service.wait_report(number, _LOOK_S)
        except TimeoutError:
            continue
        print(describe(report), file=sys.stderr, flush=True)
        number += 1


def describe(report: ReplayReport) -> str:
    """One line about a connection that is over."""
    said = f"{report.steps} of {report.expected_steps} messages said"
    words = [f"connection {report.number}: {said}"]
    if report.is_faithful:
        words.append("the client did as in the trace")
    if report.commands != report.expected_commands:
        count = f"{report.commands} messages came, {report.expected_commands}"
        words.append(f"{count} in the trace")
    if report.different:
        words.append(f"{report.different} said something else: {report.difference}")
    if report.waited:
        words.append(f"waited {report.waited} times in vain")
    return plain("; ".join(words))
