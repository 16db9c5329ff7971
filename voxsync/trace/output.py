"""The file that a trace is written to: replaces no other, and has one writer."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from pathlib import Path

from voxsync.errors import TraceError

__all__ = ["Output", "is_foreign"]

_BEGIN = b'{"voxsync_trace":'
_MODE = 0o600  # a trace is as private as the conversation

_lock = threading.Lock()  # guards the next one
_in_use: set[str] = set()


def is_foreign(path: str) -> bool:
    """Whether a file has something in it that is no trace, and may be dear to someone.

    False, too, for what is no file: a pipe, a device, a folder.

    Raises:
        OSError: It cannot be read.
    """
    try:
        about = Path(path).stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        return False
    with Path(path).open("rb") as file:
        begin = file.read(len(_BEGIN))
    return not _BEGIN.startswith(begin)  # a full disk may have cut it


class Output:
    """The way to one file. Thread: any.

    Args:
        path: Of the file.
        force: Replace it even if it is no trace.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self._path = path
        self._force = force
        self._claimed = ""

    def check(self) -> None:
        """Look whether the file that is there may be replaced.

        Raises:
            TraceError: It is no trace.
        """
        try:
            self._check()
        except FileExistsError as exc:
            raise TraceError(
                f"{self._path}: {exc.strerror}; it is not replaced", path=self._path
            ) from None
        except OSError:
            return  # `open` tells, as of everything that is wrong with the disk

    def _check(self) -> None:
        if not self._force and is_foreign(self._path):
            raise FileExistsError(errno.EEXIST, "the file exists and is no trace")

    def claim(self) -> None:
        """Take the path for oneself, until `release`.

        Raises:
            TraceError: Another recording writes there.
        """
        name = os.path.normcase(os.path.realpath(self._path))
        with _lock:
            if name in _in_use:
                raise TraceError(
                    f"{self._path}: another recording is writing there; give each "
                    "its own file",
                    path=self._path,
                )
            _in_use.add(name)
            self._claimed = name

    def release(self) -> None:
        """Let others have it."""
        with _lock:
            _in_use.discard(self._claimed)
            self._claimed = ""

    def open(self, *, append: bool) -> io.FileIO:
        """Open it, for nobody but its owner if it is new; a pipe waits for its reader.

        Unbuffered: what is handed over once a second needs no buffer, and one that
        holds what the disk refused cannot be closed.

        Raises:
            OSError: It cannot be opened, or is no trace.
        """
        if append:
            return io.FileIO(self._path, "a", opener=_private)
        self._check()
        return io.FileIO(self._path, "w", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)
