"""`voxsync transcribe`: recordings to text, one after another."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli.exits import HELP, Exit, Usage, code_for, explain, plain, worst
from voxsync.cli.progress import FileProgress, LiveLine
from voxsync.cli.recording import Recording, open_recording
from voxsync.cli.streaming import Outcome, stream
from voxsync.cli.subtitles import cues_of, srt, vtt
from voxsync.errors import VoxsyncError
from voxsync.mimi import MimiSession, NictOptions

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "render", "run"]

FORMATS = {"text": "txt", "json": "json", "srt": "srt", "vtt": "vtt"}
"""Format and the ending of its files."""

_EPILOG = f"""\
The access token comes from the environment variable MIMI_TOKEN; without it no
Authorization header is sent. Partial results and progress are shown on the
error output when that is a terminal; the final text goes to the standard
output.

Ctrl-C ends the audio and still prints the text of what was sent; a second one
gives up.

examples:
  voxsync transcribe meeting.wav
  voxsync transcribe --process nict-asr --language en --format srt talk.wav
  voxsync transcribe --format vtt --out subtitles *.wav
  voxsync transcribe --rate 16000 --realtime microphone.raw
  voxsync transcribe --url ws://127.0.0.1:8080/ hello.wav

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "transcribe",
        help="send recordings to a mimi service and print the text",
        description="Send recordings to a mimi service and print the text.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", type=Path, help=".wav .flac .raw .pcm")
    add("--url", default="wss://service.mimi.fd.ai/", help="default: %(default)s")
    add("--process", default="asr", help="asr (default), nict-asr, ...")
    add("--language", default="ja", help="of the speech; default: %(default)s")
    add("--format", default="text", choices=FORMATS, help="default: %(default)s")
    add("--rate", type=int, metavar="HZ", help="frames per second of .raw and .pcm")
    add("--realtime", action="store_true", help="send no faster than it plays")
    add("--out", type=Path, metavar="DIR", help="write DIR/NAME.txt (.json, ...)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Transcribe every file; a failing one does not stop the others."""
    _check(args)
    line = LiveLine(sys.stderr)
    codes: list[Exit] = []
    for path in args.files:
        try:
            codes.append(_transcribe(path, args, line))
        except (VoxsyncError, OSError) as exc:
            if isinstance(exc, BrokenPipeError):
                raise  # of our own output; the session has errors of its own
            line.clear()
            line.say(f"voxsync: {plain(str(path))}: {explain(exc)}")
            codes.append(code_for(exc))
        finally:
            line.clear()
        if codes[-1] is Exit.INTERRUPTED:
            break
    return worst(codes)


def _check(args: argparse.Namespace) -> None:
    names = [path.stem for path in args.files]
    if args.out is not None:
        if len(set(names)) < len(names):
            raise Usage("--out: two of the files have the same name")
        args.out.mkdir(parents=True, exist_ok=True)
    elif args.format in ("srt", "vtt") and len(names) > 1:
        raise Usage(f"{args.format} of several files needs --out DIR")
    if args.rate is not None and args.rate < 1:
        raise Usage("--rate must be 1 or more frames per second")
    _session(args, None)  # complains about the settings before any file is opened


def token_of_environment() -> str | None:
    """The access token, never taken from the command line that others can see.

    Raises:
        Usage: It cannot be sent in a header.
    """
    token = os.environ.get("MIMI_TOKEN", "").strip()
    if not (token.isascii() and token.isprintable()):
        raise Usage("MIMI_TOKEN holds a line break or another character no token has")
    return token or None


def _session(args: argparse.Namespace, recording: Recording | None) -> MimiSession:
    try:
        return MimiSession(
            token_of_environment(),
            process=args.process,
            language=args.language,
            audio=None if recording is None else recording.audio,
            nict=NictOptions(progressive=True),
            url=args.url,
        )
    except ValueError as exc:
        raise Usage(explain(exc)) from exc


def _transcribe(path: Path, args: argparse.Namespace, line: LiveLine) -> Exit:
    recording = open_recording(path, args.rate)
    progress = FileProgress(line, path.name, recording.seconds)
    outcome = stream(
        _session(args, recording),
        recording,
        progress,
        language=args.language,
        realtime=args.realtime,
    )
    line.clear()
    text = render(args.format, recording, outcome)
    if args.out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        name = f"{path.stem}.{FORMATS[args.format]}"
        (args.out / name).write_text(text, encoding="utf-8")
    return Exit.INTERRUPTED if outcome.interrupted else Exit.OK


def render(form: str, recording: Recording, outcome: Outcome) -> str:
    """The result in one of `FORMATS`, with a newline at its end."""
    transcript = outcome.transcript
    if form == "text":
        return plain(transcript.text) + "\n"
    if form == "json":
        segments = [
            {"text": one.text, "start_ms": one.start_ms, "end_ms": one.end_ms}
            for one in transcript.segments
        ]
        obj = {
            "file": str(recording.path),
            "text": transcript.text,
            "is_final": transcript.is_final,
            "interrupted": outcome.interrupted,
            "audio_seconds": round(outcome.sent_s, 3),
            "segments": segments,
        }
        return json.dumps(obj, ensure_ascii=False) + "\n"
    cues = cues_of(transcript, outcome.sent_s or recording.seconds)
    return srt(cues) if form == "srt" else vtt(cues)
