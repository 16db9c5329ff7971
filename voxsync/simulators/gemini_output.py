"""What the embedded Live API sends: JSON, written as the service and its faults say."""

from __future__ import annotations

import collections
import json
from typing import TYPE_CHECKING, Any

from voxsync.errors import SendQueueFull
from voxsync.simulators.gemini_travel import audio_blobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.server import ServerSession
    from voxsync.simulators.gemini_acts import GeminiActs
    from voxsync.simulators.gemini_record import GeminiRecord

__all__ = ["Output"]


class Output:
    """Sends messages to one client.

    Args:
        session: Its connection.
        acts: Faults on the way.
        record: Where it is noted.
        binary: As binary messages; False = text.
        pretty: With spaces and newlines.

    Thread: the conversation's.
    """

    def __init__(
        self,
        session: ServerSession,
        acts: GeminiActs,
        record: GeminiRecord,
        *,
        binary: bool,
        pretty: bool,
    ) -> None:
        self._session = session
        self._acts = acts
        self._record = record
        self._binary = binary
        self._pretty = pretty
        # Of one message, and of what a fault had held back: what found no room yet.
        self._waiting: collections.deque[Callable[[float | None], None]] = (
            collections.deque()
        )

    def send(self, message: dict[str, Any], patience: float | None = None) -> bool:
        """Send a message.

        Args:
            message: It is changed by faults.
            patience: Seconds to wait for room; None = as long as it takes.

        Returns:
            False = there was no room, and it was not taken.

        Raises:
            SessionClosed: The client is gone.
        """
        if not self._flush(patience):
            return False
        for each in self._acts.rewrite(message):
            self._note(each)
            self._waiting.append(self._packed(each))
        self._flush(None if patience is None else 0.0)
        return True

    def _flush(self, patience: float | None) -> bool:
        while self._waiting:
            try:
                self._waiting[0](patience)
            except SendQueueFull:
                return False
            self._waiting.popleft()
        return True

    def _packed(self, message: dict[str, Any]) -> Callable[[float | None], None]:
        session = self._session
        if self._pretty:
            text = json.dumps(message, ensure_ascii=False, indent=2)
        else:
            text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        data = text.encode()
        sealed = self._acts.seal(session, data, 2 if self._binary else 1)
        if sealed is not None:
            return lambda _: session.inject(sealed)
        if self._binary:
            return lambda patience: session.send_binary(
                data, block=patience != 0.0, timeout=patience or None
            )
        return lambda patience: session.send_text(
            text, block=patience != 0.0, timeout=patience or None
        )

    def _note(self, message: dict[str, Any]) -> None:
        record = self._record
        blobs = audio_blobs(message)
        if blobs:
            record.sent_audio += sum(len(blob["data"]) * 3 // 4 for blob in blobs)
        else:
            record.messages.append(json.dumps(message, ensure_ascii=False))
