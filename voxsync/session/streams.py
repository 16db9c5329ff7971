"""PURE: the incoming audio streams of one connection, and the events they cause."""

from __future__ import annotations

import collections
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.dialects.base import Audio, ClearAudio, StreamEnded, StreamStarted
from voxsync.errors import MediaError
from voxsync.events import ErrorEvent, MediaEndedEvent, MediaInfo, MediaStartedEvent
from voxsync.media.playout import Playout

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events import Event

__all__ = ["StreamOutput", "Streams"]

StreamOutput = Audio | ClearAudio | StreamEnded | StreamStarted

# A peer may name as many streams as it likes; those that are silent are forgotten.
_MOST_STREAMS = 64
# Sums of blocks of 20 ms are not exact: what they miss by is no audio.
_HAIR = 1e-6

# A burst's event, and its audio that waits until the event's listeners have returned.
_Burst = tuple[MediaStartedEvent, list[Audio]]


@dataclass(slots=True)
class _Stream:
    """What is known of one tag."""

    playout: Playout
    encoding: str = ""
    parameters: object = None
    ending: object = None  # what the far end said when it stopped, while it drains
    draining: bool = False
    gated: bool = False
    held: collections.deque[_Burst] = field(default_factory=collections.deque)
    held_seconds: float = 0.0
    reported: bool = False


class Streams:
    """Turns the audio of streams into `media-started` and `media-ended` (I1).

    They tell when audio can be heard, not when it is announced: again at each burst,
    and one second after it ran out. Whether anybody plays it makes no difference.

    Args:
        target: What the events are about: the session.
        on_audio: Takes audio that can be heard, and is told when it must go. Never
            waits. None: nobody can link the streams.
        holds: Whether a listener that is told of this tag's burst could still link
            the stream; then its audio waits until `told_soon`. None: never.
        forget: Told of a tag that will not be remembered any more: 64 others came
            after it. None: nobody wants to know.
        limit: Seconds per stream that can wait to be heard; the newest is refused.

    Attributes:
        received: Seconds that came, refused ones and all.
        refused: Seconds that did not fit.
        gated: Seconds that were dropped since the application asked for it.
    """

    def __init__(
        self,
        target: object,
        *,
        on_audio: Callable[[Audio | ClearAudio], None] | None = None,
        holds: Callable[[str], bool] | None = None,
        forget: Callable[[str], None] | None = None,
        limit: float = math.inf,
    ) -> None:
        self.received = 0.0
        self.refused = 0.0
        self.gated = 0.0
        self._target = target
        self._on_audio = on_audio or (lambda _: None)
        self._holds = holds or (lambda _: False)
        self._forget = forget or (lambda _: None)
        self._limit = limit
        self._streams: dict[str, _Stream] = {}
        self._now = 0.0
        # Asked for on whatever thread; read by `tick`, and before any audio.
        self._asked: collections.deque[tuple[str, str | None] | MediaStartedEvent] = (
            collections.deque()
        )

    # Any thread. `tick` does the rest; whoever asks wakes the I/O thread.

    def clear_soon(self, tag: str | None, *, gate: bool = False) -> None:
        """The application emptied its buffers; gate: and wants no more of it."""
        self._asked.append(("gate" if gate else "clear", tag))

    def open_gate_soon(self, tag: str | None) -> None:
        """The application wants audio again."""
        self._asked.append(("open", tag))

    def told_soon(self, event: MediaStartedEvent) -> None:
        """The listeners of this event have returned."""
        self._asked.append(event)

    # The I/O thread, or after the end the one that tells of it

    def holds(self, tag: str) -> bool:
        """Whether audio of this tag waits for listeners. Thread: any."""
        stream = self._streams.get(tag)
        return stream is not None and bool(stream.held)

    def is_playing(self, tag: str) -> bool:
        """Whether a burst of this tag is on: started, and not ended. Thread: any."""
        stream = self._streams.get(tag)
        return stream is not None and stream.playout.playing

    def rate_of_held(self, tag: str) -> int | None:
        """The sample rate of what waits; None = nothing does. Thread: any."""
        stream = self._streams.get(tag)
        try:  # one look: it may be let go meanwhile
            return None if stream is None else stream.held[0][1][0].sample_rate
        except IndexError:
            return None

    def told(self, event: MediaStartedEvent | None) -> None:
        """As `told_soon`, now; None = all that will ever be told have been.

        Only when the connection is over.
        """
        if event is not None:
            self._let_go_of(event)
            return
        for stream in self._streams.values():
            self._let_go(stream)

    def apply(self, output: StreamOutput, now: float) -> list[Event]:
        """What follows from one output of the dialect."""
        self._now = now
        if self._asked:
            self._answer(now)
        match output:
            case Audio():
                return self._audio(output, now)
            case ClearAudio(tag):
                self._clear(tag, now)
                self._on_audio(output)
                return []
            case StreamStarted(tag, encoding, parameters):
                # Announced again without an end: that is the end (Voximplant, 2.8).
                fresh = self._new(self._streams.get(tag), encoding, parameters)
                events = self._stop(tag, "stop", now)
                events += self._make_room(tag, now)
                self._streams[tag] = fresh
                return events
            case StreamEnded(tag, info):
                stream = self._streams.get(tag)
                if stream is None:
                    return []
                stream.ending, stream.draining = info, True
                if stream.playout.drain(now):
                    return [self._ended(tag, stream)]
                return []

    def tick(self, now: float) -> list[Event]:
        """What follows from the time."""
        self._now = now
        if self._asked:
            self._answer(now)
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
        """The connection is over, and so is every stream.

        What is held stays so: the listeners that it waits for are still to be told.
        """
        return [
            event
            for tag in list(self._streams)
            for event in self._stop(tag, "close", self._now)
        ]

    def _audio(self, audio: Audio, now: float) -> list[Event]:
        tag = audio.tag
        self.received += audio.seconds
        events = self._make_room(tag, now)
        stream = self._streams.get(tag)
        if stream is None:
            stream = self._streams[tag] = self._new(None)
        if stream.gated:
            self.gated += audio.seconds
            return events
        # What plays could have run out before this came.
        events += self._tick(tag, stream, now)
        # Held audio does not sound: the listeners that it waits for may hang.
        room = min(stream.playout.room(now), self._limit - stream.held_seconds)
        if audio.seconds > room + _HAIR:
            fits = max(0, int((room + _HAIR) * audio.sample_rate))
            kept = Audio(tag, audio.pcm[: 2 * fits], audio.sample_rate)
            events += self._refuse(tag, stream, audio.seconds - kept.seconds)
            if not fits:
                return events
            audio = kept
        # Whatever was said of an end, there is more.
        stream.ending, stream.draining = None, False
        if stream.playout.audio(audio.seconds, now):
            started = MediaStartedEvent(
                self._target, tag, stream.encoding, stream.parameters
            )
            events.append(started)
            if stream.held or self._holds(tag):
                stream.held.append((started, []))
        if stream.held:
            stream.held[-1][1].append(audio)
            stream.held_seconds += audio.seconds
        else:
            self._on_audio(audio)
        return events

    def _refuse(self, tag: str, stream: _Stream, seconds: float) -> list[Event]:
        self.refused += seconds
        if stream.reported:
            return []
        stream.reported = True
        error = MediaError(
            f"stream {tag!r} sends faster than it sounds: what is more than "
            f"{self._limit:g} s ahead is lost; this is told once, "
            "stats.audio_refused goes on counting"
        )
        return [ErrorEvent(self._target, error)]

    def _answer(self, now: float) -> None:
        """Do what other threads have asked for."""
        while self._asked:
            asked = self._asked.popleft()
            if isinstance(asked, MediaStartedEvent):
                self._let_go_of(asked)
                continue
            what, tag = asked
            for name, stream in self._streams.items():
                if tag in (None, name):
                    stream.gated = what == "gate" or (stream.gated and what != "open")
            if what != "open":
                self._clear(tag, now)
            if what == "gate":
                # What came between the application's clear and this goes, too.
                self._on_audio(ClearAudio(tag))

    def _new(
        self, before: _Stream | None, encoding: str = "", parameters: object = None
    ) -> _Stream:
        """A stream that begins; what the one before it sent is still to be heard."""
        fresh = _Stream(Playout(limit=self._limit), encoding, parameters)
        if before is not None:
            fresh.playout.wait_until(before.playout.out_at)
            fresh.held, fresh.held_seconds = before.held, before.held_seconds
        return fresh

    def _let_go_of(self, event: MediaStartedEvent) -> None:
        """Who wanted to link the stream has done so: give on what it waited with."""
        stream = self._streams.get(event.tag)
        if stream is None:
            self._forget(event.tag)  # it was linked after it had been forgotten
        elif any(held[0] is event for held in stream.held):
            while self._let_one_go(stream) is not event:
                pass  # events are told in order, but one that failed to be is no reason

    def _let_one_go(self, stream: _Stream) -> MediaStartedEvent:
        event, audio = stream.held.popleft()
        for piece in audio:
            stream.held_seconds -= piece.seconds
            self._on_audio(piece)
        return event

    def _let_go(self, stream: _Stream) -> None:
        """Give on all that waits."""
        while stream.held:
            self._let_one_go(stream)

    def _make_room(self, tag: str, now: float) -> list[Event]:
        """Forget a silent stream, or end the oldest, where there are too many."""
        if tag in self._streams or len(self._streams) < _MOST_STREAMS:
            return []
        silent = (t for t, s in self._streams.items() if not s.playout.playing)
        gone = next(silent, next(iter(self._streams)))
        events = self._stop(gone, "stop", now)
        self._let_go(self._streams.pop(gone))
        self._forget(gone)
        return events

    def _tick(self, tag: str, stream: _Stream, now: float) -> list[Event]:
        if stream.playout.tick(now):
            return [self._ended(tag, stream)]
        return []

    def _stop(self, tag: str, why: str, now: float) -> list[Event]:
        stream = self._streams.get(tag)
        if stream is None or not stream.playout.stop(now):
            return []
        return [self._ended(tag, stream, why)]

    def _ended(self, tag: str, stream: _Stream, why: str = "") -> Event:
        playout, info = stream.playout, stream.ending
        if info is None:
            if not why:
                why = "clear" if playout.cleared else "silence"
                why = "stop" if stream.draining else why
            info = MediaInfo(
                duration=int(playout.played + _HAIR),
                seconds=playout.played,
                burst_seconds=playout.burst,
                reason=why,
            )
        stream.ending, stream.draining = None, False
        return MediaEndedEvent(self._target, tag, info)

    def _clear(self, tag: str | None, now: float) -> None:
        for name, stream in self._streams.items():
            if tag is None or name == tag:
                stream.playout.clear(now)
                stream.held_seconds = 0.0
                for _, audio in stream.held:
                    audio.clear()
