"""Progress and partial results: live on a terminal, else nothing or plain lines."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TextIO

__all__ = ["Display", "fit"]


def _width(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, columns: int) -> str:
    """The end of the text that fits into so many columns, marked where it was cut."""
    used, kept = 0, len(text)
    for index in range(len(text) - 1, -1, -1):
        used += _width(text[index])
        if used > columns - (1 if index else 0):
            return "…" + text[kept:]
        kept = index
    return text


class Display:
    """One line at the bottom of a terminal, written over and over.

    Args:
        stream: Where to; default stderr.
        lines: Not a terminal: write each text as a line of its own; False = nothing.
    """

    def __init__(self, stream: TextIO | None = None, *, lines: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lines = lines
        self._shown = ""

    def show(self, text: str, share: float | None = None) -> None:
        """Show a text that may still change, and how much is done (0 to 1)."""
        if not self._live:
            if self._lines and text and text != self._shown:
                print(f"  {fit(text, 76)}", file=self._stream, flush=True)
            self._shown = text
            return
        head = "" if share is None else f"{share:4.0%} "
        columns = shutil.get_terminal_size().columns
        line = head + fit(text, columns - len(head) - 1)
        if line != self._shown:
            # Dim: it is not final. The line is erased first, since it may be shorter.
            print(
                f"\r\x1b[K\x1b[2m{line}\x1b[0m", end="", file=self._stream, flush=True
            )
            self._shown = line

    def clear(self) -> None:
        """Take the line away, before something else is written."""
        if self._live and self._shown:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
        self._shown = ""
