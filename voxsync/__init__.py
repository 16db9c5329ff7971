"""voxsync: real-time voice over WebSocket for synchronous programs.

The doors are `voxsync.mimi`, `voxsync.voximplant`, `voxsync.gemini` and
`voxsync.plain`; microphones, speakers, files and other units are in `voxsync.media`,
and both together make a `voxsync.conversation`; what all of them share is here.
Names are resolved when first used, so that `import voxsync` itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as type checkers know it; `typing` would take 10 ms to load

if TYPE_CHECKING:
    from voxsync.audio import AudioFormat
    from voxsync.conversation import AudioConversation, start_audio_conversation
    from voxsync.errors import (
        AnswerCutOff,
        ConcurrencyError,
        ConnectError,
        DeviceError,
        FormatError,
        HandshakeError,
        InvalidState,
        MediaError,
        MissingExtra,
        OpenTimeout,
        ProtocolError,
        ReceiveTimeout,
        SendQueueFull,
        SessionClosed,
        SetupError,
        TraceError,
        VoxsyncError,
    )
    from voxsync.events import (
        CloseEvent,
        ErrorEvent,
        EventType,
        MessageEvent,
        OpenEvent,
        QueueDispatcher,
    )
    from voxsync.events.qt import QtDispatcher
    from voxsync.events.tk import TkDispatcher
    from voxsync.gemini import LiveGenerativeModel, LiveSession
    from voxsync.media import audio_devices
    from voxsync.mimi import MimiSession
    from voxsync.plain import PlainSession
    from voxsync.session import ReadyState, SessionOptions
    from voxsync.session.stats import Stats
    from voxsync.transport import IOThread
    from voxsync.voximplant import WebSocket
    from voxsync.websocket_server import WebSocketServer

__all__ = [
    "AnswerCutOff",
    "AudioConversation",
    "AudioFormat",
    "CloseEvent",
    "ConcurrencyError",
    "ConnectError",
    "DeviceError",
    "ErrorEvent",
    "EventType",
    "FormatError",
    "HandshakeError",
    "IOThread",
    "InvalidState",
    "LiveGenerativeModel",
    "LiveSession",
    "MediaError",
    "MessageEvent",
    "MimiSession",
    "MissingExtra",
    "OpenEvent",
    "OpenTimeout",
    "PlainSession",
    "ProtocolError",
    "QtDispatcher",
    "QueueDispatcher",
    "ReadyState",
    "ReceiveTimeout",
    "SendQueueFull",
    "SessionClosed",
    "SessionOptions",
    "SetupError",
    "Stats",
    "TkDispatcher",
    "TraceError",
    "VoxsyncError",
    "WebSocket",
    "WebSocketServer",
    "audio_devices",
    "start_audio_conversation",
]

_HOMES = {
    "audio": ("AudioFormat",),
    "conversation": ("AudioConversation", "start_audio_conversation"),
    "events": (
        "CloseEvent",
        "ErrorEvent",
        "EventType",
        "MessageEvent",
        "OpenEvent",
        "QueueDispatcher",
    ),
    "events.qt": ("QtDispatcher",),
    "events.tk": ("TkDispatcher",),
    "gemini": ("LiveGenerativeModel", "LiveSession"),
    "media": ("audio_devices",),
    "mimi": ("MimiSession",),
    "plain": ("PlainSession",),
    "session": ("ReadyState", "SessionOptions"),
    "session.stats": ("Stats",),
    "transport": ("IOThread",),
    "voximplant": ("WebSocket",),
    "websocket_server": ("WebSocketServer",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'voxsync' has no attribute {name!r}")
    home = _HOME_OF.get(name, "errors")
    value = getattr(import_module(f"voxsync.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
