"""Sound as it is drawn: how loud, bin by bin, and where somebody speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Envelope", "Speech"]

_FULL_SCALE = 32768
_LOUD = 10 ** (-45 / 20)  # -45 dBFS: above the noise of a room, below soft speech
_STEP = 0.03  # seconds that are looked at in one piece
_PAUSE = 0.5  # seconds without a sound within what one says
_SHORTEST = 0.06  # seconds; what is less is a click


class Envelope:
    """The lowest and the highest sample of each bin of time: bounded, however long.

    Args:
        start: Seconds, where the first bin begins.
        end: Seconds, where the last one ends; after `start`.
        bins: How many, 1 or more.

    Attributes:
        low: Of each bin, -1 to 0; float32, `(bins,)`.
        high: Of each bin, 0 to 1; likewise.
        seconds: Of audio that was added, in the picture or not.
    """

    def __init__(self, start: float, end: float, bins: int) -> None:
        self._start = start
        self._per_second = bins / (end - start)
        self._bins = bins
        self.low = np.zeros(bins, np.float32)
        self.high = np.zeros(bins, np.float32)
        self.seconds = 0.0

    def add(self, start: float, seconds: float, samples: NDArray[np.int16]) -> None:
        """Take in a block.

        Args:
            start: Seconds, where it begins.
            seconds: So long is it drawn; less than it sounds where it came squeezed.
            samples: int16, `(frames,)`, not empty.
        """
        at = (start - self._start) * self._per_second
        width = seconds * self._per_second
        first = int(np.floor(at))
        last = max(first, int(np.ceil(at + width)) - 1)
        if last < 0 or first >= self._bins:
            return
        if first == last:
            self._merge(first, int(samples.min()), int(samples.max()))
            return
        # Where in the block each bin begins.
        borders = (np.arange(first + 1, last + 1) - at) / width * len(samples)
        cuts = np.unique(np.concatenate(([0], borders.astype(int))))
        cuts = cuts[cuts < len(samples)]
        lows = np.minimum.reduceat(samples, cuts)
        highs = np.maximum.reduceat(samples, cuts)
        centres = (cuts + 0.5) / len(samples) * width + at
        for which, low, high in zip(centres.astype(int), lows, highs, strict=True):
            self._merge(int(which), int(low), int(high))

    def _merge(self, which: int, low: int, high: int) -> None:
        if 0 <= which < self._bins:
            self.low[which] = min(self.low[which], low / _FULL_SCALE)
            self.high[which] = max(self.high[which], high / _FULL_SCALE)


class Speech:
    """Where one speaks: what is louder than -45 dBFS, pauses of half a second included.

    Attributes:
        spans: Begin, end and turn of each, in order; the last one may still grow.
    """

    def __init__(self) -> None:
        self._spans: list[tuple[float, float, int]] = []
        self._turn = 0

    @property
    def spans(self) -> list[tuple[float, float, int]]:
        """See above; without clicks. Turns are counted from 0."""
        return [(a, b, turn) for a, b, turn in self._spans if b - a >= _SHORTEST]

    def turn(self) -> None:
        """What comes now is of the next turn, with a pause before it or not."""
        self._turn += 1

    def add(self, start: float, seconds: float, samples: NDArray[np.int16]) -> None:
        """Take in a block; see `Envelope.add`. Blocks come in order of time."""
        count = max(1, round(seconds / _STEP))
        size = -(-len(samples) // count)
        step = seconds * size / len(samples)
        for number in range(count):
            piece = samples[number * size : (number + 1) * size].astype(np.float32)
            if len(piece) and float(piece.dot(piece)) / len(piece) > _POWER:
                begin = start + number * step
                self._heard(begin, min(begin + step, start + seconds))

    def _heard(self, begin: float, end: float) -> None:
        if self._spans:
            first, last, turn = self._spans[-1]
            if begin - last < _PAUSE and turn == self._turn:
                self._spans[-1] = (first, max(last, end), turn)
                return
        self._spans.append((begin, end, self._turn))


_POWER = (_LOUD * _FULL_SCALE) ** 2
