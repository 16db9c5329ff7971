"""`voxsync record`: what the microphone hears, into a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, Usage, plain
from voxsync.cli.meter import LOWEST_DBFS
from voxsync.cli.progress import LiveLine, Progress
from voxsync.cli.units import follow, held, microphone_for
from voxsync.errors import MediaError

if TYPE_CHECKING:
    import argparse

    from voxsync.cli.take import Take
    from voxsync.media import Microphone

__all__ = ["add_parser", "run", "summary"]

_ENDINGS = (".wav", ".raw", ".pcm")

_EPILOG = f"""\
The file holds 16 bits, mono: a WAV file, or bare samples if it is named .raw or
.pcm. 16000 frames per second are what speech services take; music wants 48000.

Without --seconds, Ctrl-C is the way to end, with exit code 0. What was said
before it is still on its way then, so the recording goes on for about 0.3 s; a
second Ctrl-C ends it at once. If the device fails, what was recorded until then
is kept. The level is shown on the error output when that is a terminal:
filled = RMS, mark and figure = peak.

examples:
  voxsync record hello.wav
  voxsync record --seconds 10 --rate 48000 music.wav
  voxsync record --device usb --force hello.wav

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "record",
        help="record the microphone into a file",
        description="Record the microphone into a file.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("out", metavar="OUT", type=Path, help=" ".join(_ENDINGS))
    add("--seconds", type=arguments.seconds, metavar="N", help="default: until Ctrl-C")
    add(
        "--rate",
        type=arguments.rate,
        default=16000,
        metavar="HZ",
        help="frames per second of the file; default: %(default)s",
    )
    add(
        "--device",
        type=arguments.device,
        metavar="INDEX|NAME",
        help="see `voxsync devices`; default: the system's",
    )
    add("--force", action="store_true", help="overwrite OUT if it exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """Record; it is a success if the file holds what was to be recorded."""
    path: Path = args.out
    if path.suffix.lower() not in _ENDINGS:
        raise Usage(f"{path}: the name must end in {', '.join(_ENDINGS)}")
    if path.exists() and not args.force:
        raise Usage(f"{path} exists; --force overwrites it")
    from voxsync.cli.take import Take  # noqa: PLC0415 - numpy is slow to import

    line = LiveLine(sys.stderr)
    error: Exception | None = None
    interrupted = False
    # In this order: a device that cannot be opened costs no file.
    with microphone_for(args.rate, args.device, line) as microphone:
        with Take(path, args.rate, args.seconds) as take:
            try:
                interrupted = _record(microphone, take, args.seconds, line)
            except KeyboardInterrupt:  # before it began, or a second one
                interrupted = True
            except (MediaError, OSError) as exc:
                error = exc
            finally:
                line.clear()
        if take.stats.frames:
            print(summary(path, take, microphone))
        elif path.is_file():
            path.unlink()
    if error is not None:
        raise error
    if take.peak < LOWEST_DBFS and take.stats.frames:
        line.say(
            "voxsync: the recording is silent: is the microphone muted, or is it "
            "another one? See `voxsync devices`"
        )
    if interrupted and (args.seconds is not None or not take.stats.frames):
        return Exit.INTERRUPTED
    return Exit.OK


def _record(
    microphone: Microphone, take: Take, seconds: float | None, line: LiveLine
) -> bool:
    """Let it flow until the end, or until Ctrl-C: then True.

    After Ctrl-C it goes on until all that was said before has come.
    """
    link = microphone.send_media_to(take)
    until = "" if seconds is None else f" {seconds:g} s"
    line.say(f"recording{until} from {plain(microphone.device.name)}; Ctrl-C ends")
    progress = Progress(line, take.name, seconds, lambda: microphone.level)

    def draw() -> None:
        progress.sent(take.stats.seconds)

    try:
        follow(link, draw)
    except KeyboardInterrupt:
        end = take.stats.seconds + held(microphone)
        follow(link, draw, lambda: take.stats.seconds < end)
        return link.is_active  # else it was so near its own end that it has reached it
    return False


def summary(path: Path, take: Take, microphone: Microphone) -> str:
    """What was recorded, and what was lost of it, on one line."""
    stats = microphone.stats
    words = [
        f"{plain(str(path))}: {take.stats.seconds:.2f} s, {take.sample_rate} Hz",
        f"peak {take.peak:.1f} dBFS",
    ]
    if stats.dropped:
        words.append(f"{stats.dropped / microphone.sample_rate:.2f} s lost")
    if stats.overflows:
        words.append(f"input lost by the sound system {stats.overflows} time(s)")
    return ", ".join(words)
