"""Units that give audio, to any number of links."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from voxsync.errors import InvalidState, MediaError
from voxsync.media.sink import sink_of
from voxsync.media.tap import EndOfStream, Tap
from voxsync.media.unit import MediaUnit, UnitStats, check_number

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.media.sink import Sink

__all__ = ["EndOfStream", "MediaTarget", "Source"]

# How long to wait for others to open or close a source without looking up, seconds.
_SLICE = 0.5
# How long closing waits for the links' threads, seconds.
_JOIN = 1.0


class MediaTarget(Protocol):
    """What `send_media_to` takes: a `Sink`, or a session."""

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """The sink to write to.

        Raises:
            TypeError: A parameter it does not know.
        """
        ...


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
    # Called once when there is no more audio, on the thread that found out.
    _at_end: Callable[[], object] | None = None

    def __init__(self, sample_rate: int, name: str | None = None) -> None:
        super().__init__(sample_rate, name)
        self._links_lock = threading.Lock()  # guards changes of the next eight
        self._turned = threading.Condition(self._links_lock)
        self._turning = False  # somebody opens or closes the source
        self._over: tuple[BaseException | None] | None = None  # `_end` was called
        self._taps: tuple[Tap, ...] = ()
        self._links: tuple[Link, ...] = ()
        self._reader: Tap | None = None
        self._making = False  # one consumer is making audio for all
        self._lost = 0  # frames that taps which are gone had dropped
        self._refused = 0  # and refused

    # Public

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that this source feeds now."""
        return self._links

    def send_media_to(
        self,
        target: MediaTarget,
        parameters: object = None,
        *,
        paced: bool = True,
        **more: Any,
    ) -> Link:
        """Let the audio flow to a sink or session from now on.

        Args:
            target: A `Sink` unit, or an open session.
            parameters: What a session's service offers, as an object of its own.
            paced: False: a file or generator goes out as fast as the far end takes
                it, not as fast as it sounds, but no faster than other links of the
                same source take theirs. Makes no difference where the source is live
                or the sink is a speaker.
            more: The same by name (`tag`, ...).

        Returns:
            The link; `wait()` on it for the end of a file. Where the source feeds
            other links already, it carries what comes from now on.

        Raises:
            InvalidState: It flows there already, the session is not open, or the
                source has an end and is at it.
            DeviceError: A device cannot be opened.
            TypeError: No sink, or a parameter that it does not know.

        Thread: any. Returns once the audio flows.
        """
        self._check_more()
        return self._flow_to(target, parameters, paced, more)

    def _flow_to(
        self, target: MediaTarget, parameters: object, paced: bool, more: dict[str, Any]
    ) -> Link:
        from voxsync.media.link import Link  # noqa: PLC0415 - it knows sources

        if parameters is not None:
            more["parameters"] = parameters
        sink = sink_of(target, more)
        link = Link(self, sink, target, paced=paced)
        with self._links_lock:
            if any(
                other.target is target and other.sink is sink for other in self._links
            ):
                raise InvalidState(
                    f"{self.name} sends to {sink.name} already; stop_media_to() first"
                )
            self._links = (*self._links, link)
        link.start()
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
        """The next `frames` frames as int16 `(frames,)`.

        The first call opens the source; from there on audio is kept for the next,
        within the source's bound, until `close`.

        Args:
            frames: 1 or more; more than the source's bound are never returned.
            timeout: Seconds to wait for the first frame, and again for the others;
                None = no limit for the first, for the others as long as they sound.

        Returns:
            Fewer frames at the end, or where no more came in time; None if none did.

        Raises:
            EndOfStream: There is no more.
            DeviceError: The device failed.

        Thread: any, one at a time.
        """
        if isinstance(frames, bool) or not isinstance(frames, int):
            raise TypeError(f"frames must be an int, not {frames!r}")
        if frames < 1:
            raise ValueError(f"frames must be 1 or more, not {frames}")
        if timeout is not None:
            check_number("timeout", timeout)
        with self._links_lock:
            if self._reader is None:
                self._reader = self._make_tap()
            reader = self._reader
        self._attach(reader)
        patience = frames / self.sample_rate if timeout is None else timeout
        block = reader.get(frames, timeout, patience)
        # Others may have the same frames; what is returned here is the caller's own.
        return None if block is None else block.copy()

    def close(self) -> None:
        """End the links, and let go of what the source holds. Idempotent.

        What is under way in the links is dropped. Whoever waits in `read` gets
        `EndOfStream`. Thread: any; waits for the links' threads at most a second.
        """
        links, reader = self._links, self._reader
        for link in links:
            link._halt()  # noqa: SLF001 - all of them first: one wait for all
        end = time.monotonic() + _JOIN
        for link in links:
            link._join(end - time.monotonic())  # noqa: SLF001
        if reader is not None:
            reader.buffer.end()
            self._detach(reader)

    @property
    def stats(self) -> UnitStats:
        """The source's figures now."""
        with self._links_lock:
            buffers = [tap.buffer for tap in self._taps]
            dropped, refused = self._lost, self._refused
        return UnitStats(
            frames=self._frames,
            seconds=self._frames / self.sample_rate,
            buffered=max(map(len, buffers), default=0) / self.sample_rate,
            dropped=dropped + sum(b.dropped for b in buffers),
            refused=refused + sum(b.refused for b in buffers),
        )

    # For subclasses

    def _check_more(self) -> None:
        """Raise `InvalidState` where a new link could never carry anything."""

    def _produce(self, frames: int) -> NDArray[np.int16] | None:
        """Make audio: 1 to `frames` frames, None = nothing yet.

        Called by one thread at a time. Not for pushed sources.

        Raises:
            EndOfStream: There is no more.
        """
        raise NotImplementedError

    def _begin(self) -> None:
        """The first consumer came: open what has to be open. Raises what fails.

        Never at the same time as `_cease`, which follows also where this failed.
        """

    def _cease(self) -> None:
        """The last consumer went. Must not wait for links."""

    def _deliver(self, block: NDArray[np.int16]) -> None:
        """Give audio to every consumer. Thread: one at a time; never waits.

        The block must not be changed afterwards.
        """
        self._passed(block)
        for tap in self._taps:
            give = tap.buffer.push if self.is_clock else tap.buffer.offer
            lost = give(block)
            if lost and not tap.buffer.ended:
                self._tell_once(
                    "lost",
                    MediaError(
                        f"{self.name}: {lost} frames were not taken in time and are "
                        "lost; this is told once, stats goes on counting"
                    ),
                )

    def _end(self, error: BaseException | None = None) -> None:
        """There is no more audio: consumers get what they have, then the end.

        So do those that come before all of these have gone.
        """
        with self._links_lock:
            self._over = (error,)
            taps = self._taps
        for tap in taps:
            tap.buffer.end(error)
        tell, self._at_end = self._at_end, None
        if tell is not None:
            tell()

    # For taps and links

    def _make_tap(self, *, patient: bool = False) -> Tap:
        capacity = max(1, round(self._tap_seconds * self.sample_rate))
        return Tap(self, capacity, patient=patient)

    def _attach(self, tap: Tap) -> None:
        """Let audio flow into the tap; the first one opens the source.

        Who comes while that goes on waits for it: it could fail.
        """
        with self._turned:
            self._await_turn()
            if tap in self._taps or tap.buffer.ended:
                return
            first = self._turning = not self._taps
            self._taps = (*self._taps, tap)
            if first:
                self._over = None
            over = self._over
        if not first:
            if over is not None:
                tap.buffer.end(over[0])
            return
        try:
            self._begin()
        except BaseException:
            with self._links_lock:
                self._remove(tap)
            self._cease()
            raise
        finally:
            self._turn_over()

    def _detach(self, tap: Tap) -> None:
        """Let no more audio flow into the tap; the last one closes the source."""
        with self._turned:
            self._await_turn()
            if tap not in self._taps:
                return
            self._remove(tap)
            last = self._turning = not self._taps
        if last:
            try:
                self._cease()
            finally:
                self._turn_over()

    def _remove(self, tap: Tap) -> None:
        """Forget the tap, not its losses; the lock is held."""
        self._taps = tuple(other for other in self._taps if other is not tap)
        self._lost += tap.buffer.dropped
        self._refused += tap.buffer.refused
        if self._reader is tap:
            self._reader = None

    def _await_turn(self) -> None:
        """Wait while another thread opens or closes the source; the lock is held."""
        while self._turning:
            self._turned.wait(_SLICE)

    def _turn_over(self) -> None:
        with self._turned:
            self._turning = False
            self._turned.notify_all()

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
                # Only here: room for what is made can but grow, now.
                wanted = frames - len(tap.buffer)
                if tap.patient:
                    wanted = min(wanted, self._room_beside(tap))
                block = self._produce(wanted) if wanted > 0 else None
                if block is None or not len(block):
                    return
                # Still one at a time: or a later block could overtake this one.
                self._deliver(block)
            except EndOfStream:
                self._end()
                return
            except Exception as exc:  # noqa: BLE001 - the source's end, told by its links
                self.error = exc
                self._end(exc)  # before it is told: a listener may begin anew
                self._tell(exc)
                return
            finally:
                self._making = False

    def _room_beside(self, tap: Tap) -> int:
        """Frames that every other link can take without a loss."""
        mine = (tap, self._reader)  # nobody may ever read again
        others = (other.buffer for other in self._taps if other not in mine)
        return min((b.capacity - len(b) for b in others), default=tap.buffer.capacity)
