"""Recognises spoken phrases of a list, offline, and answers nothing to all else.

pocketsphinx with a grammar of the list finds the phrase; a second decoder that hears
bare speech sounds, in any order, says whether the phrase is really there. That matters:
a grammar alone takes anything for one of its phrases. English only.

Figures (one core of an ordinary server): 0.25 s and 60 MB for the first stream and for
each further one at the same time, then 6 % of the audio's duration. Both decoders hold
the interpreter's lock, a millisecond or two per call.
"""

from __future__ import annotations

import importlib.resources
import math
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from voxsync.errors import InvalidState, MissingExtra
from voxsync.simulators.recogniser import (
    BLOCK_BYTES,
    BLOCK_MS,
    SAMPLE_RATE,
    Blocks,
    Hypothesis,
    Word,
    check_sample_rate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from voxsync.simulators.recogniser import RecogniserStream

__all__ = ["PhraseRecogniser"]

# Speech sounds that are none: silence, noises, the grammar's own marks.
_FILLER = re.compile(r"[<(\[+]|SIL$")
_ALTERNATIVE = re.compile(r"\(\d+\)$")
_WORD = re.compile(r"[a-z0-9'][a-z0-9'._-]*")
_DECODER_FRAME_MS = 10
_PARTIAL_EVERY_BLOCKS = 5
# A decoder's memory grows with its utterance: speech without a pause is cut here.
_MAX_SEGMENT_BLOCKS = 30_000 // BLOCK_MS
# The pause that ends a segment: long enough for a comma, short enough for an answer.
_PAUSE_S = 0.4
_MAX_IDLE_ENGINES = 4


def load_pocketsphinx() -> ModuleType:
    """Return the module, or say which extra brings it."""
    try:
        import pocketsphinx  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            "offline recognition needs pocketsphinx: pip install 'voxsync[demo]'"
        ) from error
    module: ModuleType = pocketsphinx
    return module


class Engine(Protocol):
    """What `SegmentedStream` needs of a decoder: one utterance after the other."""

    def start(self) -> None:
        """Begin an utterance."""
        ...

    def process(self, block: bytes) -> None:
        """Take in a piece of it."""
        ...

    def partial(self) -> str:
        """Return the text so far."""
        ...

    def end(self) -> tuple[str, list[tuple[str, int, int]]]:
        """End it; return the text and (word, first frame, last frame) for each word."""
        ...


def spoken_words(decoder: Any) -> list[tuple[str, int, int]]:
    """Return (word, first frame, last frame) of a decoder's result, fillers left out.

    Names keep their pronunciation's number, e.g. "the(2)", as the dictionary has them.
    """
    return [
        (each.word, each.start_frame, each.end_frame)
        for each in decoder.seg()
        if not _FILLER.match(each.word)
    ]


class SegmentedStream:
    """Cuts audio into utterances at its pauses and has an engine decode each.

    Thread: one (see `RecogniserStream`).
    """

    def __init__(self, engine: Engine, on_close: Callable[[], None]) -> None:
        self._engine = engine
        self._on_close = on_close
        self._blocks = Blocks()
        self._endpointer = load_pocketsphinx().Endpointer(
            _PAUSE_S, 0.9, 2, SAMPLE_RATE, BLOCK_MS / 1000
        )
        self._in_utterance = False
        self._start_ms = 0
        self._length_blocks = 0
        self._temporary = ""
        self._ended = False
        self._closed = False

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Take in audio; return what became known by it."""
        if self._ended:
            raise InvalidState("audio after the end of the stream")
        found: list[Hypothesis] = []
        for block in self._blocks.push(pcm):
            speech = self._endpointer.process(block)
            if speech is not None:
                found += self._speech(speech, goes_on=self._endpointer.in_speech)
        return found

    def finish(self) -> Sequence[Hypothesis]:
        """End the audio; an utterance still open is decided as it stands."""
        if self._ended:
            raise InvalidState("the stream has already ended")
        self._ended = True
        # The endpointer refuses an empty end; one sample of silence changes nothing.
        held = self._endpointer.end_stream(self._blocks.rest() or bytes(2)) or b""
        found: list[Hypothesis] = []
        for at in range(0, len(held), BLOCK_BYTES):
            found += self._speech(held[at : at + BLOCK_BYTES], goes_on=True)
        return found + self._decide() if self._in_utterance else found

    def close(self) -> None:
        """Give the engine back; a second call does nothing."""
        if self._closed:
            return
        self._closed = self._ended = True
        if self._in_utterance:
            self._engine.end()
            self._in_utterance = False
        self._on_close()

    def _speech(self, speech: bytes, *, goes_on: bool) -> list[Hypothesis]:
        if not self._in_utterance:
            self._begin()
        self._engine.process(speech)
        self._length_blocks += 1
        if not goes_on or self._length_blocks >= _MAX_SEGMENT_BLOCKS:
            return self._decide()
        if self._length_blocks % _PARTIAL_EVERY_BLOCKS:
            return []
        text = self._engine.partial()
        if text in ("", self._temporary):
            return []
        self._temporary = text
        return [
            Hypothesis(text=text, is_final=False, start_ms=self._start_ms, end_ms=None)
        ]

    def _begin(self) -> None:
        # Speech that was cut for its length goes on where the cut was, not at the
        # point where the endpointer saw it begin.
        seen_ms = round(self._endpointer.speech_start * 1000)
        self._start_ms = max(seen_ms, self._end_ms())
        self._length_blocks = 0
        self._engine.start()
        self._in_utterance = True

    def _end_ms(self) -> int:
        return self._start_ms + self._length_blocks * BLOCK_MS

    def _decide(self) -> list[Hypothesis]:
        text, spoken = self._engine.end()
        self._in_utterance = False
        withdrawn, self._temporary = self._temporary, ""
        if not text and not withdrawn:
            return []
        end_ms = self._end_ms()
        words = tuple(
            Word(
                _ALTERNATIVE.sub("", word),
                self._start_ms + first * _DECODER_FRAME_MS,
                min(self._start_ms + (last + 1) * _DECODER_FRAME_MS, end_ms),
            )
            for word, first, last in spoken
        )
        return [
            Hypothesis(
                text=text,
                is_final=True,
                start_ms=self._start_ms,
                end_ms=end_ms,
                words=words,
            )
        ]


class PhraseRecogniser:
    """Recognises the phrases of a list in English speech at 16 kHz.

    Temporary hypotheses come during a phrase, at most ten a second and only when the
    text has changed. A segment's final hypothesis is one of the phrases, complete; to
    anything else the answer is nothing, or, if there was a temporary text, a final
    hypothesis with an empty text that withdraws it.

    The session's language is ignored: all of them are taken for English.

    Args:
        phrases: What can be said; upper case and punctuation do not matter. None =
            the list that ships with voxsync (the demo recording and some commands).
        reject: How far a phrase may be from the sounds that were heard: the
            difference of the decoders' scores per frame plus the share of the
            phrase's sounds that were not heard (or wrongly). Right phrases of a
            human reader were measured at -0.2 and less, of poor synthetic voices
            up to 2.2, wrong ones at 1.8 and more.

    Raises:
        ValueError: The list is empty, or has words that the dictionary does not know.
        MissingExtra: pocketsphinx is not installed.

    Thread: any; streams are independent of each other.
    """

    def __init__(
        self, phrases: Iterable[str] | None = None, *, reject: float = 1.75
    ) -> None:
        self._sphinx = load_pocketsphinx()
        if phrases is None:
            data = importlib.resources.files("voxsync.simulators") / "data"
            phrases = _lines((data / "phrases.txt").read_text(encoding="utf-8"))
        self.phrases = tuple(dict.fromkeys(filter(None, map(_normal, phrases))))
        if not self.phrases:
            raise ValueError("the list of phrases is empty")
        self._reject = reject
        # Loading takes a quarter of a second: engines are lent to one stream after
        # the other. Guarded by the lock; an engine that is lent is not in the list.
        self._lock = threading.Lock()
        self._idle = [self._load()]

    @classmethod
    def from_file(cls, path: str | Path, *, reject: float = 1.75) -> Self:
        """Read the list from a UTF-8 file: one phrase a line, # starts a comment."""
        text = Path(path).read_text(encoding="utf-8-sig")
        return cls(_lines(text), reject=reject)

    def open(self, *, sample_rate: int, language: str) -> RecogniserStream:
        """Open a stream for one session; it must be closed."""
        del language
        check_sample_rate(sample_rate)
        with self._lock:
            engine = self._idle.pop() if self._idle else None
        if engine is None:
            engine = self._load()
        engine.forget()
        return SegmentedStream(engine, lambda: self._give_back(engine))

    def _load(self) -> _PhraseEngine:
        return _PhraseEngine(self._sphinx, self.phrases, self._reject)

    def _give_back(self, engine: _PhraseEngine) -> None:
        with self._lock:
            if len(self._idle) < _MAX_IDLE_ENGINES:
                self._idle.append(engine)


class _PhraseEngine:
    """The pair of decoders: one knows only the phrases, one any row of sounds."""

    def __init__(
        self, sphinx: ModuleType, phrases: tuple[str, ...], reject: float
    ) -> None:
        self._phrases = frozenset(phrases)
        self._reject = reject
        settings: dict[str, object] = {
            "lm": None,
            "samprate": SAMPLE_RATE,
            "loglevel": "FATAL",
        }
        self._grammar = sphinx.Decoder(bestpath=False, **settings)
        self._check_words(phrases)
        choices = " | ".join(phrases)
        self._grammar.add_jsgf_string(
            "phrases", f"#JSGF V1.0;\ngrammar phrases;\npublic <any> = {choices};\n"
        )
        self._grammar.activate_search("phrases")
        self._sounds = sphinx.Decoder(
            allphone=sphinx.get_model_path("en-us/en-us-phone.lm.bin"),
            # Sounds in context would fit better, at eleven times the audio's duration.
            allphone_ci=True,
            lw=2.0,
            **settings,
        )

    def _check_words(self, phrases: tuple[str, ...]) -> None:
        words = dict.fromkeys(" ".join(phrases).split())
        unknown = [
            word
            for word in words
            if not _WORD.fullmatch(word) or self._grammar.lookup_word(word) is None
        ]
        if unknown:
            raise ValueError(
                "not in pocketsphinx's English dictionary: "
                f"{', '.join(map(repr, unknown))}; write the phrases in other words"
            )

    def forget(self) -> None:
        """Drop what was learnt of the last stream's microphone and voice."""
        self._grammar.reinit_feat()
        self._sounds.reinit_feat()

    def start(self) -> None:
        self._grammar.start_utt()
        self._sounds.start_utt()

    def process(self, block: bytes) -> None:
        self._grammar.process_raw(block, no_search=False, full_utt=False)
        self._sounds.process_raw(block, no_search=False, full_utt=False)

    def partial(self) -> str:
        best = self._grammar.hyp()
        return "" if best is None else best.hypstr

    def end(self) -> tuple[str, list[tuple[str, int, int]]]:
        self._grammar.end_utt()
        self._sounds.end_utt()
        text = self.partial()
        if text not in self._phrases:
            return "", []
        spoken = spoken_words(self._grammar)
        return (text, spoken) if self._distance(spoken) <= self._reject else ("", [])

    def _distance(self, spoken: list[tuple[str, int, int]]) -> float:
        free = self._sounds.hyp()
        best = self._grammar.hyp()
        frames = self._grammar.n_frames()
        if free is None or not free.score or not best.score or not frames:
            return math.inf
        # Scores are probabilities on a scale of pocketsphinx's own, 1000 per unit here.
        score: float = (math.log(free.score) - math.log(best.score)) * 1000 / frames
        expected = [
            sound
            for word, _, _ in spoken
            for sound in self._grammar.lookup_word(word).split()
        ]
        heard = [sound for sound, _, _ in spoken_words(self._sounds)]
        return score + edits(expected, heard) / max(len(expected), 1)


def edits(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Return how many items must be put in, left out or changed to get the other."""
    row = list(range(len(heard) + 1))
    for number, wanted in enumerate(expected, 1):
        diagonal, row[0] = row[0], number
        for at, item in enumerate(heard, 1):
            changed = diagonal + (wanted != item)
            diagonal = row[at]
            row[at] = min(row[at] + 1, row[at - 1] + 1, changed)
    return row[-1]


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def _normal(phrase: str) -> str:
    plain = phrase.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    bare = (word.strip('.,;:!?"') for word in plain.replace("-", " ").split())
    return " ".join(filter(None, bare))
