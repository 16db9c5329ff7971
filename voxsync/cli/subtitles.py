"""Subtitles: SubRip (.srt) and WebVTT (.vtt) from a transcript's segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from voxsync.cli.exits import plain
from voxsync.cli.progress import width_of
from voxsync.dialects.mimi.messages import ASR, join_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.mimi import Transcript

__all__ = ["Cue", "cues_of", "srt", "vtt"]

# Words become cues that can be read: two lines of the usual 42 columns, 6 seconds.
_MOST_COLUMNS = 84
_MOST_MS = 6000
_PAUSE_MS = 800
_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")  # noqa: RUF001 - Japanese marks
# For a last cue whose end nobody knows.
_USUAL_MS = 5000


class Cue(NamedTuple):
    """A piece of text and when it is shown, in milliseconds."""

    text: str
    start_ms: int
    end_ms: int


def cues_of(transcript: Transcript, seconds: float | None) -> list[Cue]:
    """The cues of a session.

    One per segment where the engine gives segments, words put together where it
    gives words (`asr`); one for the whole where it gives no times.

    Args:
        transcript: What was recognised.
        seconds: Length of the recording, None = not known.
    """
    length_ms = None if seconds is None else round(seconds * 1000)
    cues: list[Cue] = []
    for segment in transcript.segments:
        if segment.start_ms is None:
            return [Cue(transcript.text, 0, length_ms or _USUAL_MS)]
        end_ms = segment.end_ms
        if end_ms is None:
            end_ms = segment.start_ms + _USUAL_MS
            if length_ms is not None:
                end_ms = min(end_ms, max(length_ms, segment.start_ms + 1))
        cues.append(
            Cue(segment.text, segment.start_ms, max(end_ms, segment.start_ms + 1))
        )
    if transcript.types[:1] == (ASR,):
        return _joined(cues, transcript.language)
    return cues


def _joined(words: Iterable[Cue], language: str) -> list[Cue]:
    """Words as cues that can be read."""
    cues: list[Cue] = []
    for word in words:
        if cues:
            last = cues[-1]
            text = join_text((last.text, word.text), language)
            if (
                width_of(text) <= _MOST_COLUMNS
                and word.end_ms - last.start_ms <= _MOST_MS
                and word.start_ms - last.end_ms < _PAUSE_MS
                and not last.text.endswith(_SENTENCE_ENDS)
            ):
                cues[-1] = Cue(text, last.start_ms, max(last.end_ms, word.end_ms))
                continue
        cues.append(word)
    return cues


def srt(cues: Iterable[Cue]) -> str:
    """A SubRip file."""
    return "\n".join(
        f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n"
        f"{plain(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Iterable[Cue]) -> str:
    """A WebVTT file; what would be markup there is escaped."""
    return "WEBVTT\n" + "".join(
        f"\n{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}\n"
        f"{_escaped(plain(cue.text))}\n"
        for cue in cues
    )


def _time(ms: int, mark: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"


def _escaped(text: str) -> str:
    # With ">" escaped, the arrow that would end a cue cannot occur either.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
