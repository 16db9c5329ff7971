"""`voxsync`, and `python -m voxsync.cli`: the program from its first moment on.

Loading a command takes some tenths of a second, in which somebody may have thought
better of it. There is nothing to put in order then: Ctrl-C just ends the process.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]

_INTERRUPTED = 130  # as `Exit`, which is not loaded yet


def main() -> int:
    """Run the command of the process's arguments, and return its exit code.

    Raises:
        SystemExit: As `voxsync.cli.main.main`.

    Thread: the main one.
    """
    try:
        return _run()
    except KeyboardInterrupt:  # in the moments between the two ways to take it
        return _INTERRUPTED


def _run() -> int:
    import signal  # noqa: PLC0415 - here an interruption is quiet

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:  # not in the background of a script, where Ctrl-C is not for us
        signal.signal(signal.SIGINT, _leave)
    from voxsync.cli.main import main as run  # noqa: PLC0415 - slow

    try:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return run()
    finally:
        if usual:  # all is done: nothing that the interpreter's end could tell
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: object) -> None:
    """SIGINT where there is nothing to end. An exception might be lost in an import."""
    del number, frame
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
