"""What happened in a VoxEngine session, in order, with the engine's time."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Entry", "Log"]

_MOST_ENTRIES = 10_000
_SLICE = 0.5


class Entry(NamedTuple):
    """One thing that happened.

    Attributes:
        seconds: Since the session began, by the engine's clock.
        name: Of the event. Those of sockets: `created`, `open`, `message`,
            `media-started`, `media-ended`, `error`, `close`; of the session: `started`,
            `connection`, `connection-failed`, `terminated`; of calls:
            `call-connected`, `call-played`, `call-disconnected`.
        fields: What the event said; `socket` and `call` are numbers from 1.
    """

    seconds: float
    name: str
    fields: Mapping[str, Any]


class Log:
    """The latest 10,000 entries. Thread: any.

    Args:
        now: The engine's time, seconds.
        told: Called with each entry, on the thread that adds it.
    """

    def __init__(
        self, now: Callable[[], float], told: Callable[[Entry], object] | None = None
    ) -> None:
        self._now = now
        self._told = told
        self._changed = threading.Condition()  # guards the next
        self._entries: collections.deque[Entry] = collections.deque(
            maxlen=_MOST_ENTRIES
        )

    def add(self, name: str, **fields: Any) -> None:
        """Note that it happened, now."""
        entry = Entry(self._now(), name, fields)
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()
        if self._told is not None:
            self._told(entry)

    def all(self) -> list[Entry]:
        """What there is, oldest first."""
        with self._changed:
            return list(self._entries)

    def wait_for(
        self, name: str, *, count: int = 1, timeout: float = 10.0, **fields: Any
    ) -> Entry:
        """Wait for the `count`-th entry of that name with those fields.

        Args:
            name: Of the event.
            count: Which, from 1.
            timeout: Seconds of the machine's time.
            fields: Only entries in which these are so.

        Raises:
            TimeoutError: It did not happen in time; the message tells what did.
        """
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [
                    entry
                    for entry in self._entries
                    if entry.name == name
                    and all(entry.fields.get(k) == v for k, v in fields.items())
                ]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0:
                    names = ", ".join(entry.name for entry in self._entries)
                    raise TimeoutError(
                        f"no {name!r} number {count} within {timeout:g} s; there were: "
                        f"{names or 'none'}"
                    )
                self._changed.wait(min(left, _SLICE))
