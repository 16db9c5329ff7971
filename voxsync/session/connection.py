"""One connection of a session: opened, then driven by the loop until its end.

Methods run on the I/O thread (I4) unless they say otherwise.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from voxsync.errors import VoxsyncError
from voxsync.session.commands import FINISH, Inject
from voxsync.session.ending import Ending
from voxsync.session.engine import Engine
from voxsync.session.lifecycle import Ended, ReadyState
from voxsync.session.opening import Opening
from voxsync.session.succession import Succession
from voxsync.session.verdict import failed
from voxsync.transport import Channel, IOLoop
from voxsync.wire.keepalive import Keepalive

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxsync.dialects.base import Dialect
    from voxsync.errors import ConnectError
    from voxsync.events import CloseEvent
    from voxsync.session.owner import Owner
    from voxsync.wire import Role

__all__ = ["Connection"]

logger = logging.getLogger("voxsync.session")


class Connection:
    """Joins engine, outbox and delivery; a `Driver` for the loop."""

    def __init__(
        self,
        owner: Owner,
        dialect: Dialect[Any],
        role: Role,
        ping_interval: float | None,
    ) -> None:
        options = owner.options
        self.taps = owner._taps.connection()  # noqa: SLF001 - Owner names the seam
        self.engine = Engine(
            role=role,
            wire=self.taps.wire(role, options.max_message_size),
            dialect=dialect,
            keepalive=Keepalive(
                ping_interval=ping_interval,
                ping_timeout=options.ping_timeout,
                idle_timeout=options.idle_timeout,
                write_timeout=options.write_timeout,
            ),
            options=options,
            target=owner,
            streams=owner._make_streams(),  # noqa: SLF001 - Owner names the seam
        )
        self.out = self.engine.out
        self.reading = True
        self.done = False
        self.subprotocol: str | None = None
        self.opening = Opening(options.open_timeout)
        self.settled = threading.Event()  # OPEN was reached, or the end
        self.io_done = threading.Event()  # socket and loop are gone
        self._gone = threading.Event()  # the same, for the thread that opened us
        # Requests of other threads: written there, read here (no lock: one word each).
        self.cancelled = False
        self.close_request: tuple[int, str] | None = None
        self.reading_stopped = False  # a test service plays deaf
        self.place = Succession()
        self._end = Ending(owner, self.engine, self.opening, self.place)
        self._owner = owner
        self._options = options
        self._outbox = owner._outbox  # noqa: SLF001 - Owner names the seam
        self._delivery = owner._delivery  # noqa: SLF001
        self._loop: IOLoop | None = None
        self._channel: Channel | None = None
        self._told_open = False
        self._backlog = False  # decoded only in part, for want of room

    # Other threads

    @property
    def state(self) -> ReadyState:
        """The state to show. Thread: any."""
        if self._end.close_event is not None:
            return ReadyState.CLOSED
        state = self.engine.state
        if self.close_request is not None or self.cancelled:
            return max(state, ReadyState.CLOSING)
        return state

    @property
    def close_event(self) -> CloseEvent | None:
        """How it ended; None = it has not. Thread: any."""
        return self._end.close_event

    @property
    def half_closed(self) -> bool:
        """See `Driver`."""
        return self.engine.half_closed

    @property
    def ending(self) -> bool:
        """See `Driver`."""
        return self.engine.ending

    def stand_by(self) -> None:
        """Open, but follow another connection only when `lead` is called.

        Thread: whoever makes it, before it is started.
        """
        self.place.stand_by()
        self.engine.is_sequel = True

    def lead(self) -> None:
        """Take over outbox and delivery. Thread: any, once the other one is gone."""
        if self._end.lead(cancelled=self.cancelled):
            self.settled.set()
        self.wake()

    @property
    def _may_deliver(self) -> bool:
        # Until it is open it has nothing to deliver, refused or not.
        return not self.place.waits or self.engine.opened_at is None

    def wake(self) -> None:
        """Have the I/O thread look at queue and flags. Thread: any, signal handlers."""
        channel, loop = self._channel, self._loop
        if channel is not None and loop is not None:
            loop.notify(channel)

    def watch(self) -> bool:
        """Give up on an opening that was cancelled or takes too long.

        Thread: any; returns False when there is nothing to watch.
        """
        if self.opening.is_over:
            return False
        cause = self._why_not_open()
        if cause is not None and self.opening.abandon():
            self._unopened(cause)
        return cause is None

    def wait_open(self, timeout: float) -> None:
        """Wait until the session is OPEN or over. Thread: that of `connect`.

        Sliced, so that `cancel()` needs no lock to get the caller out of here.
        """
        end = time.monotonic() + timeout
        while not self.settled.wait(min(0.05, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                self.opening.time_out(timeout)
                self.wake()
            self.watch()

    def _why_not_open(self) -> ConnectError | None:
        wanted = not self.cancelled and self.close_request is None
        return self.opening.why_not(wanted)

    # The I/O thread's life

    def run(self, opener: Callable[[Connection], tuple[socket.socket, bytes]]) -> None:
        """Open, move bytes until the end, tell of it."""
        try:
            try:
                sock, rest = opener(self)
            except VoxsyncError as exc:
                # Giving up breaks the socket under the dialler: that error is ours.
                why = self._why_not_open()
                if why is None:
                    self._finalise(failed(exc))
                else:
                    self._unopened(why)
                return
            if self.opening.finish():
                self._move_bytes(sock, rest)
            else:
                sock.close()
        except Exception as exc:
            logger.exception("the I/O thread of session %s failed", self._owner.id)
            self._finalise(failed(exc))
        finally:
            self.io_done.set()

    def _move_bytes(self, sock: socket.socket, rest: bytes) -> None:
        clock, shared = self._options.clock, self._options.io
        channel = Channel(sock, self)
        now = time.monotonic() if clock is None else clock.now()
        self.engine.opened(now)
        if rest:
            self.engine.receive(rest, now)
            self._backlog = True
        self._channel = channel
        if shared is None:
            loop = self._loop = IOLoop(clock)  # wake() reaches us; flags are read next
            loop.add(channel)
            loop.run()
        else:
            self._loop = shared.adopt(channel)
            self.wake()  # whoever tried before this line did not reach us
            self._gone.wait()

    # Driver

    def fill(self, now: float) -> None:
        """Encode what the application queued, while there is room."""
        engine, take = self.engine, self._outbox.take
        if not self.place.leads:
            engine.flushed(now)  # what is queued is for the one behind us
        while engine.takes_commands and self.place.leads:
            try:
                item = take()
            except IndexError:
                engine.flushed(now)
                break
            if item is FINISH:
                engine.finish(now)
            elif type(item) is Inject:
                engine.inject(item.data)
            else:
                engine.command(item, now)
        if self.out:
            engine.pending(now)
            self._owner._figures.filled(engine.dialect, now)  # noqa: SLF001 - Owner names the seam
        self._settle(now)

    def wrote(self, count: int, now: float) -> None:
        """See `Driver`; there is room again, so more may be encoded."""
        self.engine.wrote(count, now)
        self.engine.wire.flush_pong()
        if not self.out:
            self.fill(now)

    def received(self, data: bytes, now: float) -> None:
        """See `Driver`."""
        self.engine.receive(data, now)
        self._decode(now)

    def eof(self, error: Exception | None, now: float) -> None:
        """See `Driver`; what was read before counts, room or not."""
        while self.engine.ended is None:
            self.engine.decode(1 << 20, now)
            if not self.engine.wire.has_more:
                break
        self.engine.eof(error, now)
        self._settle(now)

    def tick(self, now: float) -> None:
        """See `Driver`."""
        engine = self.engine
        if engine.ended is None:
            if self.cancelled:
                engine.cancel()
            elif self.close_request is not None:
                engine.close(*self.close_request, now)
            elif engine.state is ReadyState.CONNECTING and (
                why := self._why_not_open()
            ):
                engine.fail(why)
        if self.taps.errors:
            engine.events += self.taps.take_errors(self._owner)
        if self._backlog:
            self._decode(now)
        engine.tick(now)

    def deadline(self) -> float | None:
        """See `Driver`."""
        due = self.engine.deadline()
        if self.engine.state is ReadyState.CONNECTING and self._options.clock is None:
            limit = self.opening.due
            return limit if due is None else min(due, limit)
        return due

    def detached(self) -> None:
        """See `Driver`; the socket is gone, so now the end may be told (I6)."""
        ended = self.engine.ended or Ended(
            code=1006, reason="the loop failed", was_clean=False, by_us=False
        )
        try:
            self._finalise(ended)
        finally:
            self._gone.set()

    # Inside

    def _decode(self, now: float) -> None:
        """Turn stored bytes into events as far as the inbox has room."""
        engine, delivery = self.engine, self._delivery
        while engine.ended is None:
            room = delivery.room() if self._may_deliver else 0
            if room == 0:
                self._backlog = True
                break
            engine.decode(room, now)
            self._settle(now)
            if not engine.wire.has_more:
                self._backlog = not self._may_deliver or delivery.room() == 0
                break
        if self.reading is self._backlog and engine.ended is None:
            self._hold(not self._backlog and not self.reading_stopped, now)

    def _hold(self, reading: bool, now: float) -> None:
        if reading != self.reading:
            self.reading = reading
            if reading:
                self.engine.resume(now)
            else:
                self.engine.pause(now)

    def _settle(self, now: float) -> None:
        """After any step: events out, OPEN published, the end noticed."""
        engine = self.engine
        if engine.events and not self.place.waits:
            self._delivery.put(engine.events)
            engine.events = []
        state = engine.state
        if state is ReadyState.OPEN:
            if not self._told_open:
                self._told_open = True
                self.settled.set()
        elif state is ReadyState.CLOSING:
            if self.place.leads and not self._outbox.is_shut:
                self._outbox.shut()  # what is accepted now could not go out any more
        elif engine.ended is not None:
            self.done = True
            self.reading = False
            return
        if self.reading_stopped and self.reading:
            self._hold(False, now)

    def _finalise(self, ended: Ended) -> None:
        """Tell of the end, once (I1), and release whoever waits (I5). Thread: any."""
        if self._end.tell(ended, cancelled=self.cancelled):
            self.settled.set()

    def _unopened(self, cause: ConnectError) -> None:
        """The same, of an opening that was given up. Thread: any."""
        if self._end.unopened(cause, cancelled=self.cancelled):
            self.settled.set()
