"""Who said what when: words of messages, laid on the sound they belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from voxsync.trace.hearing import Words

__all__ = ["Utterance", "Utterances"]

Span: TypeAlias = tuple[float, float, int]
_REST = 0.4  # seconds: services and we do not agree better where speech ends


@dataclass(frozen=True, slots=True)
class Utterance:
    """Somebody speaks.

    Attributes:
        way: In whose audio, "out" or "in".
        start: Seconds; of the sound, where there is one, else of the first words.
        end: Likewise.
        text: "" = nobody has said which words these are.
        partials: When the text came, and when it changed.
        final: When it was complete; None = it never was, or there is no text.
    """

    way: str
    start: float
    end: float
    text: str = ""
    partials: tuple[float, ...] = ()
    final: float | None = None


@dataclass(slots=True)
class _Piece:
    text: str = ""
    partials: list[float] = field(default_factory=list)
    final: float | None = None
    since: float | None = None
    until: float | None = None
    start: float = 0.0
    end: float = 0.0
    turn: int = 0

    @property
    def first(self) -> float:
        return self.partials[0] if self.partials else self.final or 0.0

    @property
    def last(self) -> float:
        return self.partials[-1] if self.final is None else self.final


class Utterances:
    """Collects what is said one way.

    Args:
        way: "out" or "in".
        waits: Whether it sounds after it came, as what a service says; else before.
    """

    def __init__(self, way: str, *, waits: bool) -> None:
        self._way = way
        self._waits = waits
        self._pieces: list[_Piece] = []
        self._open: _Piece | None = None
        self._turn = 0
        # Where in the audio we are at which time, for services that count in audio.
        self._positions = [0.0]
        self._times: list[float] = []

    def sent(self, t: float, seconds: float) -> None:
        """Audio went at `t`; it is taken to end there."""
        if not self._times:
            self._times.append(t - seconds)
        self._positions.append(self._positions[-1] + seconds)
        self._times.append(t)

    def say(self, t: float, words: Words) -> None:
        """Words came at `t`."""
        piece = self._open
        if piece is None:
            if not words.text:
                return
            piece = self._open = _Piece(turn=self._turn)
            self._pieces.append(piece)
        if words.text and words.text != piece.text:
            piece.text = words.text
            if not words.is_final:
                piece.partials.append(t)
        if words.since is not None:
            piece.since = words.since
        if words.until is not None:
            piece.until = words.until
        if words.is_final:
            # Where a turn's end says so, the text was complete before.
            piece.final = t if words.text or not piece.partials else piece.partials[-1]
            self._open = None

    def turn(self) -> None:
        """What is said now is said in the next turn."""
        self._turn += 1

    def resolve(self, spans: list[Span]) -> list[Utterance]:
        """All utterances in order: those with words, and speech without.

        Args:
            spans: Where there is speech: begin, end and turn, in order.
        """
        free = list(spans)
        before = -math.inf
        for piece in self._pieces:
            free = self._place(piece, free, before)
            before = piece.end
        self._share_partials()
        found = [
            Utterance(self._way, p.start, p.end, p.text, tuple(p.partials), p.final)
            for p in self._pieces
        ]
        found += [Utterance(self._way, max(0.0, a), b) for a, b, _ in free]
        return sorted(found, key=lambda one: (one.start, one.end))

    def _place(self, piece: _Piece, free: list[Span], before: float) -> list[Span]:
        """Give it its time; return the spans that are not its own."""
        if piece.since is not None and self._times:
            piece.start = max(0.0, self._time(piece.since))
            limit = piece.last if piece.until is None else self._time(piece.until)
            own = [s for s in free if piece.start < (s[0] + s[1]) / 2 < limit]
            # Where a service gives beginnings only, a pause belongs to nobody.
            piece.end = max(piece.start, min(limit, own[-1][1] if own else limit))
            return [rest for span in free for rest in _without(span, piece)]
        if self._waits:
            own = [s for s in free if s[2] == piece.turn]
        else:
            own = [s for s in free if before < s[0] <= piece.last]
        if own:
            piece.start, piece.end = max(0.0, own[0][0]), own[-1][1]
        else:
            piece.start, piece.end = piece.first, piece.last
        return [s for s in free if s not in own]

    def _time(self, position: float) -> float:
        import numpy as np  # noqa: PLC0415 - slow to import

        return float(np.interp(position, self._positions, self._times))

    def _share_partials(self) -> None:
        """What became several utterances at the end was one text until then."""
        for number, piece in enumerate(self._pieces):
            group = [
                other
                for other in self._pieces[number:]
                if other.final is not None and other.final == piece.final
            ]
            if len(group) < 2:
                continue
            ticks, piece.partials = piece.partials, []
            for tick in ticks:
                own = [p for p in group if p.start <= tick]
                (own[-1] if own else piece).partials.append(tick)


def _without(span: Span, piece: _Piece) -> list[Span]:
    """What of it is long enough to be something else that was said."""
    start, end, turn = span
    if end <= piece.start or start >= piece.end:
        return [span]
    rest = [(start, piece.start, turn), (piece.end, end, turn)]
    return [each for each in rest if each[1] - each[0] > _REST]
