"""PURE: the incoming audio streams of one connection, and the events they cause."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.dialects.base import Audio, ClearAudio, StreamEnded, StreamStarted
from voxsync.events import MediaEndedEvent, MediaInfo, MediaStartedEvent
from voxsync.media.playout import Playout

if TYPE_CHECKING:
    from voxsync.events import Event

__all__ = ["StreamOutput", "Streams"]

StreamOutput = Audio | ClearAudio | StreamEnded | StreamStarted

# A peer may name as many streams as it likes; those that are silent are forgotten.
_MOST_STREAMS = 64


@dataclass(slots=True)
class _Stream:
    """What is known of one tag."""

    encoding: str = ""
    parameters: object = None
    playout: Playout = field(default_factory=Playout)


class Streams:
    """Turns the audio of streams into `media-started` and `media-ended` (I1).

    They tell when audio can be heard, not when it is announced: again at each burst,
    and one second after it ran out. Whether anybody plays it makes no difference.
    """

    def __init__(self, target: object) -> None:
        self._target = target
        self._streams: dict[str, _Stream] = {}
        self._now = 0.0
        # Asked for by the application, on whatever thread; read by `tick`.
        self._clears: collections.deque[str | None] = collections.deque(maxlen=256)

    def clear_soon(self, tag: str | None) -> None:
        """The application emptied its buffers. Thread: any; `tick` does the rest."""
        self._clears.append(tag)

    def apply(self, output: StreamOutput, now: float) -> list[Event]:
        """What follows from one output of the dialect."""
        self._now = now
        match output:
            case Audio(tag):
                events = self._make_room(tag, now)
                stream = self._streams.setdefault(tag, _Stream())
                # What plays could have run out before this came.
                events += self._tick(tag, stream, now)
                if stream.playout.audio(output.seconds, now):
                    events.append(
                        MediaStartedEvent(
                            self._target, tag, stream.encoding, stream.parameters
                        )
                    )
                return events
            case ClearAudio(tag):
                self._clear(tag, now)
                return []
            case StreamStarted(tag, encoding, parameters):
                # Announced again without an end: that is the end (Voximplant, 2.8).
                events = self._stop(tag, None, "stop", now)
                events += self._make_room(tag, now)
                self._streams[tag] = _Stream(encoding, parameters)
                return events
            case StreamEnded(tag, info):
                return self._stop(tag, info, "stop", now)

    def tick(self, now: float) -> list[Event]:
        """What follows from the time."""
        self._now = now
        if not self._streams:
            self._clears.clear()
            return []
        while self._clears:
            self._clear(self._clears.popleft(), now)
        return [
            event
            for tag, stream in self._streams.items()
            for event in self._tick(tag, stream, now)
        ]

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        if not self._streams:
            return None
        due = [s.playout.deadline for s in self._streams.values()]
        return min((moment for moment in due if moment is not None), default=None)

    def end(self) -> list[Event]:
        """The connection is over, and so is every stream."""
        return [
            event
            for tag in list(self._streams)
            for event in self._stop(tag, None, "close", self._now)
        ]

    def _make_room(self, tag: str, now: float) -> list[Event]:
        """Forget a silent stream, or end the oldest, where there are too many."""
        if tag in self._streams or len(self._streams) < _MOST_STREAMS:
            return []
        silent = (t for t, s in self._streams.items() if not s.playout.playing)
        gone = next(silent, next(iter(self._streams)))
        events = self._stop(gone, None, "stop", now)
        del self._streams[gone]
        return events

    def _tick(self, tag: str, stream: _Stream, now: float) -> list[Event]:
        if stream.playout.tick(now):
            return [self._ended(tag, stream.playout, None, "silence")]
        return []

    def _stop(self, tag: str, info: object, why: str, now: float) -> list[Event]:
        stream = self._streams.get(tag)
        if stream is None or not stream.playout.stop(now):
            return []
        return [self._ended(tag, stream.playout, info, why)]

    def _ended(self, tag: str, playout: Playout, info: object, why: str) -> Event:
        if info is None:
            info = MediaInfo(
                duration=int(playout.played),
                seconds=playout.played,
                burst_seconds=playout.burst,
                reason=why,
            )
        return MediaEndedEvent(self._target, tag, info)

    def _clear(self, tag: str | None, now: float) -> None:
        for name, stream in self._streams.items():
            if tag is None or name == tag:
                stream.playout.clear(now)
