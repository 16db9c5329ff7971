"""A `WebSocket` as VoxEngine's scripts have it, with what a test needs to misbehave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxsync.dialects.base import Audio
from voxsync.session.misbehaviour import Misbehaving
from voxsync.voximplant import WebSocket, WebSocketEvents

if TYPE_CHECKING:
    from voxsync.dialects.base import ClearAudio, Dialect
    from voxsync.events import Event
    from voxsync.simulators.voximplant_acts import VoxActs
    from voxsync.simulators.voximplant_log import Log

__all__ = ["EngineSocket"]


class EngineSocket(Misbehaving[str], WebSocket):
    """A socket of a VoxEngine session. Made by that.

    Its events come on the engine's thread and are in the engine's log. `close()` does
    not wait, as in VoxEngine.

    Attributes:
        number: Of the socket in its session, from 1; 0 = not known yet.
        acts: The faults that it has.
        is_playing: Whether audio of the far end is heard, or was a second ago: the
            tags of which that is so. Thread: the engine's.
    """

    number: int = 0
    acts: VoxActs

    def attach(self, number: int, acts: VoxActs, log: Log) -> None:
        """Become part of a session, before it is connected: `number`, `acts`, `log`."""
        self.number = number
        self.acts = acts
        self.is_playing: set[str] = set()
        self._log = log
        self._heard = 0  # bytes of audio; the I/O thread's
        for kind in WebSocketEvents:
            self.add_event_listener(kind, self._note)

    def close(self, code: int = 1000, reason: str = "", *, wait: bool = False) -> None:
        """See `WebSocket.close`; does not wait unless it is told to."""
        super().close(code, reason, wait=wait)

    def _make_dialect(self) -> Dialect[str]:
        return self.acts.rewrite(super()._make_dialect())

    def _on_audio(self, output: Audio | ClearAudio) -> None:
        super()._on_audio(output)
        if isinstance(output, Audio):
            self._heard += len(output.pcm)
            self.acts.heard(self, self._heard)

    def _note(self, event: Event) -> None:
        """Put the event into the log, and let the faults of that point happen."""
        name, fields = str(event.type), _fields(event)
        if name == "media-started":
            self.is_playing.add(fields["tag"])
        elif name == "media-ended":
            self.is_playing.discard(fields["tag"])
        self._log.add(name, socket=self.number, **fields)
        self.acts.happened(self, name)

    def __repr__(self) -> str:
        if self.request is not None:  # the path of its URL is a secret
            return f"<WebSocket {self.id} {self._state.name} (came in)>"
        return super().__repr__()


def _fields(event: Any) -> dict[str, Any]:
    """What the event says, without what it is about."""
    match str(event.type):
        case "message":
            return {"text": event.text}
        case "error":
            return {"error": event.error}
        case "close":
            return {
                "code": event.code,
                "reason": event.reason,
                "was_clean": event.was_clean,
            }
        case "media-started":
            return {
                "tag": event.tag,
                "encoding": event.encoding,
                "custom_parameters": event.custom_parameters,
            }
        case "media-ended":
            return {"tag": event.tag, "media_info": event.media_info}
        case _:
            return {}
