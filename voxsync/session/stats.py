"""What a session counts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from voxsync.session.tables import table

if TYPE_CHECKING:
    from voxsync.session.connection import Connection
    from voxsync.session.view import SessionView

__all__ = ["Stats", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What each connection counts for itself; a session's is the sum."""

    bytes_sent: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    messages_received: int = 0
    unsent: int = 0
    audio_sent: float = 0.0
    audio_received: float = 0.0
    audio_refused: float = 0.0
    audio_gated: float = 0.0
    audio_lost: float = 0.0

    def plus(self, other: Counted) -> Counted:
        """Both together."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in _COUNTS}
        return Counted(**sums)


_COUNTS = fields(Counted)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stats:
    """A snapshot of a session's figures; all zero before `connect()`.

    They are of the session, whatever the number of its connections (`resume()`).
    Times and lengths of audio are seconds, queue depths and losses of messages are
    counts. `str()` is a table for people, of what has a meaning here; `repr()` shows
    what is not zero or None.

    Attributes:
        bytes_sent: Bytes the socket took, WebSocket frames included (before TLS).
        bytes_received: Bytes the socket gave.
        messages_sent: Messages put on the wire, those of the service's protocol too.
        messages_received: Messages decoded, likewise.
        audio_sent: Audio in these messages. Of FLAC or Opus that the application
            has encoded itself nobody knows how long it is: it counts as 0.
        audio_received: Audio in what came, lost or not; 0 where messages are not
            known to be audio (`PlainSession` without `audio`).
        send_queue: Messages waiting to be put on the wire, now.
        send_queue_highest: The most there ever were.
        send_blocked: What senders have waited for room, all together; a wait counts
            when it is over.
        send_refused: Messages refused with `SendQueueFull`.
        unsent: Accepted messages that never went out (known at the end).
        inbox: Events waiting for listeners now, with the one they are at.
        inbox_highest: The most there ever were.
        reading_blocked: How long the socket was not read, since the inbox was full:
            listeners, a frozen dispatcher or `receive()` were too slow.
        receive_queue: Messages waiting for `receive()`, now. 0 where nobody ever
            received: then the newest are kept for who begins to.
        receive_queue_highest: The most there ever were, likewise.
        receive_dropped: Messages that `receive()` will not see (nobody was
            receiving and its queue was full). Listeners saw them.
        listener_errors: Exceptions raised by listeners.
        listener_seconds: What handlers, listeners and receivers have taken, all
            together, with one that runs now.
        listener_highest: The longest that one call took, or takes by now.
        listener_slowest: The qualified name of the function that took it, e.g.
            `"app.Window.on_message"`; None = none was called.
        audio_unlinked: Incoming audio that flowed nowhere, since no `send_media_to`
            was in force; it is in its messages all the same.
        audio_refused: Incoming audio that came too far ahead of what sounds to be
            kept (see the door for how much that is).
        audio_gated: Incoming audio dropped after `clear_media_buffer(gate=True)`.
        audio_dropped: Incoming audio that links had no room for, since their sinks
            took it too slowly; each link counts.
        audio_lost: Silence that stands for incoming audio which never came: VoxEngine
            numbers its chunks, other services' losses cannot be seen.
        ping_round_trip: From the last answered ping to its pong, or None.
        open_seconds: From `connect()` to OPEN, or None.
        first_result: From OPEN to the first result, or None. A result is, with
            mimi, the first one with text; with Gemini, when the model first speaks,
            writes or calls a function; with VoxEngine, the first text message or
            audio; elsewhere any message. It counts when it comes, not when a
            listener has time for it.
        first_result_of_audio: From the first audio on the wire to the first result
            that came after it, or None.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    messages_received: int = 0
    audio_sent: float = 0.0
    audio_received: float = 0.0
    send_queue: int = 0
    send_queue_highest: int = 0
    send_blocked: float = 0.0
    send_refused: int = 0
    unsent: int = 0
    inbox: int = 0
    inbox_highest: int = 0
    reading_blocked: float = 0.0
    receive_queue: int = 0
    receive_queue_highest: int = 0
    receive_dropped: int = 0
    listener_errors: int = 0
    listener_seconds: float = 0.0
    listener_highest: float = 0.0
    listener_slowest: str | None = None
    audio_unlinked: float = 0.0
    audio_refused: float = 0.0
    audio_gated: float = 0.0
    audio_dropped: float = 0.0
    audio_lost: float = 0.0
    ping_round_trip: float | None = None
    open_seconds: float | None = None
    first_result: float | None = None
    first_result_of_audio: float | None = None

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        shown = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value:
                value = round(value, 6) if isinstance(value, float) else value
                shown.append(f"{each.name}={value!r}")
        return f"Stats({', '.join(shown)})"


def counted(connection: Connection) -> Counted:
    """What one connection has counted by now. Thread: any."""
    engine, event = connection.engine, connection.close_event
    unsent = 0
    if event is not None:  # of one that was followed nothing but its engine's
        unsent = event.unsent or (engine.unsent if connection.place.is_followed else 0)
    return Counted(
        bytes_sent=engine.bytes_sent,
        bytes_received=engine.bytes_received,
        messages_sent=engine.messages_sent,
        messages_received=engine.messages_received,
        unsent=unsent,
        audio_sent=engine.dialect.audio_sent,
        audio_received=engine.streams.received,
        audio_refused=engine.streams.refused,
        audio_gated=engine.streams.gated,
        audio_lost=engine.dialect.audio_lost,
    )


def snapshot(session: SessionView[Any]) -> Stats:
    """The figures now. Each is one word that one thread writes; no lock is needed."""
    connection = session._connection  # noqa: SLF001 - one room
    if connection is None:
        return Stats()
    figures = session._figures  # noqa: SLF001
    count = counted(connection)
    known, before = figures.earlier
    if before is connection:  # it is about to be followed, and was not when we looked
        before = None
    if before is not None:
        count = count.plus(counted(before))
    if known is not None:
        count = count.plus(known)
    outbox, delivery = session._outbox, session._delivery  # noqa: SLF001
    receiver, units = session._receiver, session._media_units  # noqa: SLF001
    total, highest, slowest = session._timing.so_far()  # noqa: SLF001
    opening, audio_at = figures.opening(connection), figures.audio_at
    waiting, sending = delivery.waiting, outbox.qsize()
    received = receiver.waiting if receiver.was_used else 0
    return Stats(
        **{f.name: getattr(count, f.name) for f in _COUNTS},
        send_queue=sending,
        send_queue_highest=max(outbox.highest, sending),  # the end of input adds one
        send_blocked=outbox.blocked_seconds,
        send_refused=outbox.refused,
        inbox=waiting,
        inbox_highest=max(delivery.highest, waiting),
        reading_blocked=delivery.starved_for,
        receive_queue=received,
        receive_queue_highest=receiver.highest if receiver.was_used else 0,
        receive_dropped=receiver.dropped,
        listener_errors=session._listener_errors,  # noqa: SLF001
        listener_seconds=total,
        listener_highest=highest,
        listener_slowest=slowest,
        audio_unlinked=session._unlinked + (units.unlinked if units else 0.0),  # noqa: SLF001
        audio_dropped=units.untaken if units else 0.0,
        ping_round_trip=connection.engine.ping_round_trip,
        open_seconds=None if opening is None else opening[1] - opening[0],
        first_result=_since(None if opening is None else opening[1], figures.result_at),
        first_result_of_audio=_since(audio_at, figures.answer_at),
    )


def _since(start: float | None, end: float | None) -> float | None:
    # A result can come in the very step that opens the session.
    return None if start is None or end is None else max(0.0, end - start)
