"""What a service saw of its connections, for tests to assert on."""

from __future__ import annotations

import collections
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from voxsync.redact import redact_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxsync.server import IncomingRequest

__all__ = ["Record", "Records"]

_MOST_ENTRIES = 10_000


def _bounded() -> collections.deque[Any]:
    return collections.deque(maxlen=_MOST_ENTRIES)


@dataclass(slots=True, eq=False)
class Record:
    """One connection. Read it once it is over; until then it grows.

    Attributes:
        number: Of the connection, the first is 1.
        faults: Names of the faults that it had.
        status: HTTP status of the answer; None = there was none.
        path: What was asked for.
        headers: Of the request, names in lower case, credentials masked.
        query: Likewise.
        session_id: In every message of the session.
        audio_bytes: Bytes of audio received.
        frame_sizes: Of the binary messages (the latest 10,000).
        texts: Text messages received (likewise).
        messages: Results sent (likewise).
        breaches: Names of the rules that the client broke, in order.
        close_code: See `CloseEvent.code`, from the service's side.
        close_reason: See `CloseEvent.reason`.
        over: Set at the end; nothing changes after that.
    """

    number: int
    faults: tuple[str, ...] = ()
    status: int | None = None
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    session_id: str = ""
    audio_bytes: int = 0
    frame_sizes: collections.deque[int] = field(default_factory=_bounded, repr=False)
    texts: collections.deque[str] = field(default_factory=_bounded, repr=False)
    messages: collections.deque[str] = field(default_factory=_bounded, repr=False)
    breaches: collections.deque[str] = field(default_factory=_bounded)
    close_code: int | None = None
    close_reason: str = ""
    over: threading.Event = field(default_factory=threading.Event, repr=False)
    _hash: Any = field(default_factory=hashlib.sha256, repr=False)

    def asked(self, request: IncomingRequest) -> None:
        """Keep `request`."""
        self.path = request.path
        self.headers = dict(redact_headers(request.headers.items()))
        self.query = dict(redact_headers(request.query.items()))

    def audio(self, data: bytes) -> None:
        """Count a binary message, `data`."""
        self.audio_bytes += len(data)
        self.frame_sizes.append(len(data))
        self._hash.update(data)

    @property
    def sha256(self) -> str:
        """Of all audio bytes, as hex digits."""
        return str(self._hash.hexdigest())


R = TypeVar("R", bound=Record)


class Records(Generic[R]):
    """The latest connections. Thread: any.

    Args:
        make: Makes the record of a connection from its number: the class.
        limit: Older ones are forgotten.
    """

    def __init__(self, make: Callable[[int], R], limit: int = 1000) -> None:
        self._make = make
        self._kept: collections.deque[R] = collections.deque(maxlen=limit)
        self._changed = threading.Condition()
        self._count = 0

    def new(self) -> R:
        """Begin the record of a connection."""
        with self._changed:
            self._count += 1
            record = self._make(self._count)
            self._kept.append(record)
            self._changed.notify_all()
            return record

    def all(self) -> list[R]:
        """All that are kept, oldest first."""
        with self._changed:
            return list(self._kept)

    def over(self, record: Record) -> None:
        """The connection has ended."""
        with self._changed:
            record.over.set()
            self._changed.notify_all()

    def wait(self, number: int, timeout: float) -> R:
        """The record of the `number`-th connection, once that is over.

        Raises:
            TimeoutError: It is not over within `timeout` seconds.
            LookupError: It was forgotten.
        """
        with self._changed:
            found = self._changed.wait_for(lambda: self._ended(number), timeout)
        if found is None:
            raise TimeoutError(f"connection {number} was not over in {timeout:g} s")
        return found

    def _ended(self, number: int) -> R | None:
        if self._kept and number < self._kept[0].number:
            raise LookupError(f"connection {number} is too long ago")
        found = [each for each in self._kept if each.number == number]
        return found[0] if found and found[0].over.is_set() else None
