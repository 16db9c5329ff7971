"""Which of a session's connections speaks for it, while one follows another."""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.errors import ConnectError
    from voxsync.session.lifecycle import Ended

__all__ = ["Place", "Succession"]


class Place(Enum):
    """What the end of a connection means to its session."""

    LEADING = "the session ends with it"
    WAITING = "it was to follow another one and never did; that one goes on"
    FOLLOWED = "another one goes on in its place"


class Succession:
    """One connection's place. Usual: it leads from the beginning to the end.

    Thread: any; all of it is decided under one lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place = Place.LEADING
        self._end: tuple[Ended, ConnectError | None] | None = None

    @property
    def leads(self) -> bool:
        """Whether what the application sends goes out here."""
        return self._place is Place.LEADING

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

    def leave(self) -> bool:
        """Let another one follow; False: the session has ended with this one."""
        with self._lock:
            if self._end is not None:
                return False
            self._place = Place.FOLLOWED
            return True

    def lead(self) -> tuple[Ended, ConnectError | None] | None:
        """Take over; if it has ended before, how: the session ends, too."""
        with self._lock:
            self._place = Place.LEADING
            return self._end

    def end(self, ended: Ended, open_error: ConnectError | None) -> Place:
        """The connection is over; what that means."""
        with self._lock:
            self._end = (ended, open_error)
            return self._place
