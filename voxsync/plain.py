"""Door: any WebSocket service that has no door of its own here.

    from voxsync.plain import PlainSession

    with PlainSession("wss://example.org/socket") as session:
        session.send_text("hello")
        for message in session.receive(timeout=5):   # str or bytes
            ...

May import: session, audio. Threads: those of `Session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.session import MessageSession, SessionOptions

if TYPE_CHECKING:
    from voxsync.audio import AudioFormat

__all__ = ["PlainSession"]


class PlainSession(MessageSession):
    """A WebSocket session with any service.

    Args:
        url: `ws://` or `wss://`.
        audio: What binary messages hold, both ways, where the service sends and takes
            bare audio: 16-bit PCM, mu-law, A-law at any rate, mono; then microphones,
            files and speakers can be linked to the session. None: just bytes.
        options: Limits, timeouts, headers, TLS, proxy, dispatcher.

    Raises:
        TypeError, ValueError: The URL, format or an option makes no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        audio: AudioFormat | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        super().__init__(url, options, audio=audio)
