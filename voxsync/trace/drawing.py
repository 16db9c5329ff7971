"""The picture of a trace: lanes below one another, on one axis of time."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from voxsync.trace.lanes import CUT, INK, LOST, PALE, STALL, Painter, count, trouble
from voxsync.trace.lettering import LANES, Lettering, clock, seconds, wait

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from voxsync.trace.figures import Figures

__all__ = ["DPI", "Picture"]

DPI = 100

_LEFT, _TOP, _BOTTOM = 0.095, 0.855, 0.095  # of the picture
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900)
_MOST_LABELS = 16
_LONG, _LONG_TITLE, _LONG_NOTE, _LONG_HEAD = 40, 130, 150, 190  # characters
_CROWD = 12  # interruptions, which would hide the rest
_GOOD_CLOSES = (None, 1000, 1001, 1005)


class Picture:
    """Draws figures. Thread: one at a time.

    Args:
        figures: What to draw.
        width: Pixels, as `height`.
        families: Fonts, the best one first.

    Attributes:
        figure: matplotlib's own; it belongs to nobody else.
        tips: What the parts of the picture are, in words, by their `gid`.
    """

    def __init__(
        self, figures: Figures, width: int, height: int, families: list[str]
    ) -> None:
        self._figures = figures
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        # The end of all is not to hide under the border.
        is_all = figures.end >= figures.duration
        span = (figures.end - figures.start) * (1.012 if is_all else 1.0)
        self._end = figures.start + span
        self._letters = Lettering(families, figures.start, width * LANES / span)
        self._painter = Painter(figures, self._end, self._letters)
        self.tips = self._painter.tips
        self._lanes = self._painter.lanes
        self._draw()

    def _draw(self) -> None:
        self._make_lanes()
        painter = self._painter
        for name, axes in self._lanes.items():
            if name.startswith("wave"):
                painter.wave(axes, name[5:])
            elif name.startswith("words"):
                painter.words(axes, name[6:])
        painter.latencies(self._lanes["latency"])
        painter.troubles(self._lanes["trouble"])
        painter.messages(self._lanes["messages"])
        self._across()
        self._head()
        self._legend()

    # Lanes

    def _make_lanes(self) -> None:
        found = self._figures
        names: list[tuple[str, float]] = []
        for way in (found.person, "in" if found.person == "out" else "out"):
            if found.waves[way].seconds:
                names.append((f"wave {way}", 1.9))
            if any(one.way == way for one in found.utterances):
                names.append((f"words {way}", 1.5))
        if not names:
            names.append((f"wave {found.person}", 2.0))
        trouble = max(1.3, 0.42 * self._painter.trouble_rows())
        names += [("latency", 1.3), ("trouble", trouble), ("messages", 1.4)]
        grid = self.figure.add_gridspec(
            len(names),
            1,
            height_ratios=[height for _, height in names],
            left=_LEFT,
            right=_LEFT + LANES,
            top=_TOP,
            bottom=_BOTTOM,
            hspace=0.12,
        )
        for number, (name, _) in enumerate(names):
            axes = self.figure.add_subplot(grid[number])
            axes.set_xlim(found.start, self._end)
            axes.set_ylim(0, 1)
            axes.set_yticks([])
            axes.set_axisbelow(True)
            axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
            for side in axes.spines.values():
                side.set_color("#CCCCCC")
            axes.xaxis.set_major_locator(MultipleLocator(_step(found)))
            is_last = number == len(names) - 1
            axes.tick_params(axis="x", labelbottom=is_last, length=4 if is_last else 0)
            self._lanes[name] = axes
        span = found.end
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: clock(x, span)))
        axes.tick_params(axis="x", labelsize=9, colors=INK)

    # Over all lanes

    def _across(self) -> None:
        first = next(iter(self._lanes.values()))
        thin = 1.4 if len(self._figures.interruptions) < _CROWD else 0.7
        for each in self._figures.interruptions:
            for axes in self._lanes.values():
                line = axes.axvline(each.t, color=CUT, linestyle="--", linewidth=thin)
                words = f"interrupted at {self._painter.at(each.t)} by the {each.by}"
                if each.by == "both":
                    words = f"interrupted at {self._painter.at(each.t)}, by both"
                if each.unheard:
                    words += f"; {seconds(each.unheard)} of audio were not heard"
                self._painter.tip(line, words)
            self._letters.above(
                first, each.t, f"interrupted {self._painter.at(each.t)}", CUT
            )
        for close in self._figures.closes:
            good = close.code in _GOOD_CLOSES and close.was_clean is not False
            colour = INK if good else LOST
            words = f"closed {'' if close.code is None else close.code}".strip()
            for axes in self._lanes.values():
                line = axes.axvline(close.t, color=colour, linewidth=2)
                self._painter.tip(
                    line,
                    f"{words} at {self._painter.at(close.t)} {close.reason}".strip(),
                )
            shown = f"{words} {close.reason}".strip()
            self._letters.above(first, close.t, _cut(shown, _LONG), colour)

    def _head(self) -> None:
        found = self._figures

        def write(
            place: tuple[float, float], text: str, colour: str, **how: Any
        ) -> None:
            self._letters.write(self.figure, place, text, colour, **how)

        shown = _cut(f"{found.door}   {found.url}", _LONG_TITLE)
        write((0.012, 0.972), shown, INK, size=14, weight="bold")
        date = found.started.replace("T", " ").partition(".")[0].partition("+")[0]
        line = f"{date} UTC    lasted {seconds(found.duration)}" if date else ""
        if found.start or found.end < found.duration:
            line += f"    shown: {seconds(found.start)} to {seconds(found.end)}"
        write((0.012, 0.942), line, PALE, size=10.5)
        if found.notes:
            notes = "Note: " + "; ".join(found.notes)
            write((0.30, 0.942), _cut(notes, _LONG_NOTE), LOST, size=10.5)
        write((0.012, 0.910), _cut(self._headline(), _LONG_HEAD), INK, size=11.5)

    def _headline(self) -> str:
        """All of it in a line."""
        found = self._figures
        spoken = [
            f"{self._painter.names[way]}: {count(mine, 'utterance')}"
            for way in (found.person, "in" if found.person == "out" else "out")
            if (mine := [one for one in found.utterances if one.way == way])
        ]
        parts = [", ".join(spoken) or "nobody spoke"]
        if found.interruptions:
            parts.append(count(found.interruptions, "interruption"))
        replies = [each.ms for each in found.latencies if each.kind == "reply"]
        if replies:
            median = round(statistics.median(replies))
            parts.append(f"reply after {wait(median)}, max {wait(max(replies))}")
        parts.append(trouble(found, "; "))
        return "   |   ".join(parts)

    def _legend(self) -> None:
        ways = (self._figures.person, "in" if self._figures.person == "out" else "out")

        def line(colour: str, label: str, **style: object) -> Line2D:
            return Line2D([], [], color=colour, label=label, **style)  # type: ignore[arg-type]

        handles: list[Artist] = [
            Patch(
                color=self._painter.colours[way],
                label=f"{self._painter.names[way]} ({way})",
            )
            for way in ways
        ]
        handles += [
            line(PALE, "partial text", marker="|", linestyle="none"),
            line(PALE, "final text", marker="D", markersize=5, linestyle="none"),
            line(CUT, "interruption", linestyle="--"),
            line(INK, "waited for", linewidth=2.5, marker="|"),
            Patch(facecolor=STALL, label="network stall"),
            line(LOST, "lost", marker="x", linestyle="none"),
            line(LOST, "error", marker="^", linestyle="none"),
            line(INK, "media started, ended", linewidth=1.2, marker="|"),
            line(INK, "closed", linewidth=2),
        ]
        self.figure.legend(
            handles=handles,
            loc="lower center",
            ncols=len(handles),
            frameon=False,
            fontsize=9,
            columnspacing=1.4,
            handlelength=1.6,
            bbox_to_anchor=(0.5, 0.004),
        )


def _step(figures: Figures) -> float:
    span = figures.end - figures.start
    return next((s for s in _STEPS if span / s <= _MOST_LABELS), span / 10)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rstrip() + "…"
