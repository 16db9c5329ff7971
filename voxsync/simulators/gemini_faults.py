"""The fault menu of the embedded Live API: every fault by its name.

    from voxsync.simulators.gemini import GeminiService
    from voxsync.simulators.gemini_faults import fault

    quota = fault("close", code=1011, reason="quota exceeded", at="setup")
    with GeminiService(faults=[quota]) as service:
        ...

`GEMINI_FAULTS` says what each name means. What a fault does on a connection is in
`gemini_acts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from voxsync.simulators.faults import FAULTS, Fault, make_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.simulators.faults import Point

__all__ = ["GEMINI_FAULTS", "GeminiFault", "fault"]

_AS_FOR_MIMI = (
    # Before the session
    "silent",
    "delay",
    "hang_up",
    "reset",
    "status",
    "no_answer",
    "delay_answer",
    "bad_accept",
    "not_http",
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
    "stall",
    "malformed_json",
    "not_utf8",
    "empty_text",
    "huge_frame",
    "garbage",
)

GEMINI_FAULTS: Final[Mapping[str, str]] = {
    **{name: FAULTS[name] for name in _AS_FOR_MIMI},
    "stall": "nothing is done for `seconds`: input piles up",
    "quota": "close code 1011, the quota is used up",
    "no_setup_complete": "the setup is never answered",
    "mute": "nothing is said any more, though all is read",
    "blackhole": "nothing is read or sent for `seconds`",
    "go_away": "a goAway with `seconds` left, and code 1000 when they are over",
    # Messages that nobody expects, at a point
    "wrong_first": "a turnComplete, by default where setupComplete belongs",
    "error_message": "a message whose key is `error`",
    "unknown_message": "a message with a key nobody has heard of",
    "unknown_content": "a serverContent with fields nobody has heard of",
    "usage_only": "a message of nothing but usageMetadata",
    "null": "the JSON value null",
    "list": "an empty JSON list",
    "nested_json": "JSON of `count` arrays inside each other",
    "huge_message": "a message of `count` bytes",
    "bad_base64": "audio that is not base64",
    "bad_types": "a serverContent whose fields have the wrong types",
    "burst": "`seconds` of audio at once, in messages of 240 ms",
    "tool_storm": "`count` function calls in one message",
    # How messages are written and travel
    "setup_true": "setupComplete is `true` instead of an object",
    "merge": "`count` audio messages become one with as many parts",
    "split": "messages come in fragments, with a ping in between",
    "odd_bytes": "every `count`-th piece of audio ends with half a sample",
    "bare_mime": "audio has the MIME type audio/pcm, without a rate",
    "url_safe": "base64 has the URL-safe alphabet and no padding",
    "snake_case": "keys are in snake_case",
    "unknown_keys": "messages have more keys, that nobody has heard of",
    "interrupted_audio": "messages that say interrupted have audio as well",
    "usage_apart": "usageMetadata comes in a message of its own, behind its turn",
    "no_usage": "usageMetadata never comes",
    "no_turn_complete": "turnComplete never comes",
    "no_generation_complete": "generationComplete never comes",
    "latency": "each message is held back for `seconds`",
    "bandwidth": "messages take as long as `rate` bytes per second let them",
    "drip": FAULTS["drip"],
}
"""Name of each fault and what it does."""

_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "quota": {
        "at": "setup",
        "reason": "You exceeded your current quota, please check your plan.",
    },
    "no_setup_complete": {"at": "setup"},
    "mute": {"at": "ready"},
    "wrong_first": {"at": "setup"},
    "blackhole": {"seconds": 10.0, "at": "message"},
    "go_away": {"seconds": 1.0, "at": "ready"},
    "error_message": {"at": "ready"},
    "nested_json": {"count": 100_000},
    "huge_message": {"count": 2_000_000},
    "burst": {"seconds": 60.0, "at": "message"},
    "tool_storm": {"at": "message"},
    "merge": {"count": 4},
    "odd_bytes": {"count": 1},
    "bandwidth": {"rate": 100_000},
}


@dataclass(frozen=True, slots=True)
class GeminiFault(Fault):
    """One thing that goes wrong. `fault()` makes one with its usual settings.

    As `Fault`, with the menu `GEMINI_FAULTS` and the places "open" (once the
    connection is), "setup" (where setupComplete belongs), "ready" (behind it),
    "message" (the first one behind the setup), "audio" (once `after_bytes` bytes of
    audio have come), "answer" (behind the first message of an answer), "tool" (behind
    a toolCall) and "turn" (behind a turnComplete).
    """

    menu: ClassVar[Mapping[str, str]] = GEMINI_FAULTS
    points: ClassVar[tuple[Point, ...]] = (
        "open",
        "setup",
        "ready",
        "message",
        "audio",
        "answer",
        "tool",
        "turn",
    )


def fault(name: str, **settings: Any) -> GeminiFault:
    """Make the fault of that name, with its usual settings where none are given.

    Args:
        name: One of the menu, e.g. `"close"`.
        settings: Attributes of `GeminiFault`.

    Raises:
        ValueError: Nothing of that name; the message lists what there is.
        TypeError: No such setting.
    """
    return make_fault(GeminiFault, name, _DEFAULTS.get(name, {}), settings)
