"""What a command ends with: exit codes, and words for what went wrong."""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from typing import TYPE_CHECKING

from voxsync.errors import HandshakeError, SessionClosed, VoxsyncError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "HELP",
    "Exit",
    "ListenError",
    "Usage",
    "about",
    "code_for",
    "explain",
    "plain",
    "worst",
]

_LONGEST_BODY = 200


class Exit(IntEnum):
    """Exit codes of all commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


HELP = """\
exit codes:
  0    all went well
  1    a file, a device or a service failed; other files may have succeeded
  2    the command line makes no sense
  3    the service refused the credentials (401 or 403)
  130  ended by Ctrl-C or SIGTERM before it was done; 0 where that is the way to
       end: services, conversations, recordings without --seconds
  141  nobody reads the output any more (as in `voxsync ... | head -1`)
"""


class ListenError(VoxsyncError):
    """The address or the port cannot be had."""

    def __init__(self, host: str, port: int, why: OSError) -> None:
        super().__init__(f"cannot listen at {host}:{port}: {explain(why)}")


class Usage(Exception):
    """The command line makes no sense; the message says what would."""


def code_for(exc: BaseException) -> Exit:
    """The exit code that an error of one file stands for."""
    if isinstance(exc, HandshakeError) and exc.is_auth:
        return Exit.REFUSED
    return Exit.FAILED


def worst(codes: list[Exit]) -> Exit:
    """The one code of several files: the highest, which is the most particular."""
    return max(codes, default=Exit.OK)


def explain(exc: BaseException, variable: str | None = None) -> str:
    """One line for people. Secrets of the request are masked by the session.

    Args:
        exc: What went wrong.
        variable: Where credentials come from, for who was refused; None = nowhere.
    """
    if isinstance(exc, HandshakeError):
        body = plain(exc.body.decode("utf-8", "replace")).strip()[:_LONGEST_BODY]
        said = f' and said "{body}"' if body else ""
        hint = ""
        if exc.is_auth and variable is not None:
            what = "key" if variable.endswith("KEY") else "token"
            hint = f"; the {what} comes from the environment variable {variable}"
        return f"the service refused with status {exc.status}{said}{hint}"
    words = plain(_own_words(exc)) or type(exc).__name__
    if isinstance(exc, SessionClosed) and exc.text and exc.text not in words:
        words += f' (heard until then: "{plain(exc.text)}")'
    return words


def about(path: Path, exc: BaseException, variable: str | None = None) -> str:
    """One line for people on what is wrong with a file; it begins with its name.

    Args:
        path: The file.
        exc: As for `explain`.
        variable: Likewise.
    """
    name, words = plain(str(path)), explain(exc, variable)
    return words if words.startswith(f"{name}: ") else f"{name}: {words}"


def _own_words(exc: BaseException) -> str:
    """The message, for an error of the system without its number."""
    if isinstance(exc, OSError) and exc.strerror:
        name = exc.filename
        return exc.strerror if name is None else f"{name}: {exc.strerror}"
    return str(exc)


def plain(text: str) -> str:
    """The text on one line, without what could steer a terminal."""
    return "".join(
        " " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each
        for each in text
    )
