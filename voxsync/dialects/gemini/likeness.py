"""What audio messages have in common: nothing but their audio needs to be read then.

A model that speaks sends the same JSON over and over, with other audio in it. To look
for what stands around the audio is several times quicker than to read it as JSON.
"""

from __future__ import annotations

from typing import Any

from voxsync.dialects.gemini.blob import decode_base64
from voxsync.dialects.gemini.messages import ServerContent
from voxsync.dialects.gemini.reading import read_object
from voxsync.errors import ProtocolError

__all__ = ["Likeness"]

_MOST_AROUND = 1000  # characters; usual are some 150


class Likeness:
    """Reads what is like the message before it. One for each connection.

    Why it says the same as the long way: base64 has no character that means anything
    to JSON. So where one such text can stand for another in a string, all can.
    """

    def __init__(self) -> None:
        self._head = self._tail = ""  # no head: nothing was learned
        self._role = self._mime_type = ""
        self._turn: dict[str, Any] = {}  # these two without the audio
        self._blob: dict[str, Any] = {}

    def read(self, data: str | bytes) -> ServerContent | None:
        """The message, if it differs from the learned one in its audio only."""
        head, tail = self._head, self._tail
        if not head:
            return None
        try:
            text = data if isinstance(data, str) else data.decode()
            if not (text.startswith(head) and text.endswith(tail, len(head))):
                return None
            encoded = text[len(head) : len(text) - len(tail)]
            pcm = decode_base64(encoded)
        except ValueError:  # neither UTF-8 nor base64: the long way says it
            return None
        found = _with(self._turn, self._blob, encoded)
        parts = found["serverContent"]["modelTurn"]["parts"]
        return ServerContent.of_inline(
            self._role, ((self._mime_type, pcm),), parts, found
        )

    def learn(self, data: str | bytes, found: dict[str, Any]) -> None:
        """Remember a message of one part, which is inline data in its simplest form.

        Args:
            data: As it came.
            found: What it says.
        """
        text = data if isinstance(data, str) else data.decode()
        turn = found["serverContent"]["modelTurn"]
        blob = turn["parts"][0]["inlineData"]
        encoded = blob["data"]
        if not encoded or len(text) - len(encoded) > _MOST_AROUND:
            return
        head, _, tail = text.partition(encoded)
        # The proof that this place is the data's, and that all of it stands here.
        other = "AAAA" if encoded != "AAAA" else "BBBB"
        try:
            if read_object(head + other + tail) != _with(turn, blob, other):
                return
        except ProtocolError:
            return
        self._head, self._tail = head, tail
        self._role, self._mime_type = turn["role"], blob["mimeType"]
        # Copies: the message is in the application's hands.
        self._turn, self._blob = {**turn, "parts": []}, {**blob, "data": ""}


def _with(turn: dict[str, Any], blob: dict[str, Any], encoded: str) -> dict[str, Any]:
    """The same message with other data."""
    parts = [{"inlineData": {**blob, "data": encoded}}]
    return {"serverContent": {"modelTurn": {**turn, "parts": parts}}}
