"""The sources and sinks that stand for one session's streams, by tag."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, Protocol

from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.base import Audio, ClearAudio
from voxsync.errors import InvalidState
from voxsync.events import ErrorEvent
from voxsync.media.link import BLOCK_SECONDS
from voxsync.media.sink import Sink
from voxsync.media.source import EndOfStream, Source
from voxsync.media.unit import UnitStats

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.resample import Resampler
    from voxsync.errors import SessionClosed
    from voxsync.session.connection import Connection
    from voxsync.session.delivery import Delivery
    from voxsync.session.outbox import Outbox
    from voxsync.session.streams import StreamOutput

__all__ = ["MediaOwner", "SessionSink", "SessionUnits", "StreamSource"]


class MediaOwner(Protocol):
    """What the units need of their session."""

    id: str
    _outbox: Outbox
    _delivery: Delivery
    _playout_seconds: float

    @property
    def is_closed(self) -> bool:
        """Whether the session is over."""
        ...

    def _opened(self) -> Connection:
        """Raises InvalidState before the session is open."""
        ...

    def _closed_error(self) -> SessionClosed: ...

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object: ...

    def _put_media(self, command: object, wanted: Callable[[], bool]) -> bool: ...


class StreamSource(Source):
    """One of the far end's streams: what arrives, in bursts or as it sounds.

    Without a sink its audio is only in the session's messages.
    """

    is_pushed: ClassVar[bool] = True

    def __init__(self, owner: MediaOwner, tag: str, sample_rate: int) -> None:
        super().__init__(sample_rate, f"{owner.id}:{tag}" if tag else owner.id)
        self._owner = owner
        self._tap_seconds = owner._playout_seconds  # noqa: SLF001 - MediaOwner is the seam
        self._resampler: Resampler | None = None

    def receive(self, audio: Audio) -> bool:
        """Give on what arrived; False if it flows nowhere. Thread: I/O."""
        if not self._taps:
            return False
        block = bytes_to_int16(audio.pcm)
        if audio.sample_rate != self.sample_rate:
            block = self._resampled(block, audio.sample_rate)
        self._deliver(block)
        return True

    def clear_media_buffer(self) -> None:
        """See `Source`."""
        super().clear_media_buffer()
        self._resampler = None

    def over(self) -> None:
        """The session is over: what has arrived is still heard. Thread: I/O."""
        self._end()

    def _begin(self) -> None:
        # Set before `over` is called: whoever attaches sees one of the two.
        if self._owner.is_closed:
            raise self._owner._closed_error()  # noqa: SLF001

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


class SessionSink(Sink):
    """One outgoing stream of a session: blocks go into its send queue."""

    def __init__(self, owner: MediaOwner, tag: str, sample_rate: int) -> None:
        super().__init__(sample_rate, f"{owner.id}:{tag}" if tag else owner.id)
        self._owner = owner
        self._tag = tag

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

    def _begin(self) -> None:
        self._owner._opened()  # noqa: SLF001
        self._owner._outbox.admit()  # noqa: SLF001

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        owner = self._owner
        command = owner._media_command(block, self._tag)  # noqa: SLF001
        try:
            if not owner._put_media(command, wanted):  # noqa: SLF001
                return False
        except InvalidState:  # finish() was called: the far end has all it wants
            raise EndOfStream from None
        self._passed(block)
        return True

    def _wake(self) -> None:
        self._owner._outbox.look_again()  # noqa: SLF001


class SessionUnits:
    """A session's units, made when they are first asked for."""

    def __init__(self, owner: MediaOwner, sample_rate: int) -> None:
        self._owner = owner
        self._rate = sample_rate
        self._lock = threading.Lock()  # guards changes of the next two
        self._streams: dict[str, StreamSource] = {}
        self._sinks: dict[str, SessionSink] = {}
        self.unlinked = 0.0  # seconds of audio that flowed nowhere; the I/O thread's

    def stream(self, tag: str) -> StreamSource:
        """The source of the far end's stream of that tag."""
        with self._lock:
            if tag not in self._streams:
                self._streams[tag] = StreamSource(
                    self._owner, _checked(tag), self._rate
                )
            return self._streams[tag]

    def streams(self, tag: str | None) -> list[StreamSource]:
        """Those there are; None = of every tag."""
        with self._lock:
            return [s for name, s in self._streams.items() if tag in (None, name)]

    def sink(self, tag: str = "") -> SessionSink:
        """The sink of our stream of that tag."""
        with self._lock:
            if tag not in self._sinks:
                self._sinks[tag] = SessionSink(self._owner, _checked(tag), self._rate)
            return self._sinks[tag]

    def feed(self, output: StreamOutput) -> None:
        """See `Engine.on_audio`. Thread: I/O."""
        if isinstance(output, Audio):
            stream = self._streams.get(output.tag)
            if stream is None or not stream.receive(output):
                self.unlinked += output.seconds
        elif isinstance(output, ClearAudio):
            for stream in self.streams(output.tag):
                stream.clear_media_buffer()

    @property
    def is_heard(self) -> bool:
        """Whether any of the far end's streams flows somewhere."""
        return any(stream._taps for stream in list(self._streams.values()))  # noqa: SLF001 - they are ours

    def end(self) -> None:
        """The session is over. Thread: I/O, or whoever ends it."""
        with self._lock:
            streams, sinks = list(self._streams.values()), list(self._sinks.values())
        for stream in streams:
            stream.over()
        for sink in sinks:
            sink.over()


def _checked(tag: str) -> str:
    if not isinstance(tag, str):
        raise TypeError(f"tag must be a str, not {type(tag).__name__}")
    return tag
