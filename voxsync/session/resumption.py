"""A session that outlives its connection: the next one opens, then takes its place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from voxsync.errors import InvalidState
from voxsync.session.commands import FINISH
from voxsync.session.connection import Connection
from voxsync.session.dialling import dialler
from voxsync.session.lifecycle import ReadyState
from voxsync.session.waiting import wait_for
from voxsync.wire import Role

if TYPE_CHECKING:
    from voxsync.dialects.base import Dialect
    from voxsync.session.session import Session

__all__ = ["resume"]

_CANCEL_SECONDS = 1.0  # what a connection takes to go that is cancelled


def resume(
    session: Session[Any], dialect: Dialect[Any], timeout: float | None = None
) -> None:
    """Open a second connection and let the session go on there.

    The first one goes on meanwhile, and for good if the second cannot be opened. Then
    it performs its closing handshake; what it still brings is delivered before what the
    second does. What is queued goes out on the second: no message is lost between
    them, and there is no `open` or `close` event.

    Args:
        session: An open one.
        dialect: A translator for the new connection.
        timeout: Seconds until it must be OPEN; None = `options.open_timeout`.

    Raises:
        ConnectError: As `Session.connect`; the session is as it was.
        SessionClosed: It ended meanwhile.
        InvalidState: It is not open yet, or being resumed by another thread.

    Thread: any but that of listeners.
    """
    if not session._resuming.acquire(blocking=False):  # noqa: SLF001 - one room
        raise InvalidState("the session is being resumed by another thread")
    try:
        _resume(session, dialect, timeout or session.options.open_timeout)
    finally:
        session._resuming.release()  # noqa: SLF001


def _resume(session: Session[Any], dialect: Dialect[Any], timeout: float) -> None:
    first = session._opened()  # noqa: SLF001
    if first.state is not ReadyState.OPEN:
        raise session._closed_error()  # noqa: SLF001
    second = Connection(session, dialect, Role.CLIENT, session._interval())  # noqa: SLF001
    second.stand_by()
    thread = threading.Thread(
        target=second.run,
        args=(dialler(dialect.request(), session.options),),
        name=f"voxsync-io-{session.id}",
        daemon=True,
    )
    thread.start()
    try:
        second.wait_open(timeout)
    except BaseException:  # Ctrl-C
        _give_up(second)
        raise
    if second.engine.opened_at is None:
        assert second.close_event is not None
        assert second.close_event.error is not None
        raise second.close_event.error
    try:
        with session._lock:  # noqa: SLF001
            goes_on = first.place.leave()
            if goes_on:
                session._figures.follow(first)  # noqa: SLF001
                session._connection = second  # noqa: SLF001
                session._io_thread = thread  # noqa: SLF001
                # What was asked of the first one, and has not been done yet.
                second.close_request = first.close_request
                second.cancelled = first.cancelled
        if not goes_on:
            _give_up(second)
            raise session._closed_error()  # noqa: SLF001
        first.close_request = (1000, "resumed")
        first.wake()
        wait_for(first.io_done, session.options.close_timeout)
    finally:  # Ctrl-C comes at any moment, and a session without a lead never ends
        if first.place.is_followed:
            if not first.io_done.is_set():
                _give_up(first)
            session._outbox.renew_finish(FINISH)  # noqa: SLF001
            second.lead()


def _give_up(connection: Connection) -> None:
    connection.cancelled = True
    connection.wake()
    connection.watch()
    wait_for(connection.io_done, _CANCEL_SECONDS)
