"""The audio of a conversation: two units, the links between them and a session."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voxsync.audio.pcm import Level
from voxsync.errors import FormatError, SessionClosed
from voxsync.events import EventType

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from voxsync.conversation.gate import Gate
    from voxsync.events import MediaEndedEvent, MediaStartedEvent
    from voxsync.media import Link, Source
    from voxsync.media.source import MediaTarget
    from voxsync.session import Session

__all__ = ["Flow", "Levels", "check_bool"]


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud it is now, both ways.

    Attributes:
        input: What the microphone gives, muted or not.
        output: What is heard.
    """

    input: Level = field(default_factory=Level)
    output: Level = field(default_factory=Level)


class Flow:
    """Microphone to session, session to speaker; it ends with the latter.

    Args:
        session: The session.
        microphone: Where the audio comes from; None = the default device.
        speaker: Where it goes; None = the default device.
        failed: Called with what ended one of the two ways; never waits.

    Raises:
        TypeError: A unit is none.

    Thread: any.
    """

    def __init__(
        self,
        session: Session[Any],
        microphone: Source | Session[Any] | None,
        speaker: MediaTarget | None,
        *,
        failed: Callable[[BaseException], object],
    ) -> None:
        _check_units(microphone, speaker)
        self._session = session
        self._microphone = microphone
        self._speaker = speaker
        self._failed = failed
        self._lock = threading.Lock()  # guards the next three
        self._mute = False
        self._media_told = False
        self._gate: Gate | None = None
        self._up: Link | None = None
        self._down: Link | None = None

    def prepare(self, stack: contextlib.ExitStack) -> None:
        """Open the devices, where they are ours; the stack closes them.

        Raises:
            FormatError: The session carries no audio, or one way only.
            MissingExtra, DeviceError: There is no such device, or it does not open.
        """
        from voxsync.conversation.gate import Gate  # noqa: PLC0415 - numpy
        from voxsync.media import Microphone, Speaker  # noqa: PLC0415 - numpy

        session = self._session
        if not session._gives_audio:  # noqa: SLF001 - a door is its session's friend
            raise FormatError(f"the service of {session!r} sends no audio")
        gate = Gate(session, self._input_ended)
        with self._lock:
            gate.mute = self._mute
            self._gate = gate
        if self._microphone is None:
            microphone = self._microphone = Microphone()
            stack.callback(microphone.close)
            microphone.open()
        if self._speaker is None:
            speaker = self._speaker = Speaker()
            stack.callback(speaker.close)
            speaker.open()

    def begin(self, stack: contextlib.ExitStack) -> None:
        """Let the audio flow; the stack ends that. After `prepare`."""
        assert self._microphone is not None
        assert self._speaker is not None
        assert self._gate is not None
        self._down = down = self._session.send_media_to(self._speaker)
        stack.callback(down.stop)
        self._up = up = self._microphone.send_media_to(self._gate)
        stack.callback(up.stop)

    @property
    def mute(self) -> bool:
        """Whether the microphone's audio stays here. May be set."""
        return self._mute

    @mute.setter
    def mute(self, muted: bool) -> None:
        check_bool("mute", muted)
        with self._lock:
            self._mute = muted
            if self._gate is not None:
                self._gate.mute = muted

    @property
    def levels(self) -> Levels:
        """How loud it is now."""
        gate, down = self._gate, self._down
        if gate is None or down is None:
            return Levels()
        return Levels(gate.level, down.sink.level)

    def on_media(self, event: MediaStartedEvent | MediaEndedEvent) -> None:
        """For half duplex: the session's audio begins to be heard, or has been."""
        with self._lock:
            gate = self._gate
            if gate is not None and not event.tag:  # the others are not heard here
                self._media_told = True
                gate.sounding(event.type is EventType.MEDIA_STARTED)

    def look_for_media(self) -> None:
        """For half duplex, once `on_media` listens: a burst may be on already."""
        with self._lock:
            # What has been told since is newer than what is seen here.
            if (
                self._gate is not None
                and not self._media_told
                and self._session._is_playing("")  # noqa: SLF001
            ):
                self._gate.sounding(True)

    def wait(self) -> None:
        """Wait for the end of what is heard. Raises what it ended by."""
        assert self._down is not None
        self._down.wait()

    def silence(self) -> None:
        """Drop what is not heard yet, and hear no more. Never waits."""
        down = self._down
        if down is not None:
            down.clear()
            down.abort(None)

    def runs_here(self) -> bool:
        """Whether the caller is a unit's function, called by one of the links."""
        here = threading.current_thread()
        links = (self._up, self._down)
        return any(link is not None and link._thread is here for link in links)  # noqa: SLF001

    def _input_ended(self, error: BaseException | None) -> None:
        """The link of the microphone has. Thread: that link's; never waits."""
        # The end of the session is what the other link tells of, when all is heard.
        if error is not None and not isinstance(error, SessionClosed):
            self._failed(error)
            self.silence()


def check_bool(name: str, value: object) -> None:
    """Raise the `TypeError` that what is no bool deserves."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {value!r}")


def _check_units(microphone: object, speaker: object) -> None:
    for name, unit, verb, examples in (
        ("microphone", microphone, "send_media_to", "Microphone(), WavReader(path)"),
        ("speaker", speaker, "_media_sink", "Speaker(), WavWriter(path)"),
    ):
        if unit is not None and (isinstance(unit, type) or not hasattr(unit, verb)):
            raise TypeError(
                f"{name} must be a unit of voxsync.media ({examples}) or a session, "
                f"not {unit!r}"
            )
