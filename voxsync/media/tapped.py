"""Units that audio is taken from, by any number of taps."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from voxsync.errors import MediaError
from voxsync.media.tap import EndOfStream, Tap
from voxsync.media.unit import MediaUnit, UnitStats

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Tapped"]

# How long to wait for others to open or close a source without looking up, seconds.
_SLICE = 0.5


class Tapped(MediaUnit):
    """The half of a `Source` that makes audio and gives it to taps.

    Each tap has a buffer of its own. A pushed source fills them as audio comes. Any
    other makes audio when the first of them asks, and all of them get it.
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
        self._taps_lock = threading.Lock()  # guards changes of the next seven
        self._turned = threading.Condition(self._taps_lock)
        self._turning = False  # somebody opens or closes the source
        self._over: tuple[BaseException | None] | None = None  # `_end` was called
        self._taps: tuple[Tap, ...] = ()
        self._reader: Tap | None = None  # the one that `read` takes from
        self._making = False  # one consumer is making audio for all
        self._lost = 0  # frames that taps which are gone had dropped
        self._refused = 0  # and refused

    @property
    def stats(self) -> UnitStats:
        """The source's figures now."""
        with self._taps_lock:
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
        with self._taps_lock:
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
            with self._taps_lock:
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

    def _fill(self, tap: Tap, frames: int) -> None:
        """Make audio for all taps until this one has enough or there is no more now.

        Of several links one makes it, without a lock held: the others find it in
        their buffers.
        """
        while len(tap.buffer) < frames and not tap.buffer.ended:
            with self._taps_lock:
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
