"""All faults of one conversation at work."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any, ClassVar

from voxsync.simulators.act import Act, frame
from voxsync.simulators.acts import Acts
from voxsync.simulators.acts_opening import Answer, Hold, Leave
from voxsync.simulators.acts_session import Deaf, Drip, End, Inject
from voxsync.simulators.gemini_travel import TRAVEL, Travel

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from voxsync.session.misbehaviour import Misbehaving
    from voxsync.simulators.faults import Fault

__all__ = ["GeminiActs"]

_CHUNK = 5760  # samples of 240 ms
# A ramp, so that it is told from silence; its base64 differs between the alphabets.
_AUDIO = struct.pack(f"<{_CHUNK}h", *range(-_CHUNK // 2, _CHUNK // 2))


def _frame(message: object) -> bytes:
    return frame(2, json.dumps(message).encode())


def _content(**fields: object) -> bytes:
    return _frame({"serverContent": fields})


def _audio(data: str) -> bytes:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": data}
    return _content(modelTurn={"role": "model", "parts": [{"inlineData": blob}]})


def _frames(fault: Fault) -> Iterator[bytes]:
    """The frames of a fault that sends something strange."""
    match fault.name:
        case "wrong_first":
            yield _content(turnComplete=True)
        case "error_message":
            error = {"code": 500, "message": "An error.", "status": "INTERNAL"}
            yield _frame({"error": error})
        case "unknown_message":
            yield _frame({"unheardOf": {"of": [1, None]}})
        case "unknown_content":
            yield _content(unheardOf={"of": [1, None]})
        case "usage_only":
            yield _frame({"usageMetadata": {"totalTokenCount": 1}})
        case "null":
            yield frame(2, b"null")
        case "list":
            yield frame(2, b"[]")
        case "nested_json":
            yield frame(2, b'{"serverContent":' + b"[" * fault.count)
        case "huge_message":
            yield _content(padding="x" * fault.count)
        case "bad_base64":
            yield _audio("%%%%")
        case "bad_types":
            yield _content(modelTurn="hello", turnComplete="perhaps", interrupted=3)
        case "burst":
            data = _audio(base64.b64encode(_AUDIO).decode())
            for _ in range(round(fault.seconds / 0.24)):
                yield data


class _Strange(Act):
    """Sends what nobody expects."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        for each in _frames(self.fault):
            session.inject(each)
        return False


class _Quota(Act):
    """Ends the session for want of quota."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        session.close(1011, self.fault.reason, wait=False)
        return True


class _Mute(Act):
    """Lets nothing follow."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        del session
        return True


class _Blackhole(Act):
    """Is not there for a while."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        self.deaf = True
        session.stop_reading()
        over = session.pause(self.fault.seconds)
        session.read_again()
        self.deaf = False
        return over


class _GoAway(Act):
    """Announces the end, and keeps its word."""

    after: Callable[[float, Callable[[], object]], object]

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        seconds = self.fault.seconds
        session.inject(_frame({"goAway": {"timeLeft": f"{seconds:g}s"}}))
        self.after(seconds, lambda: session.close(1000, "gone away", wait=False))
        return False


class _Storm(Act):
    """Calls many functions at once."""

    storm: Callable[[int], object]

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        del session
        self.storm(self.fault.count)
        return False


_STRANGE = (
    "wrong_first",
    "error_message",
    "unknown_message",
    "unknown_content",
    "usage_only",
    "null",
    "list",
    "nested_json",
    "huge_message",
    "bad_base64",
    "bad_types",
    "burst",
)
_INJECTED = (
    "ping",
    "ping_payload",
    "malformed_json",
    "not_utf8",
    "empty_text",
    "huge_frame",
    "garbage",
)


class GeminiActs(Acts):
    """All faults of one conversation, in the order they were given."""

    table: ClassVar[Mapping[str, Callable[[Fault, threading.Event], Act]]] = {
        **dict.fromkeys(("silent", "delay", "no_answer", "delay_answer"), Hold),
        **dict.fromkeys(("hang_up", "reset"), Leave),
        **dict.fromkeys(("status", "bad_accept", "not_http"), Answer),
        **dict.fromkeys(("close", "close_empty", "close_short", "fin", "rst"), End),
        **dict.fromkeys(_INJECTED, Inject),
        **dict.fromkeys(("no_pong", "stop_reading", "stall"), Deaf),
        **dict.fromkeys(("no_setup_complete", "mute"), _Mute),
        **dict.fromkeys(_STRANGE, _Strange),
        **TRAVEL,
        "quota": _Quota,
        "blackhole": _Blackhole,
        "go_away": _GoAway,
        "tool_storm": _Storm,
        "drip": Drip,
    }

    def bind(
        self,
        after: Callable[[float, Callable[[], object]], object],
        storm: Callable[[int], object],
    ) -> None:
        """Connect them with their conversation.

        Args:
            after: Has a function called in so many seconds, on its thread.
            storm: Makes so many function calls.
        """
        for act in self._acts:
            if isinstance(act, _GoAway):
                act.after = after
            elif isinstance(act, _Storm):
                act.storm = storm

    def rewrite(self, message: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """What goes out in place of a message; it may be changed."""
        items = [message]
        for act in self._acts:
            if isinstance(act, Travel):
                items = [made for item in items for made in act.rewrite(item)]
        return items

    def seal(self, session: Misbehaving[Any], data: bytes, opcode: int) -> bytes | None:
        """The frames of a message, if it is not to be sent as usual; may wait."""
        sealed = None
        for act in self._acts:
            if isinstance(act, Travel):
                sealed = act.seal(session, data, opcode) or sealed
        return sealed
