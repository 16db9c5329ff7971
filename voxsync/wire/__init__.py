"""Frames of RFC 6455 as a pure state machine, for both roles, and its deadlines.

May import: stdlib without sockets, threads, clocks or logs; errors; numpy (lazily).
Threads: none of its own; each object is used by one thread at a time (I4).
"""

from voxsync.wire.frames import (
    Binary,
    Close,
    Fault,
    Message,
    Opcode,
    Ping,
    Pong,
    Role,
    Text,
    is_sendable_close_code,
)
from voxsync.wire.keepalive import Keepalive, Verdict
from voxsync.wire.wire import Wire

__all__ = [
    "Binary",
    "Close",
    "Fault",
    "Keepalive",
    "Message",
    "Opcode",
    "Ping",
    "Pong",
    "Role",
    "Text",
    "Verdict",
    "Wire",
    "is_sendable_close_code",
]
