"""Words in a picture: so that they stand beside one another, and not on each other."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LANES", "Lettering", "clock", "moment", "seconds", "wait"]

LANES = 0.78
"""The part of a picture's width that the lanes take."""

_SIZE = 8.5  # points
_CHARACTER = 0.58 / 72 * 100  # pixels at 100 dpi per point of size, on average
_GAP = 6  # pixels
_LINE = 1.2 * _SIZE / 72 * 100  # pixels
_BEYOND = 1.15  # so far into the right margin a label may reach, in widths of lanes
_MANY_MS = 10_000  # which are better said in seconds
_LEAST = 24  # characters of a text that is cut off


class Lettering:
    """Places text; what finds no room is left out, or cut.

    Nothing in a text is taken for a formula.

    Args:
        families: Fonts, the best one first.
        start: Seconds, at the left border.
        scale: Pixels per second.
    """

    def __init__(self, families: list[str], start: float, scale: float) -> None:
        self._families = families
        self._start = start
        self._scale = scale
        self._taken: dict[tuple[int, float], float] = {}  # until which pixel, by row

    def write(
        self,
        figure: Figure,
        place: tuple[float, float],
        text: str,
        colour: str,
        **how: Any,
    ) -> None:
        """Put it at a place of the figure, 0 to 1."""
        figure.text(
            *place,
            text,
            color=colour,
            va="center",
            family=self._fonts(how),
            parse_math=False,
            **how,
        )

    def put(
        self,
        axes: Axes,
        place: tuple[float, float],
        text: str,
        colour: str,
        *,
        size: float = _SIZE,
        **how: Any,
    ) -> None:
        """Put it at a place of a lane, 0 to 1, or beside the lane."""
        axes.text(
            *place,
            text,
            color=colour,
            va="center",
            size=size,
            family=self._fonts(how),
            transform=axes.transAxes,
            parse_math=False,
            **how,
        )

    def _fonts(self, how: dict[str, Any]) -> list[str]:
        """Not all are there in bold, which matplotlib would complain of."""
        return self._families[:1] if "weight" in how else self._families

    def lines(
        self, axes: Axes, span: tuple[float, float], y: float, text: str, colour: str
    ) -> None:
        """Put it below `y`, in lines that begin and end with the span."""
        start = max(span[0], self._start)
        room = (span[1] - start) * self._scale - _GAP
        most = max(1, int(axes.bbox.height * y / _LINE))
        shown = "\n".join(_wrapped(text, room, most))
        if shown:
            self._at(axes, (start, y), shown, colour, va="top")

    def beside(
        self,
        axes: Axes,
        span: tuple[float, float],
        y: float,
        text: str,
        colour: str,
        *,
        until: float,
    ) -> None:
        """Put it right of what is drawn along the span, else left of it.

        It ends before what begins at `until` in the same row. One that has no room is
        cut off if enough of it is left, or else left out.
        """
        row = (id(axes), y)
        left, right, limit = ((t - self._start) * self._scale for t in (*span, until))
        width, taken = _width(text) + 2 * _GAP, self._taken.get(row, 0.0)
        self._taken[row] = right + _GAP
        if limit - right < width and left - taken > width:
            self._at(axes, (span[0], y), f"{text}  ", colour, va="center", ha="right")
            return
        if limit - right < width:
            count = _fitting(text, limit - right - 4 * _GAP)
            if count < _LEAST:
                return
            text = text[:count].rstrip() + "…"
        self._taken[row] = right + width
        self._at(axes, (span[1], y), f"  {text}", colour, va="center")

    def above(self, axes: Axes, x: float, text: str, colour: str) -> None:
        """Put it on top of the first lane at `x`, if there is room."""
        row, at = (0, 0.0), (x - self._start) * self._scale
        width, lanes = _width(text), axes.bbox.width
        left = min(at, max(0.0, lanes * _BEYOND - width))
        if left < self._taken.get(row, -_GAP):
            return
        self._taken[row] = left + width + 2 * _GAP
        seconds_left = self._start + left / self._scale
        axes.text(
            seconds_left,
            1.03,
            text,
            color=colour,
            ha="left",
            va="bottom",
            size=_SIZE,
            family=self._families,
            transform=axes.get_xaxis_transform(),
            parse_math=False,
        )

    def _at(
        self,
        axes: Axes,
        place: tuple[float, float],
        text: str,
        colour: str,
        **how: Any,
    ) -> None:
        axes.text(
            *place,
            text,
            color=colour,
            size=_SIZE,
            family=self._families,
            clip_on=True,
            parse_math=False,
            **how,
        )


def _width(text: str) -> float:
    """Pixels, roughly: characters of East Asia are wide."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return (len(text) + 0.75 * wide) * _CHARACTER * _SIZE


def _wrapped(text: str, room: float, most: int) -> list[str]:
    """As many lines as may be; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        count = _fitting(rest, room)
        if count < min(3, len(rest)):
            return lines  # a line of two letters says nothing
        if count < len(rest):
            if len(lines) == most - 1:
                return [*lines, rest[: max(1, count - 1)].rstrip() + "…"]
            space = rest.rfind(" ", 1, count + 1)
            count = space if space > 0 else count
        lines.append(rest[:count].strip())
        rest = rest[count:].strip()
    return lines


def _fitting(text: str, room: float) -> int:
    count = min(len(text), int(room / (_CHARACTER * _SIZE)))
    while count > 0 and _width(text[:count]) > room:
        count -= 1
    return max(count, 0)


def seconds(value: float) -> str:
    """A length or a time, for people: as exact as it is short."""
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 120:
        return f"{value:.2f} s"
    return clock(value, value)


def wait(ms: int) -> str:
    """How long one waited."""
    return f"{ms} ms" if ms < _MANY_MS else seconds(ms / 1000)


def moment(value: float, longest: float) -> str:
    """A time, exact enough to find it again, e.g. "12.34 s" or "3:05.2"."""
    if longest <= 120:
        return f"{value:.2f} s"
    minutes, rest = divmod(value, 60)
    hours, minutes = divmod(int(minutes), 60)
    before = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{before}:{int(rest * 10) / 10:04.1f}"


def clock(value: float, longest: float) -> str:
    """A place on the axis of time, e.g. "12.5 s", "3:05" or "1:03:05"."""
    if longest <= 120:
        return f"{value:g} s"
    whole = round(value)
    minutes, rest = divmod(whole, 60)
    if longest < 3600:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
