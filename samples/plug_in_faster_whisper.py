"""Bring your own recogniser to the embedded service: here faster-whisper.

    pip install faster-whisper
    python samples/plug_in_faster_whisper.py

Any class with the three methods of `RecogniserStream` and any class with the `open` of
`Recogniser` will do; neither has to inherit anything. Three rules:

* `feed` and `finish` are called from one thread and may take their time: while they
  work, the sender is held back.
* The answers depend on the audio, not on how it was cut: collect it as you need it.
* `close` releases what the stream holds, at any moment, and may come twice.

Whisper hears whole passages, not a stream: this engine collects 20 s, transcribes
them, and gives final results only. Passages are cut where they are full, which may
split a word; cut at pauses if that matters to you.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from voxsync.simulators.recogniser import Hypothesis, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.simulators.recogniser import RecogniserStream

SAMPLE_RATE = 16_000
PASSAGE_BYTES = 20 * SAMPLE_RATE * 2


class WhisperRecogniser:
    """Opens streams on one Whisper model, which is loaded once.

    Args:
        model: A size ("tiny", "small", ...), fetched on first use, or a local folder.
    """

    def __init__(self, model: str = "tiny") -> None:
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415
        except ImportError as error:
            raise ImportError(
                "this example needs faster-whisper: pip install faster-whisper"
            ) from error
        self._model: Any = WhisperModel(model, device="cpu", compute_type="int8")

    def open(self, *, sample_rate: int, language: str) -> RecogniserStream:
        """Open a stream for one session."""
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"Whisper needs 16000 Hz, not {sample_rate}")
        return WhisperStream(self._model, language)


class WhisperStream:
    """One session: audio is collected, transcribed by passages."""

    def __init__(self, model: Any, language: str) -> None:
        self._model = model
        self._language = language
        self._audio = bytearray()
        self._start_ms = 0

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Collect; transcribe every passage that is full."""
        self._audio += pcm
        found: list[Hypothesis] = []
        while len(self._audio) >= PASSAGE_BYTES:
            passage = bytes(self._audio[:PASSAGE_BYTES])
            del self._audio[:PASSAGE_BYTES]
            found += self._transcribe(passage)
        return found

    def finish(self) -> Sequence[Hypothesis]:
        """Transcribe what is left."""
        passage = bytes(self._audio[: len(self._audio) // 2 * 2])
        self._audio.clear()
        return self._transcribe(passage) if passage else []

    def close(self) -> None:
        """Forget the audio; the model belongs to the recogniser."""
        self._audio.clear()

    def _transcribe(self, passage: bytes) -> list[Hypothesis]:
        samples = np.frombuffer(passage, "<i2").astype(np.float32) / 32768
        segments, _ = self._model.transcribe(
            samples, language=self._language, word_timestamps=True
        )
        found = [
            Hypothesis(
                text=segment.text.strip(),
                is_final=True,
                start_ms=self._at(segment.start),
                end_ms=self._at(segment.end),
                words=tuple(
                    Word(each.word.strip(), self._at(each.start), self._at(each.end))
                    for each in segment.words or ()
                ),
            )
            for segment in segments
        ]
        self._start_ms += len(passage) * 1000 // (SAMPLE_RATE * 2)
        return found

    def _at(self, seconds: float) -> int:
        return self._start_ms + round(seconds * 1000)


def main() -> None:
    """Run the embedded service with this engine until Enter is pressed."""
    from voxsync.simulators.mimi import MimiService  # noqa: PLC0415

    with MimiService(recogniser=WhisperRecogniser()) as service:
        print(f"listening at {service.url}")
        input("Enter stops it. ")


if __name__ == "__main__":
    main()
