"""The audio of one session, from the bytes of its messages to hypotheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.simulators.recogniser import Blocks, ScriptedRecogniser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voxsync.audio import AudioFormat
    from voxsync.simulators.recogniser import Hypothesis, Recogniser

__all__ = ["Hearing"]

_MARK = b"fLaC"


class Hearing:
    """Feeds a recogniser in blocks of 20 ms, whatever the messages' sizes.

    So what is heard when depends on the audio alone. There is no FLAC decoder here:
    a script, which goes by the bytes, takes them for samples.

    Attributes:
        fed: Bytes of audio that the recogniser has had, all channels.

    Thread: one at a time.
    """

    def __init__(
        self, recogniser: Recogniser, audio: AudioFormat, language: str
    ) -> None:
        """Open the recogniser's stream; it must be closed.

        Raises:
            ValueError: It cannot work with this audio.
        """
        self.fed = 0
        self._is_flac = audio.encoding == "flac"
        if self._is_flac and not isinstance(recogniser, ScriptedRecogniser):
            raise ValueError("FLAC cannot be decoded here; send PCM")
        self._channels = 1 if self._is_flac else audio.channels
        self._frame_bytes = audio.bytes_per_frame
        self._bytes_per_s = audio.sample_rate * 2 * self._channels
        frames = max(1, audio.sample_rate // 50)
        self._blocks = Blocks(frames * 2 * self._channels)
        self._head = b""  # the first bytes of FLAC, until there are four
        self._stream = recogniser.open(sample_rate=audio.sample_rate, language=language)

    @property
    def ms(self) -> int:
        """How much audio the recogniser has had, in milliseconds."""
        return self.fed * 1000 // self._bytes_per_s

    def is_right(self, data: bytes) -> bool:
        """Whether audio that is said to be FLAC begins as FLAC does; wrong once."""
        if not self._is_flac or len(self._head) == len(_MARK):
            return True
        self._head = (self._head + data)[: len(_MARK)]
        right = _MARK.startswith(self._head)
        if not right:
            self._head = _MARK
        return right

    def is_whole(self, count: int) -> bool:
        """Whether so many bytes are whole samples of all channels."""
        return count % self._frame_bytes == 0

    def hear(self, data: bytes) -> Iterator[Sequence[Hypothesis]]:
        """Take in audio; give what became known with each block."""
        for block in self._blocks.push(data):
            yield self._feed(block)

    def rest(self) -> Sequence[Hypothesis]:
        """Take in what filled no block."""
        rest = self._blocks.rest()
        rest = rest[: len(rest) - len(rest) % (2 * self._channels)]
        return self._feed(rest) if rest else ()

    def finish(self) -> Sequence[Hypothesis]:
        """End the audio."""
        return self._stream.finish()

    def close(self) -> None:
        """Release the recogniser's stream."""
        self._stream.close()

    def _feed(self, block: bytes) -> Sequence[Hypothesis]:
        self.fed += len(block)
        return self._stream.feed(_mono(block, self._channels))


def _mono(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    import numpy as np  # noqa: PLC0415 - slow to import, and rarely needed

    samples = np.frombuffer(pcm, "<i2").reshape(-1, channels)
    mixed: bytes = samples.mean(axis=1).astype("<i2").tobytes()
    return mixed
