"""A trace in words: what happened, line by line, and what it comes to."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxsync.trace.hearing import Cut, Ended, Missing, Sound, Unheard, Words, hear

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxsync.trace.figures import Figures
    from voxsync.trace.hearing import Heard
    from voxsync.trace.reading import Record, Trace

__all__ = ["Row", "about", "rows", "summary"]

_PAUSE = 1.0  # seconds without a block end a run of audio
_FLOOR = -96.0  # dBFS of 16 bits: what is less is silence
_FULL_SCALE = 32768
_ARROWS = {"out": "→", "in": "←"}
_SHOWN = 2000  # characters of a message; who shows it cuts it to a line


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the timeline.

    Attributes:
        t: Seconds since the recording began.
        way: "out", "in" or "local".
        kind: One word, e.g. "audio", "partial", "final", "close", "lost".
        what: The rest, in words; may hold anything that a peer has sent.
    """

    t: float
    way: str
    kind: str
    what: str = ""

    @property
    def arrow(self) -> str:
        """`→` out, `←` in, a space for what never was on the wire."""
        return _ARROWS.get(self.way, " ")

    @property
    def is_bad(self) -> bool:
        """Whether something went wrong."""
        return self.kind in ("error", "lost", "missing", "unheard")


def about(trace: Trace) -> list[str]:
    """What the `trace` is of, a line each."""
    header = trace.header
    started = str(header.get("started", ""))[:19].replace("T", " ")
    first = [str(header.get("door") or "a session"), str(header.get("url") or "")]
    second = [f"{started} UTC" if started else "", f"{trace.duration:.1f} s"]
    lines = ["  ".join(filter(None, first)), "  ".join(filter(None, second))]
    if not trace.is_whole:
        lines.append("the trace is cut: it goes no further than to its last whole line")
    if trace.damaged:
        lines.append(f"{_number(trace.damaged, 'line')} of it could not be read")
    return lines


class _Run:
    """Audio of one stream without a pause."""

    def __init__(self, record: Record, way: str, tag: str) -> None:
        self._t = self.last = record.t
        self._way = way
        self._tag = tag
        self._seconds = self._energy = 0.0
        self._frames = self._blocks = 0

    def add(self, t: float, sound: Sound) -> None:
        self.last = t
        self._blocks += 1
        self._seconds += sound.seconds
        self._frames += len(sound.samples)
        samples = sound.samples.astype("f4")
        self._energy += float(samples.dot(samples))

    def row(self) -> Row:
        blocks = f"{self._blocks} blocks" if self._blocks > 1 else "1 block"
        words = [
            f"{self._seconds:.2f} s in {blocks}",
            _level(self._energy, self._frames),
        ]
        if self.last - self._t >= 0.01:
            words.append(f"until {self.last:.3f}")
        if self._tag:
            words.append(f"stream {self._tag!r}")
        return Row(self._t, self._way, "audio", ", ".join(words))


def _level(energy: float, frames: int) -> str:
    power = energy / max(1, frames) / _FULL_SCALE**2
    level = 10 * math.log10(power) if power > 0 else _FLOOR
    return "silence" if level <= _FLOOR + 1 else f"{level:.0f} dB"


def rows(trace: Trace) -> list[Row]:
    """The timeline of the `trace`: audio in runs, all else one by one; in order."""
    found: list[Row] = []
    runs: dict[tuple[str, str], _Run] = {}
    pinged: float | None = None
    said: dict[str, str] = {}
    for record, heard in hear(trace):
        for sound in heard:
            if isinstance(sound, Sound):
                key = (sound.way, sound.tag)
                run = runs.get(key)
                if run is None or record.t - run.last > _PAUSE:
                    if run is not None:
                        found.append(run.row())
                    run = runs[key] = _Run(record, *key)
                run.add(record.t, sound)
            elif isinstance(sound, Ended) and (
                run := runs.pop((sound.way, sound.tag), None)
            ):
                found.append(run.row())
        if record.kind == "ping" and record.dir == "out":
            pinged = record.t
        if record.kind == "pong" and record.dir == "in" and pinged is not None:
            took = f"after {1000 * (record.t - pinged):.0f} ms"
            found.append(Row(record.t, "in", "pong", took))
            pinged = None
        else:
            found += _rows_of(record, heard, said)
    found += [run.row() for run in runs.values()]
    return sorted(found, key=lambda row: row.t)


def _rows_of(record: Record, heard: list[Heard], said: dict[str, str]) -> Iterator[Row]:
    """What is no audio, of one record."""
    t, way, kind = record.t, record.dir, record.kind
    if kind in ("text", "binary"):
        yield from _rows_of_message(record, heard, said)
    elif kind == "upgrade":
        status = record.fields.get("status")
        what = f"{status}" if way == "in" else f"to {record.fields.get('url', '')}"
        if record.conn > 1:
            what += f" (connection {record.conn})"
        yield Row(t, way, "upgrade", what)
    elif kind == "close":
        code, reason = record.fields.get("code"), record.fields.get("reason")
        yield Row(t, way, "close", f"{code} {reason}".rstrip())
    elif kind == "interrupted":
        yield Row(t, way, "cut", "the application dropped what had not sounded yet")
    elif kind == "lost":
        yield Row(t, way, "lost", _loss(record))
    elif kind == "event":
        yield Row(t, way, record.type, _event(record))
    elif kind != "end":
        yield Row(t, way, kind)


def _rows_of_message(
    record: Record, heard: list[Heard], said: dict[str, str]
) -> Iterator[Row]:
    t, way = record.t, record.dir
    for what in heard:
        match what:
            case Words(whose, text, is_final):
                if text:
                    said[whose] = text
                who = "heard" if whose == "out" else "said"
                words = f"{who}: {text or said.get(whose, '')}"
                yield Row(t, way, "final" if is_final else "partial", words)
            case Cut():
                yield Row(t, way, "cut", "what had not sounded yet is dropped")
            case Missing(_, count, seconds):
                yield Row(t, way, "missing", f"{count} chunks, {seconds:.2f} s")
            case Unheard(why):
                yield Row(t, way, "unheard", why)
    if not any(isinstance(what, Sound | Words | Unheard) for what in heard):
        size = len(record.payload or b"")
        shown = f"{size} bytes" if record.text is None else record.text[:_SHOWN]
        yield Row(t, way, record.kind, shown)


def _loss(record: Record) -> str:
    fields = record.fields
    what = str(fields.get("what", ""))
    if "seconds" in fields:
        return f"{float(fields['seconds']):.2f} s of audio {what}"
    unit = "records of this trace" if what == "trace" else f"messages {what}"
    return f"{fields.get('count', 0)} {unit}"


def _event(record: Record) -> str:
    fields = record.fields
    words = []
    if "code" in fields:
        words.append(f"{fields['code']} {fields.get('reason', '')}".rstrip())
        words.append("clean" if fields.get("was_clean") else "not clean")
        if fields.get("unsent"):
            words.append(f"{fields['unsent']} messages unsent")
    if fields.get("tag"):
        words.append(f"stream {fields['tag']!r}")
    if fields.get("encoding"):
        words.append(str(fields["encoding"]))
    info = fields.get("media_info")
    if isinstance(info, dict) and "seconds" in info:
        words.append(f"{float(info['seconds']):.2f} s heard ({info.get('reason', '')})")
    if "error" in fields:
        words.append(f"{fields['error']}: {fields.get('message', '')}")
    return ", ".join(words)


def summary(trace: Trace, figures: Figures) -> list[str]:
    """What it comes to, a line each.

    Args:
        trace: As it was read.
        figures: Of all of it.
    """
    lines = []
    for way in ("out", "in"):
        count = sum(r.dir == way and r.kind in ("text", "binary") for r in trace)
        wave = figures.waves.get(way)
        audio = f", {wave.seconds:.2f} s of audio" if wave and wave.seconds else ""
        spoken = sum(u.way == way for u in figures.utterances)
        speech = f", {_number(spoken, 'utterance')}" if spoken else ""
        lines.append(f"{way:4}{_number(count, 'message')}{audio}{speech}")
    for kind in dict.fromkeys(latency.kind for latency in figures.latencies):
        took = sorted(each.ms for each in figures.latencies if each.kind == kind)
        times = f"{took[0]} ms"
        if len(took) > 1:
            middle, count = took[len(took) // 2], len(took)
            times = f"{middle} ms ({took[0]} to {took[-1]}, {count} times)"
        lines.append(f"{kind}: {times}")
    if figures.interruptions:
        moments = ", ".join(f"{each.t:.1f}" for each in figures.interruptions)
        lines.append(f"interrupted at {moments} s")
    for stall in figures.stalls:
        words = "no pong" if stall.way == "ping" else f"audio {stall.way} stood still"
        lines.append(f"{words} for {stall.seconds:.2f} s at {stall.start:.1f} s")
    lines += _lost(trace)
    return lines


def _lost(trace: Trace) -> Iterable[str]:
    counts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for loss in trace.lost:
        counts[loss.what] += loss.count
        seconds[loss.what] += loss.seconds  # type: ignore[assignment]
    for what in counts:
        unit = "records of this trace" if what == "trace" else "messages"
        words = [f"{counts[what]} {unit}"] if counts[what] else []
        words += [f"{seconds[what]:.2f} s of audio"] if seconds[what] else []
        yield f"lost: {' and '.join(words)} ({what})"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
