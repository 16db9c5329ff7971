"""`voxsync transcribe`: files through a mimi service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli.audiofile import open_audio
from voxsync.cli.display import Display
from voxsync.cli.subtitles import FORMATS, render
from voxsync.cli.transcription import Transcription
from voxsync.errors import HandshakeError, VoxsyncError
from voxsync.mimi import MimiSession, NictOptions

if TYPE_CHECKING:
    import argparse

__all__ = ["EXIT_CODES", "add_parser"]

EXIT_CODES = """\
exit codes:
  0    every file was transcribed to its end
  1    a file could not be read, or the service failed; partial text is printed
  2    the command line makes no sense
  3    the service refused the token (status 401 or 403)
  130  interrupted; the text of what was sent is printed
"""

_EXAMPLES = """\
examples:
  voxsync transcribe speech.wav
  voxsync transcribe --process nict-asr --language en --format srt *.wav --out subs
  voxsync transcribe --url ws://127.0.0.1:9000/ --realtime speech.wav

The token is read from the environment variable MIMI_TOKEN; it is no argument, since
every user of a machine can see the arguments of all programs. Without it none is sent.
Ctrl-C ends the audio and waits for its text; a second one gives up.

"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "transcribe",
        help="turn audio files into text",
        epilog=_EXAMPLES + EXIT_CODES,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=".wav, .flac, .raw")
    parser.add_argument(
        "--url", default="wss://service.mimi.fd.ai/", help="the service"
    )
    parser.add_argument("--process", default="asr", help="engine: asr, nict-asr, ...")
    parser.add_argument("--language", default="ja", help="ja, en, ... (default ja)")
    parser.add_argument("--format", default="text", choices=FORMATS, dest="form")
    parser.add_argument("--realtime", action="store_true", help="at speech's speed")
    parser.add_argument("--rate", type=int, default=16000, help="of raw files, Hz")
    parser.add_argument("--out", metavar="DIR", help="write DIR/NAME.EXT, not stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Transcribe one file after the other; a failing one does not stop the others."""
    worst = 0
    for name in args.files:
        code = _one(name, args)
        if code == 130:
            return code
        worst = max(worst, code)
    return worst


def _one(name: str, args: argparse.Namespace) -> int:
    display, job = Display(), None
    try:
        audio = open_audio(name, args.rate)
        session = MimiSession(
            os.environ.get("MIMI_TOKEN") or None,
            process=args.process,
            language=args.language,
            audio=audio.format,
            nict=NictOptions(progressive=True),
            url=args.url,
        )
        job = Transcription(session, audio, args.language, realtime=args.realtime)
        job.run(lambda job: display.show(job.transcript.text, job.share))
    except (VoxsyncError, OSError, ValueError) as exc:
        display.clear()
        print(f"voxsync: {name}: {exc}", file=sys.stderr)
        if job is not None and job.transcript.text:
            _write(job, name, args, audio.seconds)
        return 3 if isinstance(exc, HandshakeError) and exc.is_auth else 1
    except KeyboardInterrupt:
        display.clear()
        return 130
    display.clear()
    _write(job, name, args, audio.seconds)
    return 130 if job.interrupted else 0


def _write(
    job: Transcription, name: str, args: argparse.Namespace, seconds: float | None
) -> None:
    text = render(job, name, args.form, seconds)
    if args.out is None:
        print(text, end="", flush=True)
        return
    ending = "txt" if args.form == "text" else args.form
    path = Path(args.out) / f"{Path(name).stem}.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"voxsync: wrote {path}", file=sys.stderr)
