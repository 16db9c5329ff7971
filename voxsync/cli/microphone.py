"""What `voxsync transcribe --mic` sends: what the microphone hears, as it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.audio.pcm import int16_to_bytes
from voxsync.cli.exits import plain
from voxsync.cli.units import held

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from voxsync.media import Microphone

__all__ = ["MicrophoneFeed"]

_BLOCK_S = 0.02


class MicrophoneFeed:
    """A microphone that can be streamed: a `Feed`, without an end or with one.

    Args:
        microphone: Open, so that what it hears first is not lost.
        audio: What the blocks are to be: PCM.
        seconds: How long it is to be; None = until it is stopped.
    """

    def __init__(
        self, microphone: Microphone, audio: AudioFormat, seconds: float | None
    ) -> None:
        self.audio = audio
        self.seconds = seconds
        self._microphone = microphone
        self._finishing = False

    def finish(self) -> None:
        """Have the blocks end as soon as all that was said until now is among them.

        Thread: any.
        """
        self._finishing = True

    def position(self, count: int) -> float:
        """See `Feed`."""
        return self.audio.seconds(count)

    def blocks(self, say: Callable[[str], None]) -> Generator[bytes]:
        """See `Feed`.

        Raises:
            DeviceError: The microphone failed.
        """
        from voxsync.audio import Converter  # noqa: PLC0415 - numpy is slow to import

        microphone, audio = self._microphone, self.audio
        own = AudioFormat(sample_rate=microphone.sample_rate)
        converter = Converter(own, audio)
        frames = max(1, round(own.sample_rate * _BLOCK_S))
        left: int | None = None  # bytes
        if self.seconds is not None:
            left = max(1, round(self.seconds * audio.sample_rate)) * 2
        heard = microphone.read(frames)  # from here on nothing is missed
        name = plain(microphone.device.name)
        say(f"listening to {name}; Ctrl-C ends the audio")
        finishing = False
        while left is None or left > 0:
            if heard is not None:
                block = converter.convert(int16_to_bytes(heard))[:left]
                if left is not None:
                    left -= len(block)
                yield block
            if self._finishing and not finishing:
                finishing = True
                rest = round(held(microphone) * audio.sample_rate) * 2
                left = rest if left is None else min(left, rest)
            heard = microphone.read(frames)
