"""How loud it is, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.audio import Level

__all__ = ["LOWEST_DBFS", "meter_text"]

LOWEST_DBFS = -60.0
"""What the left end of the bar stands for; the right end is full scale, 0."""

# At full scale something was cut off, most probably.
_CLIPPED_DBFS = -0.1
_FIGURE = 7


def meter_text(level: Level, columns: int) -> str:
    """A level as a bar with a figure: `[######--|    ] -18 dB`.

    The RMS is filled, the peak marked; the figure is the peak.

    Args:
        level: What `unit.level` gives.
        columns: How wide it is to be; below 10 there is no bar, below 7 nothing.
    """
    if columns < _FIGURE:
        return ""
    cells = columns - _FIGURE - 2
    if cells < 1:
        return _figure(level.peak)
    filled, peak = _cells(level.rms, cells), _cells(level.peak, cells)
    bar = "#" * filled + "-" * (peak - filled)
    if bar:
        bar = bar[:-1] + "|"
    return f"[{bar:{cells}}]{_figure(level.peak)}"


def _cells(dbfs: float, cells: int) -> int:
    """How many of the bar's cells the level fills."""
    return round((1 - max(LOWEST_DBFS, dbfs) / LOWEST_DBFS) * cells)


def _figure(peak: float) -> str:
    if peak >= _CLIPPED_DBFS:
        return "   CLIP"
    if peak < LOWEST_DBFS:
        return " silent"
    return f"{round(peak):4} dB"
