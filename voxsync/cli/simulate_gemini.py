"""`voxsync simulate gemini`: a Live API of Gemini models on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from voxsync.cli import arguments, partner
from voxsync.cli.exits import HELP, Exit, ListenError, Usage, plain
from voxsync.cli.simulate_faults import menu, read_fault
from voxsync.cli.tls import add_certificate, server_context
from voxsync.simulators.gemini_faults import GEMINI_FAULTS, GeminiFault, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxsync.simulators.gemini import GeminiRecord, GeminiService
    from voxsync.simulators.gemini_brain import HeardTurn
    from voxsync.simulators.gemini_record import Spoken

_T = TypeVar("_T")

__all__ = ["Reporter", "add_parser", "run"]

_LOOK_AGAIN_S = 0.1
# Before a connection reaches its age, a goAway says so.
_GO_AWAY_S = 60.0

_EPILOG = f"""\
The URL is printed on the standard output; who comes, what is heard and what is
answered is told on the error output. Ctrl-C ends the service, with exit code 0.

Clients of the Gemini API, of Vertex AI and of Firebase AI Logic are served,
each at its own path. Google's own take the address as a base URL, with https://
in place of wss://, and want a certificate (--cert). Whoever answers is no
model: it knows a few phrases ("what time is it", "tell me a joke"), calls a
function of whose name a word is said, and repeats the rest.

examples:
  voxsync simulate gemini --port 8080
  voxsync talk --url ws://127.0.0.1:8080
  voxsync simulate gemini --recogniser none --voice tone --brain echo
  voxsync simulate gemini --phrases my_phrases.txt --lifetime 120
  voxsync simulate gemini --port 8443 --cert server.pem --key server.key
  GEMINI_API_KEY=... voxsync simulate gemini --require-key
  voxsync simulate gemini --fault quota --fault go_away:seconds=5,at=turn
  voxsync simulate gemini --list-faults

{HELP}"""


def add_parser(services: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    parser = services.add_parser(
        "gemini",
        help="a Live API of Gemini models: it hears, answers and speaks",
        description="Run a Live API of Gemini models: it hears, answers and speaks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    arguments.add_address(parser)
    add_certificate(parser)
    add(
        "--recogniser",
        default="phrases",
        choices=partner.RECOGNISERS,
        help="phrases: what is on a list, English (default); dictation: any English, "
        "slow; none: sound is only sound",
    )
    add("--phrases", type=Path, metavar="FILE", help="the list, one phrase a line")
    add(
        "--voice",
        default="any",
        choices=partner.VOICES,
        help="flite, espeak: real words, by these programs; tone: needs nothing; "
        "any: the first of these that is there (default)",
    )
    add(
        "--brain",
        default="talk",
        choices=partner.BRAINS,
        help="talk: a few answers (default); echo: what was heard comes back",
    )
    add(
        "--model",
        action="append",
        dest="models",
        metavar="NAME",
        help="one that is on offer, bare; may be given several times; default: any",
    )
    add("--text-frames", action="store_true", help="send text frames, not binary ones")
    add(
        "--unpaced",
        action="store_true",
        help="send answers all at once, not as they sound",
    )
    add(
        "--lenient",
        action="store_true",
        help="tell of broken rules, but close with 1007 only where there is no other "
        "way",
    )
    add(
        "--lifetime",
        type=arguments.seconds,
        metavar="SECONDS",
        help="close connections at this age, with a goAway before; default: never",
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
    add(
        "--require-key",
        action="store_true",
        help="let in only who has the key in the environment variable GEMINI_API_KEY",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Serve until Ctrl-C."""
    if args.list_faults:
        print(menu(GEMINI_FAULTS))
        return Exit.OK
    key = os.environ.get("GEMINI_API_KEY", "").strip() if args.require_key else None
    if key == "":
        raise Usage("--require-key: set the environment variable GEMINI_API_KEY")
    try:
        service = _service(args, key)
        with suppress(KeyboardInterrupt), service:
            print(service.url, flush=True)
            reporter = Reporter(service)
            try:
                reporter.report_for_ever()
            finally:
                with suppress(KeyboardInterrupt):
                    service.close()
                    reporter.report()
    except BrokenPipeError:
        raise  # nobody reads the URL
    except OSError as exc:
        raise ListenError(args.host, args.port, exc) from exc
    return Exit.OK


def _service(args: argparse.Namespace, key: str | None) -> GeminiService:
    context = server_context(args.cert, args.key)
    recogniser = partner.open_ears(args.recogniser, args.phrases)
    voice = partner.open_voice(
        args.voice, lambda words: print(f"voxsync: {words}", file=sys.stderr)
    )
    from voxsync.simulators.gemini import GeminiService  # noqa: PLC0415 - needs an extra

    return GeminiService(
        args.host,
        args.port,
        brain=partner.BRAINS[args.brain](),
        recogniser=recogniser,
        voice=voice,
        faults=args.faults,
        keys=key,
        models=args.models,
        binary=not args.text_frames,
        paced=not args.unpaced,
        strict=not args.lenient,
        ssl_context=context,
        lifetime=args.lifetime,
        go_away_before=min(_GO_AWAY_S, (args.lifetime or 0.0) / 2),
    )


class Reporter:
    """Tells on the error output what the connections of a service come to.

    Thread: one. It looks at records that still grow, of which it needs no more than
    that what was there stays there.
    """

    def __init__(self, service: GeminiService) -> None:
        self._service = service
        self._seen: dict[int, _Seen] = {}  # connections that go on, by number
        self._done = 0  # those up to this number are over

    def report_for_ever(self) -> None:
        """Tell of each thing soon after it happens, until Ctrl-C."""
        never = threading.Event()
        while not never.wait(_LOOK_AGAIN_S):
            self.report()

    def report(self) -> None:
        """Tell what is new."""
        for record in self._service.records:
            if record.number <= self._done and record.number not in self._seen:
                continue
            seen = self._seen.setdefault(record.number, _Seen(record))
            self._done = max(self._done, record.number)
            is_over = record.over.is_set()  # first: then nothing comes behind it
            for words in seen.news(is_over=is_over):
                line = f"session {record.number}: {words}"
                print(plain(line), file=sys.stderr, flush=True)
            if is_over:
                del self._seen[record.number]


class _Seen:
    """What was told of a connection."""

    def __init__(self, record: GeminiRecord) -> None:
        self._record = record
        self._set_up = False
        self._heard: object = None  # the latest turn, likewise the latest answer
        self._said: object = None

    def news(self, *, is_over: bool) -> Iterator[str]:
        """What is to be told now."""
        record = self._record
        if record.setup is not None and not self._set_up:
            self._set_up = True
            model = str(record.setup.get("model", "")).rpartition("/")[2]
            yield f"{model or '(no model)'}, by way of {record.api}"
        turns = _behind(self._heard, list(record.turns))
        answers = _behind(self._said, list(record.answers))
        yield from map(_heard, turns)
        yield from map(_said, answers)
        self._heard = turns[-1] if turns else self._heard
        self._said = answers[-1] if answers else self._said
        if is_over:
            yield _end(record)


def _behind(latest: object, entries: list[_T]) -> list[_T]:
    """The entries behind that one; all, where it is gone: a record keeps 1,000."""
    for at in range(len(entries) - 1, -1, -1):
        if entries[at] is latest:
            return entries[at + 1 :]
    return entries


def _heard(turn: HeardTurn) -> str:
    if turn.results:
        return "got " + ", ".join(
            f"{each.name}: {each.output}" for each in turn.results
        )
    verb = "heard" if turn.spoken else "read"
    seconds = f" ({turn.seconds:.1f} s)" if turn.spoken else ""
    images = f" and {len(turn.images)} picture(s)" if turn.images else ""
    return f'{verb} "{turn.text.strip()}"{seconds}{images}'


def _said(spoken: Spoken) -> str:
    words = []
    if spoken.text or not spoken.calls:
        seconds = f" ({spoken.seconds:.1f} s)" if spoken.seconds else ""
        words.append(f'said "{spoken.text.strip()}"{seconds}')
    if spoken.calls:
        words.append(f"called {', '.join(spoken.calls)}")
    if spoken.interrupted:
        words.append("was interrupted")
    return ", ".join(words)


def _end(record: GeminiRecord) -> str:
    faults = f" [{', '.join(record.faults)}]" if record.faults else ""
    if record.status is None:
        return f"no answer to its request{faults}"
    if record.status != 101:
        return f"refused with status {record.status}{faults}"
    reason = f" ({record.close_reason})" if record.close_reason else ""
    breaches = f", broke: {', '.join(record.breaches)}" if record.breaches else ""
    return f"closed with {record.close_code}{reason}{breaches}{faults}"


def _fault(text: str) -> GeminiFault:
    return read_fault(text, fault)
