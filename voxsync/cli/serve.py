"""`voxsync serve`: voice apps that VoxEngine's `createWebSocket` can call."""

from __future__ import annotations

import argparse
import hmac
import itertools
import math
import os
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, ListenError, Usage, explain, plain
from voxsync.cli.progress import LiveLine
from voxsync.cli.serve_call import Call
from voxsync.cli.serve_echo import Echo
from voxsync.cli.serve_transcribe import Transcriber
from voxsync.cli.tls import add_certificate, server_context
from voxsync.simulators.recogniser import open_recogniser

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from voxsync.cli.serve_call import App
    from voxsync.server import IncomingRequest
    from voxsync.voximplant import WebSocket, WebSocketServer

__all__ = ["add_parser", "run"]

_LONGEST_DELAY = 60.0
_SHORTEST_TOKEN = 8
# How long calls that are over may take to say so, at the end.
_LAST_WORDS_S = 2.0

_ABOUT = f"""\
The URL is printed on the standard output, calls are reported on the error
output. Ctrl-C ends all of them, with exit code 0.

VoxEngine connects with `VoxEngine.createWebSocket(url)`; it takes wss:// with a
name and a certificate that it trusts, or ws://. With --require-token only who
has the token in the environment variable VOXSYNC_TOKEN is let in: as ?token=...
in the URL, or in the header `Authorization: Bearer ...`.

{HELP}"""

_EPILOG = f"""\
`voxsync serve echo --help` and `voxsync serve transcribe --help` say more.

examples:
  voxsync serve echo --port 8080
  voxsync serve transcribe --port 8080

{HELP}"""

_ECHO = f"""\
Each stream comes back under its tag, in its encoding, with its custom
parameters, up to {Echo.most_streams} at a time; and each text message.

examples:
  voxsync serve echo
  voxsync serve echo --delay 2 --host 0.0.0.0 --port 8080 --path /voice
  voxsync serve echo --port 8443 --cert server.pem --key server.key
  VOXSYNC_TOKEN=... voxsync serve echo --require-token

{_ABOUT}"""

_TRANSCRIBE = f"""\
What is said comes back in messages, while it is said:
  {{"customEvent": "transcript",
   "payload": {{"tag": "", "text": "good morning", "isFinal": true}}}}
English only; up to {Transcriber.most_streams} streams at a time, 60 MB for each.

examples:
  voxsync serve transcribe
  voxsync serve transcribe --port 8080 --phrases my_phrases.txt
  voxsync serve transcribe --recogniser dictation --max-calls 2

{_ABOUT}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    parser = commands.add_parser(
        "serve",
        help="run a voice app for Voximplant's VoxEngine",
        description="Run a voice app for Voximplant's VoxEngine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    apps = parser.add_subparsers(title="apps", metavar="APP", required=True)
    echo = _app(apps, "echo", "send back what comes", _ECHO, calls=100)
    echo.add_argument(
        "--delay",
        type=_delay,
        default=0.0,
        metavar="SECONDS",
        help=f"how much later, at most {_LONGEST_DELAY:g}; default: at once",
    )
    echo.set_defaults(run=run, make=lambda args: Echo(args.delay))
    heard = _app(apps, "transcribe", "send back what is said", _TRANSCRIBE, calls=8)
    heard.add_argument(
        "--recogniser",
        default="phrases",
        choices=["phrases", "dictation"],
        help="phrases: what is on a list (default); dictation: anything, slow",
    )
    heard.add_argument(
        "--phrases", type=Path, metavar="FILE", help="the list, one phrase a line"
    )
    heard.set_defaults(run=run, make=_transcriber)


def _app(
    apps: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    epilog: str,
    *,
    calls: int,
) -> argparse.ArgumentParser:
    """The parser of one app, with what all of them take."""
    parser = apps.add_parser(
        name,
        help=what,
        description=f"{what.capitalize()}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    arguments.add_address(parser)
    add("--path", metavar="/PATH", help="the only one that is served; default: any")
    add_certificate(parser)
    add(
        "--max-calls",
        type=_count,
        default=calls,
        metavar="N",
        help="default: %(default)s",
    )
    add("--require-token", action="store_true", help="see below")
    return parser


def run(args: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C."""
    token = _token() if args.require_token else None
    tls = server_context(args.cert, args.key)
    desk = _Desk(args.make(args), token, LiveLine(sys.stderr).say)
    with suppress(KeyboardInterrupt), _start(args, desk, tls) as server:
        print(server.url, flush=True)
        server.serve_forever()
    with suppress(KeyboardInterrupt):
        desk.wait()
    return Exit.OK


class _Desk:
    """Takes calls, each for an app of its own.

    Args:
        app: Who answers.
        token: What callers have to bring; None = nothing.
        say: Writes a line. Thread: any.

    Thread: any, but for `wait`: the main one.
    """

    def __init__(
        self, app: App, token: str | None, say: Callable[[str], object]
    ) -> None:
        self._app = app
        self._token = token
        self._say = say
        self._numbers = itertools.count(1)
        self._calls: weakref.WeakSet[Call] = weakref.WeakSet()

    def welcome(self, request: IncomingRequest) -> bool:
        """Whether somebody may call."""
        if self._token is None or _has(request, self._token):
            return True
        self._say(f"refused {plain(request.address[0])}: not the token")
        return False

    def connected(self, ws: WebSocket) -> None:
        """A call came in."""
        self._calls.add(Call(next(self._numbers), ws, self._app, self._say))

    def wait(self) -> None:
        """Let those that are over say so."""
        end = time.monotonic() + _LAST_WORDS_S
        for call in list(self._calls):
            call.over.wait(max(0.0, end - time.monotonic()))


def _start(
    args: argparse.Namespace, desk: _Desk, tls: ssl.SSLContext | None
) -> WebSocketServer:
    from voxsync.voximplant import WebSocketServer  # noqa: PLC0415 - needs an extra

    try:
        server = WebSocketServer(
            args.host,
            args.port,
            path=args.path,
            authenticate=desk.welcome,
            max_connections=args.max_calls,
            ssl_context=tls,
        )
        server.on_connection = desk.connected
        return server.start()
    except ValueError as exc:
        raise Usage(explain(exc)) from exc
    except OSError as exc:
        raise ListenError(args.host, args.port, exc) from exc


def _has(request: IncomingRequest, token: str) -> bool:
    """Whether a request brings the token, in either place."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = [request.query.get("token", "")]
    if scheme.lower() == "bearer":
        given.append(bearer.strip())
    wanted = token.encode()
    # In a time that does not depend on where they differ.
    return any(
        hmac.compare_digest(each.encode(errors="replace"), wanted) for each in given
    )


def _token() -> str:
    """The token, never taken from the command line that others can see."""
    token = os.environ.get("VOXSYNC_TOKEN", "").strip()
    if len(token) < _SHORTEST_TOKEN:
        raise Usage(
            "--require-token: set the environment variable VOXSYNC_TOKEN, to "
            f"{_SHORTEST_TOKEN} characters or more"
        )
    return token


def _transcriber(args: argparse.Namespace) -> Transcriber:
    if args.phrases is not None and args.recogniser != "phrases":
        raise Usage(f"--phrases is of no use to --recogniser {args.recogniser}")
    try:
        return Transcriber(open_recogniser(args.recogniser, phrases=args.phrases))
    except ValueError as exc:
        raise Usage(f"--phrases: {exc}") from exc


def _delay(text: str) -> float:
    """Seconds, none too."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= _LONGEST_DELAY:
        raise argparse.ArgumentTypeError(
            f"{text!r}: seconds are 0 to {_LONGEST_DELAY:g}, e.g. 1.5"
        )
    return found


def _count(text: str) -> int:
    found = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= found <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to 10000")
    return found
