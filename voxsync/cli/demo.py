"""`voxsync demo`: real speech through a real session, offline."""

from __future__ import annotations

import sys
import time
from importlib import resources
from typing import TYPE_CHECKING

from voxsync.cli.audiofile import open_audio
from voxsync.cli.display import Display
from voxsync.cli.transcription import Transcription
from voxsync.mimi import MimiSession, NictOptions

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser"]

_EPILOG = """\
A mimi-compatible service is started in this process, with an offline recogniser. The
recording that comes with voxsync goes through a session with it over loopback: five
sentences of Jane Austen, read for LibriVox (public domain).

examples:
  voxsync demo
  voxsync demo --realtime
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "demo", help="watch real speech being recognised, offline", epilog=_EPILOG
    )
    parser.add_argument("--process", default="nict-asr", choices=("nict-asr", "asr"))
    parser.add_argument("--realtime", action="store_true", help="at speech's speed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start the service, transcribe the recording, print text and figures."""
    from voxsync.simulators.mimi import MimiService  # noqa: PLC0415 - an extra's room
    from voxsync.simulators.phrases import PhraseRecogniser  # noqa: PLC0415

    data = resources.files("voxsync.simulators") / "data" / "sense_and_sensibility.wav"
    display = Display(lines=True)
    with (
        resources.as_file(data) as path,
        MimiService(recogniser=PhraseRecogniser()) as service,
    ):
        audio = open_audio(str(path), 16000)
        print(f"mimi-compatible service at {service.url}, offline", file=sys.stderr)
        # English whatever the engine; asr joins words without spaces only for ja.
        session = MimiSession(
            None,
            process=args.process,
            language="en",
            audio=audio.format,
            nict=NictOptions(progressive=True, temporary_interval=500),
            url=service.url,
        )
        job = Transcription(session, audio, "en", realtime=args.realtime)
        started = time.monotonic()
        job.run(lambda job: display.show(job.transcript.text, job.share))
        wall = time.monotonic() - started
    display.clear()
    sentences = [s.text for s in job.transcript.segments] or [job.transcript.text]
    print("\n".join(sentences if args.process == "nict-asr" else [job.transcript.text]))
    print(
        f"{audio.seconds:.1f} s of audio in {wall:.1f} s; first result after "
        f"{job.first_after or 0:.2f} s, last {job.last_after or 0:.2f} s after the end "
        "of the audio"
    )
    if job.interrupted:
        return 130
    return 0 if job.transcript.is_final and job.transcript.text else 1
