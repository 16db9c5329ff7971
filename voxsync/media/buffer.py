"""The bounded buffer of samples between two threads."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["PcmBuffer"]

# The longest a thread waits without looking whether it is still wanted, seconds.
_SLICE = 0.25
# More than any number of frames.
_NOBODY = 1 << 62
# More than audio in sensible blocks ever is.
_MOST_BLOCKS = 4096
_NOTHING = np.zeros(0, np.int16)


class PcmBuffer:
    """A ring of mono int16 frames with a bound; says what it did not take.

    Blocks are kept as they are, not copied: nobody may change one that was given or
    taken. There are three ways in, by what happens when it is full: `offer` refuses the
    newest, `push` drops the oldest, `put` waits. What was refused or dropped is
    counted.

    Args:
        capacity: Frames, 1 or more; else `ValueError`.

    Attributes:
        capacity: Frames.
        refused: Frames that `offer` did not take.
        dropped: Frames that `push` threw away.
        cleared: Frames that `clear` threw away.
        generation: How often it was cleared.
        taken: What `generation` was when frames were last taken by `get`.

    Thread: any. The lock is held for one copy of samples, never while waiting.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1 frame, not {capacity}")
        self.capacity = capacity
        self.refused = 0
        self.dropped = 0
        self.cleared = 0
        self.generation = 0
        self.taken = 0
        # Not a ring of samples: what sound devices give and take stays as it is.
        self._blocks: collections.deque[NDArray[np.int16]] = collections.deque()
        self._fill = 0  # frames in all of them
        self._ended = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()  # guards all of the above
        self._more = threading.Condition(self._lock)  # frames came, or the end
        self._room = threading.Condition(self._lock)  # frames went
        # From how many frames, or how much room, on it is worth to wake who waits.
        # Sound devices come with little at a time; a thread that is woken for nothing
        # costs more than all else here.
        self._more_at = _NOBODY
        self._room_at = _NOBODY

    def __len__(self) -> int:
        """Frames inside."""
        return self._fill

    def __bool__(self) -> bool:
        """A buffer is a thing, also when it is empty."""
        return True

    @property
    def ended(self) -> bool:
        """Whether `end` was called: nothing more will come in."""
        return self._ended

    @property
    def is_over(self) -> bool:
        """Whether the end was called and everything was taken out."""
        return self._ended and not self._fill

    # In

    def offer(self, block: NDArray[np.int16]) -> int:
        """Take what there is room for; returns how many frames were refused.

        After `end` all of them are.

        Args:
            block: int16 `(frames,)`.
        """
        with self._lock:
            room = 0 if self._ended else self.capacity - self._fill
            taken = min(len(block), room)
            self._append(block[:taken])
            refused = len(block) - taken
            self.refused += refused
            return refused

    def push(self, block: NDArray[np.int16]) -> int:
        """Take `block`, int16 `(frames,)`; returns how many older frames had to go.

        After `end` the block itself goes.
        """
        with self._lock:
            if self._ended:
                self.dropped += len(block)
                return len(block)
            gone = max(0, len(block) - self.capacity)
            block = block[gone:]
            excess = max(0, self._fill + len(block) - self.capacity)
            self._skip(excess)
            self._append(block)
            self.dropped += gone + excess
            return gone + excess

    def put(
        self, block: NDArray[np.int16], wanted: Callable[[], bool] | None = None
    ) -> bool:
        """Take the whole block, waiting for room; False if it is not wanted any more.

        Nor is it after a plain `end`. A part of it may be inside then.

        Args:
            block: int16 `(frames,)`; more than `capacity` go in piece by piece.
            wanted: Asked under the lock, before each piece: whether the block is
                still to be played. Must not take locks. Call `wake` after its
                answer has changed.

        Raises:
            Whatever `end` was called with, also while waiting.
        """
        at = 0
        with self._lock:
            while at < len(block):
                if self._ended:
                    self._raise_error()
                    return False
                if wanted is not None and not wanted():
                    return False
                # Little room is not worth the way: half of the buffer, or the rest.
                rest = len(block) - at
                room = self.capacity - self._fill
                if room >= min(rest, max(1, self.capacity // 2)):
                    self._append(block[at : at + room])
                    at += room
                else:
                    self._wait_for_room(min(rest, max(1, self.capacity // 2)), _SLICE)
        return True

    def end(self, error: BaseException | None = None) -> None:
        """Let nothing more in; whoever takes gets the rest, then the end (`error`)."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._error = error
            self._more.notify_all()
            self._room.notify_all()

    def wake(self) -> None:
        """Have those that wait in `put` or `get` look again."""
        with self._lock:
            self._more.notify_all()
            self._room.notify_all()

    # Out

    def take(self, frames: int) -> NDArray[np.int16]:
        """The next int16 `(frames,)` or fewer, at once: for a device's callback."""
        with self._lock:
            return self._remove(min(frames, self._fill))

    def get(
        self,
        frames: int,
        timeout: float | None,
        patience: float = 0.0,
        wanted: Callable[[], bool] | None = None,
    ) -> NDArray[np.int16] | None:
        """The next int16 `(frames,)`, fewer where no more come; None = nothing yet.

        Args:
            frames: How many are wished for, at most `capacity`.
            timeout: Seconds to wait for the first of them; None = no limit.
            patience: Seconds to wait for the others.
            wanted: As in `put`.

        Raises:
            Whatever `end` was called with, once all frames are taken. After a plain
            end: an empty array.
        """
        frames = min(frames, self.capacity)
        end, due = _end(timeout), None
        idle = patience <= 0
        with self._lock:
            while self._fill < frames and not self._ended:
                now = time.monotonic()
                if not self._fill:
                    due = None
                elif due is None:
                    due = now + patience
                until = end if due is None else due
                left = _SLICE if until is None else until - now
                if left <= 0 or (wanted is not None and not wanted()):
                    break
                if self._fill or idle:
                    self._wait_for_more(frames if self._fill else 1, left)
                else:
                    # The whole block is near, mostly: one wake-up for all of it.
                    self._wait_for_more(frames, min(left, 2 * patience))
                    idle = True
            if self._fill:
                self.taken = self.generation
                return self._remove(min(frames, self._fill))
            if self._ended:
                self._raise_error()
                return _NOTHING
            return None

    def wait_for(
        self,
        frames: int,
        timeout: float | None,
        wanted: Callable[[], bool] | None = None,
    ) -> bool:
        """Wait until so many frames are inside or no more will come; False = neither.

        Args:
            frames: At most `capacity`.
            timeout: Seconds; None = no limit.
            wanted: As in `put`.
        """
        end = _end(timeout)
        with self._lock:
            while self._fill < frames and not self._ended:
                left = _SLICE if end is None else end - time.monotonic()
                if left <= 0 or (wanted is not None and not wanted()):
                    return False
                self._wait_for_more(frames, left)
            return True

    def drained(self, timeout: float) -> bool:
        """Wait until it is empty (or was ended by an error); False if it is not.

        At most `timeout` seconds.
        """
        end = time.monotonic() + timeout
        with self._lock:
            while self._fill and self._error is None:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._wait_for_room(self.capacity, min(left, _SLICE))
            return True

    def clear(self) -> int:
        """Throw away what is inside; returns how many frames that were."""
        with self._lock:
            gone = self._fill
            self._skip(gone)
            self.generation += 1
            self.cleared += gone
            return gone

    def reopen(self) -> None:
        """Take frames again after `end`; what was left inside counts as cleared."""
        with self._lock:
            self.cleared += self._fill
            self._blocks.clear()
            self._fill = 0
            self._ended = False
            self._error = None

    # Inside; the lock is held

    def _wait_for_more(self, frames: int, timeout: float) -> None:
        self._more_at = min(self._more_at, frames)
        self._more.wait(min(timeout, _SLICE))

    def _wait_for_room(self, frames: int, timeout: float) -> None:
        self._room_at = min(self._room_at, frames)
        self._room.wait(timeout)

    def _append(self, block: NDArray[np.int16]) -> None:
        assert self._lock.locked()
        if not len(block):
            return
        self._blocks.append(block)
        self._fill += len(block)
        if len(self._blocks) > _MOST_BLOCKS:  # of a few frames each, it seems
            whole = np.concatenate(self._blocks)
            self._blocks.clear()
            self._blocks.append(whole)
        if self._fill >= self._more_at:
            self._more_at = _NOBODY
            self._more.notify_all()

    def _remove(self, count: int) -> NDArray[np.int16]:
        parts = self._skip(count)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else _NOTHING

    def _skip(self, count: int) -> list[NDArray[np.int16]]:
        """Take the oldest frames out."""
        assert self._lock.locked()
        parts: list[NDArray[np.int16]] = []
        left, blocks = count, self._blocks
        while left:
            block = blocks.popleft()
            size = len(block)
            if size > left:
                blocks.appendleft(block[left:])
                block, size = block[:left], left
            parts.append(block)
            left -= size
        self._fill -= count
        if self.capacity - self._fill >= self._room_at:
            self._room_at = _NOBODY
            self._room.notify_all()
        return parts

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _end(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
