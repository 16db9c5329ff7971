"""A connection's end: what is told of it, once, and who is released by it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from voxsync.errors import ConnectError, SessionClosed
from voxsync.events import CloseEvent, ErrorEvent
from voxsync.session.commands import FINISH
from voxsync.session.lifecycle import Ended
from voxsync.session.succession import Place
from voxsync.session.verdict import cleaned, judge

if TYPE_CHECKING:
    from voxsync.session.engine import Engine
    from voxsync.session.opening import Opening
    from voxsync.session.owner import Owner
    from voxsync.session.succession import Succession

__all__ = ["Ending"]


class Ending:
    """Tells of the end of one connection, by whichever thread comes first.

    Attributes:
        close_event: What was told, or would have been where the session does not end
            with this connection; None before.
    """

    def __init__(
        self, owner: Owner, engine: Engine, opening: Opening, place: Succession
    ) -> None:
        self.close_event: CloseEvent | None = None
        self._owner = owner
        self._engine = engine
        self._opening = opening
        self._place = place
        self._outbox = owner._outbox  # noqa: SLF001 - Owner names the seam
        self._delivery = owner._delivery  # noqa: SLF001
        self._once = threading.Lock()  # taken by whoever ends the connection

    def tell(
        self,
        ended: Ended,
        open_error: ConnectError | None = None,
        *,
        cancelled: bool,
    ) -> bool:
        """Tell of it (I1). Thread: any; False = another one has, or does it now.

        Args:
            ended: How it came to its end; the words may be the peer's.
            open_error: Why its opening was given up, if it was.
            cancelled: The application asked for an end at once.
        """
        if not self._once.acquire(blocking=False):
            return False
        ended = cleaned(ended, self._opening.secrets, self._owner._secrets())  # noqa: SLF001 - Owner names the seam
        match self._place.end(ended, open_error):
            case Place.LEADING:
                self._of_session(ended, open_error, cancelled)
            case Place.WAITING:
                self._quietly(ended, self._judge(ended, open_error, 0, cancelled))
            case Place.FOLLOWED:
                self._hand_over(ended)
        return True

    def unopened(self, cause: ConnectError, *, cancelled: bool) -> bool:
        """Tell that its opening was given up; as `tell`."""
        by_us = self._opening.given_up_by_us
        ended = Ended(code=1006, reason=str(cause), was_clean=False, by_us=by_us)
        return self.tell(ended, cause, cancelled=cancelled)

    def lead(self, *, cancelled: bool) -> bool:
        """It leads now; True = it has ended before, and with it the session."""
        end = self._place.lead()
        if end is None:
            return False
        self._of_session(*end, cancelled)
        return True

    def _quietly(self, ended: Ended, error: Exception | None) -> None:
        """The session does not end with this connection."""
        self.close_event = CloseEvent(
            self._owner,
            code=ended.code,
            reason=ended.reason,
            was_clean=ended.was_clean,
            error=error,
        )

    def _hand_over(self, ended: Ended) -> None:
        """The last events of a connection that another one has followed."""
        engine = self._engine
        events, engine.events = list(engine.events), []
        lost = engine.unsent
        if lost:
            words = f"{lost} messages did not go out before the session was resumed"
            error = SessionClosed(words, code=ended.code, unsent=lost)
            error.__cause__ = ended.cause
            events.append(ErrorEvent(self._owner, error))
        if events:
            self._delivery.put(events)
        engine.streams.told(None)  # held bursts: their listeners may come late
        self._quietly(ended, None)

    def _of_session(
        self, ended: Ended, open_error: ConnectError | None, cancelled: bool
    ) -> None:
        """The session ends with this connection."""
        engine = self._engine
        left = self._outbox.close()
        unsent = engine.unsent + sum(1 for item in left if item is not FINISH)
        error = self._judge(ended, open_error, unsent, cancelled)
        self.close_event = CloseEvent(
            self._owner,
            code=ended.code,
            reason=ended.reason,
            was_clean=ended.was_clean,
            unsent=unsent,
            error=error,
        )
        events, engine.events = list(engine.events), []
        if error is not None and not ended.by_us:
            events.append(ErrorEvent(self._owner, error))
            self._owner._ended_badly(error)  # noqa: SLF001 - Owner names the seam
        events.append(self.close_event)
        self._owner._ending()  # noqa: SLF001 - Owner names the seam
        self._delivery.put(events)

    def _judge(
        self,
        ended: Ended,
        open_error: ConnectError | None,
        unsent: int,
        cancelled: bool,
    ) -> Exception | None:
        cause = open_error or ended.cause
        return judge(self._engine, ended, cause, unsent, cancelled=cancelled)
