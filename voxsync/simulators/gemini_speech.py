"""One answer of a model on its way out: its messages, and when each is due."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.simulators.gemini_brain import Answer
    from voxsync.simulators.voice import Voice

__all__ = ["CHUNK_FRAMES", "RATE", "Manner", "Speech"]

RATE = 24_000
CHUNK_FRAMES = 5760
"""Frames of a message of audio: 240 ms."""

# How far ahead of the sound its messages are, seconds.
_LEAD = 0.48
_MIME = f"audio/pcm;rate={RATE}"
# Words, with the space behind them; long ones in pieces.
_FRAGMENT = re.compile(r"\S{1,12}\s*|\s+")
# Fragments of a written message.
_WRITTEN = 4


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client is answered.

    Attributes:
        voice: Speaks where an answer brings no audio; None = it is written.
        transcript: What is spoken is written as well.
        thoughts: Thoughts are told.
        paced: Audio comes as it sounds, a little ahead; False = all at once.
    """

    voice: Voice | None
    transcript: bool
    thoughts: bool
    paced: bool


@dataclass(frozen=True, slots=True)
class _Step:
    message: dict[str, Any]
    frames: int = 0
    text: str = ""


class Speech:
    """The messages of one answer, up to its function calls.

    Attributes:
        answer: What is said.
        started: When it began, by the clock.
        text: What has been said of it so far.
        frames: Of audio that were sent.
        sent: Messages that were taken.

    Thread: one at a time.
    """

    def __init__(self, answer: Answer, manner: Manner, started: float) -> None:
        self.answer = answer
        self.started = started
        self.text = ""
        self.frames = 0
        self.sent = 0
        self._manner = manner
        self._steps = self._make()
        self._next: _Step | None = None

    @property
    def over(self) -> float:
        """When what was sent has sounded, by the clock."""
        return self.started + (self.frames / RATE if self._manner.paced else 0.0)

    @property
    def due(self) -> float:
        """When the next message is due, by the clock; call `peek` first."""
        if self._next is None or not self._next.frames:
            return self.started
        return max(self.started, self.over - _LEAD)

    def peek(self) -> dict[str, Any] | None:
        """The next message; None = that was all."""
        if self._next is None:
            self._next = next(self._steps, None)
        return None if self._next is None else self._next.message

    def take(self) -> None:
        """The next message was sent."""
        step, self._next = self._next, None
        assert step is not None  # peek() said so
        self.sent += 1
        self.frames += step.frames
        self.text += step.text

    def close(self) -> None:
        """Nothing more is said: the voice may stop."""
        self._steps.close()

    def _make(self) -> Generator[_Step, None, None]:
        answer, manner = self.answer, self._manner
        if answer.thought and manner.thoughts:
            yield _Step(_turn([{"text": answer.thought, "thought": True}]))
        fragments = _FRAGMENT.findall(answer.text)
        if manner.voice is None:
            for at in range(0, len(fragments), _WRITTEN):
                text = "".join(fragments[at : at + _WRITTEN])
                yield _Step(_turn([{"text": text}]), text=text)
            return
        waiting = iter(fragments)
        for chunk in _chunks(self._blocks(manner.voice)):
            data = base64.b64encode(chunk.astype("<i2", copy=False).tobytes()).decode()
            sound = _turn([{"inlineData": {"mimeType": _MIME, "data": data}}])
            text = next(waiting, "")
            if text and manner.transcript:
                yield _Step(sound, frames=len(chunk))
                yield _Step(_transcript(text), text=text)
            else:
                yield _Step(sound, frames=len(chunk), text=text)
        rest = "".join(waiting)
        if rest and manner.transcript:
            yield _Step(_transcript(rest), text=rest)
        else:
            self.text += rest

    def _blocks(self, voice: Voice) -> Iterable[NDArray[np.int16]]:
        if self.answer.audio is not None:
            return (self.answer.audio,)
        return voice.say(self.answer.text) if self.answer.text else ()


def _turn(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"serverContent": {"modelTurn": {"role": "model", "parts": parts}}}


def _transcript(text: str) -> dict[str, Any]:
    return {"serverContent": {"outputTranscription": {"text": text}}}


def _chunks(blocks: Iterable[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    """The same audio in messages' lengths, never more than needed of it at a time."""
    import numpy as np  # noqa: PLC0415 - only who speaks needs it

    held: list[NDArray[np.int16]] = []
    count = 0
    for block in blocks:
        at = 0
        while count + len(block) - at >= CHUNK_FRAMES:
            end = at + CHUNK_FRAMES - count
            yield np.concatenate([*held, block[at:end]])
            held, count, at = [], 0, end
        if at < len(block):
            held.append(block[at:])
            count += len(block) - at
    if held:
        yield np.concatenate(held)
