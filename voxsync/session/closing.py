"""How a connection comes to its end: what is waited for, until when, and what it was.

Pure, as `engine.py`, whose part it is: time is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.errors import ProtocolError
from voxsync.session.lifecycle import Ended

if TYPE_CHECKING:
    from voxsync.session.options import SessionOptions
    from voxsync.wire import Close, Fault

__all__ = ["Closing"]


class Closing:
    """The deadlines on the way to the end, and the words for each end.

    Attributes:
        asked: Code and reason with which the application closed; None = it did not.
        eof_at: The closing handshake is done, or of no use any more, and the peer is
            to end TCP until then; None = neither.
        due: When `overdue` has something to say; None = nothing is waited for.
        cause: Why it comes to an end, before TCP does, if something went wrong.
    """

    def __init__(self, options: SessionOptions) -> None:
        self.asked: tuple[int, str] | None = None
        self.eof_at: float | None = None
        self.due: float | None = None
        self.cause: Exception | None = None
        self._options = options
        self._fault: Fault | None = None
        self._close_at: float | None = None
        self._final_at: float | None = None  # the last word is due after finish()
        self._linger_at: float | None = None  # the service is to close after it
        self._paused = False  # we read nothing, for want of room

    # What happens

    def ask(self, code: int, reason: str, now: float) -> None:
        """The application closes; the handshake has a limit."""
        self.asked = (code, reason)
        self._close_at = now + self._options.close_timeout
        self._schedule()

    def finish(self, now: float) -> None:
        """The application has no more input: the last word is due."""
        self._final_at = now
        self.heard(now)

    def heard(self, now: float) -> None:
        """The last word is due in `finish_timeout` from here, if it is due at all."""
        if self._final_at is not None:
            timeout = self._options.finish_timeout
            self._final_at = None if timeout is None else now + timeout
            self._schedule()

    def pause(self) -> None:
        """Reading stopped for our own want of room: silence proves nothing now."""
        self._paused = True
        self._schedule()

    def resume(self, now: float) -> None:
        """Reading goes on."""
        self._paused = False
        self.heard(now)

    def finished(self, now: float) -> None:
        """The service said its last word, and is to close."""
        self._final_at = None
        self._linger_at = now + self._options.linger_timeout
        self._schedule()

    def wait_for_eof(self, now: float) -> None:
        """All was said in both directions."""
        self.eof_at = now + self._options.eof_timeout
        self._final_at = self._linger_at = None
        self._schedule()

    def broke_rules(self, fault: Fault) -> None:
        """The peer did; the wire has closed because of it."""
        self._fault = fault
        self.cause = ProtocolError(fault.message, code=fault.code)

    # What it amounts to

    def overdue(self, now: float, received: Close | None) -> Ended | None:
        """What has taken too long, once it is `due`.

        Args:
            now: At least `due`.
            received: The peer's Close frame, if it came.

        Returns:
            The end; None = the service lingers after its last word: close.
        """
        options = self._options
        if self.eof_at is not None and now >= self.eof_at:
            return self.ended(TimeoutError("the peer did not close"), received)
        if self._close_at is not None and now >= self._close_at:
            limit = options.close_timeout
            return self.broken(
                TimeoutError(f"the closing handshake took more than {limit:g} s")
            )
        if self._final_at is not None and now >= self._final_at and not self._paused:
            limit = options.finish_timeout or 0.0
            return self.broken(
                TimeoutError(f"the service was silent for {limit:g} s after finish")
            )
        self._linger_at = None
        self._schedule()
        return None

    def ended(self, error: Exception, received: Close | None) -> Ended:
        """The end of TCP, clean if the peer's Close frame was `received` before.

        Otherwise by what went wrong before, or else by this `error`.
        """
        if received is None:
            return self.broken(self.cause or error)
        reason, asked = received.reason, self.asked
        if not reason and asked is not None and asked[0] == received.code:
            reason = asked[1]  # the answer to our Close repeats the code only
        return Ended(
            code=received.code,
            reason=reason,
            was_clean=True,
            by_us=asked is not None and self.cause is None,
            cause=self.cause,
        )

    def broken(self, cause: Exception) -> Ended:
        """An end by this."""
        fault = self._fault
        return Ended(
            code=1006 if fault is None else fault.code,
            reason=str(cause) or type(cause).__name__,
            was_clean=False,
            by_us=False,
            cause=cause,
        )

    def _schedule(self) -> None:
        due = None if self._paused else self._final_at
        for at in (self._close_at, self.eof_at, self._linger_at):
            if at is not None and (due is None or at < due):
                due = at
        self.due = due
