"""Who is in, and who may come in: handshakes under way and open connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from voxsync.session import Session

__all__ = ["ListenerStats", "Outcome", "Place", "Places"]

Outcome = Literal[
    "accepted",
    "refused_full",
    "refused_address",
    "refused_check",
    "failed_handshakes",
    "dropped_half_open",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerStats:
    """What became of the connections that came in; each is counted once.

    Attributes:
        accepted: Let in: answered with 101.
        refused_full: Answered with 503: as many as are allowed were open.
        refused_address: Answered with 503: as many as one address may have were open.
        refused_check: Refused for their path or origin, or by the check.
        failed_handshakes: Left early, came too late, or asked for nothing that is
            to be had here (400, 426, 431).
        dropped_half_open: Ended because too many handshakes were under way.
        pending: Handshakes that are under way now and have no outcome yet.
    """

    accepted: int = 0
    refused_full: int = 0
    refused_address: int = 0
    refused_check: int = 0
    failed_handshakes: int = 0
    dropped_half_open: int = 0
    pending: int = 0


@dataclass(slots=True, eq=False)
class Place:
    """One connection, from its arrival to its end; `Places` guards what changes.

    Attributes:
        sock: Its socket, for TLS the one on top.
        address: The peer's.
        outcome: What became of its handshake, once that is known.
        session: Whose it is, once there is one.
        thread: Its own, once that is started.
    """

    sock: socket.socket
    address: tuple[str, int]
    outcome: Outcome | None = None
    session: Session[Any] | None = None
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The peer's address without its port."""
        return self.address[0]


class Places:
    """Counts who is in.

    A connection is pending until its request has been read, and again after a
    refusal until it has ended. Pending ones take no place of the open ones. Of
    them there is a bound of its own, and where one more comes the oldest has to
    go: the oldest of that address which has the most, so that an address which
    opens many ends its own and nobody else's.

    Thread: any.
    """

    def __init__(
        self, max_connections: int, max_per_address: int | None, max_handshakes: int
    ) -> None:
        for name, count in (
            ("max_connections", max_connections),
            ("max_per_address", max_per_address),
            ("max_handshakes", max_handshakes),
        ):
            if count is None and name == "max_per_address":
                continue
            if isinstance(count, bool) or not isinstance(count, int):
                raise TypeError(f"{name} must be an int, not {count!r}")
            if count < 1:
                raise ValueError(f"{name} must be at least 1, not {count}")
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._max_handshakes = max_handshakes
        self._lock = threading.Lock()  # guards all below, and the places
        self._all: set[Place] = set()
        self._pending: dict[Place, None] = {}  # oldest first
        self._pending_by_host: Counter[str] = Counter()
        self._open: set[Place] = set()
        self._open_by_host: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._closing = False

    @property
    def stats(self) -> ListenerStats:
        """What became of whom, until now."""
        with self._lock:
            pending = sum(place.outcome is None for place in self._all)
            return ListenerStats(pending=pending, **self._counts)

    @property
    def sessions(self) -> frozenset[Any]:
        """Those that are open."""
        with self._lock:
            return frozenset(p.session for p in self._open if p.session is not None)

    def enter(self, place: Place) -> Place | None:
        """Take in a connection that just came; returns whom that has driven out."""
        with self._lock:
            self._all.add(place)
            if self._closing:
                _shut(place, socket.SHUT_RD)
            return self._pend(place)

    def secure(self, place: Place, sock: socket.socket) -> None:
        """Put the TLS socket in place of the one it was made of.

        Raises:
            ConnectionAbortedError: The handshake was dropped meanwhile.
        """
        with self._lock:
            place.sock = sock
            self._still_wanted(place)
            if self._closing:
                _shut(place, socket.SHUT_RD)

    def take(self, place: Place) -> Outcome | None:
        """Make a pending connection one of the open ones; returns why not.

        Raises:
            ConnectionAbortedError: The handshake was dropped meanwhile.
        """
        with self._lock:
            self._still_wanted(place)
            if len(self._open) >= self._max_connections:
                return "refused_full"
            limit = self._max_per_address
            if limit is not None and self._open_by_host[place.host] >= limit:
                return "refused_address"
            self._unpend(place)
            self._open.add(place)
            self._open_by_host[place.host] += 1
            return None

    def give_back(self, place: Place) -> Place | None:
        """It was refused and only has to be told; returns whom that drives out."""
        with self._lock:
            if place not in self._open:
                return None
            self._vacate(place)
            return self._pend(place)

    def settle(self, place: Place, outcome: Outcome) -> None:
        """Count what became of it, unless that was known."""
        with self._lock:
            self._settle(place, outcome)

    def serve(self, place: Place, session: Session[Any]) -> bool:
        """Note its session; returns whether all is being closed already."""
        with self._lock:
            place.session = session
            return self._closing

    def leave(self, place: Place) -> None:
        """It is over; nobody will touch its socket any more."""
        with self._lock:
            self._unpend(place)
            if place in self._open:
                self._vacate(place)
            self._all.discard(place)

    def close(self) -> None:
        """From now on, hear nobody who is not a session yet."""
        with self._lock:
            self._closing = True
            for place in self._all:
                if place.session is None:
                    # What is to be said to it can still be said.
                    _shut(place, socket.SHUT_RD)

    @property
    def threads(self) -> list[threading.Thread]:
        """Of those who are in."""
        with self._lock:
            return [p.thread for p in self._all if p.thread is not None]

    def __len__(self) -> int:
        """How many are in, whatever their state."""
        with self._lock:
            return len(self._all)

    # Under the lock

    def _pend(self, place: Place) -> Place | None:
        self._pending[place] = None
        self._pending_by_host[place.host] += 1
        if len(self._pending) <= self._max_handshakes:
            return None
        most = max(self._pending_by_host.values())
        oldest = next(p for p in self._pending if self._pending_by_host[p.host] == most)
        self._unpend(oldest)
        self._settle(oldest, "dropped_half_open")
        _shut(oldest, socket.SHUT_RDWR)  # its thread wakes and sees the end
        return oldest

    def _unpend(self, place: Place) -> None:
        if place in self._pending:
            del self._pending[place]
            _one_less(self._pending_by_host, place.host)

    def _vacate(self, place: Place) -> None:
        self._open.discard(place)
        _one_less(self._open_by_host, place.host)

    def _settle(self, place: Place, outcome: Outcome) -> None:
        if place.outcome is None:
            place.outcome = outcome
            self._counts[outcome] += 1

    def _still_wanted(self, place: Place) -> None:
        if place.outcome == "dropped_half_open":
            raise ConnectionAbortedError("the handshake was dropped for a newer one")


def _one_less(counts: Counter[str], host: str) -> None:
    counts[host] -= 1
    if not counts[host]:
        del counts[host]  # or it would grow with the addresses ever seen


def _shut(place: Place, how: int) -> None:
    with contextlib.suppress(OSError):  # gone by itself
        # Not SSLSocket's own shutdown: that takes the TLS state from under the
        # thread which is reading.
        socket.socket.shutdown(place.sock, how)
