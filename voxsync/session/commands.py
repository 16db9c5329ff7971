"""What can stand in the send queue beside messages."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FINISH", "Inject"]


class _Finish:
    """The command behind all others."""

    def __repr__(self) -> str:
        return "FINISH"


FINISH = _Finish()


@dataclass(frozen=True, slots=True)
class Inject:
    """Raw bytes for the wire: for test services that break the rules."""

    data: bytes
