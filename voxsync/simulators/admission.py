"""Whom a service lets in: tokens and engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxsync.server import Refusal
from voxsync.simulators.acts_opening import EXPIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from voxsync.simulators.mimi_request import MimiRequest

__all__ = ["PROCESSES", "Admission"]

PROCESSES: Final = ("asr", "nict-asr")
"""The engines whose messages are known."""


class Admission:
    """Judges requests. Thread: any; what changes is replaced or only added to."""

    def __init__(
        self,
        token: str | Collection[str] | Callable[[str], bool] | None,
        processes: Collection[str],
    ) -> None:
        """Let in who has one of these tokens and asks for these engines.

        Args:
            token: One, several, or a callable that judges one; None = all are let in.
            processes: The engines on offer, of `PROCESSES`.

        Raises:
            ValueError: An unknown engine.
        """
        unknown = set(processes) - set(PROCESSES)
        if unknown:
            raise ValueError(
                f"no engine {sorted(unknown)}; there are: {', '.join(PROCESSES)}"
            )
        self._token = frozenset({token}) if isinstance(token, str) else token
        self._processes = tuple(processes)
        self._revoked: set[str] = set()
        self._all_revoked = False

    def revoke(self, token: str | None) -> None:
        """Take a token no more; None = none at all."""
        if token is None:
            self._all_revoked = True
        else:
            self._revoked.add(token)

    def judge(self, request: MimiRequest) -> Refusal | None:
        """Say why a request is refused; None = it is welcome."""
        if not self._welcome(request.token):
            return EXPIRED
        if not request.engines or not set(request.engines) <= set(self._processes):
            known = ", ".join(self._processes)
            return Refusal(401, f"x-mimi-process must be one or more of {known}")
        return None

    def _welcome(self, token: str | None) -> bool:
        if self._all_revoked:
            return False
        if self._token is None:
            return token not in self._revoked
        if token is None or token in self._revoked:
            return False
        if callable(self._token):
            return bool(self._token(token))
        return token in self._token
