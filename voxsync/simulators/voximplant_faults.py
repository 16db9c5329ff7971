"""The fault menu of VoxEngine's sockets: every fault by its name.

    from voxsync.simulators.voximplant import Scenario, VoxEngine, fault

    cut = fault("rst", at="audio", after_bytes=32000)
    with VoxEngine(Scenario(url, play="hello.wav"), faults=[cut]) as engine:
        ...

`VOX_FAULTS` says what each name means. What a fault does on a connection is in
`voximplant_acts.py` and `voximplant_travel.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from voxsync.simulators.faults import FAULTS, Fault, make_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPENING_FAULTS", "VOX_FAULTS", "VoxFault", "fault"]

OPENING_FAULTS: Final = (
    "silent",
    "delay",
    "hang_up",
    "reset",
    "status",
    "no_answer",
    "delay_answer",
    "bad_accept",
    "not_http",
)
"""Those before the session: only where VoxEngine is the side that listens."""

_AS_FOR_MIMI = (
    *OPENING_FAULTS,
    # The end, at a point
    "close",
    "close_empty",
    "close_short",
    "fin",
    "rst",
    # Something unexpected, at a point; the session goes on
    "ping",
    "ping_payload",
    "no_pong",
    "stop_reading",
    "binary",
    "empty_text",
    "malformed_json",
    "not_utf8",
    "huge_frame",
    "garbage",
)

VOX_FAULTS: Final[Mapping[str, str]] = {
    **{name: FAULTS[name] for name in _AS_FOR_MIMI},
    "binary": "a binary frame, as if audio went that way",
    "stall": "the socket is not read for `seconds`: audio piles up",
    # The protocol, at a point; in streams with the tag "fault"
    "unknown_event": "a message with an `event` nobody has heard of",
    "nested_json": "JSON of `count` arrays inside each other",
    "huge_number": "a start with a number of `count` digits",
    "huge_message": "a text message of `count` bytes",
    "no_start": "media without a start",
    "unknown_encoding": "a start with an encoding nobody has heard of, and its media",
    "bad_base64": "media whose payload is base64 of the URL-safe alphabet",
    "odd_length": "media with half a sample at its end",
    "flood": "`seconds` of audio at once",
    # How the caller's audio travels
    "wrong_rate": "starts declare the other sampleRate: 16000 for 8000 and the reverse",
    "gaps": "of every `count` chunks one is missing",
    "duplicates": "of every `count` chunks one comes twice",
    "late": "of every `count` chunks one comes behind the next",
    "strings": "numbers are written as strings",
    "drip": FAULTS["drip"],
}
"""Name of each fault and what it does. Those before the session are for connections
that come in: of those that go out, VoxEngine is the one that dials."""

_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "stall": {"at": "audio", "seconds": 1.0},
    "nested_json": {"count": 100_000},
    "huge_number": {"count": 10_000},
    "huge_message": {"count": 2_000_000},
    "flood": {"seconds": 12.0},
    "gaps": {"count": 10},
    "duplicates": {"count": 10},
    "late": {"count": 10},
}


@dataclass(frozen=True, slots=True)
class VoxFault(Fault):
    """One thing that goes wrong. `fault()` makes one with its usual settings.

    As `Fault`, with the menu `VOX_FAULTS` and the places "open" (once the connection
    is), "message" (the app's first) and "audio" (once `after_bytes` bytes of the app's
    audio, as 16-bit samples, have come).
    """

    menu: ClassVar[Mapping[str, str]] = VOX_FAULTS
    points: ClassVar[tuple[str, ...]] = ("open", "message", "audio")


def fault(name: str, **settings: Any) -> VoxFault:
    """Make the fault of that name, with its usual settings where none are given.

    Args:
        name: One of the menu, e.g. `"close"`.
        settings: Attributes of `VoxFault`.

    Raises:
        ValueError: Nothing of that name; the message lists what there is.
        TypeError: No such setting.
    """
    return make_fault(VoxFault, name, _DEFAULTS.get(name, {}), settings)
