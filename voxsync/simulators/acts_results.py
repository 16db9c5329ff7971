"""Acts on results: what they say and how they travel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from voxsync.simulators.act import Act, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.server import ServerSession
    from voxsync.session.misbehaviour import Misbehaving

__all__ = ["Final", "Rewrite", "Travel"]


class Final(Act):
    """Ends wrongly, or not."""

    @property
    def closes(self) -> bool:  # type: ignore[override]
        """Whether the Close frame comes behind the final result."""
        return self.fault.name != "no_close"

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        del session
        return self.fault.name == "no_final"

    def send(
        self, session: ServerSession, message: str | bytes, *, final: bool
    ) -> Iterable[str | bytes]:
        """See `Act`."""
        del session
        twice = final and self.fault.name == "duplicate_final"
        return (message, message) if twice else (message,)


class Rewrite(Act):
    """Changes what results say."""

    def send(
        self, session: ServerSession, message: str | bytes, *, final: bool
    ) -> Iterable[str | bytes]:
        """See `Act`."""
        del session, final
        if isinstance(message, bytes):
            return (message,)
        result: dict[str, Any] = json.loads(message)
        if self.fault.name == "empty_response":
            result["response"] = []
        else:
            result["confidence"] = {"unheard": ["of", None]}
            for item in result["response"]:
                item["speaker"] = None
        return (json.dumps(result, ensure_ascii=False),)


class Travel(Act):
    """Changes how results travel."""

    def send(
        self, session: ServerSession, message: str | bytes, *, final: bool
    ) -> Iterable[str | bytes]:
        """See `Act`."""
        del final
        fault, data = self.fault, message.encode() if isinstance(message, str) else b""
        if fault.name == "fragmented" and data:
            # Cut anywhere: a piece may begin inside a character.
            middle = len(data) // 2
            return (
                frame(1, data[:1], fin=False)
                + frame(0, data[1:middle], fin=False)
                + frame(9, b"in between")
                + frame(0, data[middle:]),
            )
        if fault.name == "latency":
            session.pause(fault.seconds)
        elif fault.name == "bandwidth":
            session.pause(len(message) / fault.rate)
        return (message,)
