"""`voxsync devices`: which microphones and speakers there are."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from voxsync import media
from voxsync.cli.exits import HELP, Exit, plain
from voxsync.cli.progress import width_of
from voxsync.media.devices import find_device

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["add_parser", "run", "table"]

_HEADINGS = ("#", "NAME", "HOST API", "IN", "OUT", "RATE")
_LEFT = (1, 2)  # columns that are text; the others are figures

_EPILOG = f"""\
IN and OUT are channels: a microphone has some in, a speaker some out. The
default (*) is what is used where no --device is given; with one, by its index
or a part of its name. RATE is what the device prefers, in frames per second.

examples:
  voxsync devices
  voxsync devices --json
  voxsync record --device 3 hello.wav
  voxsync play --device usb hello.wav

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "devices",
        help="list the microphones and speakers",
        description="List the microphones and speakers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="as a list of objects")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Exit:
    """List them; none at all is a failure, which says what to check."""
    devices = media.audio_devices()
    if args.json:
        print(json.dumps([asdict(each) for each in devices], ensure_ascii=False))
    elif devices:
        print(table(devices))
    if not devices:
        find_device(devices, None, "output")  # raises: the library's own words
    return Exit.OK


def table(devices: Sequence[media.AudioDevice]) -> str:
    """The devices as lines for people."""
    rows = [_HEADINGS, *map(_row, devices)]
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_padded, row, widths, range(len(row)))) for row in rows]
    return "\n".join([*(line.rstrip() for line in lines), "* = default"])


def _row(device: media.AudioDevice) -> tuple[str, ...]:
    return (
        str(device.index),
        plain(device.name),
        plain(device.host_api),
        f"{device.max_input_channels or '-'}{' *'[device.is_default_input]}",
        f"{device.max_output_channels or '-'}{' *'[device.is_default_output]}",
        str(device.default_sample_rate),
    )


def _padded(text: str, width: int, column: int) -> str:
    blanks = " " * (width - width_of(text))
    return text + blanks if column in _LEFT else blanks + text
