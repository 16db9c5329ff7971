"""One connection's whole behaviour, without sockets, threads or clocks.

Bytes and commands go in; bytes (`out`) and events come out; time is an argument.
Whoever calls it holds it alone (I4: the I/O thread). It belongs to ONE
connection and is cheap to make anew.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    Deliver,
    Finished,
    Ready,
    Refused,
    Reply,
    Report,
    StreamEnded,
    StreamStarted,
)
from voxsync.errors import ProtocolError, SetupError
from voxsync.events import ErrorEvent, Event, MessageEvent, OpenEvent
from voxsync.session.closing import Closing
from voxsync.session.lifecycle import Ended, ReadyState, Trigger, next_state
from voxsync.session.streams import Streams
from voxsync.wire import Binary, Close, Fault, Pong, Role, Text
from voxsync.wire.keepalive import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.dialects.base import Dialect, Output
    from voxsync.session.options import SessionOptions
    from voxsync.wire import Wire
    from voxsync.wire.keepalive import Keepalive

__all__ = ["Engine"]


class Engine:
    """Lifecycle, wire, dialect and keepalive of one connection.

    Attributes:
        events: What has happened since the owner last emptied the list.
        ended: Set once, when all is over; nothing may be called after that.
        half_closed: The writing side is to be shut once `out` is empty.
        opened_at: When the session became OPEN.
    """

    def __init__(
        self,
        *,
        role: Role,
        wire: Wire,
        dialect: Dialect[Any],
        keepalive: Keepalive,
        options: SessionOptions,
        target: object,
        streams: Streams | None = None,
    ) -> None:
        """Make the engine of a connection that is still to be opened.

        Args:
            role: Which end we are; the server ends TCP.
            wire: Frames, in the same role.
            dialect: The service's translator.
            keepalive: Deadlines for ping, stall and idleness.
            options: Timeouts.
            target: What the events are about: the session.
            streams: Take the audio of streams to playout buffers. None: it is in its
                message only.
        """
        self.wire = wire
        self._role = role
        self.dialect = dialect
        self.out = wire.out
        self.state = ReadyState.CONNECTING
        self.events: list[Event] = []
        self.streams = streams or Streams(target)
        self.ended: Ended | None = None
        self.half_closed = False
        self.messages_sent = 0
        self.messages_received = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.ping_round_trip: float | None = None
        self.opened_at: float | None = None
        self.is_sequel = False  # the session was OPEN before, by another connection
        self._keepalive = keepalive
        self._options = options
        self._target = target
        # Where in the stream of sent bytes each data message ends (I2: what did
        # not go out is counted by the message).
        self._ends: collections.deque[int] = collections.deque()
        self._closing = Closing(options)
        self._pinged_at: float | None = None

    # Commands

    def opened(self, now: float) -> None:
        """The HTTP upgrade succeeded."""
        self._keepalive.start(now)
        self._apply(self.dialect.opened(), now)

    @property
    def takes_commands(self) -> bool:
        """Whether more messages may be encoded now: open, and room in `out`."""
        return (
            self.ended is None
            and not self.wire.close_sent
            and len(self.out) < self._options.write_buffer
        )

    def command(self, item: object, now: float) -> None:
        """Encode one message of the application."""
        try:
            self._apply(self.dialect.encode(item), now)
        except Exception as exc:  # noqa: BLE001 - it was accepted, so this ends us (I2)
            self._ends.append(self.bytes_sent + len(self.out) + 1)  # never reached
            self.fail(exc)

    def finish(self, now: float) -> None:
        """The application has no more input."""
        self._closing.finish(now)
        self._apply(self.dialect.finish(), now)

    def inject(self, data: bytes) -> None:
        """Put raw bytes on the wire: for test services that break the rules."""
        self.out += data

    def close(self, code: int, reason: str, now: float) -> None:
        """Begin to close: what is queued goes first, then `flushed` must be called."""
        if self.ended is None and self.state is not ReadyState.CLOSING:
            self._move(Trigger.CLOSE)
            self._closing.ask(code, reason, now)

    def flushed(self, now: float) -> None:
        """All commands are encoded; a Close frame that was asked for may follow."""
        asked = self._closing.asked
        if asked is not None and not self.wire.close_sent:
            self._apply(self.dialect.closing(), now)
            self.wire.send_close(*asked)

    def cancel(self, reason: str = "cancelled") -> None:
        """End now."""
        self._end(Ended(code=1006, reason=reason, was_clean=False, by_us=True))

    def fail(self, cause: Exception) -> None:
        """End now, because of this."""
        self._end(self._closing.broken(cause))

    # Bytes

    def receive(self, data: bytes, now: float) -> None:
        """Store what arrived; `decode` turns it into events."""
        self.bytes_received += len(data)
        self._keepalive.received(now)
        self._closing.heard(now)
        self.wire.receive(data)

    def decode(self, limit: int, now: float) -> None:
        """Turn up to `limit` stored messages into events."""
        events, target = self.events, self._target
        decode = self.dialect.decode
        for message in self.wire.messages(limit):
            kind = type(message)
            if kind is Binary or kind is Text:
                self.messages_received += 1
                try:
                    for output in decode(message.data):  # type: ignore[union-attr]
                        if type(output) is Deliver:
                            events.append(MessageEvent(target, output.message))
                        else:
                            self._apply((output,), now)
                except ProtocolError as exc:
                    events.append(ErrorEvent(target, exc))
            elif isinstance(message, Pong):
                if self._pinged_at is not None:
                    self.ping_round_trip = now - self._pinged_at
                    self._pinged_at = None
            elif isinstance(message, Close):
                self._peer_closed(now)
            elif isinstance(message, Fault):
                self._closing.broke_rules(message)
                self._move(Trigger.CLOSE)
                self._wait_for_eof(now)
            # A Ping needs nothing more: the wire has answered it.

    def wrote(self, count: int, now: float) -> None:
        """The socket took `count` bytes."""
        self.bytes_sent += count
        self._keepalive.wrote(now, pending=bool(self.out))
        ends, sent = self._ends, self.bytes_sent
        while ends and ends[0] <= sent:
            ends.popleft()

    @property
    def ending(self) -> bool:
        """Whether the closing handshake is done: the end of TCP is still to come."""
        return self._closing.eof_at is not None

    @property
    def unsent(self) -> int:
        """Encoded messages of which not every byte was taken by the socket."""
        return len(self._ends)

    def pending(self, now: float) -> None:
        """There is output; the clock of a stall runs from here."""
        self._keepalive.pending(now)

    def pause(self, now: float) -> None:
        """Reading stopped for our own want of room: silence proves nothing now."""
        self._closing.pause()
        self._keepalive.pause(now)

    def resume(self, now: float) -> None:
        """Reading goes on."""
        self._closing.resume(now)
        self._keepalive.resume(now)

    def eof(self, error: Exception | None, now: float) -> None:  # noqa: ARG002 - the driver's signature
        """The peer will say nothing more."""
        if self.ended is not None:
            return
        error = error or ConnectionResetError(
            "the peer ended TCP without a Close frame"
        )
        self._end(self._closing.ended(error, self.wire.close_received))

    # Time

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.ended is not None:
            return
        self.events += self.streams.tick(now)
        closing = self._closing
        if closing.due is not None and now >= closing.due:
            ended = closing.overdue(now, self.wire.close_received)
            if ended is not None:
                self._end(ended)
                return
            self.close(1000, "", now)
        if closing.eof_at is None:  # else all was said, and silence is right
            self._keep_alive(now)

    def deadline(self) -> float | None:
        """When `tick` has something to do at the latest."""
        closing = self._closing
        due = None if closing.eof_at is not None else self._keepalive.deadline()
        for moment in (closing.due, self.streams.deadline()):
            if moment is not None and (due is None or moment < due):
                due = moment
        return due

    def _keep_alive(self, now: float) -> None:
        verdict = self._keepalive.check(now)
        options = self._options
        if verdict is None:
            return
        if verdict is Verdict.PING:
            self._pinged_at = now
            if not self.wire.close_sent:
                self.wire.send_ping()
        elif verdict is Verdict.STALLED:
            self.fail(
                TimeoutError(f"the peer took no byte for {options.write_timeout:g} s")
            )
        elif verdict is Verdict.NO_PONG:
            self.fail(
                TimeoutError(f"no answer to a ping for {options.ping_timeout:g} s")
            )
        else:
            self.fail(TimeoutError(f"no byte for {options.idle_timeout:g} s"))

    # Inside

    def _apply(self, outputs: Iterable[Output[Any]], now: float) -> None:
        target = self._target
        for output in outputs:
            match output:
                case Reply(data) if not self.wire.close_sent:  # else nobody wants it
                    if isinstance(data, str):
                        self.wire.send_text(data)
                    else:
                        self.wire.send_binary(data)
                    self.messages_sent += 1
                    self._ends.append(self.bytes_sent + len(self.out))
                case Deliver(message):
                    self.events.append(MessageEvent(target, message))
                case Ready() if self.state is ReadyState.CONNECTING:  # else too late
                    self._move(Trigger.READY)
                    self.opened_at = now
                    if not self.is_sequel:  # `open` comes at most once (I1)
                        self.events.append(OpenEvent(target))
                case Report(error):
                    self.events.append(ErrorEvent(target, error))
                case Finished():
                    self._closing.finished(now)
                case Refused(reason):
                    self._closing.cause = SetupError(
                        f"the session was not set up: {reason}", reason=reason
                    )
                    self.close(1000, "", now)
                case Audio() | ClearAudio() | StreamStarted() | StreamEnded():
                    self.events += self.streams.apply(output, now)

    def _move(self, trigger: Trigger) -> None:
        self.state = next_state(self.state, trigger)

    def _peer_closed(self, now: float) -> None:
        """The peer's Close frame; the wire has answered it if that was needed."""
        self._move(Trigger.PEER_CLOSE)
        self._wait_for_eof(now)

    def _wait_for_eof(self, now: float) -> None:
        # RFC 6455, 7.1.1: the server ends TCP first, so that TIME_WAIT is its own.
        self.half_closed = self._role is Role.SERVER
        self._closing.wait_for_eof(now)

    def _end(self, ended: Ended) -> None:
        if self.ended is None:
            self._move(Trigger.END)
            self.events += self.streams.end()
            self.ended = ended
