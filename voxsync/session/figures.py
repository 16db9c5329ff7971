"""What a session counts beside its parts: firsts, and connections that are over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from voxsync.events import MediaStartedEvent, MessageEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.clocks import Clock
    from voxsync.dialects.base import Dialect
    from voxsync.events import Event
    from voxsync.session.connection import Connection
    from voxsync.session.stats import Counted

__all__ = ["Figures"]


class Figures:
    """When things first happened, and what earlier connections have counted.

    Attributes:
        audio_at: When the first audio was put on the wire.
        result_at: When the first result came.
        answer_at: When the first result came after audio had been sent.
        earlier: What connections have counted that others followed, and the last of
            them, which may still be counting. One word, replaced as a whole.

    Thread: the I/O thread writes the moments, `follow`'s the rest; any may read.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Start with nothing; `clock` is that of the session's time-outs."""
        self.audio_at: float | None = None
        self.result_at: float | None = None
        self.answer_at: float | None = None
        self.earlier: tuple[Counted | None, Connection | None] = (None, None)
        self._opening: tuple[float, float] | None = None
        self._clock = clock

    def filled(self, dialect: Dialect[object], now: float) -> None:
        """Output was made: is it the first audio? Thread: I/O."""
        if self.audio_at is None and dialect.audio_sent:
            self.audio_at = now

    def arrived(self, events: Sequence[Event], connection: Connection | None) -> None:
        """Events were made: is a result among them? Thread: I/O."""
        if connection is None or (
            self.result_at is not None
            and (self.audio_at is None or self.answer_at is not None)
        ):
            return
        is_result = connection.engine.dialect.is_result
        for event in events:
            if type(event) is MediaStartedEvent or (
                type(event) is MessageEvent and is_result(event.data)
            ):
                break
        else:
            return
        now = time.monotonic() if self._clock is None else self._clock.now()
        if self.result_at is None:
            self.result_at = now
        if self.audio_at is not None:
            self.answer_at = now

    def follow(self, connection: Connection) -> None:
        """Another connection is about to take this one's place. Thread: its opener."""
        from voxsync.session.stats import counted  # noqa: PLC0415 - start-up time

        self._opening = self.opening(connection)
        known, before = self.earlier
        if before is not None:
            ended = counted(before)
            known = ended if known is None else known.plus(ended)
        self.earlier = known, connection

    def opening(self, connection: Connection) -> tuple[float, float] | None:
        """When the session's first connection was asked for, and when it was OPEN."""
        opened_at = connection.engine.opened_at
        if self._opening is not None or opened_at is None:
            return self._opening
        return connection.opening.started_at, opened_at
