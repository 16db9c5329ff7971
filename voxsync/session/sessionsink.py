"""The sink that stands for one stream of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.clocks import Clock
from voxsync.dialects.base import CloseStream, SendAudio
from voxsync.errors import InvalidState, SessionClosed
from voxsync.media.link import BLOCK_SECONDS
from voxsync.media.sink import Sink
from voxsync.media.source import EndOfStream
from voxsync.media.unit import UnitStats

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.dialects.base import OpenStream
    from voxsync.session.units import MediaOwner, SessionUnits

__all__ = ["SessionSink"]


def _always() -> bool:
    return True


class SessionSink(Sink):
    """One outgoing stream of a session: blocks go into its send queue.

    Args:
        owner: The session.
        units: Its units; of the sinks with one tag only one has a link at a time.
        tag: Names the stream.
        sample_rate: What the service takes.
        opening: Announces the stream to the service; None = it takes audio as it is.
        most_ahead: Seconds of audio that the far end can hold; None = any. What links
            before this one sent ahead is taken off.
    """

    def __init__(
        self,
        owner: MediaOwner,
        units: SessionUnits,
        tag: str,
        sample_rate: int,
        *,
        opening: OpenStream | None = None,
        most_ahead: float | None = None,
    ) -> None:
        super().__init__(sample_rate, f"{owner.id}:{tag}" if tag else owner.id)
        self.clock = owner.options.clock
        self._time = self.clock or Clock()
        self._counts = most_ahead is not None
        if most_ahead is not None:
            ahead = units.sounds_until.get(tag, 0.0) - self._time.now()
            self.most_ahead = max(0.0, most_ahead - max(0.0, ahead))
        self._owner = owner
        self._units = units
        self._tag = tag
        self._opening = opening

    @property
    def stats(self) -> UnitStats:
        """The sink's figures now; what waits in the send queue is `buffered`."""
        return UnitStats(
            frames=self._frames,
            seconds=self._frames / self.sample_rate,
            buffered=self._waiting(),
        )

    def over(self) -> None:
        """The session is over: whoever sends here learns it now. Thread: I/O."""
        link = self._link
        if link is not None:
            link.abort(self._owner._closed_error())  # noqa: SLF001

    def _waiting(self) -> float:
        return self._owner._outbox.qsize() * BLOCK_SECONDS  # noqa: SLF001

    def interrupt(self) -> None:
        """End the link; what of its audio is still in the send queue goes nowhere."""
        link = self._link
        if link is None:
            return
        outbox = self._owner._outbox  # noqa: SLF001
        link.abort(None)
        # None is put behind these: the outbox asks the link, under the same lock.
        outbox.discard(self._is_mine)
        link.stop()
        self._units.sounds_until.pop(self._tag, None)

    def _is_mine(self, item: object) -> bool:
        return type(item) is SendAudio and item.tag == self._tag

    def _begin(self) -> None:
        self._owner._opened()  # noqa: SLF001
        self._owner._outbox.admit()  # noqa: SLF001
        self._units.occupy(self._tag, self)
        if self._opening is not None:
            try:
                self._owner._put_media(self._opening, _always)  # noqa: SLF001
            except BaseException:
                self._units.vacate(self._tag, self)
                raise

    def _release(self) -> None:
        try:
            if self._opening is not None:
                self._owner._put_media(CloseStream(self._tag), _always)  # noqa: SLF001
        except (InvalidState, SessionClosed):
            pass  # finish() or close() came first: they end the stream
        finally:
            self._units.vacate(self._tag, self)

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        owner = self._owner
        command = owner._media_command(block, self._tag)  # noqa: SLF001
        try:
            if not owner._put_media(command, wanted):  # noqa: SLF001
                return False
        except InvalidState:  # finish() was called: the far end has all it wants
            raise EndOfStream from None
        self._passed(block)
        if self._counts:
            until = self._units.sounds_until
            begins = max(until.get(self._tag, 0.0), self._time.now())
            until[self._tag] = begins + len(block) / self.sample_rate
        return True

    def _wake(self) -> None:
        self._owner._outbox.look_again()  # noqa: SLF001
