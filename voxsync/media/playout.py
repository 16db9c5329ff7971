"""PURE: when a stream of incoming audio has started and ended. Time is an argument."""

from __future__ import annotations

import math

__all__ = ["Playout"]


class Playout:
    """One stream as it sounds at somebody who plays it as it arrives.

    A burst starts with its first audio and ends one second after the audio ran out,
    when it is stopped, or with the connection: VoxEngine's rule (Voximplant notes,
    2.9), which the events `media-started` and `media-ended` follow.

    Args:
        silence: Seconds without audio after which a burst has ended. Default 1.0.
        limit: Seconds of audio that can wait to be heard; what does not fit is
            refused, the newest. VoxEngine has 10. Default: no limit.

    Attributes:
        playing: Whether a burst is on (its last second of silence included).
        cleared: Whether the last that happened to the present (or last) burst was a
            `clear`.
        played: Seconds of audio that have sounded in all bursts, silence not
            included; audio that was cleared is not counted.
        burst: The same of the present (or last) burst alone.

    Moments, `now` and `moment`, are seconds of the caller's clock.

    Thread: one at a time.
    """

    def __init__(self, silence: float = 1.0, limit: float = math.inf) -> None:
        self.playing = False
        self.cleared = False
        self.played = 0.0
        self.burst = 0.0
        self._silence = silence
        self._limit = limit
        self._draining = False  # no more comes: the end needs no second of silence
        self._out_at = 0.0  # when the audio runs out
        self._seen_at = 0.0  # up to when it has been counted

    @property
    def deadline(self) -> float | None:
        """The second when `tick` has something to do; None while nothing plays."""
        return self._end_at if self.playing else None

    @property
    def out_at(self) -> float:
        """The second when what was taken has been heard."""
        return self._out_at

    @property
    def _end_at(self) -> float:
        return self._out_at + (0.0 if self._draining else self._silence)

    def room(self, now: float) -> float:
        """Seconds of audio that can be taken now."""
        return max(0.0, self._limit - max(0.0, self._out_at - now))

    def audio(self, seconds: float, now: float) -> bool:
        """So many `seconds` of audio were taken; True if that starts a burst.

        Ask `tick(now)` first: the burst before it could have ended by now; and
        `room(now)`.
        """
        self._count(now)
        self.cleared = self._draining = False
        started = not self.playing
        if started:
            self.playing = True
            self.burst = 0.0
        if self._out_at < now:  # it had run out: what comes sounds from now on
            self._out_at = self._seen_at = now
        self._out_at += seconds
        return started

    def wait_until(self, moment: float) -> None:
        """Begin behind what was sent to the same ear before, which ends then."""
        self._out_at = self._seen_at = moment

    def clear(self, now: float) -> None:
        """What has not sounded yet never will."""
        self._count(now)
        if self._out_at > now:
            self._out_at = self._seen_at = now
            self.cleared = True

    def tick(self, now: float) -> bool:
        """True if the burst ended: its audio ran out a while ago."""
        self._count(now)
        if self.playing and now >= self._end_at:
            self.playing = self._draining = False
            return True
        return False

    def drain(self, now: float) -> bool:
        """The far end will send no more; True if that ends a burst at once.

        Otherwise it ends, by `tick`, when what it sent has been heard.
        """
        self._draining = self.playing
        return self.tick(now)

    def stop(self, now: float) -> bool:
        """The stream is over now; True if that ends a burst.

        What was sent counts as heard: it is not cut off where it plays.
        """
        self._count(max(now, self._out_at))
        self._out_at = self._seen_at = min(self._out_at, now)
        ended, self.playing = self.playing, False
        self._draining = False
        return ended

    def _count(self, now: float) -> None:
        """Add what has sounded since the last look."""
        until = min(now, self._out_at)
        if until > self._seen_at:
            sounded = until - self._seen_at
            self.played += sounded
            self.burst += sounded
            self._seen_at = until
