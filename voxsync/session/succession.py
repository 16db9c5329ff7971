"""Which of a session's connections speaks for it, while one follows another."""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.errors import ConnectError
    from voxsync.session.lifecycle import Ended

__all__ = ["Parting", "Place", "Succession"]


class Place(Enum):
    """What the end of a connection means to its session."""

    LEADING = "the session ends with it"
    WAITING = "it was to follow another one and never did; that one goes on"
    FOLLOWED = "another one goes on in its place"


class Parting(Protocol):
    """How a connection leads that another one is about to follow."""

    def holds_back(self) -> bool:
        """Whether what is queued next is for the other one. Thread: I/O."""
        ...

    def is_wanted(self) -> bool:
        """Whether its end is what the application wants. Takes no lock."""
        ...

    def give_way(self) -> None:
        """It has ended unasked: the other one goes on. Thread: I/O."""
        ...


class Succession:
    """One connection's place. Usual: it leads from the beginning to the end.

    Thread: any; all of it is decided under one lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place = Place.LEADING
        self._end: tuple[Ended, ConnectError | None] | None = None
        self._parting: Parting | None = None
        self._last_words: Callable[[], object] | None = None

    @property
    def leads(self) -> bool:
        """Whether what the application sends goes out here."""
        parting = self._parting
        return self._place is Place.LEADING and (
            parting is None or not parting.holds_back()
        )

    @property
    def waits(self) -> bool:
        """Whether another connection still speaks for the session."""
        return self._place is Place.WAITING

    @property
    def is_followed(self) -> bool:
        """Whether another connection has taken over."""
        return self._place is Place.FOLLOWED

    def stand_by(self) -> None:
        """Begin behind another connection, until `lead`."""
        self._place = Place.WAITING

    def part(self, parting: Parting) -> None:
        """Lead on for now; another one is there if this one ends."""
        self._parting = parting

    def stay(self) -> None:
        """The other one follows by `leave` only. Not if it does so already."""
        with self._lock:
            self._parting = None

    def leave(self) -> bool:
        """Let another one follow; False: the session has ended with this one."""
        with self._lock:
            if self._place is Place.FOLLOWED:
                return True
            if self._end is not None:
                return False
            self._place = Place.FOLLOWED
            return True

    def last_words(self, say: Callable[[], object]) -> None:
        """What to do at the end of one that is followed, before its last events."""
        self._last_words = say

    def lead(self) -> tuple[Ended, ConnectError | None] | None:
        """Take over; if it has ended before, how: the session ends, too."""
        with self._lock:
            self._place = Place.LEADING
            return self._end

    def end(self, ended: Ended, open_error: ConnectError | None) -> Place:
        """The connection is over; what that means. Thread: whoever tells of it."""
        with self._lock:
            parting = self._parting
            gives_way = (
                self._place is Place.LEADING
                and parting is not None
                and not parting.is_wanted()
            )
            if gives_way:
                self._place = Place.FOLLOWED
            self._end = (ended, open_error)
            place = self._place
            say, self._last_words = self._last_words, None
        if gives_way:
            assert parting is not None
            parting.give_way()
        if place is Place.FOLLOWED and say is not None:
            say()
        return place
