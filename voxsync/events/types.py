"""The events a session tells of: frozen, one class each, equal only to themselves.

Names follow the DOM's WebSocket and VoxEngine; order is invariant I1: `created`,
`open`, any of {`message`, `media-*`, `error`}, `close`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

__all__ = [
    "CloseEvent",
    "CreatedEvent",
    "ErrorEvent",
    "Event",
    "EventType",
    "MediaEndedEvent",
    "MediaInfo",
    "MediaStartedEvent",
    "MessageEvent",
    "OpenEvent",
    "TranscriptEvent",
]


class EventType(StrEnum):
    """The names `add_event_listener` takes; plain strings do as well."""

    CREATED = "created"
    OPEN = "open"
    MESSAGE = "message"
    CLOSE = "close"
    ERROR = "error"
    MEDIA_STARTED = "media-started"
    MEDIA_ENDED = "media-ended"
    TRANSCRIPT = "transcript"  # of a conversation only

    def __eq__(self, other: object) -> bool:
        # A service's own enumeration knows that its names are equal to these; str's
        # comparison would not ask it.
        if type(other) is str or type(other) is EventType:
            return str.__eq__(self, other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        if type(other) is str or type(other) is EventType:  # else str's own would say
            return str.__ne__(self, other)
        return NotImplemented

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What every event has.

    Attributes:
        type: Its name, an `EventType`.
        target: The session, unit or conversation it happened to.
    """

    type: ClassVar[EventType]
    # The type as an attribute's name. A plain str, because an enum member hashes
    # in Python code, which shows at thousands of messages a second.
    attribute: ClassVar[str]
    target: Any = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class CreatedEvent(Event):
    """`connect()` was called; the connection is being opened."""

    type: ClassVar[EventType] = EventType.CREATED
    attribute: ClassVar[str] = "created"


@dataclass(frozen=True, slots=True, eq=False)
class OpenEvent(Event):
    """The service takes input."""

    type: ClassVar[EventType] = EventType.OPEN
    attribute: ClassVar[str] = "open"


@dataclass(frozen=True, slots=True, eq=False)
class MessageEvent(Event):
    """The service said something.

    Attributes:
        data: The typed message of the door; `str` or `bytes` with `voxsync.plain`.
    """

    type: ClassVar[EventType] = EventType.MESSAGE
    attribute: ClassVar[str] = "message"
    data: Any

    @property
    def message(self) -> Any:
        """The same as `data`."""
        return self.data

    @property
    def text(self) -> str:
        """The message's text; "" where it has none (binary messages)."""
        data = self.data
        return data if isinstance(data, str) else getattr(data, "text", "")

    @property
    def raw(self) -> Any:
        """The message as the service sent it, where the door keeps that."""
        return getattr(self.data, "raw", self.data)


@dataclass(frozen=True, slots=True, eq=False)
class ErrorEvent(Event):
    """Something went wrong. The session goes on unless `close` follows.

    Attributes:
        error: What went wrong; its traceback and `__cause__` are kept.
    """

    type: ClassVar[EventType] = EventType.ERROR
    attribute: ClassVar[str] = "error"
    error: BaseException


@dataclass(frozen=True, slots=True, eq=False)
class CloseEvent(Event):
    """The session is over; nothing follows.

    Attributes:
        code: The peer's close code; 1005 = it gave none; 1006 = no closing
            handshake; 1002, 1007, 1009 = we closed for a broken rule.
        reason: The peer's words, or ours.
        was_clean: Whether the closing handshake was completed.
        unsent: Messages accepted by a `send` that never reached the socket.
        error: Why, if the end was a failure; None after a good end.
    """

    type: ClassVar[EventType] = EventType.CLOSE
    attribute: ClassVar[str] = "close"
    code: int
    reason: str = ""
    was_clean: bool = False
    unsent: int = 0
    error: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """How much audio of a stream was heard.

    Attributes:
        duration: Whole seconds, cut off, of all the stream's bursts together: what
            VoxEngine says (Voximplant notes, 2.9).
        seconds: The same, exactly.
        burst_seconds: Of the burst that ended.
        reason: `"silence"` (a second without audio), `"clear"` (the same, and the
            buffer was emptied), `"stop"` (the far end's, once its audio was heard) or
            `"close"`.
    """

    duration: int
    seconds: float
    burst_seconds: float
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class MediaStartedEvent(Event):
    """The far end's audio begins to play (again).

    Attributes:
        tag: Which of the far end's streams.
        encoding: As the service names it.
        custom_parameters: What the far end attached.
    """

    type: ClassVar[EventType] = EventType.MEDIA_STARTED
    attribute: ClassVar[str] = "media_started"
    tag: str
    encoding: str = ""
    custom_parameters: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class MediaEndedEvent(Event):
    """The far end's audio has run out, or was stopped.

    Attributes:
        tag: Which of the far end's streams.
        media_info: How much there was: a `MediaInfo`, or what the service says at
            the end of its stream.
    """

    type: ClassVar[EventType] = EventType.MEDIA_ENDED
    attribute: ClassVar[str] = "media_ended"
    tag: str
    media_info: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class TranscriptEvent(Event):
    """What somebody said in a conversation, as the service heard or spoke it.

    Attributes:
        text: The next piece; with its own spaces, so pieces can be joined. "" where
            there is only the end to tell.
        speaker: "user" or "model".
        is_final: This is the last piece of what was said in this turn.
    """

    type: ClassVar[EventType] = EventType.TRANSCRIPT
    attribute: ClassVar[str] = "transcript"
    text: str
    speaker: str
    is_final: bool = False
