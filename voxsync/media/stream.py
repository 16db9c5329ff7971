"""One open stream of a sound device, and what its callbacks may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from voxsync.audio.pcm import mix_down
from voxsync.errors import MediaError
from voxsync.media.faults import lost_error
from voxsync.media.pinned import ThreadPin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyaudio import PyAudio

    from voxsync.media.devices import AudioDevice, Direction

__all__ = ["DeviceStream", "StreamUser"]

_CONTINUE = 0  # paContinue
_INPUT_DONE = (None, _CONTINUE)
# PortAudio's flags of input and output under- and overflow. Only hints: some stalls
# raise none. (16 is "the output is being primed".)
_XRUN = 1 | 2 | 4 | 8
_SAMPLE_BYTES = 2


class StreamUser(Protocol):
    """Who has a stream opened. None of this may wait, nor call into PortAudio."""

    def take(self, data: bytes) -> None:
        """Input came, `data`: mono int16. Thread: PortAudio's: no logs, no threads."""
        ...

    def give(self, frames: int) -> bytes:
        """The next `frames` to be heard, mono int16. Thread: PortAudio's."""
        ...

    def look(self) -> None:
        """Ten times a second. Thread: the watchdog's."""
        ...

    def lost(self, stream: DeviceStream, error: MediaError) -> None:
        """The device of `stream` is gone, by `error`. Thread: the watchdog's."""
        ...


class DeviceStream:
    """A callback stream of PortAudio's.

    Attributes:
        device: That is open.
        calls: Callbacks so far.
        xruns: Callbacks that PortAudio flagged: it lost input, or had no output.
        latency: Seconds that PortAudio says it and what is below it add.
        is_dead: It calls its user no more.

    Thread: `open` and `close` within the turn of `portaudio.py`. The callbacks run on
    a thread of PortAudio's. They never raise (that would surface in whatever thread
    opened the stream), never return less than was asked for (that would end it), and
    never stop it themselves.
    """

    def __init__(
        self, device: AudioDevice, direction: Direction, user: StreamUser
    ) -> None:
        self.device = device
        self.calls = 0
        self.xruns = 0
        self.latency = 0.0
        self.is_dead = False
        self._direction = direction
        self._user = user
        self._fault: Exception | None = None  # what a callback raised
        self._pin = ThreadPin()
        self._patience = 0.0  # within which a live device has called back
        self._stream: PyAudio.Stream | None = None

    def open(
        self, portaudio: PyAudio, sample_rate: int, frames: int, channels: int
    ) -> None:
        """Open and start. Raises PyAudio's OSError."""
        is_input = self._direction == "input"
        make = self._input if is_input else self._output
        self._patience = 2 * frames / sample_rate + 0.01
        stream = portaudio.open(
            format=8,  # paInt16, in the byte order of the machine
            channels=channels,
            rate=sample_rate,
            frames_per_buffer=frames,
            input=is_input,
            output=not is_input,
            input_device_index=self.device.index if is_input else None,
            output_device_index=None if is_input else self.device.index,
            stream_callback=make(channels),
            start=False,
        )
        try:
            self.latency = (
                stream.get_input_latency() if is_input else stream.get_output_latency()
            )
            stream.start_stream()
        except BaseException:
            stream.close()
            raise
        self._stream = stream

    def close(self) -> None:
        """Stop and close; after it no callback runs. May hang with the server."""
        self.is_dead = True
        stream, self._stream = self._stream, None
        if stream is not None:
            self._pin.wait(self._patience)  # for one more callback, which releases it
            stream.close()

    # For the watchdog

    def look(self) -> None:
        """Hand on what the callbacks have noted."""
        if self._fault is not None:
            fault = MediaError(f"a sound callback failed: {self._fault!r}")
            fault.__cause__ = self._fault
            self._user.lost(self, fault)
        else:
            self._user.look()

    def lost(self, seconds: float) -> None:
        """No callback came for so long."""
        self._user.lost(self, lost_error(self.device, seconds))

    def __repr__(self) -> str:
        return f"<DeviceStream {self._direction} {self.device.name!r}>"

    # Callbacks

    def _pinned(self) -> None:
        """The first callback, or one of the last: the thread's record is our affair."""
        if self.is_dead:
            self._pin.release()
        else:
            self._pin.hold()

    def _input(self, channels: int) -> Callable[..., tuple[None, int]]:
        take = self._user.take

        def callback(
            data: bytes, _frames: int, _times: Any, flags: int
        ) -> tuple[None, int]:
            if not self.calls or self.is_dead:
                self._pinned()
            self.calls += 1
            if flags & _XRUN:
                self.xruns += 1
            if not self.is_dead:
                try:
                    if channels > 1:
                        both = np.frombuffer(data, np.int16).reshape(-1, channels)
                        data = mix_down(both).tobytes()
                    take(data)
                except Exception as exc:  # noqa: BLE001 - told by the watchdog
                    self._fault = exc
            return _INPUT_DONE

        return callback

    def _output(self, channels: int) -> Callable[..., tuple[bytes, int]]:
        give = self._user.give

        def callback(
            _data: None, frames: int, _times: Any, flags: int
        ) -> tuple[bytes, int]:
            if not self.calls or self.is_dead:
                self._pinned()
            self.calls += 1
            if flags & _XRUN:
                self.xruns += 1
            if not self.is_dead:
                try:
                    data = give(frames)
                    if channels > 1:
                        data = np.frombuffer(data, np.int16).repeat(channels).tobytes()
                except Exception as exc:  # noqa: BLE001 - told by the watchdog
                    self._fault = exc
                else:
                    return data, _CONTINUE
            return bytes(frames * channels * _SAMPLE_BYTES), _CONTINUE

        return callback
