"""All faults of one connection at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from voxsync.errors import VoxsyncError
from voxsync.simulators.acts_opening import Answer, Hold, Leave
from voxsync.simulators.acts_results import Final, Rewrite, Travel
from voxsync.simulators.acts_session import (
    STRANGE,
    Deaf,
    Drip,
    End,
    Flood,
    Idle,
    Inject,
)

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from voxsync.server import Refusal, ServerSession
    from voxsync.simulators.act import Act
    from voxsync.simulators.faults import Fault, Point

__all__ = ["Acts"]

_ACTS: Mapping[str, Callable[[Fault, threading.Event], Act]] = {
    **dict.fromkeys(("silent", "delay", "no_answer", "delay_answer"), Hold),
    **dict.fromkeys(("hang_up", "reset"), Leave),
    **dict.fromkeys(("status", "bad_accept", "not_http", "token_expiry"), Answer),
    **dict.fromkeys(("close", "close_empty", "close_short", "fin", "rst"), End),
    **dict.fromkeys(STRANGE, Inject),
    **dict.fromkeys(("burst", "huge_result"), Flood),
    **dict.fromkeys(("no_pong", "stop_reading", "stall"), Deaf),
    **dict.fromkeys(("no_final", "no_close", "duplicate_final"), Final),
    **dict.fromkeys(("empty_response", "unknown_keys"), Rewrite),
    **dict.fromkeys(("fragmented", "latency", "bandwidth"), Travel),
    "idle": Idle,
    "drip": Drip,
}


class Acts:
    """All faults of one connection, in the order they were given.

    Attributes:
        table: What each fault of the service's menu does.
    """

    table: ClassVar[Mapping[str, Callable[[Fault, threading.Event], Act]]] = _ACTS

    def __init__(
        self, number: int, faults: Iterable[Fault], closing: threading.Event
    ) -> None:
        """Choose those that are for the `number`-th connection (the first is 1)."""
        self.number = number
        self._acts = [
            self.table[each.name](each, closing)
            for each in faults
            if each.connections is None or number <= each.connections
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The faults' names."""
        return tuple(act.fault.name for act in self._acts)

    @property
    def closes(self) -> bool:
        """Whether a Close frame follows the final result."""
        return all(act.closes for act in self._acts)

    @property
    def deaf(self) -> bool:
        """Whether a polite end is of no use."""
        return any(act.deaf for act in self._acts)

    def idle_timeout(self, usual: float | None) -> float | None:
        """The idle limit, seconds."""
        found = [act.idle_timeout for act in self._acts]
        return next((each for each in found if each is not None), usual)

    def accepted(self, sock: socket.socket) -> bool:
        """See `Act`."""
        return all(act.accepted(sock) for act in self._acts)

    def refuse(self) -> Refusal | None:
        """See `Act`."""
        found = (act.refuse(self.number) for act in self._acts)
        return next((each for each in found if each is not None), None)

    def answer(self, data: bytes) -> bytes:
        """See `Act`."""
        for act in self._acts:
            data = act.answer(data)
        return data

    def wrap(self, sock: socket.socket) -> socket.socket:
        """See `Act`."""
        for act in self._acts:
            sock = act.wrap(sock)
        return sock

    def reach(self, session: ServerSession, point: Point, heard: int) -> bool:
        """See `Act`; those behind the one that ends it all are not asked."""
        try:
            return any(act.reach(session, point, heard) for act in self._acts)
        except VoxsyncError:
            return True  # the peer was faster; its close event tells the rest

    def send(self, session: ServerSession, message: str, *, final: bool) -> bool:
        """Send a result as the acts have it; False = the session is over."""
        items: list[str | bytes] = [message]
        for act in self._acts:
            items = [
                made for item in items for made in act.send(session, item, final=final)
            ]
        try:
            for item in items:
                if isinstance(item, str):
                    session.send_text(item)
                else:
                    session.inject(item)
        except VoxsyncError:
            return False  # the peer was faster; its close event tells the rest
        return True
