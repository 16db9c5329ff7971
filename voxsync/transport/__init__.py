"""The only room with sockets: opening them, and the one thread that moves bytes.

May import: errors, redact, websocket-client; neither frames, services nor events.
Threads: dialling and the loop run on a session's I/O thread; `Wakeup.wake` on any.
"""

from voxsync.transport.dial import Dialled, DialOptions, dial
from voxsync.transport.loop import Channel, Driver, IOLoop
from voxsync.transport.shared import IOThread
from voxsync.transport.wakeup import Wakeup

__all__ = [
    "Channel",
    "DialOptions",
    "Dialled",
    "Driver",
    "IOLoop",
    "IOThread",
    "Wakeup",
    "dial",
]
