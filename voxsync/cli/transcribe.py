"""`voxsync transcribe`: recordings, or what the microphone hears, to text."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, Usage, about, code_for, explain, plain, worst
from voxsync.cli.microphone import MicrophoneFeed
from voxsync.cli.progress import LiveLine, Progress
from voxsync.cli.recording import check_rate, open_recording
from voxsync.cli.stats import add_option, shown
from voxsync.cli.streaming import Outcome, stream
from voxsync.cli.subtitles import cues_of, srt, vtt
from voxsync.cli.units import microphone_for
from voxsync.errors import VoxsyncError
from voxsync.mimi import MimiSession, NictOptions
from voxsync.session import SessionOptions

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

Ctrl-C ends the audio and still prints the text of what was sent, with --mic of
all that was said; a second one gives up. With --mic and without --seconds that
is the way to end, with exit code 0. The level is shown as a bar: filled = RMS,
mark and figure = peak.

examples:
  voxsync transcribe meeting.wav
  voxsync transcribe --mic --process nict-asr --language en
  voxsync transcribe --mic --seconds 30 --format json --flac
  voxsync transcribe --process nict-asr --language en --format srt talk.wav
  voxsync transcribe --realtime --stats talk.wav
  voxsync transcribe --format vtt --out subtitles *.wav
  voxsync transcribe --rate 16000 --realtime microphone.raw
  voxsync transcribe --url ws://127.0.0.1:8080/ hello.wav

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "transcribe",
        help="send recordings or the microphone to a mimi service, print the text",
        description="Send recordings, or what the microphone hears, to a mimi service "
        "and\nprint the text.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", type=Path, help=".wav .flac .raw .pcm")
    add("--mic", action="store_true", help="the microphone in place of files")
    add(
        "--device",
        type=arguments.device,
        metavar="INDEX|NAME",
        help="of --mic: see `voxsync devices`; default: the system's",
    )
    add(
        "--seconds",
        type=arguments.seconds,
        metavar="N",
        help="of --mic: how long; default: until Ctrl-C",
    )
    add("--url", default="wss://service.mimi.fd.ai/", help="default: %(default)s")
    add("--process", default="asr", metavar="NAME", help="asr (default), nict-asr, ...")
    add("--language", default="ja", metavar="CODE", help="default: %(default)s")
    add("--format", default="text", choices=FORMATS, help="default: %(default)s")
    add("--flac", action="store_true", help="compress it: half the bytes, no loss")
    add(
        "--rate",
        type=arguments.rate,
        metavar="HZ",
        help="frames per second of .raw and .pcm",
    )
    add("--realtime", action="store_true", help="send no faster than it plays")
    add("--out", type=Path, metavar="DIR", help="write DIR/NAME.txt (.json, ...)")
    add_option(parser)
    parser.set_defaults(run=run, variable="MIMI_TOKEN")


def run(args: argparse.Namespace) -> Exit:
    """Transcribe every file; a failing one does not stop the others."""
    _check(args)
    line = LiveLine(sys.stderr)
    if args.mic:
        try:
            return _transcribe_microphone(args, line)
        finally:
            line.clear()
    codes: list[Exit] = []
    for path in args.files:
        try:
            codes.append(_transcribe(path, args, line))
        except (VoxsyncError, OSError) as exc:
            if isinstance(exc, BrokenPipeError):
                raise  # of our own output; the session has errors of its own
            line.clear()
            line.say(f"voxsync: {about(path, exc, args.variable)}")
            codes.append(code_for(exc))
        finally:
            line.clear()
        if codes[-1] is Exit.INTERRUPTED:
            break
    return worst(codes)


def _check(args: argparse.Namespace) -> None:
    """Complain about what makes no sense, before any device or file is opened."""
    if args.mic:
        if args.files:
            raise Usage("--mic takes no FILE")
        if args.rate is not None or args.realtime:
            raise Usage("--rate and --realtime are for files, not for --mic")
    elif not args.files:
        raise Usage("what is to be transcribed? Name a FILE, or say --mic")
    elif args.device is not None or args.seconds is not None:
        raise Usage("--device and --seconds are for --mic")
    names = [path.stem for path in args.files]
    if args.out is not None:
        if len(set(names)) < len(names):
            raise Usage("--out: two of the files have the same name")
        args.out.mkdir(parents=True, exist_ok=True)
    elif args.format in ("srt", "vtt") and len(names) > 1:
        raise Usage(f"{args.format} of several files needs --out DIR")
    for path in args.files:
        check_rate(path, args.rate)
    _session(args, AudioFormat())


def token_of_environment() -> str | None:
    """The access token, never taken from the command line that others can see.

    Raises:
        Usage: It cannot be sent in a header.
    """
    token = os.environ.get("MIMI_TOKEN", "").strip()
    if not (token.isascii() and token.isprintable()):
        raise Usage("MIMI_TOKEN holds a line break or another character no token has")
    return token or None


def _session(args: argparse.Namespace, audio: AudioFormat) -> MimiSession:
    try:
        return MimiSession(
            token_of_environment(),
            process=args.process,
            language=args.language,
            audio=audio,
            nict=NictOptions(progressive=True),
            url=args.url,
            encode="flac" if args.flac and audio.encoding == "pcm16" else None,
            # A microphone does not wait: this holds 10 s of its blocks, for as long
            # as a network may hang (write_timeout).
            options=SessionOptions(send_queue=500) if args.mic else None,
        )
    except ValueError as exc:
        raise Usage(explain(exc)) from exc


def _transcribe(path: Path, args: argparse.Namespace, line: LiveLine) -> Exit:
    recording = open_recording(path, args.rate)
    session = _session(args, recording.audio)
    # Results go to a listener: what waits for receive() waits for nobody.
    with shown(session, line, wanted=args.stats, name=path.name, receive_dropped=0):
        outcome = stream(
            session,
            recording,
            Progress(line, path.name, recording.seconds),
            language=args.language,
            realtime=args.realtime,
        )
        line.clear()
        _write(path, args, outcome)
    return Exit.INTERRUPTED if outcome.interrupted else Exit.OK


def _transcribe_microphone(args: argparse.Namespace, line: LiveLine) -> Exit:
    audio = AudioFormat()
    session = _session(args, audio)
    with microphone_for(audio.sample_rate, args.device, line) as microphone:
        feed = MicrophoneFeed(microphone, audio, args.seconds)
        with shown(
            session,
            line,
            wanted=args.stats,
            name="the microphone's session",
            units=(microphone,),
            receive_dropped=0,
        ):
            outcome = stream(
                session,
                feed,
                Progress(line, "mic", args.seconds, lambda: microphone.level),
                language=args.language,
                finish=feed.finish,
            )
    line.clear()
    if args.seconds is None:  # Ctrl-C is how it ends
        outcome = replace(outcome, interrupted=False)
    _write(None, args, outcome)
    if outcome.error is not None:
        raise outcome.error
    return Exit.INTERRUPTED if outcome.interrupted else Exit.OK


def _write(path: Path | None, args: argparse.Namespace, outcome: Outcome) -> None:
    """Give out the result; without a path it is that of the microphone."""
    text = render(args.format, path, outcome)
    if args.out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        stem = "microphone" if path is None else path.stem
        name = f"{stem}.{FORMATS[args.format]}"
        (args.out / name).write_text(text, encoding="utf-8")


def render(form: str, path: Path | None, outcome: Outcome) -> str:
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
            "file": None if path is None else str(path),
            "text": transcript.text,
            "is_final": transcript.is_final,
            "interrupted": outcome.interrupted,
            "audio_seconds": round(outcome.sent_s, 3),
            "segments": segments,
        }
        return json.dumps(obj, ensure_ascii=False) + "\n"
    cues = cues_of(transcript, outcome.sent_s or None)
    return srt(cues) if form == "srt" else vtt(cues)
