"""The sources and sinks that stand for one session's streams, by tag."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from voxsync.dialects.base import Audio
from voxsync.errors import InvalidState
from voxsync.session.sessionsink import SessionSink
from voxsync.session.streamsource import StreamSource

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.dialects.base import ClearAudio, OpenStream
    from voxsync.errors import SessionClosed
    from voxsync.session.connection import Connection
    from voxsync.session.delivery import Delivery
    from voxsync.session.options import SessionOptions
    from voxsync.session.outbox import Outbox

__all__ = ["MediaOwner", "SessionSink", "SessionUnits", "StreamSource"]


class MediaOwner(Protocol):
    """What the units need of their session."""

    id: str
    options: SessionOptions
    _outbox: Outbox
    _delivery: Delivery
    _playout_seconds: float
    _plays_out: bool

    @property
    def is_closed(self) -> bool:
        """Whether the session is over."""
        ...

    def _opened(self) -> Connection:
        """Raises InvalidState before the session is open."""
        ...

    def _closed_error(self) -> SessionClosed: ...

    def _rate_of_held(self, tag: str) -> int | None: ...

    def _has_held(self, tag: str) -> bool:
        """Whether audio of this stream waits for listeners, after the end, too."""
        ...

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object: ...

    def _put_media(self, command: object, wanted: Callable[[], bool]) -> bool: ...


class SessionUnits:
    """A session's units, made when they are first asked for."""

    def __init__(self, owner: MediaOwner, sample_rate: int) -> None:
        self._owner = owner
        self._rate = sample_rate
        self._lock = threading.Lock()  # guards changes of the next two
        self._streams: dict[str, StreamSource] = {}
        self._sinks: dict[str, SessionSink] = {}  # those that have a link
        # When the far end will have heard our stream; written by its one link's thread.
        self.sounds_until: dict[str, float] = {}
        self.unlinked = 0.0  # seconds of audio that flowed nowhere; the I/O thread's
        self._forgotten = 0.0  # seconds that links of forgotten streams had no room for
        self._was_heard = False  # at the end

    def stream(self, tag: str) -> StreamSource:
        """The source of the far end's stream of that tag."""
        # Else its first link would have a resampler made that is never used.
        rate = self._owner._rate_of_held(_checked(tag)) or self._rate  # noqa: SLF001
        with self._lock:
            if tag not in self._streams:
                self._streams[tag] = StreamSource(self._owner, tag, rate)
            return self._streams[tag]

    def forget(self, tag: str) -> None:
        """The far end's stream of that tag is over: its links end, heard to the end.

        Without it a peer that gives each utterance a tag of its own would leave a link,
        and its thread, for each. Thread: I/O.
        """
        with self._lock:
            stream = self._streams.pop(tag, None)
        if stream is not None:
            self._forgotten += _untaken(stream)
            stream.over()

    @property
    def untaken(self) -> float:
        """Seconds of incoming audio that links had no room for."""
        return self._forgotten + sum(map(_untaken, self.streams(None)))

    def streams(self, tag: str | None) -> list[StreamSource]:
        """Those there are; None = of every tag."""
        with self._lock:
            return [s for name, s in self._streams.items() if tag in (None, name)]

    def sink(
        self,
        tag: str,
        sample_rate: int | None = None,
        *,
        opening: OpenStream | None = None,
        most_ahead: float | None = None,
    ) -> SessionSink:
        """A sink for our stream of that tag, for one link."""
        return SessionSink(
            self._owner,
            self,
            _checked(tag),
            self._rate if sample_rate is None else sample_rate,
            opening=opening,
            most_ahead=most_ahead,
        )

    def occupy(self, tag: str, sink: SessionSink) -> None:
        """Let this sink's link write to our stream of that tag, and no other's.

        Raises:
            InvalidState: Another one's does.
        """
        with self._lock:
            other = self._sinks.setdefault(tag, sink)
        if other is not sink:
            raise InvalidState(
                f"{other!r} takes a source's audio already; there is no mixing: "
                "stop_media_to() there first"
                + ("" if other._opening is None else ", or use another tag")  # noqa: SLF001 - they are ours
            )

    def vacate(self, tag: str, sink: SessionSink) -> None:
        """The sink's link is gone."""
        with self._lock:
            if self._sinks.get(tag) is sink:
                del self._sinks[tag]

    def occupant(self, tag: str) -> SessionSink | None:
        """The sink whose link writes to our stream of that tag."""
        return self._sinks.get(tag)

    def is_linked(self, tag: str) -> bool:
        """Whether the far end's stream of that tag flows somewhere."""
        stream = self._streams.get(tag)
        return stream is not None and bool(stream._taps)  # noqa: SLF001 - they are ours

    def feed(self, output: Audio | ClearAudio) -> None:
        """See `Streams`. Thread: I/O."""
        if isinstance(output, Audio):
            stream = self._streams.get(output.tag)
            if stream is None or not stream.receive(output):
                self.unlinked += output.seconds
        else:
            for stream in self.streams(output.tag):
                stream.clear_media_buffer()

    @property
    def is_heard(self) -> bool:
        """Whether any of the far end's streams flows somewhere; after the end: did."""
        flows = (stream._taps for stream in list(self._streams.values()))  # noqa: SLF001 - they are ours
        return self._was_heard or any(flows)

    def end(self, but: Callable[[str], bool] = lambda _: False) -> None:
        """The session is over. Thread: I/O, or whoever ends it.

        Args:
            but: Says of a tag whether its stream still has audio to give; its links
                live on until the next call.
        """
        # The last messages may be handed over when all has been heard.
        self._was_heard = self.is_heard
        with self._lock:
            streams, sinks = dict(self._streams), list(self._sinks.values())
        for tag, stream in streams.items():
            if not but(tag):
                stream.over()
        for sink in sinks:
            sink.over()


def _untaken(stream: StreamSource) -> float:
    found = stream.stats
    return (found.dropped + found.refused) / stream.sample_rate


def _checked(tag: str) -> str:
    if not isinstance(tag, str):
        raise TypeError(f"tag must be a str, not {type(tag).__name__}")
    return tag
