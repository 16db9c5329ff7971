"""Sources that need nothing: a tone and silence, for tests and for waiting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from voxsync.errors import InvalidState
from voxsync.media.source import EndOfStream, Source
from voxsync.media.unit import check_number, check_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SilenceSource", "ToneSource"]


class SilenceSource(Source):
    """Digital silence.

    One with an end is silence once: it cannot be linked again then.

    Args:
        seconds: How long; None = without end. Default None.
        sample_rate: Hz. Default 16000.
        name: For messages.
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        sample_rate: int = 16000,
        name: str | None = None,
    ) -> None:
        super().__init__(sample_rate, name)
        if seconds is not None:
            check_seconds("seconds", seconds)
        self._total = None if seconds is None else round(seconds * sample_rate)
        self._made = 0

    def _check_more(self) -> None:
        if self._made and self._made == self._total:
            raise InvalidState(
                f"{self.name} has given all of its audio: make a new "
                f"{type(self).__name__}"
            )

    def _produce(self, frames: int) -> NDArray[np.int16]:
        if self._total is not None:
            frames = min(frames, self._total - self._made)
            if not frames:
                raise EndOfStream
        block = self._wave(self._made, frames)
        self._made += frames
        return block

    def _wave(self, start: int, frames: int) -> NDArray[np.int16]:
        del start
        return np.zeros(frames, np.int16)


class ToneSource(SilenceSource):
    """A sine tone.

    One with an end sounds once: it cannot be linked again then.

    Args:
        frequency: Hz, more than 0 and less than half of `sample_rate`.
        seconds: How long; None = without end. Default None.
        level: Peak in dBFS, at most 0. Default -12.
        sample_rate: Hz. Default 16000.
        name: For messages.

    Raises:
        TypeError, ValueError: Another frequency or level.
    """

    def __init__(
        self,
        frequency: float,
        seconds: float | None = None,
        level: float = -12.0,
        *,
        sample_rate: int = 16000,
        name: str | None = None,
    ) -> None:
        super().__init__(seconds, sample_rate=sample_rate, name=name)
        check_number("frequency", frequency)
        check_number("level", level)
        if not 0 < frequency < sample_rate / 2:
            raise ValueError(
                f"frequency must lie between 0 and {sample_rate / 2:g} Hz (half of "
                f"sample_rate), not {frequency}"
            )
        if not level <= 0:
            raise ValueError(f"level must be at most 0 dBFS, not {level}")
        self._step = 2 * math.pi * frequency / sample_rate
        self._peak = 32767 * 10 ** (level / 20)

    def _wave(self, start: int, frames: int) -> NDArray[np.int16]:
        # The phase from the whole count: it neither drifts nor jumps between blocks.
        phase = np.arange(start, start + frames) * self._step
        wave: NDArray[np.int16] = np.rint(np.sin(phase) * self._peak).astype(np.int16)
        return wave
