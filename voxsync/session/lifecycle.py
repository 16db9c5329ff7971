"""The states of a session and what moves it: all of it, and nowhere else.

    CONNECTING ──ready──▶ OPEN ──close, peer close──▶ CLOSING ──end──▶ CLOSED

Any state ends by `END`; `finish()` is not a state of the connection but of the
application's input (`is_active`), since results still arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

__all__ = ["Ended", "ReadyState", "Trigger", "next_state"]


class ReadyState(IntEnum):
    """As in the DOM's WebSocket: `session.ready_state == 1` while open."""

    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Trigger(StrEnum):
    """What may happen to a session."""

    READY = "the service takes input"
    CLOSE = "we want the closing handshake"
    PEER_CLOSE = "the peer sent its Close frame"
    END = "the connection is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the connection came to its end.

    Attributes:
        code: See `CloseEvent.code`.
        reason: The peer's words, or ours.
        was_clean: The closing handshake was completed.
        by_us: The application asked for it.
        cause: What broke it, if something did.
    """

    code: int
    reason: str
    was_clean: bool
    by_us: bool
    cause: Exception | None = None


_S, _T = ReadyState, Trigger
_TABLE = {
    (_S.CONNECTING, _T.READY): _S.OPEN,
    (_S.CONNECTING, _T.CLOSE): _S.CLOSING,  # refused after the upgrade
    (_S.CONNECTING, _T.PEER_CLOSE): _S.CLOSING,
    (_S.CONNECTING, _T.END): _S.CLOSED,
    (_S.OPEN, _T.CLOSE): _S.CLOSING,
    (_S.OPEN, _T.PEER_CLOSE): _S.CLOSING,
    (_S.OPEN, _T.END): _S.CLOSED,
    (_S.CLOSING, _T.CLOSE): _S.CLOSING,  # close() is idempotent
    (_S.CLOSING, _T.PEER_CLOSE): _S.CLOSING,  # the answer to ours
    (_S.CLOSING, _T.END): _S.CLOSED,
}


def next_state(state: ReadyState, trigger: Trigger) -> ReadyState:
    """The state after `trigger`.

    Raises:
        RuntimeError: There is no such transition; that would be a bug of ours.
    """
    try:
        return _TABLE[state, trigger]
    except KeyError:
        raise RuntimeError(f"{trigger.name} cannot happen in {state.name}") from None
