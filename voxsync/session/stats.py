"""What a session counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxsync.session.connection import Connection
    from voxsync.session.delivery import Delivery
    from voxsync.session.outbox import Outbox
    from voxsync.session.receiver import Receiver

__all__ = ["Stats", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A snapshot of a session's figures.

    Attributes:
        bytes_sent: Bytes the socket took, WebSocket frames included (before TLS).
        bytes_received: Bytes the socket gave.
        messages_sent: Messages put on the wire.
        messages_received: Messages decoded.
        send_queue: Messages waiting to be put on the wire, now.
        send_queue_highest: The most there ever were.
        send_blocked: Seconds senders have waited for room, all together.
        send_refused: Messages refused with `SendQueueFull`.
        unsent: Accepted messages that never went out (known at the end).
        inbox: Events waiting for listeners, now.
        receive_dropped: Messages that `receive()` will not see (nobody was
            receiving and its queue was full).
        listener_errors: Exceptions raised by listeners.
        audio_unlinked: Seconds of incoming audio that flowed nowhere, since no
            `send_media_to` was in force; it is in its messages all the same.
        audio_refused: Seconds of incoming audio that came too far ahead of what
            sounds to be kept (see the door for how much that is).
        audio_gated: Seconds of incoming audio dropped after
            `clear_media_buffer(gate=True)`.
        ping_round_trip: Seconds from the last answered ping to its pong, or None.
        open_seconds: Seconds from `connect()` to OPEN, or None.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    messages_received: int = 0
    send_queue: int = 0
    send_queue_highest: int = 0
    send_blocked: float = 0.0
    send_refused: int = 0
    unsent: int = 0
    inbox: int = 0
    receive_dropped: int = 0
    listener_errors: int = 0
    audio_unlinked: float = 0.0
    audio_refused: float = 0.0
    audio_gated: float = 0.0
    ping_round_trip: float | None = None
    open_seconds: float | None = None


def snapshot(
    connection: Connection | None,
    outbox: Outbox,
    delivery: Delivery,
    receiver: Receiver[Any],
    listener_errors: int,
    *,
    audio_unlinked: float = 0.0,
) -> Stats:
    """The figures now. Each is one word that one thread writes; no lock is needed."""
    if connection is None:
        return Stats()
    engine, event = connection.engine, connection.close_event
    opened_at = engine.opened_at
    return Stats(
        bytes_sent=engine.bytes_sent,
        bytes_received=engine.bytes_received,
        messages_sent=engine.messages_sent,
        messages_received=engine.messages_received,
        send_queue=outbox.qsize(),
        send_queue_highest=outbox.highest,
        send_blocked=outbox.blocked_seconds,
        send_refused=outbox.refused,
        unsent=0 if event is None else event.unsent,
        inbox=delivery.waiting,
        receive_dropped=receiver.dropped,
        listener_errors=listener_errors,
        audio_unlinked=audio_unlinked,
        audio_refused=engine.streams.refused,
        audio_gated=engine.streams.gated,
        ping_round_trip=engine.ping_round_trip,
        open_seconds=(
            None if opened_at is None else opened_at - connection.opening.started_at
        ),
    )
