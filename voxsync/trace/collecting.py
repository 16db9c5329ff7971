"""Goes through a trace, and collects what its plot shows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from voxsync.trace.envelope import Envelope, Speech
from voxsync.trace.figures import (
    Close,
    Failure,
    Figures,
    Interruption,
    Latency,
    Stream,
    Ticks,
    Wave,
)
from voxsync.trace.flow import Flow, Stall
from voxsync.trace.hearing import Cut, Ended, Missing, Sound, Turn, Unheard, Words, hear
from voxsync.trace.reading import Loss
from voxsync.trace.utterances import Utterances

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from voxsync.trace.hearing import Heard
    from voxsync.trace.reading import Record, Trace
    from voxsync.trace.utterances import Utterance

__all__ = ["Collector"]

_SAME = 0.3  # seconds; an interruption that both sides tell of is one
_SLOW_PING = 0.25  # seconds
_MOST_REPLY = 30.0  # seconds; later it answers something else
_MOST_PINGS = 64  # that wait for their pong
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Collector:
    """Goes through a trace once. Thread: one at a time.

    Args:
        trace: Which.
        start: See `figures`; as are the others.
        end: After `start`.
        bins: 1 or more.
    """

    def __init__(self, trace: Trace, start: float, end: float, bins: int) -> None:
        self._trace = trace
        self._start, self._end, self._bins = start, end, bins
        is_app = trace.header.get("dialect") == "voximplant"
        self._person = "in" if is_app else "out"
        self._envelopes = {w: Envelope(start, end, bins) for w in ("out", "in")}
        self._speech = {w: Speech() for w in ("out", "in")}
        self._said = {w: Utterances(w, waits=w != self._person) for w in ("out", "in")}
        self._flows: dict[tuple[str, str], Flow] = {}
        self._ticks: dict[tuple[str, str], tuple[list[int], set[int]]] = {}
        self._stalls: list[Stall] = []
        self._interruptions: list[Interruption] = []
        self._streams: list[Stream] = []
        self._missing: list[Loss] = []
        self._closes: dict[int, Close] = {}
        self._failures: list[Failure] = []
        self._pings: dict[tuple[str, object], float] = {}
        self._unheard: dict[str, int] = {}

    def collect(self) -> Figures:
        """All of it; once."""
        for record, found in hear(self._trace):
            for each in found:
                self._take(record.t, each)
            self._note(record, found)
        for flow in self._flows.values():
            flow.cut(self._trace.duration)
        return self._figures()

    # One thing that is heard

    def _take(self, t: float, heard: Heard) -> None:
        match heard:
            case Sound(way=way, tag=tag):
                self._envelopes[way].seconds += heard.seconds
                self._said[way].sent(t, heard.seconds)
                self._flow(way, tag).add(t, heard.seconds, heard.samples)
            case Ended(way=way, tag=tag):
                self._flow(way, tag).ended()
            case Turn(way=way):
                self._said[way].turn()
                self._flow(way, "").turn()
            case Words(way=way):
                self._said[way].say(t, replace(heard, text=_printable(heard.text)))
            case Missing(count=count, seconds=seconds):
                self._missing.append(Loss(t, "missing", count, seconds))
            case Cut(way=way):
                by = "application" if way == "out" else "service"
                self._interrupt(t, by, way, None)
            case Unheard(why=why):
                self._unheard[why] = self._unheard.get(why, 0) + 1

    def _flow(self, way: str, tag: str) -> Flow:
        found = self._flows.get((way, tag))
        if found is None:
            is_gemini = self._trace.header.get("dialect") == "gemini"
            found = self._flows[way, tag] = Flow(
                way,
                waits=way != self._person,
                in_turns=is_gemini and way == "in",
                draw=lambda *block: self._draw(way, *block),
                stalled=self._stalls.append,
                turned=self._speech[way].turn,
            )
        return found

    def _draw(
        self, way: str, start: float, seconds: float, samples: NDArray[np.int16]
    ) -> None:
        self._envelopes[way].add(start, seconds, samples)
        self._speech[way].add(start, seconds, samples)

    def _interrupt(self, t: float, by: str, way: str, tag: str | None) -> None:
        flows = [
            flow
            for (its_way, its_tag), flow in self._flows.items()
            if its_way == way and tag in (None, its_tag)
        ]
        unheard = sum(flow.cut(t) for flow in flows)
        before = self._interruptions[-1] if self._interruptions else None
        if before is not None and before.by != by and t - before.t < _SAME:
            self._interruptions[-1] = replace(
                before, by="both", unheard=before.unheard + unheard
            )
        else:
            self._interruptions.append(Interruption(t, by, unheard))

    # One record

    def _note(self, record: Record, found: Iterable[Heard]) -> None:
        t, kind = record.t, record.kind
        match kind:
            case "text" | "binary":
                is_audio = any(isinstance(each, Sound) for each in found)
                self._tick(t, record.dir, "audio" if is_audio else "other")
            case "ping" | "pong":
                self._tick(t, "both", "ping")
                self._ping(record)
            case "interrupted":
                tag = record.fields.get("tag")
                self._interrupt(t, "application", "in", tag)
            case "close":
                self._close(record)
            case "event":
                self._event(record)

    def _tick(self, t: float, way: str, kind: str) -> None:
        if self._start <= t <= self._end:
            counts, seen = self._ticks.setdefault((way, kind), ([0], set()))
            counts[0] += 1
            share = (t - self._start) / (self._end - self._start)
            seen.add(min(int(share * self._bins), self._bins - 1))

    def _ping(self, record: Record) -> None:
        payload = record.payload
        if record.kind == "ping":
            if len(self._pings) < _MOST_PINGS:
                self._pings[record.dir, payload] = record.t
            return
        asked = self._pings.pop(("in" if record.dir == "out" else "out", payload), None)
        if asked is not None and record.t - asked > _SLOW_PING:
            self._stalls.append(Stall("ping", asked, record.t))

    def _close(self, record: Record) -> None:
        if record.conn not in self._closes:  # the first to say so; the other answers
            code = record.fields.get("code")
            reason = _printable(str(record.fields.get("reason", "")))
            self._closes[record.conn] = Close(
                record.t, code if isinstance(code, int) else None, reason
            )

    def _event(self, record: Record) -> None:
        t, fields = record.t, record.fields
        tag = str(fields.get("tag", ""))
        match record.type:
            case "media-started":
                self._streams.append(Stream(_printable(tag), t))
            case "media-ended":
                for number, stream in enumerate(self._streams):
                    if stream.tag == _printable(tag) and stream.end is None:
                        self._streams[number] = replace(stream, end=t)
            case "error":
                name = str(fields.get("error", "error"))
                words = str(fields.get("message", ""))
                self._failures.append(Failure(t, _printable(f"{name}: {words}")))
            case "close":
                last = max(self._closes, default=1)
                before = self._closes.get(last)
                # The event knows the code; where there was no Close frame, it is all.
                code = fields.get("code")
                self._closes[last] = Close(
                    t if before is None else before.t,
                    code if isinstance(code, int) else None,
                    _printable(str(fields.get("reason", ""))),
                    bool(fields.get("was_clean", False)),
                )

    # All together

    def _figures(self) -> Figures:
        header = self._trace.header
        utterances = sorted(
            (
                one
                for way in ("out", "in")
                for one in self._said[way].resolve(self._speech[way].spans)
            ),
            key=lambda one: (one.start, one.end),
        )
        return Figures(
            door=_printable(str(header.get("door") or "session")),
            url=_printable(str(header.get("url") or "")),
            started=_printable(str(header.get("started") or "")),
            duration=self._trace.duration,
            is_whole=self._trace.is_whole,
            start=self._start,
            end=self._end,
            person=self._person,
            waves={
                way: Wave(envelope.low, envelope.high, envelope.seconds)
                for way, envelope in self._envelopes.items()
            },
            utterances=tuple(u for u in utterances if self._shows(u.start, u.end)),
            messages=self._messages(),
            interruptions=tuple(i for i in self._interruptions if self._shows(i.t)),
            streams=tuple(s for s in self._streams if self._shows(s.start, s.end)),
            latencies=tuple(
                each
                for each in _latencies(utterances, self._person)
                if self._shows(each.start, each.end)
            ),
            stalls=tuple(
                each
                for each in sorted(self._stalls, key=lambda each: each.start)
                if self._shows(each.start, each.end)
            ),
            losses=tuple(each for each in self._losses() if self._shows(each.t)),
            closes=tuple(
                self._closes[conn]
                for conn in sorted(self._closes)
                if self._shows(self._closes[conn].t)
            ),
            failures=tuple(each for each in self._failures if self._shows(each.t)),
            notes=tuple(self._notes()),
        )

    def _shows(self, start: float, end: float | None = -1.0) -> bool:
        if end is None:
            return start <= self._end
        return start <= self._end and max(start, end) >= self._start

    def _messages(self) -> tuple[Ticks, ...]:
        width = (self._end - self._start) / self._bins
        return tuple(
            Ticks(
                way,
                kind,
                counts[0],
                self._start + (np.array(sorted(seen), np.float64) + 0.5) * width,
            )
            for (way, kind), (counts, seen) in sorted(self._ticks.items())
        )

    def _losses(self) -> list[Loss]:
        told = self._trace.lost
        if self._missing:  # we know better when
            told = [loss for loss in told if loss.what != "missing"]
        return sorted([*told, *self._missing], key=lambda loss: loss.t)

    def _notes(self) -> list[str]:
        trace = self._trace
        found = [
            f"{_number(count, 'audio message')} not shown: {_printable(why)}"
            for why, count in self._unheard.items()
        ]
        if not trace.is_whole:
            found.append("the trace was cut short: what came later is not in it")
        damaged = trace.damaged - (0 if trace.is_whole else 1)
        if damaged > 0:
            found.append(f"{_number(damaged, 'line')} not readable")
        return found


def _latencies(utterances: list[Utterance], person: str) -> list[Latency]:
    found = []
    said = [one for one in utterances if one.way == person]
    answers = [one for one in utterances if one.way != person]
    for number, one in enumerate(said):
        if one.partials and one.partials[0] > one.start:
            found.append(Latency("first result", one.start, one.partials[0]))
        if one.final is not None and one.final > one.end:
            found.append(Latency("last result", one.end, one.final))
        limit = one.end + _MOST_REPLY
        if number + 1 < len(said):
            limit = min(limit, said[number + 1].start)
        reply = next((a.start for a in answers if a.start >= one.end), None)
        if reply is not None and reply < limit:
            found.append(Latency("reply", one.end, reply))
    return sorted(found, key=lambda each: (each.start, each.end))


def _number(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _printable(text: str) -> str:
    """On one line, without what steers terminals or has no picture."""
    return _UNPRINTABLE.sub(" ", text).strip()
