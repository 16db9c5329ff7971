"""One connection of a session: opened, then driven by the loop until its end.

Methods run on the I/O thread (I4) unless they say otherwise.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from voxsync.errors import ConnectError, SessionClosed, VoxsyncError
from voxsync.events import CloseEvent, ErrorEvent
from voxsync.session.commands import FINISH, Inject
from voxsync.session.engine import Engine
from voxsync.session.lifecycle import Ended, ReadyState
from voxsync.session.opening import Opening
from voxsync.session.succession import Place, Succession
from voxsync.session.verdict import cleaned, failed, judge
from voxsync.transport import Channel, IOLoop
from voxsync.wire.keepalive import Keepalive

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxsync.dialects.base import Dialect
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
        self.close_event: CloseEvent | None = None
        # Requests of other threads: written there, read here (no lock: one word each).
        self.cancelled = False
        self.close_request: tuple[int, str] | None = None
        self.reading_stopped = False  # a test service plays deaf
        self.place = Succession()
        self._owner = owner
        self._options = options
        self._outbox = owner._outbox  # noqa: SLF001 - Owner names the seam
        self._delivery = owner._delivery  # noqa: SLF001
        self._loop: IOLoop | None = None
        self._channel: Channel | None = None
        self._told_open = False
        self._backlog = False  # decoded only in part, for want of room
        self._once = threading.Lock()  # taken by whoever ends the connection

    # Other threads

    @property
    def state(self) -> ReadyState:
        """The state to show. Thread: any."""
        if self.close_event is not None:
            return ReadyState.CLOSED
        state = self.engine.state
        if self.close_request is not None or self.cancelled:
            return max(state, ReadyState.CLOSING)
        return state

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
        end = self.place.lead()
        if end is not None:
            self._tell_end(*end)
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
            self._finalise(self._unopened(cause), cause)
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

    def _unopened(self, cause: Exception) -> Ended:
        by_us = self.opening.given_up_by_us
        return Ended(code=1006, reason=str(cause), was_clean=False, by_us=by_us)

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
                    self._finalise(self._unopened(why), why)
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

    def _finalise(self, ended: Ended, open_error: ConnectError | None = None) -> None:
        """Tell of the end, once (I1), and release whoever waits (I5). Thread: any."""
        if not self._once.acquire(blocking=False):
            return
        ended = cleaned(ended, self.opening.secrets, self._owner._secrets())  # noqa: SLF001
        match self.place.end(ended, open_error):
            case Place.LEADING:
                self._tell_end(ended, open_error)
            case Place.WAITING:
                self._end_quietly(ended, self._judge(ended, open_error))
            case Place.FOLLOWED:
                self._hand_over(ended)

    def _end_quietly(self, ended: Ended, error: Exception | None) -> None:
        """The session does not end with this connection."""
        self.close_event = CloseEvent(
            self._owner,
            code=ended.code,
            reason=ended.reason,
            was_clean=ended.was_clean,
            error=error,
        )
        self.settled.set()

    def _hand_over(self, ended: Ended) -> None:
        """The last events of a connection that another one has followed."""
        events, self.engine.events = list(self.engine.events), []
        lost = self.engine.unsent
        if lost:
            words = f"{lost} messages did not go out before the session was resumed"
            error = SessionClosed(words, code=ended.code, unsent=lost)
            error.__cause__ = ended.cause
            events.append(ErrorEvent(self._owner, error))
        if events:
            self._delivery.put(events)
        self.engine.streams.told(None)  # held bursts: their listeners may come late
        self._end_quietly(ended, None)

    def _tell_end(self, ended: Ended, open_error: ConnectError | None) -> None:
        left = self._outbox.close()
        unsent = self.engine.unsent + sum(1 for item in left if item is not FINISH)
        error = self._judge(ended, open_error, unsent)
        self.close_event = CloseEvent(
            self._owner,
            code=ended.code,
            reason=ended.reason,
            was_clean=ended.was_clean,
            unsent=unsent,
            error=error,
        )
        events, self.engine.events = list(self.engine.events), []
        if error is not None and not ended.by_us:
            events.append(ErrorEvent(self._owner, error))
        events.append(self.close_event)
        self._owner._ending()  # noqa: SLF001 - Owner names the seam
        self._delivery.put(events)
        self.settled.set()

    def _judge(
        self, ended: Ended, open_error: ConnectError | None, unsent: int = 0
    ) -> Exception | None:
        cause = open_error or ended.cause
        return judge(self.engine, ended, cause, unsent, cancelled=self.cancelled)
