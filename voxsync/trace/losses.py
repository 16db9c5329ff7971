"""What a session has lost since one looked last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.session.stats import Stats

__all__ = ["Losses"]

# Name of the figure, what a trace calls it, whether it is seconds of audio. Audio that
# was not linked is no loss: it is in its messages.
_FIGURES = (
    ("send_refused", "refused", False),
    ("receive_dropped", "dropped", False),
    ("unsent", "unsent", False),
    ("audio_refused", "refused", True),
    ("audio_gated", "gated", True),
    ("audio_dropped", "dropped", True),
    ("audio_lost", "missing", True),
)


class Losses:
    """Compares snapshots. Thread: one at a time."""

    def __init__(self) -> None:
        self._before: dict[str, float] = {}

    def new(self, stats: Stats) -> list[tuple[str, int, float]]:
        """What has risen: `(what, count of messages, seconds of audio)` each."""
        found: list[tuple[str, int, float]] = []
        for name, what, is_seconds in _FIGURES:
            now = getattr(stats, name, 0)
            more = now - self._before.get(name, 0)
            if more > 0:
                self._before[name] = now
                found.append((what, 0, more) if is_seconds else (what, int(more), 0.0))
        return found
