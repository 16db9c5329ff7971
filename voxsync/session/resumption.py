"""A session that outlives its connection: the next one opens, then takes its place."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.errors import ConnectError, InvalidState
from voxsync.events import ErrorEvent
from voxsync.session.commands import FINISH
from voxsync.session.connection import Connection
from voxsync.session.dialling import dialler
from voxsync.session.lifecycle import ReadyState
from voxsync.session.waiting import wait_for
from voxsync.wire import Role

if TYPE_CHECKING:
    from voxsync.dialects.base import Dialect
    from voxsync.session.session import Session

__all__ = ["Debts", "resume"]

_CANCEL_SECONDS = 1.0  # what a connection takes to go that is cancelled
_SLICE = 0.05  # seconds until a wait looks about


class Debts(Protocol):
    """What the service still owes on a connection; usually the dialect."""

    leaves_at: float
    """When the service will close it (monotonic seconds); `inf` = unknown."""

    @property
    def owes(self) -> bool:
        """Whether an answer is on or expected. Thread: any."""
        ...

    def is_for_next(self, command: object) -> bool:
        """Whether it is no part of what is on now. Thread: I/O."""
        ...

    def lost(self) -> Exception | None:
        """The connection has ended: what to tell of what it owed. Thread: I/O."""
        ...


def resume(
    session: Session[Any],
    dialect: Dialect[Any],
    timeout: float | None = None,
    debts: Debts | None = None,
) -> None:
    """Open a second connection and let the session go on there.

    The first one goes on meanwhile, and for good if the second cannot be opened. Then,
    once it owes nothing or the time is up, it performs its closing handshake; what it
    still brings is delivered before what the second does. What is queued goes out on
    the second: no message is lost between them; neither `open` nor `close` is told.

    Args:
        session: An open one.
        dialect: A translator for the new connection.
        timeout: Seconds until it must be OPEN, and the first one must have paid its
            debts; None = `options.open_timeout`.
        debts: Of the first one; None = none. What it owes at its end is told by an
            `error` event.

    Raises:
        ConnectError: As `Session.connect`; the session is as it was.
        SessionClosed: It ended meanwhile, or is closing.
        InvalidState: It is not open yet, or being resumed by another thread.

    Thread: any but that of listeners.
    """
    if not session._resuming.acquire(blocking=False):  # noqa: SLF001 - one room
        raise InvalidState("the session is being resumed by another thread")
    try:
        first = session._opened()  # noqa: SLF001
        if first.state is not ReadyState.OPEN:
            raise session._closed_error()  # noqa: SLF001
        seconds = timeout or session.options.open_timeout
        _Change(session, first, dialect, debts).run(seconds)
    finally:
        session._resuming.release()  # noqa: SLF001


class _Change:
    """From one connection to the next; the first one's `Parting`."""

    def __init__(
        self,
        session: Session[Any],
        first: Connection,
        dialect: Dialect[Any],
        debts: Debts | None,
    ) -> None:
        self._session = session
        self._first = first
        self._debts = debts
        self._second = Connection(
            session,
            dialect,
            Role.CLIENT,
            session._interval(),  # noqa: SLF001 - one room
        )
        self._second.stand_by()
        self._thread = threading.Thread(
            target=self._second.run,
            args=(dialler(dialect.request(), session.options),),
            name=f"voxsync-io-{session.id}",
            daemon=True,
        )

    def run(self, timeout: float) -> None:
        """Open the second one, wait for the first one, change."""
        session, first, second = self._session, self._first, self._second
        end = time.monotonic() + timeout
        self._thread.start()
        try:
            second.wait_open(timeout)
            if second.engine.opened_at is None:
                assert second.close_event is not None
                assert second.close_event.error is not None
                raise second.close_event.error
            if self._debts is not None:
                self._wait(self._debts, end)
            if not self._follow():
                raise session._closed_error()  # noqa: SLF001 - one room
            first.close_request = (1000, "resumed")
            first.wake()
            wait_for(first.io_done, session.options.close_timeout)
        finally:  # Ctrl-C comes at any moment, and a session needs one that leads
            first.place.stay()  # nobody else decides now
            if not first.place.is_followed:
                first.wake()  # something may have been held back
                if second.close_event is None:
                    _give_up(second)
            else:
                self._follow()  # where Ctrl-C was faster
                if not first.io_done.is_set():
                    _give_up(first)
                session._outbox.renew_finish(FINISH)  # noqa: SLF001
                second.lead()

    def _wait(self, debts: Debts, end: float) -> None:
        """Let the first one go on while it owes something and there is time."""
        first, second = self._first, self._second
        first.place.last_words(lambda: self._tell(debts))
        first.place.part(self)
        # Sliced as in `Connection.wait_open`: cancel() takes no lock to wake us.
        while debts.owes and not self.is_wanted():
            left = min(end, debts.leaves_at) - time.monotonic()
            if left <= 0 or first.io_done.wait(min(_SLICE, left)):
                return
            if second.close_event is not None:
                words = f"the next connection ended early: {second.close_event.reason}"
                raise ConnectError(words) from second.close_event.error
        if self.is_wanted():
            raise self._session._closed_error()  # noqa: SLF001 - one room

    def _follow(self) -> bool:
        """Let the second one take the first one's place, unless that has ended."""
        session, first, second = self._session, self._first, self._second
        with session._lock:  # noqa: SLF001 - one room
            if not first.place.leave():
                return False
            if session._connection is not second:  # noqa: SLF001
                session._figures.follow(first)  # noqa: SLF001
                session._connection = second  # noqa: SLF001
                session._io_thread = self._thread  # noqa: SLF001
                # What was asked of the first one, and has not been done yet.
                second.close_request = first.close_request
                second.cancelled = first.cancelled
        return True

    def _tell(self, debts: Debts) -> None:
        """The first one's last words. Thread: its I/O thread."""
        error = debts.lost()
        if error is not None:
            self._first.engine.events.append(ErrorEvent(self._session, error))

    # Parting

    def holds_back(self) -> bool:
        """See `Parting`."""
        first, debts = self._first, self._debts
        if self.is_wanted():
            return False  # what was accepted goes out before the Close frame
        if first.engine.state is not ReadyState.OPEN:
            return True
        try:
            item = self._session._outbox.queue[0]  # noqa: SLF001 - one room
        except IndexError:
            return True  # what comes just now has not been looked at
        return debts is not None and debts.is_for_next(item)

    def is_wanted(self) -> bool:
        """See `Parting`."""
        return self._first.cancelled or self._first.close_request is not None

    def give_way(self) -> None:
        """See `Parting`."""
        self._follow()


def _give_up(connection: Connection) -> None:
    connection.cancelled = True
    connection.wake()
    connection.watch()
    wait_for(connection.io_done, _CANCEL_SECONDS)
