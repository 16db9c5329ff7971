"""What a speech recogniser is to the embedded services, and one that follows a script.

Any engine fits that turns mono 16-bit audio into `Hypothesis` values: write a
`Recogniser` that opens a `RecogniserStream` for each session. The engines that come
with voxsync are `phrases.PhraseRecogniser` and `dictation.DictationRecogniser`;
`samples/plug_in_faster_whisper.py` shows how to bring another.

A stream's answers depend on the audio bytes alone, never on how they were cut into
`feed` calls or on time: engines that care re-block with `Blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, Self

from voxsync.errors import InvalidState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "Blocks",
    "Hypothesis",
    "Recogniser",
    "RecogniserStream",
    "ScriptedRecogniser",
    "Word",
    "check_sample_rate",
    "open_recogniser",
]

SAMPLE_RATE = 16_000
BLOCK_MS = 20
BLOCK_BYTES = SAMPLE_RATE * BLOCK_MS // 1000 * 2


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Attributes:
        text: The word.
        start_ms, end_ms: Milliseconds from the start of the session's audio.
    """

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """What the recogniser believes was said in one segment of the audio.

    Attributes:
        text: The words, separated by spaces. An empty final text withdraws the
            temporary text before it: what sounded like speech was none of ours.
        is_final: This segment is fixed and the next hypothesis belongs to a new one.
            A hypothesis that is not final replaces the current temporary one.
        start_ms: Start of the segment, in ms from the start of the audio.
        end_ms: Its end, or None while it is still being said.
        words: The words with their times, or () where the engine has none.
    """

    text: str
    is_final: bool
    start_ms: int
    end_ms: int | None
    words: tuple[Word, ...] = ()


class RecogniserStream(Protocol):
    """One session's recognition.

    Thread: one at a time; calls are never concurrent. `feed` and `finish` may take
    as long as the recognition takes: that is what holds the sender back.
    """

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Take in `pcm`, mono little-endian 16-bit; return what became known by it."""
        ...

    def finish(self) -> Sequence[Hypothesis]:
        """End the audio; return all that was still open, final now."""
        ...

    def close(self) -> None:
        """Release processes and memory, also half-way; a second call does nothing."""
        ...


class Recogniser(Protocol):
    """An engine. Thread: `open` may be called from any, also at the same time."""

    def open(self, *, sample_rate: int, language: str) -> RecogniserStream:
        """Open a stream for one session.

        Args:
            sample_rate: Of the audio to come, in Hz.
            language: The session's language, e.g. "en"; an engine of one language
                may ignore it.

        Raises:
            ValueError: The engine cannot work with these settings; the message says
                with which it can.
        """
        ...


def check_sample_rate(sample_rate: int) -> None:
    """Refuse any `sample_rate` but 16000 Hz, which the shipped engines know.

    Raises:
        ValueError: It is another.
    """
    if sample_rate != SAMPLE_RATE:
        raise ValueError(
            f"this recogniser needs a sample rate of 16000 Hz, not {sample_rate}; "
            "resample the audio or choose another engine"
        )


class Blocks:
    """Audio cut into equal blocks, whatever the pieces it comes in.

    Args:
        block_bytes: The bytes of each.

    Thread: one; it is owned by one stream.
    """

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._rest = b""

    def push(self, pcm: bytes) -> list[bytes]:
        """Return the blocks that `pcm` completes, in order."""
        held = self._rest + pcm
        size = self._block_bytes
        whole = len(held) - len(held) % size
        self._rest = held[whole:]
        return [held[at : at + size] for at in range(0, whole, size)]

    def rest(self) -> bytes:
        """Return the whole samples that filled no block; half a sample is dropped."""
        rest, self._rest = self._rest, b""
        return rest[: len(rest) // 2 * 2]


class ScriptedRecogniser:
    """A recogniser for tests that says what it is told, by amount of audio heard.

    Works at any sample rate, in any language, with no dependency.

    Args:
        script: Pairs of (milliseconds of audio heard, hypothesis to give then), in
            the order of their times. What the audio does not reach is never said.
        finals: What `finish` answers. Without it, the temporary hypothesis still
            open then, if any, is repeated as a final one.

    Raises:
        ValueError: The script goes back in time.

    Thread: any.
    """

    def __init__(
        self,
        script: Iterable[tuple[int, Hypothesis]] = (),
        *,
        finals: Iterable[Hypothesis] | None = None,
    ) -> None:
        self._script = tuple(script)
        self._finals = None if finals is None else tuple(finals)
        times = [after_ms for after_ms, _ in self._script]
        if times != sorted(times):
            raise ValueError("a script goes forward in time: sort it by milliseconds")

    @classmethod
    def words(cls, text: str, *, ms_per_word: int = 300) -> Self:
        """Make one that hears a further word of `text` every `ms_per_word` of audio.

        All of it is one segment: it stays temporary until `finish` fixes it.
        """
        script: list[tuple[int, Hypothesis]] = []
        heard: tuple[Word, ...] = ()
        for number, word in enumerate(text.split()):
            start_ms, end_ms = number * ms_per_word, (number + 1) * ms_per_word
            heard = (*heard, Word(word, start_ms, end_ms))
            hypothesis = Hypothesis(
                text=" ".join(each.text for each in heard),
                is_final=False,
                start_ms=0,
                end_ms=end_ms,
                words=heard,
            )
            script.append((end_ms, hypothesis))
        return cls(script)

    def open(self, *, sample_rate: int, language: str) -> RecogniserStream:
        """Open a stream that starts the script anew; see `Recogniser`."""
        del language  # a script has the language it is written in
        return _ScriptedStream(self._script, self._finals, sample_rate)


class _ScriptedStream:
    def __init__(
        self,
        script: tuple[tuple[int, Hypothesis], ...],
        finals: tuple[Hypothesis, ...] | None,
        sample_rate: int,
    ) -> None:
        self._script = script
        self._finals = finals
        self._bytes_per_s = sample_rate * 2
        self._heard_bytes = 0
        self._said = 0
        self._open: Hypothesis | None = None
        self._ended = False

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        if self._ended:
            raise InvalidState("audio after the end of the stream")
        self._heard_bytes += len(pcm)
        first = self._said
        while self._said < len(self._script):
            after_ms, hypothesis = self._script[self._said]
            if self._heard_bytes * 1000 < after_ms * self._bytes_per_s:
                break
            self._said += 1
            self._open = None if hypothesis.is_final else hypothesis
        return [hypothesis for _, hypothesis in self._script[first : self._said]]

    def finish(self) -> Sequence[Hypothesis]:
        if self._ended:
            raise InvalidState("the stream has already ended")
        self._ended = True
        if self._finals is not None:
            return self._finals
        return [] if self._open is None else [replace(self._open, is_final=True)]

    def close(self) -> None:
        self._ended = True


def open_recogniser(
    name: Literal["phrases", "dictation"], *, phrases: str | Path | None = None
) -> Recogniser:
    """Make one of the shipped offline recognisers by its name.

    Args:
        name: "phrases" (says only what is on a list) or "dictation" (any English).
        phrases: For "phrases": the list, one phrase a line; None = the shipped one.

    Raises:
        ValueError: The name is unknown, or the list does not suit.
        MissingExtra: The extra `demo` is not installed.
    """
    # Imported here: these modules import this one, and only a user pays for them.
    if name == "phrases":
        from voxsync.simulators.phrases import PhraseRecogniser  # noqa: PLC0415

        if phrases is None:
            return PhraseRecogniser()
        return PhraseRecogniser.from_file(phrases)
    if name == "dictation":
        from voxsync.simulators.dictation import DictationRecogniser  # noqa: PLC0415

        if phrases is not None:
            raise ValueError("dictation takes no list of phrases")
        return DictationRecogniser()
    raise ValueError(f"no recogniser {name!r}; there are 'phrases' and 'dictation'")
