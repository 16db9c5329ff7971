"""What mimi is asked for, and what it answers: options and typed results.

Unknown keys, missing keys and nulls are normal here: a service may grow, and an
answer that is read in part is worth more than a session that died of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AsrResult",
    "AsrWord",
    "MimiResult",
    "NictOptions",
    "NictV1Item",
    "NictV1Result",
    "NictV2Result",
    "NictV2Segment",
    "UnknownResult",
    "join_text",
    "parse_result",
]

ASR = "asr#mimilvcsr"
NICT_V1 = "asr#nictlvcsr"
NICT_V2 = "asr#nictlvcsr2"
FINISHED = "recog-finished"

_V1_FIELDS = 7
_V1_MARKERS = frozenset({"SENT-START-END", "UTT-END"})
# First part of the language tags whose scripts put no space between words.
_UNSPACED = frozenset({"ja", "zh", "cmn", "yue", "th", "my"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NictOptions:
    """What `nict-asr` is to send, and when.

    Attributes:
        response_format: `"v2"` (default), or `"v1"`: one message at the end, with
            grammar for every word. The official SDK asks for v1 by sending no
            options at all, its Python sample by sending this; both work.
        progressive: Send what is already fixed while audio goes on. Default False.
        temporary: Send hypotheses for what is not fixed yet. Default True.
        temporary_interval: About how often, milliseconds, 1 or more. Default 1500.
            The unit follows from its size; the service does not state it.

    Raises:
        ValueError: A value the service does not know.
    """

    response_format: str = "v2"
    progressive: bool = False
    temporary: bool = True
    temporary_interval: int = 1500

    def __post_init__(self) -> None:
        if self.response_format not in ("v1", "v2"):
            raise ValueError(
                f"response_format must be 'v1' or 'v2', not {self.response_format!r}"
            )
        if not isinstance(self.temporary_interval, int) or self.temporary_interval < 1:
            raise ValueError(
                "temporary_interval must be whole milliseconds, 1 or more, not "
                f"{self.temporary_interval!r}"
            )

    @property
    def header_value(self) -> str:
        """The value of `x-mimi-nict-asr-options`, in the official SDK's order."""
        if self.response_format == "v1":
            return "response_format=v1"
        return (
            f"response_format=v2;progressive={str(bool(self.progressive)).lower()}"
            f";temporary={str(bool(self.temporary)).lower()}"
            f";temporary_interval={self.temporary_interval}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MimiResult:
    """What all results have; each engine's own is a subclass.

    Attributes:
        type: Which engine speaks, e.g. `"asr#mimilvcsr"`. "" where it is missing.
        session_id: The service's name for the session; give it to its support.
        status: `"recog-in-progress"`, `"recog-finished"`, or what the service says.
        text: The text of this one message ("" where the type is not known). What
            the messages make together is told by `Transcript`.
        raw: The JSON object as it came. Do not change it.
    """

    type: str
    session_id: str
    status: str
    text: str
    raw: dict[str, object] = field(repr=False, hash=False)

    @property
    def is_final(self) -> bool:
        """Whether this is the engine's last message."""
        return self.status == FINISHED


@dataclass(frozen=True, slots=True)
class AsrWord:
    """One word.

    Attributes:
        result: The word as it is written.
        pronunciation: As it is spoken.
        start_ms, end_ms: Milliseconds from the start of the audio; None = not said.
    """

    pronunciation: str
    result: str
    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsrResult(MimiResult):
    """`asr`: `response` is all words heard so far; replaces what came before."""

    response: tuple[AsrWord, ...]


@dataclass(frozen=True, slots=True)
class NictV1Item:
    """One word with its grammar, or a marker (an empty surface).

    Attributes:
        surface: The word as it is written.
        reading: In katakana.
        base_form: As a dictionary has it.
        part_of_speech, inflection_type, inflection_form, proper_noun_class: In the
            engine's words, mostly Japanese.
        raw: The fields as they came, joined by `|`.
    """

    surface: str
    reading: str
    base_form: str
    part_of_speech: str
    inflection_type: str
    inflection_form: str
    proper_noun_class: str
    raw: str = field(repr=False)

    @property
    def is_marker(self) -> bool:
        """Whether this marks a border (sentence, utterance) and is no word."""
        return not self.surface and self.part_of_speech in _V1_MARKERS


@dataclass(frozen=True, slots=True, kw_only=True)
class NictV1Result(MimiResult):
    """`nict-asr` v1: the one message at the end; its words are in `response`."""

    response: tuple[NictV1Item, ...]


@dataclass(frozen=True, slots=True)
class NictV2Segment:
    """A piece of the utterance.

    Attributes:
        result: Its text.
        words: The same in words; punctuation may be missing from them.
        determined: True = fixed; False = a hypothesis that will be replaced.
        time_ms: Start, milliseconds from the start of the audio; None = not said.
    """

    result: str
    words: tuple[str, ...]
    determined: bool
    time_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NictV2Result(MimiResult):
    """`nict-asr` v2: what is new since the last message, in `response`."""

    response: tuple[NictV2Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownResult(MimiResult):
    """Another engine's result, or one of a shape never seen: all is in `raw`.

    `text` is "": a guess at which key holds the words would be wrong some day.
    """


def parse_result(obj: dict[str, object], language: str) -> MimiResult:
    """Read one JSON object of the service. Never raises.

    Args:
        obj: The decoded message. It becomes `raw`, uncopied.
        language: The session's input language, e.g. `"ja"`; decides whether words
            are joined with a space.
    """
    kind, status = _text(obj.get("type")), _text(obj.get("status"))
    session_id = _text(obj.get("session_id"))
    items = _items(obj.get("response"))
    if items is not None and kind == ASR:
        words = tuple(map(_asr_word, items))
        return AsrResult(
            type=kind,
            session_id=session_id,
            status=status,
            text=join_text((word.result for word in words), language),
            raw=obj,
            response=words,
        )
    if items is not None and kind == NICT_V1:
        morphemes = tuple(map(_v1_item, items))
        return NictV1Result(
            type=kind,
            session_id=session_id,
            status=status,
            text=join_text((item.surface for item in morphemes), language),
            raw=obj,
            response=morphemes,
        )
    if items is not None and kind == NICT_V2:
        # With recog-finished nothing is left to be determined: that is the default.
        final = status == FINISHED
        segments = tuple(_v2_segment(item, default=final) for item in items)
        return NictV2Result(
            type=kind,
            session_id=session_id,
            status=status,
            text=join_text((segment.result for segment in segments), language),
            raw=obj,
            response=segments,
        )
    return UnknownResult(
        type=kind, session_id=session_id, status=status, text="", raw=obj
    )


def join_text(parts: Iterable[str], language: str) -> str:
    """Join pieces of text as the language writes them; empty pieces vanish.

    Args:
        parts: Words or segments, in order.
        language: E.g. `"ja"`, `"zh-TW"`. Japanese, Chinese, Thai and Burmese write
            no space between words; all others do.
    """
    tag = language.replace("_", "-").partition("-")[0].lower()
    if tag in _UNSPACED:
        return "".join(parts)
    return " ".join(filter(None, map(str.strip, parts)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _items(response: object) -> list[dict[str, object]] | None:
    """The objects of a response; None = not a shape that can be read."""
    if response is None:
        return []
    if not isinstance(response, list):
        return None
    items = [item for item in response if item is not None]
    for item in items:
        if not isinstance(item, dict):
            return None
        # Words in another shape than text would be lost without a trace.
        if not isinstance(item.get("result"), (str, type(None))):
            return None
    return items


def _ms(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return round(value) if math.isfinite(value) else None
    return value if isinstance(value, int) else None


def _asr_word(item: dict[str, object]) -> AsrWord:
    time = item.get("time")
    times = [_ms(value) for value in time[:2]] if isinstance(time, list) else []
    start, end, *_ = [*times, None, None]
    return AsrWord(
        _text(item.get("pronunciation")), _text(item.get("result")), start, end
    )


def _v1_item(item: dict[str, object]) -> NictV1Item:
    raw = _text(item.get("result"))
    padded = [*raw.split("|"), *[""] * _V1_FIELDS]
    surface, reading, base, speech, kind, form, noun = padded[:_V1_FIELDS]
    return NictV1Item(surface, reading, base, speech, kind, form, noun, raw)


def _v2_segment(item: dict[str, object], *, default: bool) -> NictV2Segment:
    words, determined = item.get("words"), item.get("determined")
    return NictV2Segment(
        _text(item.get("result")),
        tuple(word for word in words if isinstance(word, str))
        if isinstance(words, list)
        else (),
        default if determined is None else determined is True,
        _ms(item.get("time")),
    )
