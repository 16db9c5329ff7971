"""Transcripts as text, JSON, SubRip and WebVTT."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.cli.transcription import Transcription
    from voxsync.mimi import Segment

__all__ = ["FORMATS", "render"]

FORMATS = ("text", "json", "srt", "vtt")
"""What `--format` takes."""

_SHORTEST_MS = 500  # a cue of no length would not be shown at all


def render(job: Transcription, name: str, form: str, seconds: float | None) -> str:
    """The transcript of one file in one of `FORMATS`, ending with a line feed.

    Args:
        job: What was recognised.
        name: The file's.
        form: One of `FORMATS`.
        seconds: The audio's length, for cues without an end.
    """
    if form == "text":
        return job.transcript.text + "\n"
    segments = job.transcript.segments
    if form == "json":
        found = {
            "file": name,
            "text": job.transcript.text,
            "is_final": job.transcript.is_final,
            "seconds": seconds,
            "segments": [
                {"text": s.text, "start_ms": s.start_ms, "end_ms": s.end_ms}
                for s in segments
            ],
            "results": job.results,
        }
        return json.dumps(found, ensure_ascii=False) + "\n"
    cues = _cues(segments, job.transcript.text, seconds)
    if form == "vtt":
        body = [f"{_time(a, '.')} --> {_time(b, '.')}\n{text}\n" for a, b, text in cues]
        return "\n".join(["WEBVTT\n", *body])
    body = [
        f"{number}\n{_time(a, ',')} --> {_time(b, ',')}\n{text}\n"
        for number, (a, b, text) in enumerate(cues, 1)
    ]
    return "\n".join(body)


def _cues(
    segments: tuple[Segment, ...], text: str, seconds: float | None
) -> list[tuple[int, int, str]]:
    """Start, end, text; one cue for all where the engine gives no times."""
    whole = int((seconds or 0.0) * 1000)
    timed = [s for s in segments if s.start_ms is not None and s.text]
    if not timed:
        return [(0, max(whole, _SHORTEST_MS), text)] if text else []
    cues = []
    for index, segment in enumerate(timed):
        start = segment.start_ms or 0
        following = timed[index + 1].start_ms if index + 1 < len(timed) else whole
        end = segment.end_ms if segment.end_ms is not None else following
        cues.append((start, max(end or 0, start + _SHORTEST_MS), segment.text))
    return cues


def _time(ms: int, mark: str) -> str:
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
