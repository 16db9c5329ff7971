"""A service without rules of its own: every message is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.dialects.base import Deliver, Dialect, Reply, UpgradeRequest
from voxsync.errors import SessionClosed, VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.dialects.base import Output

__all__ = ["PlainDialect"]

# 1005: the peer closed properly and gave no code (RFC 6455, 7.1.5).
_GOOD_CODES = frozenset({1000, 1001, 1005})


class PlainDialect(Dialect["str | bytes"]):
    """Text and binary messages, in and out, unchanged."""

    def __init__(self, url: str) -> None:
        self._url = url

    def request(self) -> UpgradeRequest:
        """An upgrade with no headers of its own."""
        return UpgradeRequest(url=self._url)

    def encode(self, command: object) -> Iterable[Output[str | bytes]]:
        """`str` becomes a text message, `bytes` a binary one."""
        assert isinstance(command, (str, bytes))
        return (Reply(command),)

    def decode(self, data: str | bytes) -> Iterable[Output[str | bytes]]:
        """Deliver it."""
        return (Deliver(data),)

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """Good: our own doing, or a proper close with 1000, 1001 or no code."""
        if by_us or (was_clean and code in _GOOD_CODES):
            return None
        return SessionClosed(
            f"the session ended with code {code}" + (f": {reason}" if reason else ""),
            code=code,
            reason=reason,
            was_clean=was_clean,
        )
