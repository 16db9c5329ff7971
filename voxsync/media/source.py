"""Units that give audio, to any number of links."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from voxsync.errors import InvalidState, MediaError
from voxsync.media.buffer import PcmBuffer
from voxsync.media.unit import MediaUnit, UnitStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.media.sink import Sink

__all__ = ["EndOfStream", "MediaTarget", "Source", "Tap"]

NOTHING = np.zeros(0, np.int16)


class EndOfStream(Exception):
    """There is no more audio, and that is no error."""


class MediaTarget(Protocol):
    """What `send_media_to` takes: a `Sink`, or a session."""

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """The sink to write to.

        Raises:
            TypeError: A parameter it does not know.
        """
        ...


class Tap:
    """One consumer's end of a source: what was given and not yet taken.

    Attributes:
        buffer: Whose bound and counters are this consumer's.
    """

    def __init__(self, source: Source, capacity: int) -> None:
        self.buffer = PcmBuffer(capacity)
        self._source = source

    def get(
        self,
        frames: int,
        timeout: float | None,
        patience: float = 0.0,
        wanted: Callable[[], bool] | None = None,
    ) -> NDArray[np.int16] | None:
        """Up to `frames` frames; None = nothing yet. See `PcmBuffer.get`.

        Raises:
            EndOfStream: There is no more.
            DeviceError, ...: What ended the source.
        """
        buffer = self.buffer
        if not self._source.is_pushed:
            self._source._fill(self, min(frames, buffer.capacity))  # noqa: SLF001 - two halves of one thing
        block = buffer.get(frames, timeout, patience, wanted)
        if block is not None and not len(block):
            raise EndOfStream
        return block


class Source(MediaUnit):
    """A unit that gives audio: microphone, file, generator, a stream of a session.

    Each link (and `read`) has a buffer of its own, so one source feeds many sinks. A
    pushed source fills them as audio comes. Any other makes audio when the first of
    them asks, and all of them get it.
    """

    is_pushed: ClassVar[bool] = False
    """Whether audio comes by itself, not when it is asked for."""
    is_clock: ClassVar[bool] = False
    """Whether it comes as fast as it sounds (microphone): the clock of a link. Who is
    behind loses the oldest then; of any other source the newest."""

    # What may wait for one consumer.
    _tap_seconds: float = 5.0

    def __init__(self, sample_rate: int, name: str | None = None) -> None:
        super().__init__(sample_rate, name)
        self._links_lock = threading.Lock()  # guards changes of the next four
        self._taps: tuple[Tap, ...] = ()
        self._links: tuple[Link, ...] = ()
        self._reader: Tap | None = None
        self._making = False  # one consumer is making audio for all
        self._lost = 0  # frames lost by taps that are gone

    # Public

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that this source feeds now."""
        return self._links

    def send_media_to(
        self, target: MediaTarget, *, paced: bool = True, **parameters: Any
    ) -> Link:
        """Let the audio flow to a sink or session from now on.

        Args:
            target: A `Sink` unit, or an open session.
            paced: False: a file or generator goes out as fast as the far end takes
                it, not as fast as it sounds. Makes no difference where the source
                is live or the sink is a speaker.
            parameters: What a session's service offers (`tag`, ...).

        Returns:
            The link; `wait()` on it for the end of a file.

        Raises:
            InvalidState: It flows there already, or the session is not open.
            DeviceError: A device cannot be opened.
            TypeError: No sink, or a parameter that it does not know.

        Thread: any. Returns once the audio flows.
        """
        from voxsync.media.link import Link  # noqa: PLC0415 - it knows sources

        find = getattr(target, "_media_sink", None)
        if find is None:
            raise TypeError(
                f"{type(target).__name__} takes no audio; send it to a sink of "
                "voxsync.media or to a session"
            )
        sink: Sink = find(parameters)
        link = Link(self, sink, target, paced=paced)
        with self._links_lock:
            if any(other.target is target and other.sink is sink
                   for other in self._links):
                raise InvalidState(
                    f"{self.name} sends to {sink.name} already; stop_media_to() first"
                )
            self._links = (*self._links, link)
        try:
            link.start()
        except BaseException:
            self._forget(link)
            raise
        return link

    def stop_media_to(self, target: MediaTarget) -> None:
        """Let no more audio flow there; what is under way in between is dropped.

        Does nothing where none flows. Thread: any; waits for the link's thread at
        most a second, except on that thread.
        """
        for link in self._links:
            if link.target is target:
                link.stop()

    def clear_media_buffer(self) -> None:
        """Drop what was given and has not been heard yet, on every link.

        Buffers of links and of speakers behind them are empty when this returns; what
        the source gives afterwards is heard whole. Thread: any; never waits.
        """
        for link in self._links:
            link.clear()
        reader = self._reader
        if reader is not None:
            reader.buffer.clear()

    def read(
        self, frames: int, timeout: float | None = None
    ) -> NDArray[np.int16] | None:
        """The next `frames` frames as int16 `(frames,)`; fewer at the end.

        The first call opens the source; from there on audio is kept for the next,
        within the source's bound.

        Args:
            frames: 1 or more.
            timeout: Seconds to wait for audio; None = no limit.

        Returns:
            None if nothing came in time.

        Raises:
            EndOfStream: There is no more.
            DeviceError: The device failed.
        """
        if frames < 1:
            raise ValueError(f"frames must be 1 or more, not {frames}")
        with self._links_lock:
            reader, fresh = self._reader, self._reader is None
            if reader is None:
                reader = self._reader = self._make_tap()
        if fresh:
            self._attach(reader)
        patience = frames / self.sample_rate if timeout is None else timeout
        return reader.get(frames, timeout, patience)

    @property
    def stats(self) -> UnitStats:
        """The source's figures now."""
        buffers = [tap.buffer for tap in self._taps]
        return UnitStats(
            frames=self._frames,
            seconds=self._frames / self.sample_rate,
            buffered=max(map(len, buffers), default=0) / self.sample_rate,
            dropped=self._lost + sum(b.dropped for b in buffers),
            refused=sum(b.refused for b in buffers),
        )

    # For subclasses

    def _produce(self, frames: int) -> NDArray[np.int16] | None:
        """Make audio: 1 to `frames` frames, None = nothing yet.

        Called by one thread at a time. Not for pushed sources.

        Raises:
            EndOfStream: There is no more.
        """
        raise NotImplementedError

    def _begin(self) -> None:
        """The first consumer came: open what has to be open. Raises what fails."""

    def _cease(self) -> None:
        """The last consumer went."""

    def _deliver(self, block: NDArray[np.int16]) -> None:
        """Give audio to every consumer. Thread: one at a time; never waits.

        The block must not be changed afterwards.
        """
        self._passed(block)
        for tap in self._taps:
            if self.is_clock:
                lost = tap.buffer.push(block)
            else:
                lost = tap.buffer.offer(block)
            if lost:
                self._tell_once(
                    "lost",
                    MediaError(
                        f"{self.name}: {lost} frames were not taken in time and are "
                        "lost; this is told once, stats goes on counting"
                    ),
                )

    def _end(self, error: BaseException | None = None) -> None:
        """There is no more audio: consumers get what they have, then the end."""
        for tap in self._taps:
            tap.buffer.end(error)

    # For taps and links

    def _make_tap(self) -> Tap:
        return Tap(self, max(1, round(self._tap_seconds * self.sample_rate)))

    def _attach(self, tap: Tap) -> None:
        """Let audio flow into the tap; the first one opens the source."""
        with self._links_lock:
            first = not self._taps
            self._taps = (*self._taps, tap)
        if first:
            try:
                self._begin()
            except BaseException:
                self._detach(tap)
                raise

    def _detach(self, tap: Tap) -> None:
        with self._links_lock:
            if tap not in self._taps:
                return
            self._taps = tuple(other for other in self._taps if other is not tap)
            self._lost += tap.buffer.dropped + tap.buffer.refused
            if self._reader is tap:
                self._reader = None
            last = not self._taps
        if last:
            self._cease()

    def _forget(self, link: Link) -> None:
        with self._links_lock:
            self._links = tuple(other for other in self._links if other is not link)

    def _fill(self, tap: Tap, frames: int) -> None:
        """Make audio for all taps until this one has enough or there is no more now.

        Of several links one makes it, without a lock held: the others find it in
        their buffers.
        """
        while len(tap.buffer) < frames and not tap.buffer.ended:
            with self._links_lock:
                if self._making:
                    return  # its audio comes to this tap, too
                self._making = True
            try:
                block = self._produce(frames - len(tap.buffer))
            except EndOfStream:
                self._end()
                return
            except Exception as exc:
                self._failed(exc)
                self._end(exc)
                return
            finally:
                self._making = False
            if block is None or not len(block):
                return
            self._deliver(block)
