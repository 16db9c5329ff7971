"""PURE: when a stream of incoming audio has started and ended. Time is an argument."""

from __future__ import annotations

__all__ = ["Playout"]


class Playout:
    """One stream as it sounds at somebody who plays it as it arrives.

    A burst starts with its first audio and ends one second after the audio ran out,
    when it is stopped, or with the connection: VoxEngine's rule (Voximplant notes,
    2.9), which the events `media-started` and `media-ended` follow.

    Args:
        silence: Seconds without audio after which a burst has ended. Default 1.0.

    Attributes:
        playing: Whether a burst is on (its last second of silence included).
        played: Seconds of audio that have sounded in all bursts, silence not
            included; audio that was cleared is not counted.
        burst: The same of the present (or last) burst alone.
    """

    def __init__(self, silence: float = 1.0) -> None:
        self.playing = False
        self.played = 0.0
        self.burst = 0.0
        self._silence = silence
        self._out_at = 0.0  # when the audio runs out
        self._seen_at = 0.0  # up to when it has been counted

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do; None while nothing plays."""
        return self._out_at + self._silence if self.playing else None

    def audio(self, seconds: float, now: float) -> bool:
        """So much audio came; True if that starts a burst.

        Ask `tick(now)` first: the burst before it could have ended by now.
        """
        self._count(now)
        started = not self.playing
        if started:
            self.playing = True
            self.burst = 0.0
        if self._out_at < now:  # it had run out: what comes sounds from now on
            self._out_at = self._seen_at = now
        self._out_at += seconds
        return started

    def clear(self, now: float) -> None:
        """What has not sounded yet never will."""
        self._count(now)
        self._out_at = min(self._out_at, now)

    def tick(self, now: float) -> bool:
        """True if the burst ended: its audio ran out a while ago."""
        self._count(now)
        if self.playing and now >= self._out_at + self._silence:
            self.playing = False
            return True
        return False

    def stop(self, now: float) -> bool:
        """The stream is over; True if that ends a burst.

        What was sent counts as heard: the far end says that nothing more comes, not
        that it is to be cut off.
        """
        self._count(max(now, self._out_at))
        self._out_at = self._seen_at = min(self._out_at, now)
        ended, self.playing = self.playing, False
        return ended

    def _count(self, now: float) -> None:
        """Add what has sounded since the last look."""
        until = min(now, self._out_at)
        if until > self._seen_at:
            sounded = until - self._seen_at
            self.played += sounded
            self.burst += sounded
            self._seen_at = until
