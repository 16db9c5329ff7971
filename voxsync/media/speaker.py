"""The speaker: a sink that is heard on a sound device."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

from voxsync.errors import InvalidState, MediaError
from voxsync.media.buffer import PcmBuffer
from voxsync.media.port import Port
from voxsync.media.portaudio import is_foreign
from voxsync.media.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.devices import AudioDevice
    from voxsync.media.stream import DeviceStream
    from voxsync.media.unit import UnitStats

__all__ = ["Speaker"]

_SAMPLE_BYTES = 2
# A gap within audio shorter than this is a block that came too late, not a pause.
_GAP_SECONDS = 0.2
# How long `with` waits at its end for what was taken to be heard: more than is in the
# queue and below it, unless a link goes on feeding.
_LEAVE_SECONDS = 1.0
_SLICE = 0.1


class Speaker(Sink):
    """Is heard on a sound device, and is the clock of what feeds it.

        with Speaker() as speaker:
            link = session.send_media_to(speaker)
            link.wait()  # until the session is over; leaving closes the speaker

    The device is opened by `open()`, `with`, a link, or `write`, and stays open,
    playing silence, until `close()`. If it fails, `error` is told, and its link (or
    `write`) ends with that error; the next link, `write` or `open()` opens it again.

    Args:
        device: An index or a part of the name from `voxsync.audio_devices()`; None =
            the system's default.
        sample_rate: Frames per second; None = what the device prefers.
        buffer_ms: Milliseconds that the device takes at once, 1 to 100. Less is
            quicker and costs more CPU. Default 10.
        queue_seconds: How much audio may wait for the device. Less is quicker, more
            bridges a busy program. Default 0.05, at most 10.
        name: For messages.

    Raises:
        MissingExtra: PyAudio is not installed.
        DeviceError: There is no such device.
        ValueError: Another `buffer_ms` or `queue_seconds`.

    Thread: any.
    """

    is_clock: ClassVar[bool] = True

    def __init__(
        self,
        device: int | str | None = None,
        *,
        sample_rate: int | None = None,
        buffer_ms: float = 10,
        queue_seconds: float = 0.05,
        name: str | None = None,
    ) -> None:
        if not 0 < queue_seconds <= 10:
            raise ValueError(
                f"queue_seconds must be more than 0 and at most 10, not {queue_seconds}"
            )
        self._port = Port(device, "output", buffer_ms)
        if sample_rate is None:
            sample_rate = self._port.device.default_sample_rate
        super().__init__(sample_rate, name)
        frames = self._port.frames(sample_rate)
        # Less than one callback would never be enough for it.
        self._buffer = PcmBuffer(max(frames, round(queue_seconds * sample_rate)))
        self._port_frames = frames
        self._tail = 2 * frames  # of silence, after which the last audio was heard
        # Written by callbacks, one at a time:
        self._silent = self._tail  # frames of silence since the last audio
        self._dry = 0  # times that audio came too late
        self._pause = True  # the next gap is meant
        self._looked = 0, 0  # the watchdog's: flags of PortAudio, frames played
        self._heard = threading.Event()  # for drain(), which has to look itself

    @property
    def device(self) -> AudioDevice:
        """The device in use, or to be used."""
        return self._port.device

    @property
    def is_open(self) -> bool:
        """Whether the device is open."""
        return self._port.is_open

    def open(self) -> Self:
        """Open the device; does nothing if it is open. Returns the speaker.

        Raises:
            DeviceError: It cannot be opened.
            InvalidState: It was closed meanwhile, or belongs to the parent process.

        Thread: any. Waits up to 5 s.
        """
        try:
            self._port.open(self, self.sample_rate, self._fresh)
        except BaseException:
            if not self._port.is_open:
                self._buffer.end()
            raise
        latency = self._port.latency or 0.0
        self._tail = 2 * self._port_frames + round(latency * self.sample_rate)
        return self

    def close(self) -> None:
        """Close the device now; what was not heard yet is not. Idempotent.

        Its link ends. `drain()` before it to have the rest heard.

        Thread: any. Waits up to 1 s; a device that hangs longer is left to itself.
        """
        if is_foreign():
            return  # the device, and the threads of the links, are the parent's
        wait = self._port.close()
        super().close()  # before the buffer ends: the link is to know it was stopped
        self._buffer.end()
        self._buffer.clear()
        self._heard.set()
        wait()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all that was taken has been heard.

        While a link goes on feeding, that is never: use `Link.wait()` there.

        Args:
            timeout: Seconds; None = no limit.

        Returns:
            False if that was not so in time.

        Raises:
            DeviceError: The device failed meanwhile.

        Thread: any.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self._port.is_open:
            left = _SLICE if end is None else end - time.monotonic()
            if left <= 0:
                return self._is_heard()
            self._heard.clear()
            if self._is_heard():
                return True
            if self._buffer.drained(min(left, _SLICE)):
                self._heard.wait(min(left, _SLICE))
        if self._port.error is not None:
            raise self._port.error
        return True

    def clear(self) -> None:
        """Drop what was taken and is not heard yet. Thread: any; never waits.

        So is the rest of a block that `write` waits with. What the sound system below
        holds (about twice `stats.latency`) is still heard.
        """
        self._pause = True
        self._buffer.clear()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; where all went well, what was taken is heard first."""
        try:
            if exc_type is None:
                self.drain(_LEAVE_SECONDS)
        finally:
            self.close()

    @property
    def stats(self) -> UnitStats:
        """The speaker's figures now; `frames` counts what the device has taken."""
        return replace(
            super().stats,
            buffered=self._waiting(),
            underflows=self._port.xruns + self._dry,
            latency=self._port.latency,
        )

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return (
            f"<Speaker {self.name} on {self.device.name!r} {self.sample_rate} Hz, "
            f"{state}>"
        )

    # The stream's user

    def give(self, frames: int) -> bytes:
        """See `StreamUser`."""
        # Until it is known what there is, nothing counts as heard (_is_heard).
        silent, self._silent = self._silent, 0
        block = self._buffer.take(frames)
        count = len(block)
        if count:
            if silent:
                self._resumed(silent)
            self._passed(block)
            if count == frames:
                return block.tobytes()
            self._silent = frames - count
            return block.tobytes() + bytes(_SAMPLE_BYTES * (frames - count))
        self._silent = silent + frames
        if silent < self._tail <= self._silent:
            self._heard.set()
        return bytes(_SAMPLE_BYTES * frames)

    def _resumed(self, silent: int) -> None:
        """Audio came after so many frames of silence."""
        if not self._pause and silent < _GAP_SECONDS * self.sample_rate:
            self._dry += 1
        self._pause = False

    def take(self, data: bytes) -> None:
        """See `StreamUser`; never called."""
        raise NotImplementedError

    def look(self) -> None:
        """See `StreamUser`."""
        # What PortAudio flags while nothing plays is heard by nobody.
        before, self._looked = self._looked, (self._port.xruns, self._frames)
        flagged, played = (
            now > then for now, then in zip(self._looked, before, strict=True)
        )
        if self._dry or (flagged and played):
            self._tell_once(
                "underflow",
                MediaError(
                    f"{self.name}: there was a gap in what is heard, since audio came "
                    "too late or the system was busy; this is told once, "
                    "stats.underflows goes on counting"
                ),
            )

    def lost(self, stream: DeviceStream, error: MediaError) -> None:
        """See `StreamUser`."""
        if self._port.lose(stream, error):
            self._buffer.end(error)
            self._buffer.clear()  # it will not be heard
            self._heard.set()
            self._failed(error)

    # For links

    def _begin(self) -> None:
        self.open()

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        buffer = self._buffer
        generation = buffer.generation
        if buffer.put(block, lambda: buffer.generation == generation and wanted()):
            return True
        if wanted() and buffer.ended:
            raise InvalidState(f"{self.name} was closed while it was written to")
        return wanted()  # True: taken, and cleared with the rest

    def _waiting(self) -> float:
        return len(self._buffer) / self.sample_rate

    def _finish(self, wanted: Callable[[], bool]) -> None:
        while wanted() and not self.drain(_SLICE):
            pass
        self._pause = True

    def _pausing(self) -> None:
        self._pause = True

    def _wake(self) -> None:
        self._buffer.wake()

    # Inside

    def _is_heard(self) -> bool:
        """Whether nothing waits here, and silence has reached the ear since."""
        # In this order: see give().
        return not len(self._buffer) and self._silent >= self._tail

    def _fresh(self) -> None:
        """The device is about to be opened."""
        self.error = None
        self._buffer.reopen()
        self._pause = True
        self._silent = 0
