"""Incoming connections (extra `server`: the websockets package, its sans-I/O part).

May import: session and below, websockets; not doors, simulators or cli.
Threads: one accepts; each connection's own I/O thread performs its upgrade.
"""

from voxsync.server.listener import Listener
from voxsync.server.places import ListenerStats
from voxsync.server.session import ServerSession
from voxsync.server.upgrade import IncomingRequest, Refusal, Upgrade

__all__ = [
    "IncomingRequest",
    "Listener",
    "ListenerStats",
    "Refusal",
    "ServerSession",
    "Upgrade",
]
