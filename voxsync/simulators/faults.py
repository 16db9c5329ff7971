"""The fault menu of the embedded services: every fault by its name.

    from voxsync.simulators.faults import fault
    from voxsync.simulators.mimi import MimiService

    late = fault("close", code=4003, reason="idle", at="audio", after_bytes=32000)
    with MimiService(faults=[late]) as service:
        ...

`FAULTS` says what each name means. What a fault does on a connection is in `acts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAULTS", "Fault", "Point", "fault", "make_fault"]

Point = Literal[
    "open",
    "message",
    "audio",
    "break",
    "final",
    # Of conversations only
    "setup",
    "ready",
    "answer",
    "tool",
    "turn",
]
"""At which moment of a session a fault happens."""

FAULTS: Final[Mapping[str, str]] = {
    # Before the session
    "silent": "TCP connects, and then nothing: no TLS, no answer",
    "delay": "nothing is read for `seconds` after TCP has connected",
    "hang_up": "FIN right after TCP has connected",
    "reset": "RST right after TCP has connected",
    "status": "the answer is not 101 but `status`, with `body`",
    "no_answer": "the upgrade request is read and never answered",
    "delay_answer": "the 101 comes after `seconds`",
    "bad_accept": "the 101 has a wrong Sec-WebSocket-Accept",
    "not_http": "the answer is no HTTP",
    "token_expiry": "the token is taken on the first `count` connections, then 401",
    # The end, at a point
    "close": "Close frame with `code` and `reason`, allowed ones or not",
    "close_empty": "Close frame without a code",
    "close_short": "Close frame with a body of one byte",
    "fin": "TCP is ended by FIN, without a Close frame",
    "rst": "TCP is ended by RST, without a Close frame",
    "idle": "the idle limit is `seconds`, whatever the service's own",
    # Something unexpected, at a point; the session goes on
    "ping": "a ping without payload",
    "ping_payload": "a ping with payload",
    "no_pong": "pings are not answered from then on",
    "stop_reading": "the socket is not read from then on",
    "stall": "nothing is done for `seconds`: audio piles up",
    "binary": "a binary frame that is no JSON",
    "empty_text": "an empty text frame",
    "malformed_json": "a text frame with half a JSON object",
    "not_utf8": "a text frame that is not UTF-8",
    "unknown_status": "a result with a status nobody has heard of",
    "unknown_type": "a result with a type nobody has heard of",
    "huge_frame": "the header of a frame of 2**62 bytes",
    "garbage": "bytes that are no frame",
    "burst": "`count` results in a row, `seconds` apart",
    "huge_result": "one result of `count` bytes",
    # Results and how they travel
    "no_final": "recog-finished never comes, and no Close either",
    "no_close": "recog-finished comes, but no Close",
    "duplicate_final": "each recog-finished comes twice",
    "empty_response": "results have an empty `response`",
    "unknown_keys": "results have keys nobody has heard of",
    "fragmented": "results come in fragments, with a ping in between",
    "latency": "each result is held back for `seconds`",
    "bandwidth": "results take as long as `rate` bytes per second let them",
    "drip": "every byte leaves in a write of its own",
}
"""Name of each fault and what it does."""

_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "token_expiry": {"count": 1},
    "unknown_status": {"at": "audio"},
    "unknown_type": {"at": "audio"},
    "burst": {"at": "audio"},
    "huge_result": {"at": "audio", "count": 1_000_000},
    "no_final": {"at": "final"},
}


FaultT = TypeVar("FaultT", bound="Fault")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `fault()` makes one with its usual settings.

    This is the menu of mimi's service; other services have menus of their own.

    Attributes:
        name: One of `FAULTS`.
        at: Where, for those that have a place: after the upgrade ("open"), once
            `after_bytes` bytes of audio have come ("audio"), behind recog-break
            ("break"), or where the final results would be sent ("final").
        after_bytes: For "audio"; 0 = the first audio.
        code: Close code.
        reason: Close reason.
        status: HTTP status.
        body: HTTP body, text.
        seconds: Duration.
        count: How many, or how large.
        rate: Bytes per second.
        connections: Only the first so many connections have it; None = all.

    Raises:
        ValueError: An unknown name, or a setting that makes no sense.
    """

    menu: ClassVar[Mapping[str, str]] = FAULTS
    points: ClassVar[tuple[str, ...]] = ("open", "audio", "break", "final")

    name: str
    at: Point = "open"
    after_bytes: int = 0
    code: int = 1011
    reason: str = ""
    status: int = 503
    body: str = ""
    seconds: float = 0.1
    count: int = 100
    rate: int = 1000
    connections: int | None = None

    def __post_init__(self) -> None:
        if self.name not in self.menu:
            raise ValueError(
                f"no fault {self.name!r}; there are: {', '.join(sorted(self.menu))}"
            )
        if self.at not in self.points:
            raise ValueError(
                f"at must be one of {', '.join(self.points)}, not {self.at!r}"
            )
        if self.after_bytes and self.at != "audio":
            raise ValueError("after_bytes goes with at='audio'")
        if not 0 <= self.code <= 65535:
            raise ValueError(f"code must fit into two bytes, not {self.code}")
        if len(self.reason.encode()) > 123:
            raise ValueError("a close reason has at most 123 bytes of UTF-8")
        if not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status}")
        for name in ("after_bytes", "seconds", "count"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.rate < 1:
            raise ValueError("rate must be 1 byte per second or more")


def fault(name: str, **settings: Any) -> Fault:
    """Make the fault of that name, with its usual settings where none are given.

    Args:
        name: One of the menu, e.g. `"close"`.
        settings: Attributes of `Fault`.

    Raises:
        ValueError: Nothing of that name; the message lists what there is.
        TypeError: No such setting.
    """
    return make_fault(Fault, name, _DEFAULTS.get(name, {}), settings)


def make_fault(
    kind: type[FaultT],
    name: str,
    usual: Mapping[str, object],
    settings: Mapping[str, object],
) -> FaultT:
    """The fault of a menu.

    Args:
        kind: Of which class.
        name: Its name there.
        usual: The attributes that it usually has.
        settings: Those that are given.

    Raises:
        TypeError: There is no such attribute.
        ValueError: Its value makes no sense.
    """
    unknown = settings.keys() - {each.name for each in fields(kind)}
    if unknown:
        raise TypeError(f"a fault has no setting {', '.join(sorted(unknown))}")
    merged: dict[str, Any] = {**usual, **settings}
    return kind(name, **merged)
