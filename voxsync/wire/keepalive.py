"""When to ping, and when to give a silent or stuck peer up: deadlines only.

Every time is a monotonic moment in seconds, given by the caller.
"""

from __future__ import annotations

import enum

__all__ = ["Keepalive", "Verdict"]


class Verdict(enum.Enum):
    """What is due."""

    PING = "send a ping now"
    STALLED = "the peer took no byte for write_timeout"
    NO_PONG = "nothing came for ping_timeout after a ping"
    IDLE = "nothing came for idle_timeout"


class Keepalive:
    """The deadlines of one connection. One thread at a time.

    Any byte that comes is life, not only a pong: a peer in the midst of sending a
    long message cannot put its pong before the rest of it.
    """

    __slots__ = (
        "_heard_at",
        "_idle_timeout",
        "_paused",
        "_ping_interval",
        "_ping_timeout",
        "_pinged_at",
        "_stuck_at",
        "_write_timeout",
    )

    def __init__(
        self,
        *,
        ping_interval: float | None,
        ping_timeout: float | None,
        idle_timeout: float | None,
        write_timeout: float | None,
    ) -> None:
        """Make the deadlines; nothing is due before `start`. None switches one off.

        Args:
            ping_interval: Seconds of silence before a ping. Without `ping_timeout`
                pings are repeated in this interval.
            ping_timeout: Seconds of silence after a ping before NO_PONG.
            idle_timeout: Seconds of silence before IDLE, pings or not.
            write_timeout: Seconds in which output waits and none is taken, before
                STALLED.
        """
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._idle_timeout = idle_timeout
        self._write_timeout = write_timeout
        self._heard_at: float | None = None  # None: not started
        self._pinged_at: float | None = None  # None: no ping is unanswered
        self._stuck_at: float | None = None  # None: no output waits
        self._paused = False

    def start(self, now: float) -> None:
        """The connection is open."""
        self._heard_at = now

    def received(self, now: float) -> None:
        """Bytes came, whatever they are."""
        self._heard_at = now
        self._pinged_at = None

    def wrote(self, now: float, *, pending: bool) -> None:
        """The socket took bytes; `pending`: more are waiting."""
        self._stuck_at = now if pending else None

    def pending(self, now: float) -> None:
        """Output waits. The clock of a stall runs on if it was running."""
        if self._stuck_at is None:
            self._stuck_at = now

    def pause(self, now: float) -> None:  # noqa: ARG002 - the pair of resume(now)
        """We stopped reading: from here silence says nothing about the peer."""
        self._paused = True

    def resume(self, now: float) -> None:
        """We read again: the clocks of silence start anew."""
        if self._paused:
            self._paused = False
            self._heard_at = now
            if self._pinged_at is not None:
                self._pinged_at = now

    def deadline(self) -> float | None:
        """Give the next moment at which `check` may have something to say."""
        due = [moment for moment, _ in self._due()]
        return min(due) if due else None

    def check(self, now: float) -> Verdict | None:
        """Say what is due. PING is said once: the ping counts as sent `now`."""
        for moment, verdict in self._due():
            if now >= moment:
                if verdict is Verdict.PING:
                    self._pinged_at = now
                return verdict
        return None

    def _due(self) -> list[tuple[float, Verdict]]:
        """List all deadlines, what ends the connection before what keeps it up."""
        found: list[tuple[float, Verdict]] = []
        heard_at, pinged_at = self._heard_at, self._pinged_at
        if heard_at is None:
            return found
        if self._write_timeout is not None and self._stuck_at is not None:
            found.append((self._stuck_at + self._write_timeout, Verdict.STALLED))
        if self._paused:
            return found
        if self._ping_timeout is not None and pinged_at is not None:
            found.append((pinged_at + self._ping_timeout, Verdict.NO_PONG))
        if self._idle_timeout is not None:
            found.append((heard_at + self._idle_timeout, Verdict.IDLE))
        if self._ping_interval is not None and (
            pinged_at is None or self._ping_timeout is None
        ):
            last = heard_at if pinged_at is None else pinged_at
            found.append((last + self._ping_interval, Verdict.PING))
        return found
