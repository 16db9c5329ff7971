"""The session as a media unit: audio flows to it, and from it, by tag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from voxsync.dialects.base import Audio
from voxsync.errors import FormatError
from voxsync.events import MediaStartedEvent
from voxsync.session.streams import Streams
from voxsync.session.view import MessageT, SessionView

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio import AudioFormat
    from voxsync.dialects.base import ClearAudio
    from voxsync.events import Event
    from voxsync.media import Link, Sink
    from voxsync.media.source import MediaTarget
    from voxsync.session.units import SessionUnits

__all__ = ["SessionMedia"]


class SessionMedia(SessionView[MessageT]):
    """Audio to and from a session; numpy is imported when it is first used."""

    # Seconds of an incoming stream that wait for a sink; then the newest is refused.
    _playout_seconds: float = 10.0
    # Whether that is so by the service's own rule: by the time that audio sounds, and
    # linked or not. Else each link has that much room, and no more audio is lost than
    # its sink takes too slowly.
    _plays_out: bool = False
    # Whether the service sends audio, too.
    _gives_audio: bool = True

    # For doors

    def _media_format(self) -> AudioFormat | None:
        """What is sent and received as audio; None = this session carries none."""
        return None

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        """The command that sends a block of audio; runs on the link's thread."""
        raise NotImplementedError

    # As a source

    def send_media_to(
        self, target: MediaTarget, *, tag: str = "", **parameters: Any
    ) -> Link:
        """Let the audio of an incoming stream flow to a sink or another session.

        Args:
            target: A sink of `voxsync.media` (speaker, file, callback) or a session.
            tag: Which of the far end's streams. Default "": the untagged one, the
                only one where the service has no tags.
            parameters: What the target takes, where that is a session.

        Returns:
            The link; it runs until it is stopped or the session is over.

        Raises:
            InvalidState: It flows there already.
            FormatError: This session carries no audio, or its service sends none.
            DeviceError: The sink's device cannot be opened.

        Thread: any. May be called before `connect()`: then nothing is missed.
        """
        if not self._gives_audio:
            raise FormatError(f"the service of a {type(self).__name__} sends no audio")
        source = self._units().stream(tag)
        return source.send_media_to(target, **parameters)

    def stop_media_to(self, target: MediaTarget, *, tag: str | None = None) -> None:
        """Let no more audio flow there; nothing happens where none flows.

        Args:
            target: As in `send_media_to`.
            tag: Only this stream; None = all of them.
        """
        if self._media_units is not None:
            for source in self._media_units.streams(tag):
                source.stop_media_to(target)

    def clear_media_buffer(self, tag: str | None = None, *, gate: bool = False) -> None:
        """Drop received audio that is not heard yet, down to the speaker.

        Call it when the person begins to speak over an answer. What arrives after
        this is heard whole, unless `gate` is set: then what still arrives of the old
        utterance is dropped, too, and counted in `stats.audio_gated`, until the far
        end announces the stream anew or `open_media_gate` is called.

        Args:
            tag: Only this stream; None = all of them.
            gate: Drop what is still on its way as well.

        Thread: any, listeners too; never waits.
        """
        if self._taps:
            self._taps.interrupted(tag)
        self._ask_streams(lambda streams: streams.clear_soon(tag, gate=gate))
        if self._media_units is not None:
            for source in self._media_units.streams(tag):
                source.clear_media_buffer()

    def open_media_gate(self, tag: str | None = None) -> None:
        """What arrives from now on is of the new utterance: let it be heard.

        Args:
            tag: Only this stream; None = all of them.

        Thread: any, listeners too; never waits.
        """
        self._ask_streams(lambda streams: streams.open_gate_soon(tag))

    def _ask_streams(self, ask: Callable[[Streams], None]) -> None:
        connection = self._connection
        if connection is not None and connection.close_event is None:
            ask(connection.engine.streams)
            connection.wake()

    # As a sink

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """See `voxsync.media.source.MediaTarget`."""
        if parameters:
            raise TypeError(
                f"{type(self).__name__} takes no parameters "
                f"({', '.join(sorted(parameters))})"
            )
        return self._units().sink("")

    def _put_media(self, command: object, wanted: Callable[[], bool]) -> bool:
        """Queue audio, waiting for room while it is wanted. Thread: the link's."""
        if not self._outbox.put_wanted(command, wanted):
            return False
        self._wake()
        return True

    # For the connection

    def _make_streams(self) -> Streams:
        """For the engine of a new connection."""
        return Streams(
            self,
            on_audio=self._on_audio,
            holds=self._holds,
            forget=self._forget,
            limit=self._playout_seconds if self._plays_out else math.inf,
        )

    def _forget(self, tag: str) -> None:
        """Too many other streams came since. Thread: I/O; never waits."""
        if self._media_units is not None:
            self._media_units.forget(tag)

    def _rate_of_held(self, tag: str) -> int | None:
        """The sample rate of what a link made now will get first, where that waits."""
        connection = self._connection
        if connection is None:
            return None
        return connection.engine.streams.rate_of_held(tag)

    def _has_held(self, tag: str) -> bool:
        """Whether a link made now, after the end, has audio to come."""
        connection = self._connection
        return connection is not None and connection.engine.streams.holds(tag)

    def _is_playing(self, tag: str) -> bool:
        """Whether a burst is on whose `media-started` may have been told already.

        Of one that is not, `media-started` is still to come. Thread: any.
        """
        connection = self._connection
        return connection is not None and connection.engine.streams.is_playing(tag)

    def _on_audio(self, output: Audio | ClearAudio) -> None:
        """Audio of a stream came, or must go. Thread: I/O; never waits."""
        if self._media_units is not None:
            self._media_units.feed(output)
        elif isinstance(output, Audio):
            self._unlinked += output.seconds

    def _holds(self, tag: str) -> bool:
        """Whether a `media-started` listener may link the stream. Thread: I/O."""
        units = self._media_units
        if units is not None and units.is_linked(tag):
            return False
        return self._delivery.alive or self._has_listeners("media_started")

    def _told(self, event: Event) -> None:
        """All who were told have returned. Thread: events, or the dispatcher's."""
        connection = self._connection
        assert connection is not None
        started = event if isinstance(event, MediaStartedEvent) else None
        if started is not None and connection.close_event is None:
            connection.engine.streams.told_soon(started)
            connection.wake()
            return
        # The I/O thread has done with them.
        connection.engine.streams.told(started)
        if started is None and self._media_units is not None:
            self._media_units.end()

    def _ending(self) -> None:
        """The session ends. Thread: I/O, or whoever ends it; never waits."""
        self._receiver.closing()
        if self._media_units is not None:
            connection = self._connection
            assert connection is not None
            self._media_units.end(but=connection.engine.streams.holds)

    def _units(self) -> SessionUnits:
        form = self._media_format()
        if form is None:
            raise FormatError(
                f"{type(self).__name__} {self.id} carries no audio that could flow: "
                "say what it is with audio=AudioFormat(...)"
            )
        if self._media_units is None:
            from voxsync.session.units import SessionUnits  # noqa: PLC0415 - numpy

            with self._lock:
                if self._media_units is None:
                    self._media_units = SessionUnits(self, form.sample_rate)
        return self._media_units
