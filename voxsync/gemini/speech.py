"""What the user says, at the rate that the service takes."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.audio.pcm import bytes_to_int16, int16_to_bytes, to_bytes

if TYPE_CHECKING:
    from voxsync.audio.pcm import AudioData
    from voxsync.audio.resample import Resampler

__all__ = ["INPUT_RATE", "Speech", "pcm"]

INPUT_RATE = 16_000  # Gemini notes, 2.5: its native one

pcm = lru_cache(16, typed=True)(partial(AudioFormat, "pcm16"))
"""16-bit PCM of a sample rate."""


class Speech:
    """Converts audio from call to call without a seam, as long as its rate stays.

    Thread: any, but one at a time.
    """

    def __init__(self) -> None:
        self._resampler: Resampler | None = None

    def converted(self, audio: AudioData, sample_rate: int) -> bytes:
        """The audio at the service's rate, as far as it can be said by now.

        Args:
            audio: int16 numpy `(frames,)` or bytes of 16-bit little-endian mono PCM.
            sample_rate: Of the audio, Hz. Where it is another one than before, what
                was held back of that is first.

        Raises:
            FormatError: Half a sample, another dtype or shape.
            ValueError: A rate that cannot be resampled.
        """
        data, resampler, rest = to_bytes(audio, pcm(sample_rate)), self._resampler, b""
        if resampler is None and sample_rate == INPUT_RATE:
            return data
        from voxsync.audio.resample import Resampler  # noqa: PLC0415 - numpy

        if resampler is None or resampler.source_rate != sample_rate:
            rest = self.rest()
            if sample_rate == INPUT_RATE:
                return rest + data
            resampler = self._resampler = Resampler(sample_rate, INPUT_RATE)
        return rest + int16_to_bytes(resampler.process(bytes_to_int16(data)))

    def rest(self) -> bytes:
        """What is held back, for nothing of that rate follows now."""
        resampler, self._resampler = self._resampler, None
        return b"" if resampler is None else int16_to_bytes(resampler.flush())

    def forget(self) -> None:
        """What was converted last was never sent: begin anew."""
        self._resampler = None
