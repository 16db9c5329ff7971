"""The device behind a microphone or speaker: opened, closed, lost, one at a time."""

from __future__ import annotations

import atexit
import threading
import time
from typing import TYPE_CHECKING

from voxsync.errors import DeviceError, InvalidState
from voxsync.media.devices import check_device
from voxsync.media.portaudio import (
    ANSWER_SECONDS,
    CLOSE_SECONDS,
    check_process,
    close_all,
    close_stream,
    is_foreign,
    look_up,
    open_stream,
)
from voxsync.media.unit import check_number
from voxsync.media.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.errors import MediaError
    from voxsync.media.devices import AudioDevice, Direction
    from voxsync.media.stream import DeviceStream, StreamUser

__all__ = ["Port"]

_watchdog = Watchdog()


def _at_exit() -> None:
    """Close what the program left open."""
    # A callback into an interpreter that is gone would crash. No thread can be started
    # now, but the watchdog's is there. A server that hangs does not call back: it may
    # be left.
    if not is_foreign():
        _watchdog.run(close_all, CLOSE_SECONDS)


atexit.register(_at_exit)


class Port:
    """What a unit knows of its device.

    Args:
        wanted: See `find_device`.
        direction: "input" or "output".
        buffer_ms: Milliseconds of one callback, 1 to 100.

    Attributes:
        device: The one in use, or to be used.
        error: What the last stream died of, from the moment it does not count as open.

    Thread: any. No lock is held while PortAudio is called.
    """

    def __init__(
        self, wanted: int | str | None, direction: Direction, buffer_ms: float
    ) -> None:
        check_device(wanted)
        check_number("buffer_ms", buffer_ms)
        if not 1 <= buffer_ms <= 100:  # above: its silence is no sign of death yet
            raise ValueError(f"buffer_ms must be 1 to 100, not {buffer_ms}")
        self._wanted = wanted
        self._direction: Direction = direction
        self._buffer_seconds = buffer_ms / 1000
        self.device: AudioDevice = look_up(wanted, direction)
        self.error: MediaError | None = None
        self._changed = threading.Condition()  # guards the next four, and `error`
        self._stream: DeviceStream | None = None
        self._opening = False
        self._unwanted = False  # closed while it was being opened
        self._past_xruns = 0

    @property
    def is_open(self) -> bool:
        """Whether the device is open, in this process."""
        return self._stream is not None and not is_foreign()

    @property
    def latency(self) -> float | None:
        """Seconds that PortAudio and what is below it add; None = not open."""
        stream = self._stream
        return None if stream is None else stream.latency

    @property
    def xruns(self) -> int:
        """How often PortAudio flagged an under- or overflow."""
        stream = self._stream
        return self._past_xruns + (0 if stream is None else stream.xruns)

    def frames(self, sample_rate: int) -> int:
        """Of one callback."""
        return max(1, round(self._buffer_seconds * sample_rate))

    def open(
        self, user: StreamUser, sample_rate: int, begin: Callable[[], None]
    ) -> None:
        """Open the device unless it is open.

        Args:
            user: See `open_stream`.
            sample_rate: Frames per second.
            begin: Called before a new stream calls its user.

        Raises:
            DeviceError, MissingExtra: See `open_stream`.
            InvalidState: It was closed meanwhile, or belongs to the parent process.
        """
        check_process()
        if self._stream is not None or not self._claim():
            return
        stream = None
        try:
            begin()
            stream = open_stream(
                self._wanted,
                self._direction,
                sample_rate,
                self.frames(sample_rate),
                user,
            )
        finally:
            with self._changed:
                self._opening = False
                unwanted = self._unwanted
                if not unwanted:
                    self._stream = stream
                self._changed.notify_all()
            if stream is not None and unwanted:
                close_stream(stream)
        if unwanted:
            raise InvalidState("the unit was closed while it was being opened")
        self.device = stream.device
        _watchdog.watch(stream)

    def close(self) -> Callable[[], None]:
        """Begin to close the device; it calls its user no more.

        Returns:
            What waits for the end, until 0.9 s from now.
        """
        if is_foreign():
            return lambda: None
        end = time.monotonic() + CLOSE_SECONDS
        with self._changed:
            self._unwanted = self._opening
            stream = self._forget()
        if stream is None:
            return lambda: None
        wait = self._end(stream)
        return lambda: wait(max(0.0, end - time.monotonic()))

    def lose(self, stream: DeviceStream, error: MediaError) -> bool:
        """Close a stream that died, without waiting; False if it is not ours now."""
        with self._changed:
            if self._stream is not stream:
                return False
            self._forget()
            self.error = error
        self._end(stream)
        return True

    def _claim(self) -> bool:
        """Whether it is the caller who has to open; waits while another one does."""
        end = time.monotonic() + ANSWER_SECONDS + 1
        with self._changed:
            while self._opening:
                if not self._changed.wait(max(0.0, end - time.monotonic())):
                    raise DeviceError("the device is still being opened elsewhere")
            if self._stream is not None:
                return False
            self._opening = True
            self._unwanted = False
            self.error = None
            return True

    def _forget(self) -> DeviceStream | None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._past_xruns += stream.xruns
        return stream

    def _end(self, stream: DeviceStream) -> Callable[[float], None]:
        wait = close_stream(stream)
        _watchdog.forget(stream)
        return wait
