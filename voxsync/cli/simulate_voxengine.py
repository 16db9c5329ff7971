"""`voxsync simulate voxengine`: calls a voice app, or lets one come."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, ListenError, Usage, code_for, explain, plain
from voxsync.cli.simulate_faults import menu, read_fault
from voxsync.errors import HandshakeError
from voxsync.simulators.voximplant_faults import (
    OPENING_FAULTS,
    VOX_FAULTS,
    VoxFault,
    fault,
)

if TYPE_CHECKING:
    from voxsync.simulators.voximplant import EngineSocket, Entry, Scenario, VoxEngine

__all__ = ["add_parser", "described", "run", "summary"]


# The encodings as they are on the wire; `voxsync.voximplant` is loaded by `run` only.
_ENCODINGS = ("PCM8", "PCM16", "ULAW", "ALAW", "OPUS")
_LOOK_UP_S = 0.1

_EPILOG = f"""\
Plays a VoxEngine session: somebody calls, what is said goes to the voice app,
what the app says is heard. Events are told on the error output as they come,
with a summary at the end. With --play the session ends by itself, once the file
was played and nothing was heard and no message came for --patience seconds;
without it, it lasts until Ctrl-C (exit code 0) or for --seconds.

If the environment variable VOXSYNC_TOKEN is set, --connect sends it as
"Authorization: Bearer". With --listen the access URL, which is all that an app
needs to be let in, is printed on the standard output.

An app asks for its audio to be dropped with the message
  {{"customEvent":"clearMediaBuffer"}}

examples:
  voxsync simulate voxengine --connect ws://127.0.0.1:8080/ --play hello.wav
  voxsync simulate voxengine --connect wss://example.org/agent \\
      --play hello.wav --record answer.wav --tag caller --encoding ULAW
  voxsync simulate voxengine --listen 12092 --play hello.wav
  voxsync simulate voxengine --listen 12092 --seconds 60 --record heard.wav
  voxsync simulate voxengine --connect ws://127.0.0.1:8080/ --play hello.wav \\
      --fault gaps:count=5 --fault rst:at=audio,after_bytes=32000

{HELP}"""


def add_parser(services: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    parser = services.add_parser(
        "voxengine",
        help="Voximplant's VoxEngine: a call that a voice app answers",
        description="Play a VoxEngine session: a call that a voice app answers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--connect", metavar="URL", help="of the voice app: ws, wss")
    where.add_argument(
        "--listen",
        type=arguments.port,
        metavar="PORT",
        help="let an app connect; 0 = any free port",
    )
    add("--host", default="127.0.0.1", help="to listen on; default: %(default)s")
    add("--play", type=Path, metavar="FILE", help="what the caller says: .wav")
    add("--record", type=Path, metavar="FILE", help="where what is heard goes: .wav")
    add("--tag", default="", help="of the caller's stream; default: none")
    add(
        "--encoding",
        default="PCM8",
        choices=_ENCODINGS,
        help="of the caller's stream; default: %(default)s, as VoxEngine's",
    )
    add(
        "--parameter",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        dest="parameters",
        help="a custom parameter of the caller's stream; may be given several times",
    )
    add(
        "--messages",
        nargs="+",
        default=[],
        metavar="TEXT",
        help="sent to the app once it is connected",
    )
    add(
        "--patience",
        type=arguments.seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long to wait for an answer behind the file; default: %(default)s",
    )
    add(
        "--seconds",
        type=arguments.seconds,
        default=math.inf,
        metavar="N",
        help="hang up after so long in all; default: never",
    )
    add(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="NAME[:KEY=VALUE,...]",
        dest="faults",
        help="what is to go wrong; may be given several times",
    )
    add("--list-faults", action="store_true", help="say what can go wrong, and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """One session, until its end or Ctrl-C."""
    if args.list_faults:
        print(menu(VOX_FAULTS))
        return Exit.OK
    if args.connect is None and args.listen is None:
        raise Usage("say where the voice app is: --connect URL, or --listen PORT")
    _check_faults(args)
    _check_files(args)
    from voxsync.simulators.voximplant import VoxEngine  # noqa: PLC0415 - numpy

    engine = VoxEngine(_scenario(args), faults=args.faults, told=_tell)
    interrupted = False
    try:
        with engine:
            interrupted = _attend(engine, args)
    finally:
        for ws in engine.sockets:
            _say(summary(ws))
    if interrupted:
        return Exit.OK if args.play is None else Exit.INTERRUPTED
    return _judge(engine)


def _check_faults(args: argparse.Namespace) -> None:
    useless = [fault.name for fault in args.faults if fault.name in OPENING_FAULTS]
    if useless and args.connect is not None:
        raise Usage(
            f"--fault {useless[0]}: before the session is open, only the side that is "
            "called can fail: use --listen"
        )


def _check_files(args: argparse.Namespace) -> None:
    """Say now what is wrong with them, before anybody calls.

    Raises:
        OSError, FormatError: A file cannot be had.
    """
    if args.play is not None:
        from voxsync.media import WavReader  # noqa: PLC0415 - numpy

        WavReader(args.play).close()
        if args.record and args.record.exists() and args.record.samefile(args.play):
            raise Usage(f"--record {args.record}: that is the file to play")
    if args.record is not None and not args.record.parent.is_dir():
        raise Usage(f"--record {args.record}: there is no directory for it")


def _scenario(args: argparse.Namespace) -> Scenario:
    from voxsync.simulators.voximplant import Scenario  # noqa: PLC0415 - numpy
    from voxsync.voximplant import WebSocket, WebSocketParameters  # noqa: PLC0415

    token = os.environ.get("VOXSYNC_TOKEN", "").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        parameters = WebSocketParameters(headers=headers)
        if args.connect is not None:
            WebSocket(args.connect, parameters).close()  # complains about the URL now
        return Scenario(
            url=args.connect,
            play=args.play,
            record=args.record,
            tag=args.tag,
            encoding=args.encoding,
            custom_parameters=dict(args.parameters) or None,
            parameters=parameters,
            messages=tuple(args.messages),
            patience=None if args.play is None else args.patience,
        )
    except ValueError as exc:
        raise Usage(f"voxengine: {exc}") from exc


def _listen(engine: VoxEngine, args: argparse.Namespace) -> None:
    try:
        url = engine.allow_web_socket_connections(args.host, args.listen)
    except OSError as exc:
        raise ListenError(args.host, args.listen, exc) from exc
    print(url, flush=True)


def _attend(engine: VoxEngine, args: argparse.Namespace) -> bool:
    """Until the session is over; True = Ctrl-C ended it. Raises what failed it."""
    end = time.monotonic() + args.seconds
    try:
        if args.listen is not None:
            _listen(engine, args)
        while (left := end - time.monotonic()) > 0:
            with suppress(TimeoutError):
                engine.wait(min(left, _LOOK_UP_S))
                break
    except KeyboardInterrupt:
        return True
    return False


def _judge(engine: VoxEngine) -> Exit:
    """What the ends of the sockets amount to.

    Raises:
        VoxsyncError: One ended badly.
    """
    for ws in engine.sockets:
        error = ws.wait_closed(_LOOK_UP_S).error
        if isinstance(error, HandshakeError) and error.is_auth:
            _say(
                f"voxsync: the app refused with status {error.status}; a token comes "
                "from the environment variable VOXSYNC_TOKEN"
            )
            return code_for(error)
        if error is not None:
            raise error
    return Exit.OK


def _tell(entry: Entry) -> None:
    _say(f"{entry.seconds:8.3f}  {described(entry)}")


def _say(words: str) -> None:
    with suppress(OSError):  # nobody reads it, which is no reason to hang up
        print(words, file=sys.stderr, flush=True)


def described(entry: Entry) -> str:
    """An event on one line."""
    fields = entry.fields
    which = fields.get("socket", 1)
    name = entry.name if which == 1 else f"{entry.name} (socket {which})"
    match entry.name:
        case "message":
            words = fields["text"]
        case "error":
            words = explain(fields["error"])
        case "close":
            words = f"{fields['code']} {fields['reason']}"
        case "media-started":
            words = f"{_stream(fields['tag'])} {fields['encoding']}"
            if fields["custom_parameters"]:
                words += f" {fields['custom_parameters']}"
        case "media-ended":
            info = fields["media_info"]
            words = f"{_stream(fields['tag'])} {info.seconds:.2f} s, {info.reason}"
        case "connection" | "connection-failed" | "terminated":
            words = fields.get("reason", "")
        case _:
            words = ""
    return plain(f"{name} {words}").strip()


def summary(ws: EngineSocket) -> str:
    """What went to and fro, on one line."""
    found, stats = ws.media_statistics, ws.stats
    words = [
        f"said {sent.frames / sent.sample_rate:.2f} s as {sent.encoding}"
        for sent in found.sent.values()
    ]
    words += [
        f"heard {_stream(tag)} {got.frames / got.sample_rate:.2f} s as {got.encoding}"
        + (f" ({got.lost} chunks lost)" if got.lost else "")
        + (f" ({got.late} late)" if got.late else "")
        for tag, got in found.received.items()
    ]
    if found.rejected:
        words.append(f"{found.rejected} messages were no use")
    if stats.audio_refused:
        words.append(f"{stats.audio_refused:.2f} s did not fit into the buffer")
    words.append(f"closed with {ws.close_code}")
    return plain(f"socket {ws.number}: {', '.join(words)}")


def _stream(tag: str) -> str:
    return tag or "(no tag)"


def _fault(text: str) -> VoxFault:
    return read_fault(text, fault)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write KEY=VALUE")
    return key, value
