"""Messages that nobody receives while a conversation listens to them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from voxsync.session import Session

__all__ = ["make_room"]


def make_room(session: Session[Any]) -> None:
    """Drop the oldest message that waits for `receive()` where it holds up the others.

    Once a program has received, a session waits for it to go on. In a conversation
    nobody may: then the oldest make room and are counted, as before the first
    `receive()`; else a minute of audio later nothing would be told any more.

    Thread: any; never waits.
    """
    receiver = session._receiver  # noqa: SLF001 - the session's own thread comes from here
    consumer = receiver._consumer  # noqa: SLF001
    if (
        receiver._used  # noqa: SLF001
        and len(receiver._messages) >= receiver._maxsize  # noqa: SLF001
        and (consumer is None or consumer() is None)
    ):
        # Somebody may have begun to receive in between: then there is nothing to do.
        with contextlib.suppress(VoxsyncError, StopIteration):
            receiver.take(0.0)
            receiver.dropped += 1
