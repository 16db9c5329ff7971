"""Door: any WebSocket service that has no door of its own here.

from voxsync.plain import PlainSession

with PlainSession("wss://example.org/socket") as session:
    session.send_text("hello")
    for message in session.receive(timeout=5):   # str or bytes
        ...
"""

from __future__ import annotations

from voxsync.session import MessageSession, SessionOptions

__all__ = ["PlainSession"]


class PlainSession(MessageSession):
    """A WebSocket session with any service.

    Args:
        url: `ws://` or `wss://`.
        options: Limits, timeouts, headers, TLS, proxy, dispatcher.

    Raises:
        TypeError, ValueError: The URL or an option makes no sense.
    """

    def __init__(self, url: str, *, options: SessionOptions | None = None) -> None:
        super().__init__(url, options)
