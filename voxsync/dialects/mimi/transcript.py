"""The text of a session, put together from its results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from voxsync.dialects.mimi.messages import (
    AsrResult,
    NictV1Result,
    NictV2Result,
    join_text,
)

if TYPE_CHECKING:
    from voxsync.dialects.mimi.messages import MimiResult

__all__ = ["Segment", "Transcript"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text with its times, ready for subtitles.

    Attributes:
        text: Never empty.
        start_ms: Milliseconds from the start of the audio; None = not said.
        end_ms: Likewise. Where the service gives starts only, the start of the
            next segment; None for the last.
        is_final: False = may still change.
    """

    text: str
    start_ms: int | None
    end_ms: int | None
    is_final: bool


class _Track(NamedTuple):
    """One engine's text so far. Replaced as a whole, never changed."""

    is_typed: bool = False
    fixed: tuple[Segment, ...] = ()
    pending: tuple[Segment, ...] = ()
    is_final: bool = False


class Transcript:
    """Assembles the text of ONE session by each engine's own rule.

    `asr` repeats everything in each message, so a message replaces the one before;
    `nict-asr` v1 says all in its only message; `nict-asr` v2 adds fixed segments and
    replaces the temporary rest. With several engines in a session, each has its own
    text, and the properties tell that of the first engine whose results are text.

    Attributes:
        language: As given.

    Thread: `add` from one thread; everything else from any. Each property is a
    consistent picture of one moment: state is replaced, never changed.
    """

    def __init__(self, language: str = "ja") -> None:
        """Start with no text.

        Args:
            language: The session's input language; decides about spaces.
        """
        self.language = language
        self._tracks: dict[str, _Track] = {}  # in order of first appearance
        self._only: str | None = None

    def add(self, result: MimiResult) -> None:
        """Take in one `result`. What comes after an engine's last word is ignored.

        (A repeated last message would double the text of nict-asr v2.)
        """
        track = self._tracks.get(result.type, _Track())
        if track.is_final:
            return
        final = result.is_final
        match result:
            case AsrResult(response=words):
                track = _replaced(
                    [(word.result, word.start_ms, word.end_ms) for word in words],
                    final=final,
                )
            case NictV1Result():
                track = _replaced([(result.text, None, None)], final=final)
            case NictV2Result():
                track = _extended(track, result)
            case _:
                # No words that we can read; what was read before stays.
                track = track._replace(is_final=final)
        self._tracks[result.type] = track

    @property
    def types(self) -> tuple[str, ...]:
        """The result types seen, in order of first appearance."""
        return tuple(self._tracks)

    def for_type(self, type: str) -> Transcript:
        """The text of one engine: a live view, maybe empty.

        Args:
            type: As in results, e.g. `"asr#nictlvcsr2"`.
        """
        view = Transcript(self.language)
        view._tracks = self._tracks
        view._only = type
        return view

    @property
    def text(self) -> str:
        """All text: what is final and what may still change."""
        track = self._track()
        return self._join(track.fixed + track.pending)

    @property
    def final_text(self) -> str:
        """What will not change any more."""
        return self._join(self._track().fixed)

    @property
    def pending_text(self) -> str:
        """What may still change."""
        return self._join(self._track().pending)

    @property
    def is_final(self) -> bool:
        """Whether the engine has said its last word."""
        return self._track().is_final

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The text in pieces: one per word for `asr`, as sent for `nict-asr` v2."""
        track = self._track()
        found = (*track.fixed, *track.pending, None)
        return tuple(
            _until(one, following) for one, following in pairwise(found) if one
        )

    def _track(self) -> _Track:
        if self._only is not None:
            return self._tracks.get(self._only, _Track())
        # Copied in one step: `add` may run on another thread.
        tracks = tuple(self._tracks.values())
        typed = (track for track in tracks if track.is_typed)
        return next(typed, tracks[0] if tracks else _Track())

    def _join(self, segments: tuple[Segment, ...]) -> str:
        return join_text((segment.text for segment in segments), self.language)


def _replaced(
    pieces: list[tuple[str, int | None, int | None]], *, final: bool
) -> _Track:
    """The whole text anew."""
    segments = tuple(Segment(*piece, is_final=final) for piece in pieces if piece[0])
    if final:
        return _Track(is_typed=True, fixed=segments, is_final=True)
    return _Track(is_typed=True, pending=segments)


def _extended(track: _Track, result: NictV2Result) -> _Track:
    """What is determined is added; what is not replaces what was not."""
    fixed = list(track.fixed)
    # The last message says all that is left: nothing from before is pending then.
    pending = () if result.is_final else track.pending
    fresh: tuple[Segment, ...] = ()
    for item in result.response:
        segment = Segment(item.result, item.time_ms, None, item.determined)
        if item.determined:
            fixed += [segment] if item.result else []
            pending = fresh = ()
        else:
            # Hypotheses that come in one message belong together.
            fresh += (segment,) if item.result else ()
            pending = fresh
    return _Track(
        is_typed=True, fixed=tuple(fixed), pending=pending, is_final=result.is_final
    )


def _until(one: Segment, following: Segment | None) -> Segment:
    if one.end_ms is not None or one.start_ms is None or following is None:
        return one
    if following.start_ms is None or following.start_ms < one.start_ms:
        return one
    return replace(one, end_ms=following.start_ms)
