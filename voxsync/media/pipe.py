"""PURE: from a source's blocks and rate to a sink's blocks and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from voxsync.audio.resample import Resampler

__all__ = ["Pipe"]

_NOTHING = np.zeros(0, np.int16)


class Pipe:
    """Resamples and cuts into blocks of one length.

    Args:
        source_rate: Frames per second that come in.
        sink_rate: Frames per second that go out.
        frames: Length of a block that goes out, in frames of the sink; None = what
            comes in goes out, however long.
    """

    def __init__(self, source_rate: int, sink_rate: int, frames: int | None) -> None:
        self.source_rate = source_rate
        self._frames = frames
        self._resampler: Resampler | None = None
        if source_rate != sink_rate:
            from voxsync.audio.resample import Resampler  # noqa: PLC0415 - start-up time

            self._resampler = Resampler(source_rate, sink_rate)
        self._rest = _NOTHING

    @property
    def delay(self) -> float:
        """Seconds that the resampler adds."""
        return 0.0 if self._resampler is None else self._resampler.delay

    def __len__(self) -> int:
        """Frames (of the sink) that wait for the rest of their block."""
        return len(self._rest)

    def feed(self, block: NDArray[np.int16]) -> list[NDArray[np.int16]]:
        """The whole blocks that are ready now."""
        if self._resampler is not None:
            block = self._resampler.process(block)
        if not len(self._rest) and len(block) == self._frames:
            return [block]  # the usual case: nothing to cut
        return self._cut(block)

    def flush(self) -> list[NDArray[np.int16]]:
        """The rest, its last block as short as it is; the pipe is as new then."""
        tail = _NOTHING if self._resampler is None else self._resampler.flush()
        blocks = self._cut(tail)
        if len(self._rest):
            blocks.append(self._rest)
        self._rest = _NOTHING
        return blocks

    def reset(self) -> None:
        """Forget what is inside."""
        self._rest = _NOTHING
        if self._resampler is not None:
            self._resampler.reset()

    def _cut(self, block: NDArray[np.int16]) -> list[NDArray[np.int16]]:
        if self._frames is None:
            return [block] if len(block) else []
        if len(self._rest):
            block = np.concatenate((self._rest, block))
        whole = len(block) - len(block) % self._frames
        self._rest = block[whole:].copy()
        return [block[at : at + self._frames] for at in range(0, whole, self._frames)]
