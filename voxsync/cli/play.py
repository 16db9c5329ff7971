"""`voxsync play`: sound files, one after another, on the speaker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, about, code_for, worst
from voxsync.cli.progress import LiveLine, Progress
from voxsync.cli.recording import check_rate, open_sound
from voxsync.cli.units import follow, speaker_for, tell
from voxsync.errors import FormatError

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "run"]

_EPILOG = f"""\
Plays any WAV file of PCM, floats or G.711, all channels mixed to one, and bare
samples of 16 bits, mono, named .raw or .pcm. Ctrl-C stops at once. Position and
level are shown on the error output when that is a terminal.

examples:
  voxsync play hello.wav
  voxsync play --device usb *.wav
  voxsync play --rate 16000 microphone.raw

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "play",
        help="play sound files on the speaker",
        description="Play sound files on the speaker.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", type=Path, help=".wav .raw .pcm")
    add(
        "--rate",
        type=arguments.rate,
        metavar="HZ",
        help="frames per second of .raw and .pcm",
    )
    add(
        "--device",
        type=arguments.device,
        metavar="INDEX|NAME",
        help="see `voxsync devices`; default: the system's",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Play every file; a broken one does not stop the others, a device does."""
    for path in args.files:
        check_rate(path, args.rate)
    line = LiveLine(sys.stderr)
    codes = [Exit.OK]
    for path in args.files:
        try:
            _play(path, args, line)
        except (FormatError, OSError) as exc:
            if isinstance(exc, BrokenPipeError):
                raise  # of our own output
            line.clear()
            line.say(f"voxsync: {about(path, exc)}")
            codes.append(code_for(exc))
        finally:
            line.clear()
    return worst(codes)


def _play(path: Path, args: argparse.Namespace, line: LiveLine) -> None:
    with open_sound(path, args.rate) as sound:
        tell(sound, line)
        with speaker_for(sound.sample_rate, args.device, line) as speaker:
            progress = Progress(line, path.name, sound.duration, lambda: speaker.level)
            link = sound.send_media_to(speaker)
            follow(link, lambda: progress.sent(link.stats.seconds))
