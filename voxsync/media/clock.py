"""The pacing clock of links that have no other: absolute deadlines, no drift."""

from __future__ import annotations

import threading

from voxsync.clocks import Clock

__all__ = ["Metronome"]


class Metronome:
    """Says when the next block of audio is due.

    Each block is due when all before it have been heard. Deadlines are absolute: a
    block that leaves late does not delay those behind it, which follow at once until
    the lateness is made up. A far end that plays as it receives then holds, at most,
    as much as the worst lateness; that is bounded by `max_late`, beyond which the
    schedule itself moves (`slipped`) and nothing is sent faster than it sounds.

    Args:
        max_late: Seconds that may be made up in a burst. Default 1.0, a tenth of
            the shortest buffer among the services (VoxEngine: 10 s).
        lead: Seconds that blocks may leave before they are due: what the far end can
            hold. Default 0.
        clock: None = the machine's.

    Raises:
        ValueError: A time below 0.

    Attributes:
        late: Seconds that the last block was late.
        latest: The most that any block was late.
        slipped: Seconds by which the schedule was moved, all together.

    Thread: one.
    """

    def __init__(
        self,
        *,
        max_late: float = 1.0,
        lead: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        if not max_late > 0:
            raise ValueError(f"max_late must be positive seconds, not {max_late}")
        self.late = 0.0
        self.latest = 0.0
        self.slipped = 0.0
        self._max_late = max_late
        self._lead = lead
        self._clock = clock or Clock()
        self._stop = threading.Event()
        self._epoch: float | None = None
        self._sent = 0.0  # seconds of audio since the epoch
        self._paused = False

    def pause(self) -> None:
        """There was nothing to send: the next block is not late.

        It is due when all before it have been heard, or at once after that: audio
        that comes in small pieces, faster than it sounds, does not go out faster.
        """
        self._paused = True

    def stop(self) -> None:
        """End every wait, now and later. Thread: any."""
        self._stop.set()

    def tick(self, seconds: float) -> bool:
        """Wait until a block of `seconds` is due; False if it was stopped."""
        now = self._clock.now()
        if self._epoch is None:
            self._epoch, self._sent = now, 0.0
        left = self._epoch + self._sent - now
        if self._paused and left < 0:
            self._epoch, self._sent, left = now, 0.0, 0.0
        self._paused = False
        if left > self._lead:
            if self._clock.wait(self._stop, left - self._lead):
                return False
            # Not 0: a wait ends late, and that is what `late` is to tell.
            left = self._epoch + self._sent - self._clock.now()
        self.late = max(0.0, -left)
        self.latest = max(self.latest, self.late)
        if self.late > self._max_late:
            slip = self.late - self._max_late
            self._epoch += slip
            self.slipped += slip
        self._sent += seconds
        return not self._stop.is_set()
