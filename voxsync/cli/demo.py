"""`voxsync demo`: real speech through a real session, offline, for everybody to see."""

from __future__ import annotations

import sys
import textwrap
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from voxsync.cli.exits import HELP, Exit, plain
from voxsync.cli.progress import LiveLine, clock_text, tail
from voxsync.cli.recording import Recording, open_recording
from voxsync.cli.streaming import Outcome, stream
from voxsync.errors import MissingExtra
from voxsync.mimi import MimiSession, NictOptions, Transcript
from voxsync.session import SessionOptions
from voxsync.simulators.recogniser import open_recogniser

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

__all__ = ["add_parser", "run"]

_EPILOG = f"""\
Starts the embedded mimi-compatible service with an offline speech recogniser
in this process, streams the recording that ships with voxsync through a session
over the loopback, and shows what comes back. Nothing leaves the machine.

examples:
  voxsync demo
  voxsync demo --realtime
  voxsync demo --process asr

{HELP}"""

_INDENT = "      "


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "demo",
        help="transcribe the shipped recording, offline",
        description="Transcribe the shipped recording, offline.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--process", default="nict-asr", choices=["nict-asr", "asr"])
    add("--realtime", action="store_true", help="send no faster than it plays")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Run the demo; it is a success only if the final result came."""
    data = files("voxsync.simulators") / "data" / "sense_and_sensibility.wav"
    with as_file(data) as path:
        outcome = _play(path, args)
    transcript = outcome.transcript
    print("\nfinal text:")
    for segment in _sentences(transcript):
        print(textwrap.fill(segment, 78, initial_indent="  ", subsequent_indent="  "))
    print(f"\n{figures(outcome)}")
    if outcome.interrupted:
        return Exit.INTERRUPTED
    return Exit.OK if transcript.is_final and transcript.text else Exit.FAILED


def _play(path: Path, args: argparse.Namespace) -> Outcome:
    """Start the service, stream the recording, show what comes."""
    try:
        from voxsync.simulators.mimi import MimiService  # noqa: PLC0415 - an extra

        recogniser = open_recogniser("phrases")
    except MissingExtra as exc:
        raise MissingExtra("the demo needs: pip install 'voxsync[demo]'") from exc
    recording = open_recording(path)
    with MimiService(recogniser=recogniser) as service:
        session = MimiSession(
            None,
            url=service.url,
            process=args.process,
            language="en",
            audio=recording.audio,
            nict=NictOptions(progressive=True, temporary_interval=500),
            options=SessionOptions(proxy=""),  # it is this very process
        )
        return stream(
            session,
            recording,
            _Show(recording, service.url),
            language="en",
            realtime=args.realtime,
        )


def _sentences(transcript: Transcript) -> list[str]:
    """The text as the engine cuts it; `asr` gives words, which are one paragraph."""
    if transcript.types[:1] == ("asr#mimilvcsr",):
        return [plain(transcript.text)]
    return [plain(segment.text) for segment in transcript.segments]


def figures(outcome: Outcome) -> str:
    """The line of figures."""

    def shown(seconds: float | None) -> str:
        return "-" if seconds is None else f"{seconds:.2f} s"

    return (
        f"audio {shown(outcome.sent_s)}, wall {shown(outcome.wall_s)}; "
        f"first result after {shown(outcome.first_s)}, "
        f"last {shown(outcome.last_s)} after the end"
    )


class _Show:
    """Sentences stay, with their times; what may still change is the live line.

    Without a terminal each state is a line of its own. Thread: see `Watcher`.
    """

    def __init__(self, recording: Recording, url: str) -> None:
        self._line = LiveLine(sys.stdout)
        self._said = 0  # sentences; events thread
        self._pending = ""  # events thread
        self._sent = 0.0  # sender's thread
        length = recording.seconds or 0.0
        self._line.say(
            f"{recording.path.name}: {length:.1f} s of speech, "
            f"{recording.audio.sample_rate} Hz\n"
            f"service: {url} (this process; nothing leaves the machine)\n"
        )

    def heard(self, transcript: Transcript) -> None:
        """See `Watcher`."""
        fixed = [segment for segment in transcript.segments if segment.is_final]
        if transcript.types[:1] == ("asr#mimilvcsr",):
            fixed = []  # words, all fixed at once at the end
        for segment in fixed[self._said :]:
            self._line.clear()
            when = clock_text((segment.start_ms or 0) / 1000)
            self._line.say(
                textwrap.fill(
                    plain(segment.text),
                    self._line.columns,
                    initial_indent=f"{when:>5} ",
                    subsequent_indent=_INDENT,
                )
            )
        self._said = len(fixed)
        if transcript.is_final:
            self._line.clear()
            return
        pending = plain(transcript.pending_text)
        if pending == self._pending:
            return
        self._pending = pending
        if self._line.live:
            self._draw(at_once=True)
        elif pending:
            room = self._line.columns - len(_INDENT) - 2
            self._line.say(f"{_INDENT}> {tail(pending, room)}")

    def sent(self, seconds: float) -> None:
        """See `Watcher`."""
        self._sent = seconds
        self._draw(at_once=False)

    def _draw(self, *, at_once: bool) -> None:
        # The arrow tells the clock of what is being said from the times above it.
        head = f"{clock_text(self._sent):>5}> "
        self._line.show(head, self._pending, at_once=at_once)

    def say(self, words: str) -> None:
        """See `Watcher`."""
        self._line.say(words)
