"""What a client says aloud: its audio, cut into turns, with the words in it."""

from __future__ import annotations

import collections
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from voxsync.audio.resample import RATES, Resampler
from voxsync.simulators.activity import ActivityEnd, ActivityStart
from voxsync.simulators.gemini_schema import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from voxsync.simulators.recogniser import (
        Hypothesis,
        Recogniser,
        RecogniserStream,
    )

__all__ = ["HEARING_RATE", "Detector", "Hearing", "Listening", "Utterance"]

HEARING_RATE = 16_000
_KEPT = 60 * HEARING_RATE  # frames of an utterance that are kept
_PCM = re.compile(
    r"audio/(?:pcm|l16)\s*(?:;\s*rate\s*=\s*(\d{1,6})\s*)?(?:;.*)?", re.IGNORECASE
)


class Detector(Protocol):
    """Tells when somebody speaks; see `ActivityDetector`."""

    def feed(
        self, samples: NDArray[np.int16], /
    ) -> Sequence[ActivityStart | ActivityEnd]:
        """Take in mono audio at 16 kHz; say what it has told."""
        ...

    def finish(self) -> Sequence[ActivityStart | ActivityEnd]:
        """There is no more audio for now."""
        ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said from one beginning of speech to its end.

    Attributes:
        text: The words in it; "" where nobody recognises them.
        audio: Mono int16 at 16 kHz, the first 60 s.
        seconds: How long all of it was.
    """

    text: str
    audio: NDArray[np.int16] = field(repr=False, compare=False)
    seconds: float


class Listening(Protocol):
    """Whoever is told of what is heard."""

    def began(self, seconds: float) -> None:
        """Speech has begun, so many seconds into the audio."""
        ...

    def words(self, text: str) -> None:
        """Words became known for good."""
        ...

    def ended(self, seconds: float, utterance: Utterance) -> None:
        """Speech has ended."""
        ...


class Hearing:
    """Listens to one client.

    Args:
        listening: Is told.
        recogniser: Finds words; None = nobody does.
        language: Of the speech.
        detector: Makes what finds speech; None = the client says when it speaks.
        before: Seconds before the moment that are still there when speech is found.
        margin: Seconds around found speech that belong to it.
        all_input: What came between two utterances belongs to the second.

    Thread: one at a time.
    """

    def __init__(
        self,
        listening: Listening,
        *,
        recogniser: Recogniser | None,
        language: str,
        detector: Callable[[], Detector] | None,
        before: float = 1.0,
        margin: float = 0.2,
        all_input: bool = False,
    ) -> None:
        self._listening = listening
        self._recogniser = recogniser
        self._language = language
        self._make_detector = detector
        self._detector: Detector | None = None
        self._margin = round(margin * HEARING_RATE)
        self._ring: collections.deque[NDArray[np.int16]] = collections.deque()
        self._ring_frames = 0
        self._ring_most = _KEPT if all_input else round(before * HEARING_RATE)
        self._all_input = all_input
        self._frames = 0  # that have come
        self._fed = 0  # up to which they were taken
        self._resampler: Resampler | None = None
        self._rate = HEARING_RATE
        self._stream: RecogniserStream | None = None
        self._speaking = False
        self._begun = 0
        self._kept: list[NDArray[np.int16]] = []
        self._kept_frames = 0
        self._text: list[str] = []

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks now."""
        return self._speaking

    def audio(self, mime_type: str, data: bytes) -> None:
        """Take in audio.

        Raises:
            BadRequest: It is none that can be understood.
        """
        block = self._converted(mime_type, data)
        if not len(block):
            return
        self._ring.append(block)
        self._ring_frames += len(block)
        self._frames += len(block)
        if self._make_detector is not None:
            if self._detector is None:
                self._detector = self._make_detector()
            self._found(self._detector.feed(block))
        if self._speaking:
            self._take(self._frames)
        self._forget()

    def recording(self, mime_type: str, data: bytes) -> Utterance:
        """Take in an utterance that is part of something written.

        Raises:
            BadRequest: It is none that can be understood.
        """
        rate, block = _samples(mime_type, data)
        if rate != HEARING_RATE:
            resampler = Resampler(rate, HEARING_RATE)
            block = np.concatenate([resampler.process(block), resampler.flush()])
        texts: list[str] = []
        if self._recogniser is not None:
            stream = self._recogniser.open(
                sample_rate=HEARING_RATE, language=self._language
            )
            try:
                found = [*stream.feed(block.tobytes()), *stream.finish()]
                texts += [each.text for each in found if each.is_final and each.text]
            finally:
                stream.close()
        return Utterance(" ".join(texts), block[:_KEPT], len(block) / HEARING_RATE)

    def begin(self) -> None:
        """The client says that it speaks. A second time it is taken for the same."""
        self._begin(self._frames, 0)

    def end(self) -> None:
        """The client says that it has spoken, or that its microphone is off."""
        if self._detector is not None:
            self._found(self._detector.finish())
        if self._speaking:
            self._end(self._frames)

    def close(self) -> None:
        """Release the recogniser's stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _found(self, activities: Sequence[ActivityStart | ActivityEnd]) -> None:
        for each in activities:
            at = min(each.at_ms * HEARING_RATE // 1000, self._frames)
            if isinstance(each, ActivityStart):
                self._begin(at, self._margin)
            elif self._speaking:
                self._end(at)

    def _begin(self, at: int, margin: int) -> None:
        if self._speaking:
            return
        oldest = self._frames - self._ring_frames
        # What belonged to an utterance before is not heard twice.
        start = oldest if self._all_input else max(at - margin, oldest)
        self._fed = max(self._fed, start)
        self._begun = self._fed
        self._speaking = True
        if self._recogniser is not None:
            self._stream = self._recogniser.open(
                sample_rate=HEARING_RATE, language=self._language
            )
        self._listening.began(at / HEARING_RATE)

    def _take(self, until: int) -> None:
        """Feed what came, up to that frame."""
        position = self._frames - self._ring_frames
        for block in self._ring:
            start, end = max(self._fed - position, 0), min(until - position, len(block))
            position += len(block)
            if start >= end:
                continue
            piece = block[start:end]
            self._fed += len(piece)
            if self._kept_frames < _KEPT:
                self._kept.append(piece[: _KEPT - self._kept_frames])
                self._kept_frames += len(piece)
            if self._stream is not None:
                self._hear(self._stream.feed(piece.astype("<i2").tobytes()))

    def _hear(self, hypotheses: Sequence[Hypothesis]) -> None:
        for each in hypotheses:
            if each.is_final and each.text:
                self._text.append(each.text)
                self._listening.words(each.text)

    def _end(self, at: int) -> None:
        end = min(at + self._margin, self._frames)
        self._take(end)
        if self._stream is not None:
            self._hear(self._stream.finish())
        self.close()
        self._speaking = False
        # The silence in which it was found to be over was fed, but is none of it.
        frames = max(0, min(end, self._fed) - self._begun)
        kept, self._kept, self._kept_frames = self._kept, [], 0
        text, self._text = " ".join(self._text), []
        audio = np.concatenate(kept)[:frames] if kept else np.zeros(0, np.int16)
        utterance = Utterance(text, audio, frames / HEARING_RATE)
        self._listening.ended(at / HEARING_RATE, utterance)

    def _forget(self) -> None:
        ring = self._ring
        while ring and self._ring_frames - len(ring[0]) >= self._ring_most:
            self._ring_frames -= len(ring.popleft())

    def _converted(self, mime_type: str, data: bytes) -> NDArray[np.int16]:
        rate, block = _samples(mime_type, data)
        if rate != self._rate:
            self._rate = rate
            same = rate == HEARING_RATE
            self._resampler = None if same else Resampler(rate, HEARING_RATE)
        return block if self._resampler is None else self._resampler.process(block)


def _samples(mime_type: str, data: bytes) -> tuple[int, NDArray[np.int16]]:
    """The rate and the samples of a piece of audio."""
    found = _PCM.fullmatch(mime_type)
    if found is None:
        reason = f"audio must be audio/pcm, not {mime_type[:60]!r}"
        raise BadRequest("bad_audio", reason)
    if len(data) % 2:
        raise BadRequest("odd_audio", f"{len(data)} bytes are not 16-bit samples")
    rate = int(found[1] or HEARING_RATE)
    if rate not in RATES:
        known = ", ".join(map(str, RATES))
        raise BadRequest("bad_rate", f"rate must be one of {known}, not {rate}")
    return rate, np.frombuffer(data, "<i2").astype(np.int16, copy=False)
