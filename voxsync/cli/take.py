"""What `voxsync record` writes: a sound file, up to a length, with its peak noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.audio.pcm import FLOOR_DBFS, level
from voxsync.media.sink import Sink
from voxsync.media.source import EndOfStream
from voxsync.media.wavwriter import WavWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Take"]


class Take(Sink):
    """Writes a sound file and takes no more than it was asked to.

    Args:
        path: An existing file is overwritten at once.
        sample_rate: Of the file.
        seconds: The most that is taken; its link ends then. None = no limit.

    Attributes:
        peak: The loudest sample, in dBFS.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path, sample_rate: int, seconds: float | None) -> None:
        self._writer = WavWriter(path, sample_rate)
        super().__init__(sample_rate, self._writer.name)
        # What fails there ends the link, and is told by that.
        self._writer.add_event_listener("error", lambda _: None)
        self._limit = None if seconds is None else max(1, round(seconds * sample_rate))
        self.peak = FLOOR_DBFS

    def close(self) -> None:
        """End the link and complete the file; see `WavWriter.close`."""
        super().close()
        self._writer.close()

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        if not wanted():
            return False
        left = None if self._limit is None else self._limit - self._frames
        block = block[:left]
        try:
            self._writer.write(block)
        except Exception as exc:
            self.error = exc
            raise
        self._passed(block)
        self.peak = max(self.peak, level(block).peak)
        if len(block) == left:
            raise EndOfStream
        return True
