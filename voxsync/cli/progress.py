"""One live line on a terminal: always the end of the text, never wider than that."""

from __future__ import annotations

import os
import threading
import time
import unicodedata
from typing import TYPE_CHECKING, TextIO

from voxsync.cli.exits import plain
from voxsync.cli.meter import meter_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.audio import Level
    from voxsync.mimi import Transcript

__all__ = ["LiveLine", "Progress", "clock_text", "fit", "tail", "width_of"]

_CLEAR = "\r\x1b[K"
_REDRAW_S = 0.1
_USUAL_COLUMNS = 80
# 15 cells of 4 dB, with brackets and figure.
_METER_COLUMNS = 24


def width_of(text: str) -> int:
    """Columns a terminal needs for the text."""
    return sum(map(_columns, text))


def tail(text: str, columns: int) -> str:
    """The end of the text that fits into so many columns, marked if cut."""
    if width_of(text) <= columns:
        return text
    used, at = 1, len(text)  # one for the mark
    while at and used + _columns(text[at - 1]) <= columns:
        at -= 1
        used += _columns(text[at])
    return "…" + text[at:] if columns > 0 else ""


def fit(text: str, columns: int) -> str:
    """The start of the text that fits into so many columns."""
    used = 0
    for at, each in enumerate(text):
        used += _columns(each)
        if used > columns:
            return text[:at]
    return text


def clock_text(seconds: float) -> str:
    """Minutes and seconds, as a player shows them."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class LiveLine:
    """The last line of a terminal, which changes; does nothing elsewhere.

    Args:
        stream: Where to write.
        clock: Seconds, monotonic.

    Thread: any. The lock keeps writes of several threads apart, so it is held while
    writing: a terminal has one cursor.
    """

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()  # guards the next two and the cursor
        self._shown = ""
        self._drawn_at = float("-inf")
        self.live = stream.isatty()

    @property
    def columns(self) -> int:
        """How wide a line may be.

        Less than the terminal: so that it never wraps, not even with the "^C" that
        a terminal writes behind it.
        """
        try:
            found = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            found = 0
        return (found or _USUAL_COLUMNS) - 3

    def show(self, head: str, text: str = "", *, at_once: bool = True) -> None:
        """Show `head` and as much of the end of `text` as there is room for.

        Args:
            head: Stays.
            text: Shortened from its start.
            at_once: False: leave it out if the last change was just now.
        """
        if not self.live:
            return
        columns = self.columns
        head = fit(plain(head), columns)
        line = head + tail(plain(text), columns - width_of(head))
        with self._lock:
            now = self._clock()
            if line == self._shown or (
                not at_once and now - self._drawn_at < _REDRAW_S
            ):
                return
            self._drawn_at = now
            self._write(_CLEAR + line, line)

    def say(self, line: str) -> None:
        """Write a line that stays, above the live one if there is one."""
        with self._lock:
            shown = self._shown
            lead = _CLEAR if shown else ""
            self._write(f"{lead}{line}\n{shown}", shown)

    def clear(self) -> None:
        """Take the live line away."""
        with self._lock:
            if self._shown:
                self._write(_CLEAR, "")

    def _write(self, what: str, shown: str) -> None:
        assert self._lock.locked()
        self._shown = shown
        self._stream.write(what)
        self._stream.flush()


class Progress:
    """Shows how far it is, how loud, and what was heard last: a `Watcher`.

    Args:
        line: Where.
        name: Of the file.
        seconds: Its length; None = not known.
        level: Asked for the level at each drawing; None = there is none to show.
    """

    def __init__(
        self,
        line: LiveLine,
        name: str,
        seconds: float | None,
        level: Callable[[], Level] | None = None,
    ) -> None:
        self._line = line
        self._name = name
        self._length = "" if seconds is None else f"/{clock_text(seconds)}"
        self._level = level
        self._sent = 0.0  # written by the sender's thread only
        self._text = ""  # written by the events thread only
        self._draw(at_once=True)

    def heard(self, transcript: Transcript) -> None:
        """See `Watcher`."""
        self._text = transcript.text
        self._draw(at_once=True)

    def sent(self, seconds: float) -> None:
        """See `Watcher`."""
        self._sent = seconds
        self._draw(at_once=False)

    def say(self, words: str) -> None:
        """See `Watcher`."""
        self._line.say(words)

    def _draw(self, *, at_once: bool) -> None:
        if not self._line.live:
            return  # nor is the level computed
        head = f"{self._name} {clock_text(self._sent)}{self._length} "
        if self._level is not None:
            head += f"{meter_text(self._level(), _METER_COLUMNS)} "
        self._line.show(head, self._text, at_once=at_once)
