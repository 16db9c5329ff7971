"""A trace, read back: its records, and what was said about the session."""

from __future__ import annotations

import base64
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxsync.errors import TraceError
from voxsync.trace.lines import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Loss", "Record", "Trace", "read"]

_MOST_SECONDS = 1e10  # three centuries
_MOST_HEADER = 64 * 1024  # bytes; what is no trace may be a film


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a trace.

    Attributes:
        t: Seconds since the recording began.
        dir: "out", "in", or "local".
        kind: "text", "binary", "ping", "pong", "close", "upgrade"; local ones: "event",
            "interrupted", "lost", "end".
        fields: The line's other members, as they stand there.
        conn: Which of the session's connections; a session that was resumed has
            several.
    """

    t: float
    dir: str
    kind: str
    fields: Mapping[str, Any] = field(repr=False)
    conn: int = 1

    @property
    def payload(self) -> str | bytes | None:
        """What was on the wire: `str` of a text message, `bytes` of the others.

        The others are binary messages, pings and pongs; None: it is none of these.
        """
        text = self.fields.get("text")
        if isinstance(text, str):
            return text if self.kind == "text" else text.encode()
        encoded = self.fields.get("base64")
        return base64.b64decode(encoded) if isinstance(encoded, str) else None

    @property
    def text(self) -> str | None:
        """The message as text, where it is text: also a binary message of JSON."""
        text = self.fields.get("text")
        return text if isinstance(text, str) else None

    @property
    def type(self) -> str:
        """The name of an event ("open", "error", ...), "" of anything else."""
        return str(self.fields.get("type", "")) if self.kind == "event" else ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that was lost.

    Attributes:
        t: When that was noticed; it happened in the second before.
        what: "refused", "dropped", "gated", "unsent", "missing" (it never
            came) or "trace" (this file's own).
        count: Messages, 0 where it was audio; of "trace" records.
        seconds: Of audio, 0 where it was messages.
    """

    t: float
    what: str
    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trace:
    """A trace: iterate over it, or ask it.

    Attributes:
        path: Where it was read from.
        header: Its first line: `session`, `door`, `dialect`, `audio`, `url` (masked),
            `started`, `python`, `voxsync`.
        records: All others that could be read, in order.
        damaged: Lines that could not be read, cut ones included.
        is_whole: Whether it ends as a trace ends. False: the program ended without
            `stop()`, the disk was full, or somebody has cut it.
    """

    path: str
    header: Mapping[str, Any]
    records: tuple[Record, ...] = field(repr=False)
    damaged: int = 0

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def is_whole(self) -> bool:
        """See above."""
        return bool(self.records) and self.records[-1].kind == "end"

    @property
    def duration(self) -> float:
        """Seconds from the beginning of the recording to its last record."""
        return self.records[-1].t if self.records else 0.0

    @property
    def stats(self) -> Mapping[str, Any] | None:
        """The session's figures at the end of the recording; None = unknown."""
        found = self.records[-1].fields.get("stats") if self.is_whole else None
        return found if isinstance(found, dict) else None

    def audio(self, way: str) -> list[tuple[float, NDArray[np.int16], int]]:
        """The audio, message by message: `(t, samples, rate)`.

        `t` is when the message was on the wire, in seconds since the recording began,
        `samples` int16 `(frames,)`, `rate` in Hz. FLAC is left out.

        Args:
            way: "out" = what was sent, "in" = what was received.

        Raises:
            ValueError: Another way.
        """
        from voxsync.trace.hearing import Sound, hear  # noqa: PLC0415 - if wanted

        if way not in ("out", "in"):
            raise ValueError(f'way must be "out" or "in", not {way!r}')
        return [
            (record.t, heard.samples, heard.rate)
            for record, found in hear(self)
            for heard in found
            if isinstance(heard, Sound) and heard.way == way
        ]

    @property
    def lost(self) -> list[Loss]:
        """What was lost, in order."""
        return [
            Loss(
                record.t,
                str(record.fields.get("what", "")),
                int(record.fields.get("count", 0)),
                float(record.fields.get("seconds", 0.0)),
            )
            for record in self.records
            if record.kind == "lost"
        ]


def read(path: str | os.PathLike[str]) -> Trace:
    """Read a trace and return it, one that was cut anywhere up to its last whole line.

    Args:
        path: Of the file. All of it is held in memory.

    Raises:
        TraceError: There is no such file, it cannot be read, or it is no trace.
    """
    where = os.fsdecode(path)
    try:
        _require_file(where)
        with Path(where).open("rb") as file:
            header = _header(where, file.readline(_MOST_HEADER))
            records: list[Record] = []
            damaged = 0
            for line in file:
                if line.isspace():  # where it was stopped and started again
                    continue
                record = _record(line)
                if record is None:
                    damaged += 1
                else:
                    records.append(record)
    except OSError as exc:
        if isinstance(exc, TraceError):
            raise
        raise TraceError(f"{where}: {exc.strerror or exc}", path=where) from exc
    return Trace(where, header, tuple(records), damaged)


def _require_file(where: str) -> None:
    """A pipe that nobody writes to would make us wait for ever."""
    mode = Path(where).stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # what a folder is, `open` says
        raise TraceError(f"{where}: not a regular file", path=where)


def _header(where: str, line: bytes) -> dict[str, Any]:
    found = _object(line)
    if found is None or "voxsync_trace" not in found:
        hint = "it is empty" if not line else "its first line is not that of a trace"
        raise TraceError(f"{where} is no trace: {hint}", path=where)
    if found["voxsync_trace"] != FORMAT:
        raise TraceError(
            f"{where}: this is a trace of format {found['voxsync_trace']!r}, and this "
            f"version of voxsync reads format {FORMAT}",
            path=where,
        )
    return found


def _record(line: bytes) -> Record | None:
    found = _object(line)
    if found is None:
        return None
    moment, way, kind = (found.pop(name, None) for name in ("t", "dir", "kind"))
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    if not 0 <= moment <= _MOST_SECONDS:  # nor is what JSON has no number for
        return None
    if not isinstance(way, str) or not isinstance(kind, str):
        return None
    connection = found.pop("conn", 1)
    if not isinstance(connection, int):
        return None
    return Record(float(moment), way, kind, found, connection)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return found if isinstance(found, dict) else None
