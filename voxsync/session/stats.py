"""What a session counts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Stats"]


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
    ping_round_trip: float | None = None
    open_seconds: float | None = None
