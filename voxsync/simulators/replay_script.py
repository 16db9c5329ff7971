"""What a service does to play its part of a trace again, connection by connection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.errors import TraceError

if TYPE_CHECKING:
    from voxsync.trace import Record, Trace

__all__ = ["Point", "Script", "Step", "is_bulk", "scripts"]

_RUN = re.compile(r"[A-Za-z0-9+/=_-]{120}")  # base64 of audio, or of a picture


@dataclass(frozen=True, slots=True)
class Point:
    """How far the client has come: what it has sent so far.

    Attributes:
        commands: Messages that are no bulk.
        bulk: Messages that are.
        bulk_bytes: In these.
    """

    commands: int = 0
    bulk: int = 0
    bulk_bytes: int = 0

    def plus(self, payload: str | bytes) -> Point:
        """One message further."""
        if not is_bulk(payload):
            return Point(self.commands + 1, self.bulk, self.bulk_bytes)
        return Point(self.commands, self.bulk + 1, self.bulk_bytes + len(payload))

    def reaches(self, other: Point) -> bool:
        """Whether the other point lies behind, or is this one.

        Of bulk the number of messages is as good as the bytes: a client may cut its
        audio into other blocks.
        """
        return self.commands >= other.commands and (
            self.bulk >= other.bulk or self.bulk_bytes >= other.bulk_bytes
        )


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the service does.

    Attributes:
        after: Once the client has come so far.
        pause: Seconds behind that, in the trace.
        payload: A message; None = this is the end.
        close: Of the end: code and reason; None = TCP ends without a Close frame.
    """

    after: Point
    pause: float
    payload: str | bytes | None = field(default=None, repr=False)
    close: tuple[int, str] | None = None


@dataclass(slots=True)
class Script:
    """The service's part on one connection.

    Attributes:
        status: Of the answer to the upgrade; 101 = it was let in.
        subprotocol: The one that was chosen; None = none.
        steps: In order.
        commands: What the client sent then that was no bulk, in order.
        sent: All that the client sent, added up.
        peer_closes: It was the client who closed.
    """

    status: int = 101
    subprotocol: str | None = None
    steps: list[Step] = field(default_factory=list)
    commands: list[str | bytes] = field(default_factory=list)
    sent: Point = Point()
    peer_closes: bool = False


def is_bulk(payload: str | bytes) -> bool:
    """Whether a message is audio or the like, of which the amount counts.

    Args:
        payload: Without secrets: a long one would look like audio.
    """
    if isinstance(payload, bytes):
        if not payload.startswith(b"{"):
            return True
        try:
            payload = payload.decode()
        except UnicodeDecodeError:
            return True
    return _RUN.search(payload) is not None


def scripts(trace: Trace) -> list[Script]:
    """One for each connection of the trace, in the order in which they were made.

    Raises:
        TraceError: There is no connection in it.
    """
    # A server's own trace has the same story, told from the other end.
    is_server = trace.header.get("role") == "server"
    ours, theirs = ("out", "in") if is_server else ("in", "out")
    makers: dict[int, _Maker] = {}
    ended: int | None = None
    for record in trace:
        if record.dir != "local":
            maker = makers.setdefault(record.conn, _Maker(record.t))
            maker.take(record, by_us=record.dir == ours, by_them=record.dir == theirs)
        elif record.type == "close":
            ended = int(record.fields.get("code", 1006))
    if not makers:
        raise TraceError(
            f"{trace.path}: there is no connection in this trace", path=trace.path
        )
    found = [makers[number] for number in sorted(makers)]
    for maker in found[:-1]:
        maker.end(None)
    found[-1].end(ended)
    return [maker.script for maker in found]


class _Maker:
    """Makes the script of one connection."""

    def __init__(self, started: float) -> None:
        self.script = Script()
        self._since = started  # what a pause is counted from
        self._over = False

    def take(self, record: Record, *, by_us: bool, by_them: bool) -> None:
        script, payload = self.script, record.payload
        if record.kind == "upgrade" and "status" in record.fields:
            script.status = int(record.fields["status"])
            headers = record.fields.get("headers")
            if isinstance(headers, dict):
                script.subprotocol = headers.get("sec-websocket-protocol")
            self._since = record.t
        elif record.kind == "close" and not self._over:
            self._over = True
            if by_us:
                code = int(record.fields.get("code", 1005))
                reason = str(record.fields.get("reason", ""))
                self._add(record, close=(code, reason))
            else:
                script.peer_closes = True
        elif record.kind in ("text", "binary") and payload is not None:
            if by_us and not any(step.payload is None for step in script.steps):
                self._add(record, payload=payload)
            elif by_them:
                script.sent = script.sent.plus(payload)
                self._since = record.t
                if not is_bulk(payload):
                    script.commands.append(payload)

    def _add(
        self,
        record: Record,
        payload: str | bytes | None = None,
        close: tuple[int, str] | None = None,
    ) -> None:
        pause = max(0.0, record.t - self._since)
        self.script.steps.append(Step(self.script.sent, pause, payload, close))

    def end(self, code: int | None) -> None:
        """Add an end where nobody sent a Close frame.

        Args:
            code: Of the session's end; None = the recording was over before it.
        """
        if self._over or self.script.status != 101:
            return
        close = (1000, "the trace ends here") if code is None else None
        self.script.steps.append(Step(self.script.sent, 0.0, None, close))
