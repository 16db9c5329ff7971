"""voxsync: real-time voice over WebSocket for synchronous programs.

The doors are `voxsync.mimi` and `voxsync.plain`; what all of them share is here.
Names are resolved when first used, so that `import voxsync` itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.audio import AudioFormat
    from voxsync.errors import (
        ConcurrencyError,
        ConnectError,
        FormatError,
        HandshakeError,
        InvalidState,
        MissingExtra,
        OpenTimeout,
        ProtocolError,
        ReceiveTimeout,
        SendQueueFull,
        SessionClosed,
        SetupError,
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
    from voxsync.mimi import MimiSession
    from voxsync.plain import PlainSession
    from voxsync.session import ReadyState, SessionOptions
    from voxsync.session.stats import Stats

__all__ = [
    "AudioFormat",
    "CloseEvent",
    "ConcurrencyError",
    "ConnectError",
    "ErrorEvent",
    "EventType",
    "FormatError",
    "HandshakeError",
    "InvalidState",
    "MessageEvent",
    "MimiSession",
    "MissingExtra",
    "OpenEvent",
    "OpenTimeout",
    "PlainSession",
    "ProtocolError",
    "QueueDispatcher",
    "ReadyState",
    "ReceiveTimeout",
    "SendQueueFull",
    "SessionClosed",
    "SessionOptions",
    "SetupError",
    "Stats",
    "VoxsyncError",
]

_HOMES = {
    "audio": ("AudioFormat",),
    "events": (
        "CloseEvent",
        "ErrorEvent",
        "EventType",
        "MessageEvent",
        "OpenEvent",
        "QueueDispatcher",
    ),
    "mimi": ("MimiSession",),
    "plain": ("PlainSession",),
    "session": ("ReadyState", "SessionOptions"),
    "session.stats": ("Stats",),
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
