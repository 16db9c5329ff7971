"""What stands in each lane of the picture of a trace.

Colours are those of Paul Tol's "vibrant" scheme, which people who see few colours can
tell apart; what they mean is said by place and shape as well.
"""

from __future__ import annotations

import collections
import statistics
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from voxsync.trace.lettering import moment, seconds, wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from voxsync.trace.figures import Figures, Ticks
    from voxsync.trace.lettering import Lettering

__all__ = [
    "CUT",
    "INK",
    "LOST",
    "PALE",
    "STALL",
    "Painter",
    "count",
    "trouble",
]

T = TypeVar("T")

PERSON, SERVICE = "#0077BB", "#009988"
STALL, LOST, CUT = "#EE7733", "#CC3311", "#EE3377"
INK, PALE = "#222222", "#777777"

_MANY = 30  # latencies, of which only the longest are written
_KINDS = ("first result", "last result", "reply")
_ROWS = (
    ("out", "audio"),
    ("out", "other"),
    ("in", "audio"),
    ("in", "other"),
    ("both", "ping"),
)
_NAMES = {"other": "messages"}
_LOSSES = collections.defaultdict(
    lambda: "lost",
    refused="there was no room for it",
    dropped="who was to take it was too slow",
    gated="it came behind an interruption",
    unsent="it was accepted and never sent",
    missing="it never came",
    trace="the trace had no room for it",
)
_STALLED = {"out": "sending stalled", "in": "stalled", "ping": "pong came after"}


class Painter:
    """Fills lanes.

    Args:
        figures: With what.
        end: Seconds, where the picture ends.
        letters: Writes.

    Attributes:
        colours: By way.
        names: Who speaks, by way.
        lanes: By what they show; filled by who makes them.
        tips: See `Picture`.
    """

    def __init__(self, figures: Figures, end: float, letters: Lettering) -> None:
        self._figures = figures
        self._end = end
        self._letters = letters
        self.tips: dict[str, str] = {}
        self.lanes: dict[str, Axes] = {}
        self.colours = {
            way: PERSON if way == figures.person else SERVICE for way in ("out", "in")
        }
        self.names = _speakers(figures)

    def label(self, axes: Axes, name: str, colour: str, more: str = "") -> None:
        """What the lane is, left of it; what is in it, at its right."""
        put = self._letters.put
        put(axes, (-0.008, 0.5), name, colour, ha="right", size=9.5, weight="bold")
        if more:
            put(axes, (1.008, 0.5), more, colour, ha="left", size=8.5)

    def at(self, t: float) -> str:
        """A time, for people."""
        return moment(t, self._figures.end)

    def tip(self, artist: Artist, words: str) -> None:
        """Say what a part of the picture is to who points at it."""
        gid = f"tip-{len(self.tips)}"
        artist.set_gid(gid)
        self.tips[gid] = words

    def wave(self, axes: Axes, way: str) -> None:
        """What was heard."""
        wave, colour = self._figures.waves[way], self.colours[way]
        peak = float(max(wave.high.max(), -wave.low.min()))
        name = f"{self.names[way]}\naudio {way}"
        if not wave.seconds:
            self.label(axes, name, colour)
            axes.set_ylim(-1, 1)
            self._letters.put(
                axes, (0.5, 0.5), "no audio in this trace", PALE, ha="center", size=11
            )
            return
        loud = f"peak {20 * np.log10(peak):.0f} dB" if peak else "silence"
        self.label(axes, name, colour, f"{seconds(wave.seconds)} of audio\n{loud}")
        top = max(peak * 1.15, 0.02)
        axes.set_ylim(-top, top)
        edges = np.linspace(self._figures.start, self._figures.end, len(wave.low) + 1)
        hair = top * 0.006  # so that silence is a line
        axes.fill_between(
            edges[:-1],
            wave.low - hair,
            wave.high + hair,
            step="post",
            color=colour,
            linewidth=0,
            antialiased=False,  # bins are pixels, or nearly: they would get pale
        )
        if way == "in":
            self._streams(axes)

    def _streams(self, axes: Axes) -> None:
        for stream in self._figures.streams:
            end = self._figures.end if stream.end is None else stream.end
            (line,) = axes.plot(
                [stream.start, end],
                [0.06, 0.06],
                transform=axes.get_xaxis_transform(),
                color=INK,
                linewidth=1.2,
                marker="|",
                markersize=9,
            )
            what = f"media-started {self.at(stream.start)}"
            if stream.end is not None:
                what += f", media-ended {self.at(stream.end)}"
            self.tip(line, f"stream {stream.tag!r}: {what}")

    def words(self, axes: Axes, way: str) -> None:
        """What was said, with the moments at which its text came."""
        colour = self.colours[way]
        mine = [one for one in self._figures.utterances if one.way == way]
        self.label(axes, "says", colour, count(mine, "utterance"))
        for one, following in zip(mine, [*mine[1:], None], strict=True):
            until = self._end if following is None else following.start
            bar = axes.axvspan(
                one.start, one.end, 0.66, 0.92, facecolor=colour, edgecolor="white"
            )
            if not one.text:
                bar.set_alpha(0.45)
            times = f"{self.at(one.start)} to {self.at(one.end)}"
            self.tip(bar, f"{self.names[way]}, {times}: {one.text or '(no text)'}")
            axes.vlines(one.partials, 0.56, 0.66, color=colour, linewidth=1)
            if one.final is not None:
                _point(axes, one.final, 0.58, marker="D", color=colour, markersize=4)
            self._letters.lines(axes, (one.start, until), 0.5, one.text, INK)

    def latencies(self, axes: Axes) -> None:
        """How long one waited."""
        found = self._figures.latencies
        self.label(axes, "waited for", INK, "" if found else "no latency seen")
        for row, kind in enumerate(_KINDS):
            mine = [each for each in found if each.kind == kind]
            y = 0.82 - 0.32 * row
            longest = max(mine, key=lambda each: each.ms, default=None)
            if longest is not None:
                middle = round(statistics.median(each.ms for each in mine))
                words = f"{kind} {wait(middle)}"
                if len(mine) > 1:
                    words += f", max {wait(longest.ms)}"
                self._letters.put(axes, (1.008, y), words, INK, ha="left", size=7.5)
            starts = [each.start for each in mine]
            for each, room in _with_room(mine, starts, self._end):
                span = (each.start, each.end)
                (line,) = axes.plot(
                    span,
                    [y, y],
                    color=INK,
                    linewidth=2.5,
                    marker="|",
                    markersize=8,
                    markeredgewidth=1.5,
                )
                self.tip(line, f"{kind}: {wait(each.ms)}, from {self.at(each.start)}")
                words = f"{kind} {wait(each.ms)}"
                if len(found) < _MANY:
                    self._letters.beside(axes, span, y, words, INK, until=room)
                elif each is longest:  # above the others
                    above = y + 0.16
                    self._letters.beside(axes, span, above, words, INK, until=self._end)

    def troubles(self, axes: Axes) -> None:
        """Stalls, which are shaded in the lanes of sound as well, losses, errors."""
        found = self._figures
        self._stalls(axes, self._height(0))
        rows = {what: self._height(n) for n, what in enumerate(self._lost_rows(), 1)}
        for what, y in rows.items():
            mine = [loss for loss in found.losses if loss.what == what]
            for loss, room in _with_room(mine, [loss.t for loss in mine], self._end):
                mark = _point(axes, loss.t, y, marker="x", color=LOST, markersize=7)
                words = f"{what} {_amount(loss.count, loss.seconds)}"
                self.tip(mark, f"lost at {self.at(loss.t)}: {words}: {_LOSSES[what]}")
                self._letters.beside(axes, (loss.t, loss.t), y, words, LOST, until=room)
        y = self._height(len(rows) + 1)
        times = [failure.t for failure in found.failures]
        for failure, room in _with_room(found.failures, times, self._end):
            mark = _point(axes, failure.t, y, marker="^", color=LOST, markersize=6)
            words = failure.message
            self.tip(mark, f"error at {self.at(failure.t)}: {words}")
            self._letters.beside(
                axes, (failure.t, failure.t), y, words, LOST, until=room
            )
        lost = found.losses or found.failures
        name = "network,\nlosses"
        self.label(axes, name, LOST if lost else INK, trouble(found, "\n"))

    def _lost_rows(self) -> list[str]:
        return list(dict.fromkeys(loss.what for loss in self._figures.losses))

    def trouble_rows(self) -> int:
        """How many rows the lane of trouble has."""
        return 1 + len(self._lost_rows()) + bool(self._figures.failures)

    def _height(self, row: int) -> float:
        """Of a row of the lane of trouble, from the top."""
        return 1 - (row + 0.5) / max(3, self.trouble_rows())

    def _stalls(self, axes: Axes, y: float) -> None:
        found = self._figures
        starts = [stall.start for stall in found.stalls]
        for stall, room in _with_room(found.stalls, starts, self._end):
            for name, lane in self.lanes.items():
                is_ping = stall.way == "ping"  # which is of either way
                if name.startswith("wave") and (is_ping or name[5:] == stall.way):
                    lane.axvspan(
                        stall.start,
                        stall.end,
                        facecolor=STALL,
                        alpha=0.22,
                        hatch="////",
                        edgecolor=STALL,
                        linewidth=0,
                    )
            span = (stall.start, stall.end)
            bar = axes.axvspan(
                *span, y - 0.1, y + 0.1, facecolor=STALL, edgecolor=STALL
            )
            words = f"{_STALLED[stall.way]} {seconds(stall.seconds)}"
            self.tip(bar, f"{words}, from {self.at(stall.start)}")
            self._letters.beside(axes, span, y, words, INK, until=room)

    def messages(self, axes: Axes) -> None:
        """A line for each message, a row for each kind."""
        there = {(ticks.way, ticks.kind): ticks for ticks in self._figures.messages}
        rows: list[Ticks] = [there[key] for key in _ROWS if key in there]
        self.label(axes, "messages", INK)
        height = 1 / max(len(rows), 1)
        for number, ticks in enumerate(rows):
            y = 1 - (number + 0.5) * height
            colour = self.colours.get(ticks.way, PALE)
            lines = axes.vlines(
                ticks.times, y - 0.36 * height, y + 0.36 * height, color=colour
            )
            lines.set_linewidth(0.8)
            kind = _NAMES.get(ticks.kind, ticks.kind)
            words = f"{ticks.count} pings, pongs"
            if ticks.way != "both":
                words = f"{ticks.count} {ticks.way}, {kind}"
            self.tip(lines, words)
            self._letters.put(axes, (1.008, y), words, colour, ha="left", size=8.5)


def _point(axes: Axes, x: float, y: float, **style: Any) -> Artist:
    (line,) = axes.plot([x], [y], linestyle="none", **style)
    return line


def _speakers(figures: Figures) -> dict[str, str]:
    service = {"MimiSession": "mimi", "LiveSession": "model"}.get(figures.door)
    if figures.person == "in":
        return {"in": "caller", "out": "app"}
    return {"out": "person", "in": service or "service"}


def _amount(count: int, lasting: float) -> str:
    if count and lasting:
        return f"{count} ({seconds(lasting)})"
    return f"{count}" if count else seconds(lasting)


def trouble(figures: Figures, between: str) -> str:
    """What went wrong, in sums."""
    found = []
    if figures.stalls:
        lasting = sum(each.seconds for each in figures.stalls)
        found.append(f"{count(figures.stalls, 'stall')}, {seconds(lasting)}")
    sums: dict[str, list[float]] = {}
    for loss in figures.losses:
        total = sums.setdefault(loss.what, [0, 0.0])
        total[0] += loss.count
        total[1] += loss.seconds
    lost = [f"{what} {_amount(int(n), s)}" for what, (n, s) in sums.items()]
    if lost:
        found.append(f"lost: {(', ' if between == '; ' else between).join(lost)}")
    if figures.failures:
        found.append(count(figures.failures, "error"))
    return between.join(found) or f"no stall,{between}nothing lost".replace(",; ", ", ")


def count(things: Sequence[object], name: str) -> str:
    """How many, e.g. "1 stall" or "2 stalls"."""
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _with_room(
    things: Sequence[T], starts: Sequence[float], end: float
) -> Iterator[tuple[T, float]]:
    """Each with the time at which the next one of its row begins."""
    return zip(things, [*starts, end][1:], strict=True)
