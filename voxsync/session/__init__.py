"""Joins engine, threads, queues and events into what users hold.

May import: every room below; not doors, server, simulators or cli.
Threads: the application's, one I/O thread and one events thread per session; while it
is being resumed, the next connection has an I/O thread already.
"""

from voxsync.session.lifecycle import ReadyState
from voxsync.session.messages import MessageSession
from voxsync.session.options import AUTO, Headers, SessionOptions
from voxsync.session.session import Session
from voxsync.session.tapping import TapRecord

__all__ = [
    "AUTO",
    "Headers",
    "MessageSession",
    "ReadyState",
    "Session",
    "SessionOptions",
    "TapRecord",
]
