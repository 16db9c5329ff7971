"""The way of a microphone into a session, which can be shut while it goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from voxsync.media.sink import Sink, sink_of
from voxsync.media.source import EndOfStream

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.session import Session

__all__ = ["Gate"]

# What is still heard of the model in a room after its audio has run out: what waits
# in the speaker and the sound system, and the echo, seconds.
_TAIL = 0.25


class Gate(Sink):
    """Gives a microphone's audio to a session, while it is open.

    When it shuts, the service is told once that the audio ends (where it has a word for
    that), and what comes is dropped; when it opens, the audio begins anew. The
    microphone does not notice: it goes on, and so does a file.

    Its `level` is that of what the microphone gives, heard by the service or not.

    Args:
        session: Where the audio goes.
        ended: Called with the error, or None, when the link has ended; never waits.

    Attributes:
        mute: Shut. May be set; it counts from the next block (20 ms).

    Raises:
        FormatError: The session carries no audio.
    """

    def __init__(
        self, session: Session[Any], ended: Callable[[BaseException | None], object]
    ) -> None:
        self._sink = sink_of(session, {})
        super().__init__(self._sink.sample_rate, self._sink.name)
        self.clock = self._sink.clock
        self.most_ahead = self._sink.most_ahead
        self.mute = False
        self._session = session
        self._ended = ended
        self._sounding = False
        self._tail = 0  # frames that are still to be dropped
        self._is_open = False  # the sink has our link; the link's thread

    def sounding(self, is_sounding: bool) -> None:
        """The model begins to be heard, or has been: shut as long. Thread: any."""
        self._tail = round(_TAIL * self.sample_rate)
        self._sounding = is_sounding

    # For the link

    def _begin(self) -> None:
        link = self._link
        assert link is not None  # nobody writes here besides
        self._sink._claim(link)  # noqa: SLF001 - we are one sink with it
        self._is_open = True

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        self._passed(block)
        if self._is_shut(len(block)):
            self._shut()
            return wanted()
        if not self._is_open:
            if self._session._outbox.finished:  # noqa: SLF001 - it wants no more audio
                raise EndOfStream
            self._begin()
        return self._sink._put(block, wanted)  # noqa: SLF001

    def _is_shut(self, frames: int) -> bool:
        if self._sounding:
            return True
        if self._tail > 0:
            self._tail -= frames
            return True
        return self.mute

    def _shut(self) -> None:
        link = self._link
        if self._is_open and link is not None:
            self._is_open = False
            self._sink._unclaim(link)  # noqa: SLF001

    def _release(self) -> None:
        self._shut()

    def _unclaim(self, link: Link) -> None:
        if self._link is not link:
            return
        try:
            super()._unclaim(link)
        finally:
            # Else it never ran: whoever made it is told, by an exception.
            if link._thread is threading.current_thread():  # noqa: SLF001
                self._ended(link.error)

    def _waiting(self) -> float:
        return self._sink._waiting()  # noqa: SLF001

    def _wake(self) -> None:
        self._sink._wake()  # noqa: SLF001
