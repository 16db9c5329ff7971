"""Acts on messages of the Live API: how they are written and how they travel."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

from voxsync.simulators.act import Act, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from voxsync.session.misbehaviour import Misbehaving

__all__ = ["TRAVEL", "Travel", "audio_blobs"]

_Message = dict[str, Any]


def audio_blobs(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pieces of audio in a message."""
    parts = message.get("serverContent", {}).get("modelTurn", {}).get("parts", ())
    return [part["inlineData"] for part in parts if "inlineData" in part]


class Travel(Act):
    """Changes messages on their way out; this one does not."""

    def rewrite(self, message: _Message) -> Iterator[_Message]:
        """What goes out in its place."""
        yield message

    def seal(self, session: Misbehaving[Any], data: bytes, opcode: int) -> bytes | None:
        """Its frames, if it is not to be sent as usual; may wait."""
        del session, data, opcode
        return None


class _Slow(Travel):
    """Holds messages back."""

    def seal(self, session: Misbehaving[Any], data: bytes, opcode: int) -> bytes | None:
        """See `Travel`."""
        del opcode
        by_rate = self.fault.name == "bandwidth"
        session.pause(len(data) / self.fault.rate if by_rate else self.fault.seconds)
        return None


class _Split(Travel):
    """Sends fragments."""

    def seal(self, session: Misbehaving[Any], data: bytes, opcode: int) -> bytes | None:
        """See `Travel`."""
        del session
        middle = len(data) // 2
        return (
            frame(opcode, data[:1], fin=False)
            + frame(0, data[1:middle], fin=False)
            + frame(9, b"in between")
            + frame(0, data[middle:])
        )


class _Merge(Travel):
    """Makes one message of several."""

    _held: _Message | None = None

    def rewrite(self, message: _Message) -> Iterator[_Message]:
        """See `Travel`."""
        held = self._held
        if not audio_blobs(message):
            self._held = None
            if held is not None:
                yield held
            yield message
            return
        if held is None:
            self._held = held = message
        else:
            parts = held["serverContent"]["modelTurn"]["parts"]
            parts += message["serverContent"]["modelTurn"]["parts"]
        if len(audio_blobs(held)) >= self.fault.count:
            self._held = None
            yield held


class _Audio(Travel):
    """Writes audio differently."""

    _count = 0

    def rewrite(self, message: _Message) -> Iterator[_Message]:
        """See `Travel`."""
        for blob in audio_blobs(message):
            self._count += 1
            if self.fault.name == "bare_mime":
                blob["mimeType"] = "audio/pcm"
            elif self.fault.name == "url_safe":
                data = blob["data"].rstrip("=")
                blob["data"] = data.replace("+", "-").replace("/", "_")
            elif self._count % max(1, self.fault.count) == 0:
                data = base64.b64decode(blob["data"])[:-1]
                blob["data"] = base64.b64encode(data).decode()
        yield message


class _Apart(Travel):
    """Makes two messages of one."""

    def rewrite(self, message: _Message) -> Iterator[_Message]:
        """See `Travel`."""
        usage = message.pop("usageMetadata", None)
        yield message
        if usage is not None:
            yield {"usageMetadata": usage}


class _Edit(Travel):
    """Adds to messages, and takes from them."""

    def rewrite(self, message: _Message) -> Iterator[_Message]:
        """See `Travel`."""
        edited = _EDITS[self.fault.name](message)
        if edited:
            yield edited


def _setup_true(message: _Message) -> _Message:
    return {key: key == "setupComplete" or value for key, value in message.items()}


def _unknown_keys(message: _Message) -> _Message:
    body = message.get("serverContent")
    if body is not None:
        body["unheardOf"] = {"of": ["it", None]}
    return {**message, "unheardOf": [1.5, None]}


def _interrupted_audio(message: _Message) -> _Message:
    body = message.get("serverContent", {})
    if body.get("interrupted"):
        data = base64.b64encode(b"\x01\x00" * 5760).decode()
        blob = {"mimeType": "audio/pcm;rate=24000", "data": data}
        body["modelTurn"] = {"role": "model", "parts": [{"inlineData": blob}]}
    return message


def _without(*names: str) -> Callable[[_Message], _Message]:
    def edit(message: _Message) -> _Message:
        found = {}
        for key, body in message.items():
            if key in names:
                continue
            if key == "serverContent":
                kept = {name: each for name, each in body.items() if name not in names}
                if body and not kept:
                    continue
                found[key] = kept
            else:
                found[key] = body
        return found

    return edit


# What is below them belongs to somebody else, and is not re-cased.
_STRUCTS = ("args", "response")


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("([A-Z])", lambda found: "_" + found[1].lower(), key): each
        if key in _STRUCTS
        else _snake(each)
        for key, each in value.items()
    }


_EDITS: Final[Mapping[str, Callable[[_Message], _Message]]] = {
    "setup_true": _setup_true,
    "snake_case": _snake,
    "interrupted_audio": _interrupted_audio,
    "unknown_keys": _unknown_keys,
    "no_usage": _without("usageMetadata"),
    "no_turn_complete": _without("turnComplete", "turnCompleteReason"),
    "no_generation_complete": _without("generationComplete"),
}

TRAVEL: Final[Mapping[str, type[Travel]]] = {
    **dict.fromkeys(("latency", "bandwidth"), _Slow),
    **dict.fromkeys(("odd_bytes", "bare_mime", "url_safe"), _Audio),
    **dict.fromkeys(_EDITS, _Edit),
    "merge": _Merge,
    "usage_apart": _Apart,
    "split": _Split,
}
"""By the names of their faults."""
