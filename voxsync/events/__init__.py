"""Who is told what, and on which thread.

May import: errors, blinker, the standard library; nothing above.
Threads: listeners run on the session's events thread or where its dispatcher says.
`voxsync.events.tk` and `voxsync.events.qt` carry them to a GUI's thread; they are
not imported here, and import their toolkit only when used.
"""

from voxsync.events.dispatch import Dispatcher, InlineDispatcher, QueueDispatcher
from voxsync.events.signals import EventSignal, Signals
from voxsync.events.target import EventTarget
from voxsync.events.types import (
    CloseEvent,
    CreatedEvent,
    ErrorEvent,
    Event,
    EventType,
    MediaEndedEvent,
    MediaInfo,
    MediaStartedEvent,
    MessageEvent,
    OpenEvent,
    TranscriptEvent,
)

__all__ = [
    "CloseEvent",
    "CreatedEvent",
    "Dispatcher",
    "ErrorEvent",
    "Event",
    "EventSignal",
    "EventTarget",
    "EventType",
    "InlineDispatcher",
    "MediaEndedEvent",
    "MediaInfo",
    "MediaStartedEvent",
    "MessageEvent",
    "OpenEvent",
    "QueueDispatcher",
    "Signals",
    "TranscriptEvent",
]
