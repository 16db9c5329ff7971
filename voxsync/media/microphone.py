"""The microphone: a source that gives what a sound device hears."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from voxsync.errors import MediaError
from voxsync.media.port import Port
from voxsync.media.portaudio import is_foreign
from voxsync.media.source import Source

if TYPE_CHECKING:
    from voxsync.media.devices import AudioDevice
    from voxsync.media.stream import DeviceStream
    from voxsync.media.tap import Tap
    from voxsync.media.unit import UnitStats

__all__ = ["Microphone"]


class Microphone(Source):
    """What a sound device hears, live, to any number of links.

        with Microphone() as microphone:
            microphone.send_media_to(session)
            session.wait_closed()  # leaving closes the microphone

    The device is opened by `open()`, `with`, the first link, or the first `read`, and
    stays open until `close()`: links come and go without a gap. If it fails, `error`
    is told, the links end with that error, and `read` raises it from then on; the next
    link or `open()` opens the device again, for `read` too.

    Args:
        device: An index or a part of the name from `voxsync.audio_devices()`; None =
            the system's default.
        sample_rate: Frames per second; None = what the device prefers.
        buffer_ms: Milliseconds that the device gives at once, 1 to 100. Less is
            quicker and costs more CPU. Default 10.
        name: For messages.

    Raises:
        MissingExtra: PyAudio is not installed.
        DeviceError: There is no such device.

    Thread: any.
    """

    is_pushed: ClassVar[bool] = True
    is_clock: ClassVar[bool] = True
    _tap_seconds = 0.5

    def __init__(
        self,
        device: int | str | None = None,
        *,
        sample_rate: int | None = None,
        buffer_ms: float = 10,
        name: str | None = None,
    ) -> None:
        self._port = Port(device, "input", buffer_ms)
        if sample_rate is None:
            sample_rate = self._port.device.default_sample_rate
        super().__init__(sample_rate, name)
        self._mute = False

    @property
    def device(self) -> AudioDevice:
        """The device in use, or to be used."""
        return self._port.device

    @property
    def is_open(self) -> bool:
        """Whether the device is open."""
        return self._port.is_open

    @property
    def mute(self) -> bool:
        """Whether silence is given in place of what is heard. May be set."""
        return self._mute

    @mute.setter
    def mute(self, muted: bool) -> None:
        self._mute = bool(muted)

    def open(self) -> Self:
        """Open the device; does nothing if it is open. Returns the microphone.

        Raises:
            DeviceError: It cannot be opened.
            InvalidState: It was closed meanwhile, or belongs to the parent process.

        Thread: any. Waits up to 5 s.
        """
        self._port.open(self, self.sample_rate, self._fresh)
        return self

    def close(self) -> None:
        """Close the device; its links end, and who waits in `read`. Idempotent.

        Thread: any. Waits up to 1 s; a device that hangs longer is left to itself.
        """
        if is_foreign():
            return  # the device, and the threads of the links, are the parent's
        wait = self._port.close()
        super().close()
        wait()

    def __enter__(self) -> Self:
        return self.open()

    @property
    def stats(self) -> UnitStats:
        """The microphone's figures now; `dropped` is what links took too late."""
        return replace(
            super().stats, overflows=self._port.xruns, latency=self._port.latency
        )

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        muted = ", muted" * self._mute
        return (
            f"<Microphone {self.name} on {self.device.name!r} {self.sample_rate} Hz, "
            f"{state}{muted}>"
        )

    # The stream's user

    def take(self, data: bytes) -> None:
        """See `StreamUser`."""
        block = np.frombuffer(data, np.int16)
        if self._mute:
            block = np.zeros(len(block), np.int16)
        self._passed(block)
        # Not _deliver: it reports, which a sound callback must not. look() does.
        for tap in self._taps:
            tap.buffer.push(block)

    def give(self, frames: int) -> bytes:
        """See `StreamUser`; never called."""
        raise NotImplementedError

    def look(self) -> None:
        """See `StreamUser`."""
        if self._port.xruns:
            self._tell_once(
                "overflow",
                MediaError(
                    f"{self.name}: the sound system lost input; this is told once, "
                    "stats.overflows goes on counting"
                ),
            )
        if any(tap.buffer.dropped for tap in self._taps):
            self._tell_once(
                "lost",
                MediaError(
                    f"{self.name}: audio was not taken in time and is lost; this is "
                    "told once, stats.dropped goes on counting"
                ),
            )

    def lost(self, stream: DeviceStream, error: MediaError) -> None:
        """See `StreamUser`."""
        if self._port.lose(stream, error):
            self._end(error)
            self._failed(error)

    # For links

    def _attach(self, tap: Tap) -> None:
        super()._attach(tap)
        if tap.buffer.ended:
            return  # a reader that has not been told yet how it ended
        try:
            self.open()
        except BaseException:
            self._detach(tap)
            raise

    def _end(self, error: BaseException | None = None) -> None:
        # The links' taps go at once, so that a listener that is told the error can
        # link anew: the new tap has nothing to do with this end.
        with self._taps_lock:
            taps = self._taps
            for tap in taps:
                if tap is not self._reader:
                    self._remove(tap)
        for tap in taps:
            tap.buffer.end(error)

    def _fresh(self) -> None:
        """The device is about to be opened: the next `read` has a new beginning."""
        self.error = None
        with self._taps_lock:
            if self._reader is not None and self._reader.buffer.ended:
                self._remove(self._reader)
