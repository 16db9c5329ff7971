"""The source that stands for one stream of the far end's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from voxsync.audio.pcm import bytes_to_int16
from voxsync.events import ErrorEvent
from voxsync.media.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.resample import Resampler
    from voxsync.dialects.base import Audio
    from voxsync.media.tap import Tap
    from voxsync.session.units import MediaOwner

__all__ = ["StreamSource"]

# What a link's thread may be behind the stream's own time, seconds: its clock makes
# up for one of them, and then goes on late.
_SLACK = 2.0


class StreamSource(Source):
    """One of the far end's streams: what arrives, in bursts or as it sounds.

    Without a sink its audio is only in the session's messages.
    """

    is_pushed: ClassVar[bool] = True

    def __init__(self, owner: MediaOwner, tag: str, sample_rate: int) -> None:
        super().__init__(sample_rate, f"{owner.id}:{tag}" if tag else owner.id)
        self._owner = owner
        self._tag = tag
        self._tap_seconds = owner._playout_seconds  # noqa: SLF001 - MediaOwner is the seam
        if owner._plays_out:  # noqa: SLF001
            # The bound is the stream's own (`Streams`); a link's thread may be behind.
            self._tap_seconds += _SLACK
        self._settled = False
        self.clock = owner.options.clock
        self._resampler: Resampler | None = None

    def receive(self, audio: Audio) -> bool:
        """Give on what arrived; False if it flows nowhere. Thread: I/O."""
        if not self._taps:
            return False
        block = bytes_to_int16(audio.pcm)
        if audio.sample_rate != self.sample_rate:
            if self._settled:
                block = self._resampled(block, audio.sample_rate)
            else:
                self._settle(audio.sample_rate)
        self._settled = True
        self._deliver(block)
        return True

    def _settle(self, rate: int) -> None:
        """The first audio: only now its rate is known. Links adapt to it."""
        self._change_rate(rate)
        self._resampler = None
        for tap in self._taps:
            self._fit(tap)

    def _fit(self, tap: Tap) -> None:
        tap.buffer.capacity = round(self._tap_seconds * self.sample_rate)

    def _attach(self, tap: Tap) -> None:
        super()._attach(tap)
        self._fit(tap)  # made before the rate was known

    def _cease(self) -> None:
        """Nobody holds audio of the old rate: the next link may have another."""
        self._settled = False

    def clear_media_buffer(self) -> None:
        """See `Source`."""
        super().clear_media_buffer()
        self._resampler = None

    def over(self) -> None:
        """The session is over: what has arrived is still heard. Thread: I/O."""
        self._end()

    def _begin(self) -> None:
        # Set before `over` is called: whoever attaches sees one of the two.
        owner = self._owner
        if owner.is_closed and not owner._has_held(self._tag):  # noqa: SLF001
            raise owner._closed_error()  # noqa: SLF001

    def _resampled(self, block: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
        """Few services change their rate, and then between utterances."""
        from voxsync.audio.resample import Resampler  # noqa: PLC0415 - start-up time

        resampler = self._resampler
        if resampler is None or resampler.source_rate != rate:
            resampler = self._resampler = Resampler(rate, self.sample_rate)
        resampled: NDArray[np.int16] = resampler.process(block)
        return resampled

    def _tell(self, error: BaseException) -> None:
        """Losses are the session's to tell: this unit is not in anybody's hands."""
        self._owner._delivery.put([ErrorEvent(self._owner, error)])  # noqa: SLF001
