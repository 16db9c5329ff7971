"""The sources and sinks that stand for one session's streams, by tag."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, Protocol

from voxsync.audio.pcm import bytes_to_int16
from voxsync.clocks import Clock
from voxsync.dialects.base import Audio, CloseStream, SendAudio
from voxsync.errors import InvalidState, SessionClosed
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
    from voxsync.dialects.base import ClearAudio, OpenStream
    from voxsync.media.tap import Tap
    from voxsync.session.connection import Connection
    from voxsync.session.delivery import Delivery
    from voxsync.session.options import SessionOptions
    from voxsync.session.outbox import Outbox

# What a link's thread may be behind the stream's own time, seconds: its clock makes
# up for one of them, and then goes on late.
_SLACK = 2.0

__all__ = ["MediaOwner", "SessionSink", "SessionUnits", "StreamSource"]


def _always() -> bool:
    return True


class MediaOwner(Protocol):
    """What the units need of their session."""

    id: str
    options: SessionOptions
    _outbox: Outbox
    _delivery: Delivery
    _playout_seconds: float
    _plays_out: bool

    @property
    def is_closed(self) -> bool:
        """Whether the session is over."""
        ...

    def _opened(self) -> Connection:
        """Raises InvalidState before the session is open."""
        ...

    def _closed_error(self) -> SessionClosed: ...

    def _rate_of_held(self, tag: str) -> int | None: ...

    def _has_held(self, tag: str) -> bool:
        """Whether audio of this stream waits for listeners, after the end, too."""
        ...

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


class SessionUnits:
    """A session's units, made when they are first asked for."""

    def __init__(self, owner: MediaOwner, sample_rate: int) -> None:
        self._owner = owner
        self._rate = sample_rate
        self._lock = threading.Lock()  # guards changes of the next two
        self._streams: dict[str, StreamSource] = {}
        self._sinks: dict[str, SessionSink] = {}  # those that have a link
        # When the far end will have heard our stream; written by its one link's thread.
        self.sounds_until: dict[str, float] = {}
        self.unlinked = 0.0  # seconds of audio that flowed nowhere; the I/O thread's
        self._forgotten = 0.0  # seconds that links of forgotten streams had no room for
        self._was_heard = False  # at the end

    def stream(self, tag: str) -> StreamSource:
        """The source of the far end's stream of that tag."""
        # Else its first link would have a resampler made that is never used.
        rate = self._owner._rate_of_held(_checked(tag)) or self._rate  # noqa: SLF001
        with self._lock:
            if tag not in self._streams:
                self._streams[tag] = StreamSource(self._owner, tag, rate)
            return self._streams[tag]

    def forget(self, tag: str) -> None:
        """The far end's stream of that tag is over: its links end, heard to the end.

        Without it a peer that gives each utterance a tag of its own would leave a link,
        and its thread, for each. Thread: I/O.
        """
        with self._lock:
            stream = self._streams.pop(tag, None)
        if stream is not None:
            self._forgotten += _untaken(stream)
            stream.over()

    @property
    def untaken(self) -> float:
        """Seconds of incoming audio that links had no room for."""
        return self._forgotten + sum(map(_untaken, self.streams(None)))

    def streams(self, tag: str | None) -> list[StreamSource]:
        """Those there are; None = of every tag."""
        with self._lock:
            return [s for name, s in self._streams.items() if tag in (None, name)]

    def sink(
        self,
        tag: str,
        sample_rate: int | None = None,
        *,
        opening: OpenStream | None = None,
        most_ahead: float | None = None,
    ) -> SessionSink:
        """A sink for our stream of that tag, for one link."""
        return SessionSink(
            self._owner,
            self,
            _checked(tag),
            self._rate if sample_rate is None else sample_rate,
            opening=opening,
            most_ahead=most_ahead,
        )

    def occupy(self, tag: str, sink: SessionSink) -> None:
        """Let this sink's link write to our stream of that tag, and no other's.

        Raises:
            InvalidState: Another one's does.
        """
        with self._lock:
            other = self._sinks.setdefault(tag, sink)
        if other is not sink:
            raise InvalidState(
                f"{other!r} takes a source's audio already; there is no mixing: "
                "stop_media_to() there first"
                + ("" if other._opening is None else ", or use another tag")  # noqa: SLF001 - they are ours
            )

    def vacate(self, tag: str, sink: SessionSink) -> None:
        """The sink's link is gone."""
        with self._lock:
            if self._sinks.get(tag) is sink:
                del self._sinks[tag]

    def occupant(self, tag: str) -> SessionSink | None:
        """The sink whose link writes to our stream of that tag."""
        return self._sinks.get(tag)

    def is_linked(self, tag: str) -> bool:
        """Whether the far end's stream of that tag flows somewhere."""
        stream = self._streams.get(tag)
        return stream is not None and bool(stream._taps)  # noqa: SLF001 - they are ours

    def feed(self, output: Audio | ClearAudio) -> None:
        """See `Streams`. Thread: I/O."""
        if isinstance(output, Audio):
            stream = self._streams.get(output.tag)
            if stream is None or not stream.receive(output):
                self.unlinked += output.seconds
        else:
            for stream in self.streams(output.tag):
                stream.clear_media_buffer()

    @property
    def is_heard(self) -> bool:
        """Whether any of the far end's streams flows somewhere; after the end: did."""
        flows = (stream._taps for stream in list(self._streams.values()))  # noqa: SLF001 - they are ours
        return self._was_heard or any(flows)

    def end(self, but: Callable[[str], bool] = lambda _: False) -> None:
        """The session is over. Thread: I/O, or whoever ends it.

        Args:
            but: Says of a tag whether its stream still has audio to give; its links
                live on until the next call.
        """
        # The last messages may be handed over when all has been heard.
        self._was_heard = self.is_heard
        with self._lock:
            streams, sinks = dict(self._streams), list(self._sinks.values())
        for tag, stream in streams.items():
            if not but(tag):
                stream.over()
        for sink in sinks:
            sink.over()


def _untaken(stream: StreamSource) -> float:
    found = stream.stats
    return (found.dropped + found.refused) / stream.sample_rate


def _checked(tag: str) -> str:
    if not isinstance(tag, str):
        raise TypeError(f"tag must be a str, not {type(tag).__name__}")
    return tag
