"""Handles by which a session goes on over another connection."""

from __future__ import annotations

import collections
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.simulators.gemini_schema import BadRequest

if TYPE_CHECKING:
    from voxsync.clocks import Clock
    from voxsync.simulators.gemini_brain import Said

__all__ = ["EXPIRY", "Handles", "Kept"]

EXPIRY = 2 * 3600.0
"""How long a handle is good after its session was last heard of, seconds."""

_MOST = 1000
# Handles of one session that are good at a time; older ones are forgotten.
_OF_ONE = 8


@dataclass(slots=True)
class Kept:
    """What a handle stands for.

    Attributes:
        session: The session's id.
        model: Cannot be another one on resuming.
        history: As it was.
        tokens: What the history counts for.
        consumed: Index of the client's last message that it holds; 0 = the setup.
        until: When it expires, by the clock.
    """

    session: str
    model: str
    history: tuple[Said, ...] = field(default=(), repr=False)
    tokens: int = 0
    consumed: int = 0
    until: float = 0.0


class Handles:
    """The handles of a service. Thread: any.

    Args:
        clock: What expiry goes by.
        expiry: Seconds.
    """

    def __init__(self, clock: Clock, expiry: float = EXPIRY) -> None:
        self._clock = clock
        self._expiry = expiry
        self._lock = threading.Lock()  # guards the next
        self._kept: collections.OrderedDict[str, Kept] = collections.OrderedDict()

    def keep(self, kept: Kept) -> str:
        """Make a handle for it."""
        handle = secrets.token_urlsafe(24)
        kept.until = self._clock.now() + self._expiry
        with self._lock:
            mine = [h for h, each in self._kept.items() if each.session == kept.session]
            for old in mine[: max(0, len(mine) - _OF_ONE + 1)]:
                del self._kept[old]
            self._kept[handle] = kept
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return handle

    def ended(self, session: str) -> None:
        """Its connection is over: its handles are good from now on for so long."""
        until = self._clock.now() + self._expiry
        with self._lock:
            for each in self._kept.values():
                if each.session == session:
                    each.until = until

    def forget(self) -> None:
        """No handle is good any more."""
        with self._lock:
            self._kept.clear()

    def resume(self, handle: str, model: str) -> Kept:
        """What the handle stands for.

        Raises:
            BadRequest: There is none such, it has expired, or it is another model's.
        """
        with self._lock:
            kept = self._kept.get(handle)
            if kept is not None and kept.until < self._clock.now():
                del self._kept[handle]
                kept = None
        if kept is None:
            raise BadRequest("bad_handle", "invalid session resumption handle")
        if kept.model != model:
            raise BadRequest(
                "model_changed", "a session cannot be resumed with another model"
            )
        return kept
