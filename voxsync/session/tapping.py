"""Who watches what goes over a session's wire: traces, and taps of the application.

The list of taps is shared by the session and the wires of its connections; while it is
empty a message costs one look at it.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from voxsync.events import ErrorEvent, MessageEvent
from voxsync.wire import Binary, Close, Ping, Pong, Text, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from voxsync.clocks import Clock
    from voxsync.events import Event
    from voxsync.wire import Message, Role

__all__ = ["ConnectionTaps", "TapRecord", "Taps", "newcomers"]

logger = logging.getLogger("voxsync.session")

# By the first byte of a frame that is a whole message.
_WHOLE = {0x81: "text", 0x82: "binary", 0x89: "ping", 0x8A: "pong"}
_CLOSE = 0x88
_IN = {Text: "text", Binary: "binary", Ping: "ping", Pong: "pong"}
_NO_STATUS = 1005
_MOST_CONNECTIONS = 4  # of a session that live; two when it is resumed
_MOST_ERRORS = 64  # that wait for a connection to tell them


# Told of each session that is made, by the thread that makes it, before it can do
# anything: for who records sessions of a program that knows nothing of it.
newcomers: list[Callable[[Any], object]] = []


class TapRecord(NamedTuple):
    """One thing that was seen; nothing in it is masked or copied.

    Attributes:
        time: Monotonic seconds (of `SessionOptions.clock` where one is given).
        dir: "out", "in", or "local" for what never was on the wire.
        kind: "text", "binary", "ping", "pong", "close", "upgrade", "event" or, local,
            "interrupted".
        data: Text as `str` (in) or UTF-8 (out); binary, ping and pong as `bytes`; of a
            close `(code, reason)`; of an upgrade `(url or status, headers)`; the event;
            of "interrupted" the tag or None.
        connection: Which of the session's, 1 = the first; 0 where it is local.
    """

    time: float
    dir: str
    kind: str
    data: Any
    connection: int = 0


class Taps(list["Callable[[TapRecord], object]"]):
    """The taps of one session.

    Thread: any may add and remove; they are called on the thread where it happens,
    mostly the I/O thread, and must not wait.

    Attributes:
        request: URL and headers of the last upgrade that was asked for, unmasked.
        errors: What taps have to report as `error` events; see `report`.
    """

    __slots__ = ("_connections", "_lock", "_made", "_now", "errors", "request")

    def __init__(
        self,
        first: Callable[[TapRecord], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(() if first is None else (first,))
        self._now = time.monotonic if clock is None else clock.now
        self._lock = threading.Lock()  # guards who is in which list
        self._made = 0
        self._connections: collections.deque[ConnectionTaps] = collections.deque(
            maxlen=_MOST_CONNECTIONS
        )
        self.request: tuple[str, Sequence[tuple[str, str]]] | None = None
        self.errors: collections.deque[BaseException] = collections.deque(
            maxlen=_MOST_ERRORS
        )

    def connection(self) -> ConnectionTaps:
        """The taps of a connection that is being made."""
        with self._lock:
            self._made += 1
            made = ConnectionTaps(self, self._made)
            self._connections.append(made)
        return made

    def append(self, tap: Callable[[TapRecord], object]) -> None:
        """Call it from now on."""
        with self._lock:
            super().append(tap)
            for taps in self._connections:
                taps.append(tap)

    def discard(self, tap: Callable[[TapRecord], object]) -> None:
        """Call it no more, if it is called."""
        with self._lock:
            if tap in self:
                for taps in (self, *self._connections):
                    taps.remove(tap)

    def now(self) -> float:
        """The time that records have."""
        return self._now()

    def report(self, error: BaseException) -> None:
        """Have it told as an `error` event, if the session is still open then.

        Thread: any; the connection is to be woken afterwards.
        """
        self.errors.append(error)

    # Called where it happens

    def events(self, events: Iterable[Event]) -> None:
        """Events are handed over; messages are seen on the wire already."""
        for event in events:
            if type(event) is not MessageEvent:
                self.tell("local", "event", event)

    def interrupted(self, tag: str | None) -> None:
        """The application dropped audio that was not heard yet."""
        self.tell("local", "interrupted", tag)

    def tell(self, way: str, kind: str, data: object, connection: int = 0) -> None:
        """Call them all with a record."""
        record = TapRecord(self._now(), way, kind, data, connection)
        for tap in tuple(self):
            try:
                tap(record)
            except Exception as exc:  # it must not harm the session
                logger.exception("a tap failed and is called no more")
                self.discard(tap)
                self.report(exc)


class ConnectionTaps(list["Callable[[TapRecord], object]"]):
    """The same taps for one connection; see `Taps.connection`. Thread: its I/O."""

    __slots__ = ("_number", "_parts", "_session")

    def __init__(self, session: Taps, number: int) -> None:
        super().__init__(session)
        self._session = session
        self._number = number
        self._parts: tuple[int, bytearray] | None = None  # of a fragmented message

    def wire(self, role: Role, max_message_size: int) -> Wire:
        """A wire that they watch."""
        return Wire(role, max_message_size=max_message_size, taps=self)

    @property
    def errors(self) -> collections.deque[BaseException]:
        """See `Taps`."""
        return self._session.errors

    def take_errors(self, target: object) -> list[Event]:
        """What was reported, as events about `target`."""
        return [
            ErrorEvent(target, self.errors.popleft()) for _ in range(len(self.errors))
        ]

    def asked(self, url: str, headers: Sequence[tuple[str, str]]) -> None:
        """The upgrade is about to be asked for."""
        self._session.request = (url, headers)
        if self:
            self._tell("out", "upgrade", (url, headers))

    def answered(self, status: int, headers: dict[str, str]) -> None:
        """The upgrade was answered."""
        if self:
            self._tell("in", "upgrade", (status, headers))

    def sent(self, head: int, data: bytes) -> None:
        """A frame was put on the wire."""
        kind = _WHOLE.get(head)
        if kind is not None:
            self._session.tell("out", kind, data, self._number)
        elif head == _CLOSE:
            self._tell("out", "close", _close(data))
        else:
            self._sent_part(head, head & 0x0F, data)

    def _sent_part(self, head: int, opcode: int, data: bytes) -> None:
        if opcode:
            self._parts = (opcode, bytearray(data))
        elif self._parts is not None:  # else its beginning was not seen
            self._parts[1].extend(data)
        if head >= 0x80 and self._parts is not None:
            opcode, parts = self._parts
            self._parts = None
            self._tell("out", _WHOLE[0x80 | opcode], bytes(parts))

    def received(self, messages: Iterable[Message]) -> None:
        """Messages were decoded."""
        tell, number = self._session.tell, self._number
        for message in messages:
            kind = _IN.get(type(message))
            if kind is not None:
                tell("in", kind, message.data, number)  # type: ignore[union-attr]
            elif isinstance(message, Close):
                self._tell("in", "close", (message.code, message.reason))

    def _tell(self, way: str, kind: str, data: object) -> None:
        self._session.tell(way, kind, data, self._number)


def _close(data: bytes) -> tuple[int, str]:
    if len(data) < 2:
        return _NO_STATUS, ""
    return int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace")
