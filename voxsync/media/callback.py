"""Units made of a function, or of memory: for programs with audio of their own."""

from __future__ import annotations

import threading
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

import numpy as np

from voxsync.audio.pcm import bytes_to_int16, check_block
from voxsync.errors import FormatError, MediaError
from voxsync.media.sink import Sink
from voxsync.media.source import Source
from voxsync.media.unit import check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from voxsync.media.unit import UnitStats

    Block = NDArray[np.int16]

__all__ = ["BufferSink", "CallbackSink", "CallbackSource"]


class CallbackSource(Source):
    """Audio that a function makes when it is asked.

    Args:
        make: Called as `make(frames)`; returns at most so many frames as int16
            `(frames,)` or 16-bit little-endian bytes, or None = nothing yet; raises
            `EndOfStream` at the end. Any other exception ends the source, and its
            links with that error.
        sample_rate: Hz, of what it makes. Default 16000.
        name: For messages.

    Thread: `make` runs on the thread of whatever link asks, one call at a time.
    """

    def __init__(
        self,
        make: Callable[[int], Block | bytes | None],
        sample_rate: int = 16000,
        *,
        name: str | None = None,
    ) -> None:
        _check_callable("make", make)
        super().__init__(sample_rate, name)
        self._make = make

    def _produce(self, frames: int) -> Block | None:
        made = self._make(frames)
        if made is None:
            return None
        if isinstance(made, (bytes, bytearray, memoryview)):
            block = bytes_to_int16(made)
        else:
            block = check_block(made).copy()
        if len(block) > frames:
            raise FormatError(
                f"{self.name}: asked for {frames} frames, the function returned "
                f"{len(block)}: keep the rest for the next call"
            )
        return block


class CallbackSink(Sink):
    """Hands each block to a function.

    Args:
        take: Called as `take(block)` with int16 `(frames,)`, which is its own to
            keep. An exception ends the link with that error.
        sample_rate: Hz; what it gets is resampled to that. Default 16000.
        name: For messages.

    Thread: `take` runs on the link's thread: being slow holds up that link only. A
    call that has begun is not revoked by `clear` or `stop` of the link.
    """

    def __init__(
        self,
        take: Callable[[Block], object],
        sample_rate: int = 16000,
        *,
        name: str | None = None,
    ) -> None:
        _check_callable("take", take)
        super().__init__(sample_rate, name)
        self._take = take

    def _put(self, block: Block, wanted: Callable[[], bool]) -> bool:
        if not wanted():
            return False
        self._passed(block)
        try:
            self._take(block.copy())
        except Exception as exc:
            self._failed(exc)
            raise
        return True


class BufferSink(Sink):
    """Keeps what it gets in memory, up to a bound; the newest is refused then.

    Args:
        seconds: The bound. Default 60.
        sample_rate: Hz; what it gets is resampled to that. Default 16000.
        name: For messages.
    """

    def __init__(
        self,
        seconds: float = 60.0,
        sample_rate: int = 16000,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(sample_rate, name)
        check_seconds("seconds", seconds)
        self._limit = max(1, round(seconds * sample_rate))
        self._blocks: list[Block] = []
        self._held = 0
        self._refused = 0
        self._lock = threading.Lock()  # guards the three above

    @property
    def frames(self) -> Block:
        """All that is held: int16 `(frames,)`, a copy."""
        with self._lock:
            blocks = list(self._blocks)
        return np.concatenate([np.zeros(0, np.int16), *blocks])

    def take(self) -> Block:
        """All that is held, as `frames`; from now on it holds nothing of it."""
        with self._lock:
            blocks, self._blocks = self._blocks, []
            self._held = 0
        return np.concatenate([np.zeros(0, np.int16), *blocks])

    @property
    def stats(self) -> UnitStats:
        """The sink's figures now."""
        return replace(
            super().stats,
            buffered=0.0,  # it is where the audio was to go, not on the way
            refused=self._refused,
        )

    def _put(self, block: Block, wanted: Callable[[], bool]) -> bool:
        with self._lock:
            if not wanted():
                return False
            taken = block[: self._limit - self._held]
            if len(taken):  # an empty view would keep the refused block alive
                self._blocks.append(taken)
                self._held += len(taken)
            lost = len(block) - len(taken)
            self._refused += lost
        self._passed(taken)
        if lost:
            self._tell_once(
                "full",
                MediaError(
                    f"{self.name} holds its {self._limit / self.sample_rate:g} s; what "
                    "comes now is refused and counted in stats"
                ),
            )
        return True


def _check_callable(name: str, fn: object) -> None:
    if not callable(fn):
        raise TypeError(f"{name} must be callable, not {fn!r}")
    if iscoroutinefunction(fn):
        raise TypeError(f"{name} must be a plain function, not the coroutine {fn!r}")
