"""What several commands take on their command lines, for argparse's `type=`."""

from __future__ import annotations

import argparse
import math

__all__ = ["add_address", "device", "port", "rate", "seconds"]

_RATES = range(1000, 768_001)  # those of a media unit
_MOST_PORT = 65535


def add_address(parser: argparse.ArgumentParser) -> None:
    """Take `--host` and `--port`: where to listen."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="default: %(default)s")
    add("--port", type=port, default=0, metavar="N", help="default: any free one")


def device(text: str) -> int | str:
    """A sound device: the index of one, or a part of its name."""
    if text.isascii() and text.isdecimal():
        return int(text)
    if not text.strip():
        raise argparse.ArgumentTypeError("an index or a part of a name")
    return text


def port(text: str) -> int:
    """A TCP port to listen on; 0 = any free one."""
    found = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= found <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r}: a port is 0 to {_MOST_PORT}")
    return found


def rate(text: str) -> int:
    """Frames per second."""
    found = int(text) if text.isascii() and text.isdecimal() else 0
    if found not in _RATES:
        raise argparse.ArgumentTypeError(
            f"{text!r}: frames per second are {_RATES[0]} to {_RATES[-1]}"
        )
    return found


def seconds(text: str) -> float:
    """A length of time, which is neither nothing nor endless."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: more than 0 seconds, e.g. 2.5")
    return found
