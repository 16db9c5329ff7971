"""One consumer's end of a source: a link, or `read`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from voxsync.media.buffer import PcmBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.tapped import Tapped

__all__ = ["EndOfStream", "Tap"]

# How long after a source had nothing it is asked again, seconds.
_ASK = 0.02


class EndOfStream(Exception):
    """There is no more audio, and that is no error."""


class Tap:
    """One consumer's end of a source: what was given and not yet taken.

    Attributes:
        buffer: Whose bound and counters are this consumer's.
        patient: It has no clock to keep to, so it makes no audio faster than the
            slowest other link of the source takes it.
    """

    def __init__(self, source: Tapped, capacity: int, *, patient: bool = False) -> None:
        self.buffer = PcmBuffer(capacity)
        self.patient = patient
        self._source = source

    def get(
        self,
        frames: int,
        timeout: float | None,
        patience: float = 0.0,
        wanted: Callable[[], bool] | None = None,
    ) -> NDArray[np.int16] | None:
        """Up to `frames` frames; None = nothing yet. See `PcmBuffer.get`.

        A source that is not pushed is asked for them, until there are enough.

        Raises:
            EndOfStream: There is no more.
            DeviceError, ...: What ended the source.
        """
        if not self._source.is_pushed:
            self._ask(frames, timeout, patience, wanted)
            timeout = patience = 0.0
        block = self.buffer.get(frames, timeout, patience, wanted)
        if block is not None and not len(block):
            raise EndOfStream
        return block

    def _ask(
        self,
        frames: int,
        timeout: float | None,
        patience: float,
        wanted: Callable[[], bool] | None,
    ) -> None:
        """Have audio made until there is enough, no more, or the time is over."""
        buffer = self.buffer
        frames = min(frames, buffer.capacity)
        for_first = None if timeout is None else time.monotonic() + timeout
        for_others: float | None = None
        while wanted is None or wanted():
            self._source._fill(self, frames)  # noqa: SLF001 - two halves of one thing
            now = time.monotonic()
            if not len(buffer):
                for_others = None
            elif for_others is None:
                for_others = now + patience
            end = for_first if for_others is None else for_others
            left = _ASK if end is None else min(_ASK, end - now)
            if buffer.wait_for(frames, left, wanted) or left <= 0:
                return
