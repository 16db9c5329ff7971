"""What everything that gives or takes audio has: a name, a level, figures, events."""

from __future__ import annotations

import collections
import itertools
import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from voxsync.audio.pcm import FLOOR_DBFS, Level, level
from voxsync.events import ErrorEvent, EventTarget, EventType

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from voxsync.clocks import Clock
    from voxsync.events import Event

__all__ = ["MediaUnit", "UnitStats", "check_number", "check_seconds"]

logger = logging.getLogger("voxsync.media")

_LEVEL_SECONDS = 0.1
_MOST_RECENT = 64  # blocks kept for it: those of 1.6 ms fill it
_SILENT = Level(peak=FLOOR_DBFS, rms=FLOOR_DBFS)
# Events that wait for listeners; a unit has few to tell, and none twice.
_MOST_EVENTS = 64

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStats:
    """A snapshot of a unit's figures; frames are at the unit's own rate.

    Attributes:
        frames: That went through, all together.
        seconds: The same as time.
        buffered: Seconds of audio waiting in the unit now.
        dropped: Frames lost because nobody took them in time (oldest first).
        refused: Frames not taken because the far side was full (newest first).
        overflows: Times the sound system says it lost input (PortAudio's flag).
        underflows: Times it had nothing to play (PortAudio's flag), or our own
            buffer ran dry within an utterance.
        latency: Seconds that the sound system says it adds; None = not a device.
    """

    frames: int = 0
    seconds: float = 0.0
    buffered: float = 0.0
    dropped: int = 0
    refused: int = 0
    overflows: int = 0
    underflows: int = 0
    latency: float | None = None


class MediaUnit(EventTarget):
    """Anything that gives audio (`Source`) or takes it (`Sink`).

    Events: `error` (`event.error`), told on a thread of the unit. Without a listener
    an error is logged as a warning. What went wrong last is in `error`, too.

    Args:
        sample_rate: Hz (frames per second), 1000 to 768000.
        name: For messages. Default: by its class.

    Raises:
        TypeError, ValueError: Another rate.

    Thread: every method from every thread.
    """

    event_types: ClassVar[frozenset[EventType]] = frozenset({EventType.ERROR})
    # What a link without a clock of its own keeps to; None = the machine's.
    clock: Clock | None = None

    def __init__(self, sample_rate: int, name: str | None = None) -> None:
        super().__init__()
        if isinstance(sample_rate, bool) or not isinstance(sample_rate, int):
            raise TypeError(
                f"sample_rate must be an int (frames per second), not {sample_rate!r}"
            )
        if not 1000 <= sample_rate <= 768_000:
            raise ValueError(
                f"sample_rate must be 1000 to 768000 frames per second, not "
                f"{sample_rate}"
            )
        self.name = name or f"{type(self).__name__.lower()}-{next(_numbers)}"
        self.error: BaseException | None = None
        self._change_rate(sample_rate)
        self._frames = 0  # one writer at a time: the unit's own producer or taker
        self._recent: collections.deque[tuple[float, NDArray[np.int16]]] = (
            collections.deque(maxlen=_MOST_RECENT)
        )
        self._told: set[str] = set()
        self._telling_lock = threading.Lock()  # guards the next two and _told
        self._to_tell: collections.deque[Event] = collections.deque()
        self._telling = False

    @property
    def sample_rate(self) -> int:
        """Frames per second of the audio that goes in or comes out."""
        return self._sample_rate

    @property
    def level(self) -> Level:
        """Peak and RMS of the last 100 ms in dBFS; -120 = silence.

        Of what came in a burst, the last 100 ms of audio. Computed when it is asked
        for, so polling 30 times a second costs little and not polling costs nothing.
        """
        since = time.monotonic() - _LEVEL_SECONDS
        blocks: list[NDArray[np.int16]] = []
        left = self._level_frames
        for moment, block in reversed(self._recent.copy()):
            if moment < since or left <= 0:
                break
            blocks.append(block[-left:])
            left -= len(block)
        return level(np.concatenate(blocks)) if blocks else _SILENT

    @property
    def stats(self) -> UnitStats:
        """The unit's figures now."""
        return UnitStats(frames=self._frames, seconds=self._frames / self.sample_rate)

    def close(self) -> None:
        """Let go of what the unit holds (device, file); its links end. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.sample_rate} Hz>"

    # For subclasses

    def _change_rate(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._level_frames = round(_LEVEL_SECONDS * sample_rate)

    def _passed(self, block: NDArray[np.int16]) -> None:
        """Audio went through: count it and keep it for the level.

        The block must not be changed afterwards.
        """
        self._frames += len(block)
        recent = block
        if len(block) > self._level_frames:  # a mere view would keep all of it alive
            recent = block[-self._level_frames :].copy()
        self._recent.append((time.monotonic(), recent))

    def _tell_once(self, key: str, error: BaseException) -> None:
        """Report a loss the first time; it goes on being counted."""
        with self._telling_lock:
            if key in self._told:
                return
            self._told.add(key)
        self._tell(error)

    def _failed(self, error: BaseException) -> None:
        """Note and report what ended the unit's work."""
        self.error = error
        self._tell(error)

    def _tell(self, error: BaseException) -> None:
        """Have listeners told, on a thread that lives as long as there is something.

        Never waits: called from sound callbacks' watchdog, links and I/O threads.
        """
        if not self._has_listeners("error"):
            words = str(error)
            named = words if self.name in words else f"{self.name}: {words}"
            logger.warning("%s", named)
            return
        with self._telling_lock:
            hang = len(self._to_tell) >= _MOST_EVENTS
            if not hang:
                self._to_tell.append(ErrorEvent(self, error))
            fresh, self._telling = not self._telling, True
        if hang:  # said without the lock: a log handler is the program's code (I3)
            logger.warning("%s: its listeners hang; %s", self.name, error)
        if fresh:
            threading.Thread(
                target=self._tell_all, name=f"voxsync-unit-{self.name}", daemon=True
            ).start()

    def _tell_all(self) -> None:
        while True:
            with self._telling_lock:
                if not self._to_tell:
                    self._telling = False
                    return
                event = self._to_tell.popleft()
            self._emit(event)


def check_number(name: str, value: object) -> None:
    """Raise the `TypeError` that what is no number deserves."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {value!r}")


def check_seconds(name: str, value: object) -> None:
    """Raise what a length of time deserves that is none, or has no end."""
    check_number(name, value)
    assert isinstance(value, (int, float))
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive number of seconds, not {value}")
