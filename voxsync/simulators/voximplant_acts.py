"""All faults of one of VoxEngine's sockets at work."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

from voxsync.errors import VoxsyncError
from voxsync.simulators.act import Act, frame
from voxsync.simulators.acts_opening import Answer, Hold, Leave
from voxsync.simulators.acts_session import Deaf, Drip, End
from voxsync.simulators.voximplant_travel import TRAVEL, Travel

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from voxsync.dialects.base import Dialect
    from voxsync.server import Refusal
    from voxsync.session.misbehaviour import Misbehaving
    from voxsync.simulators.faults import Fault, Point
    from voxsync.simulators.thread import SerialThread
    from voxsync.simulators.voximplant_faults import VoxFault
    from voxsync.simulators.voximplant_socket import EngineSocket

__all__ = ["VoxActs"]

_TAG = "fault"
_CHUNK = 320  # samples of PCM16 in 20 ms
# What goes into the queue in one piece, so that others get their turn.
_AT_ONCE = 50


def _text(text: str) -> tuple[int, bytes]:
    return 1, text.encode()


def _media(chunk: int, payload: str) -> str:
    inner = {
        "tag": _TAG,
        "chunk": chunk,
        "timestamp": chunk * _CHUNK,
        "payload": payload,
    }
    return json.dumps({"event": "media", "sequenceNumber": chunk + 1, "media": inner})


def _start(encoding: str = "PCM16", **more: object) -> str:
    form = {"encoding": encoding, "sampleRate": 16000}
    inner = {"tag": _TAG, "mediaFormat": form, **more}
    return json.dumps({"event": "start", "sequenceNumber": 0, "start": inner})


_STOP = json.dumps({"event": "stop", "sequenceNumber": 2, "stop": {"tag": _TAG}})
# A ramp, so that it is told from silence; its base64 differs between the alphabets.
_AUDIO = struct.pack(f"<{_CHUNK}h", *range(-_CHUNK // 2, _CHUNK // 2))
_PAYLOAD = base64.b64encode(_AUDIO).decode()


def _frames(fault: Fault) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of each frame of a fault that sends something strange."""
    match fault.name:
        case "ping":
            yield 9, b""
        case "ping_payload":
            yield 9, b"are you there?"
        case "binary":
            yield 2, _AUDIO
        case "empty_text":
            yield _text("")
        case "malformed_json":
            yield _text('{"event":"media","media":{"payl')
        case "not_utf8":
            yield 1, b'{"event":"\xff\xfe"}'
        case "unknown_event":
            yield _text('{"event":"unheard-of","unheard-of":{"tag":"fault"}}')
        case "nested_json":
            yield _text('{"event":"start","start":' + "[" * fault.count)
        case "huge_number":
            start = _start().replace('"sequenceNumber": 0', '"sequenceNumber": 1@')
            yield _text(start.replace("@", "0" * fault.count))
        case "huge_message":
            yield _text("x" * fault.count)
        case "no_start":
            yield _text(_media(0, _PAYLOAD))
        case "unknown_encoding":
            yield _text(_start("G729"))
            yield _text(_media(0, _PAYLOAD))
            yield _text(_STOP)
        case "bad_base64":
            yield _text(_start())
            yield _text(_media(0, base64.urlsafe_b64encode(_AUDIO).decode()))
            yield _text(_STOP)
        case "odd_length":
            yield _text(_start())
            yield _text(_media(0, base64.b64encode(_AUDIO[:-1]).decode()))
            yield _text(_STOP)
        case "flood":
            yield _text(_start())
            for chunk in range(round(fault.seconds * 50)):
                yield _text(_media(chunk, _PAYLOAD))
            yield _text(_STOP)


class _Strange(Act):
    """Sends what nobody expects."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        masked, piece = session.masks, bytearray()
        for number, (opcode, payload) in enumerate(_frames(self.fault), 1):
            piece += frame(opcode, payload, masked=masked)
            if number % _AT_ONCE == 0:
                session.inject(bytes(piece))
                piece.clear()
        session.inject(bytes(piece))
        return False


class _Broken(Act):
    """Sends what is no frame."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        if self.fault.name == "garbage":
            session.inject(bytes(range(255, 191, -1)))
        else:
            bit = 0x80 if session.masks else 0
            session.inject(struct.pack("!BBQ", 0x82, bit | 127, 2**62))
        return False


class _Stall(Act):
    """Does not read for a while."""

    after: Callable[[float, Callable[[], object]], object]

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        self.after(self.fault.seconds, session.read_again)
        session.stop_reading()
        return False


class _Narrow(Drip):
    """Lets each write take one byte, from the beginning."""

    def act(self, session: Misbehaving[Any]) -> bool:
        """See `Act`."""
        session.wrap_socket(self.wrap)
        return False


_OPENING: Mapping[str, type[Act]] = {
    **dict.fromkeys(("silent", "delay", "no_answer", "delay_answer"), Hold),
    **dict.fromkeys(("hang_up", "reset"), Leave),
    **dict.fromkeys(("status", "bad_accept", "not_http"), Answer),
}

_ACTS: Mapping[str, type[Act]] = {
    **_OPENING,
    **dict.fromkeys(("close", "close_empty", "close_short", "fin", "rst"), End),
    **dict.fromkeys(("no_pong", "stop_reading"), Deaf),
    **dict.fromkeys(("huge_frame", "garbage"), _Broken),
    "stall": _Stall,
    "drip": _Narrow,
}


class VoxActs:
    """All faults of one socket, in the order they were given.

    Args:
        number: Of the socket, from 1; some faults are for the first ones only.
        faults: Of the engine.
        closing: Set at the end of the session; no wait goes on after it.
        thread: The engine's, where acts at a point of the session take place.
    """

    def __init__(
        self,
        number: int,
        faults: Iterable[VoxFault],
        closing: threading.Event,
        thread: SerialThread,
    ) -> None:
        mine = [
            each
            for each in faults
            if each.connections is None or number <= each.connections
        ]
        self.number = number
        self._thread = thread
        self._travel = [each for each in mine if each.name in TRAVEL]
        self._acts = [
            _ACTS.get(each.name, _Strange)(each, closing)
            for each in mine
            if each.name not in TRAVEL
        ]
        for act in self._acts:
            if isinstance(act, _Stall):
                act.after = thread.after
        self._ended = False  # nothing follows; the engine's thread
        # How much audio has to come for each act that waits for it; the I/O thread's.
        self._waiting = sorted(
            act.fault.after_bytes for act in self._acts if act.fault.at == "audio"
        )

    # A connection that comes in, on its own thread

    def accepted(self, sock: socket.socket) -> bool:
        """See `Act`."""
        return all(act.accepted(sock) for act in self._acts)

    def refuse(self) -> Refusal | None:
        """See `Act`."""
        found = (act.refuse(self.number) for act in self._acts)
        return next((each for each in found if each is not None), None)

    def answer(self, data: bytes) -> bytes:
        """See `Act`."""
        for act in self._acts:
            data = act.answer(data)
        return data

    # Any socket

    def rewrite(self, dialect: Dialect[str]) -> Dialect[str]:
        """The dialect, with what happens to messages on their way out."""
        for each in self._travel:
            dialect = Travel(dialect, each)
        return dialect

    def heard(self, ws: EngineSocket, count: int) -> None:
        """So many bytes of audio have come. Thread: I/O."""
        if self._waiting and count >= self._waiting[0]:
            while self._waiting and count >= self._waiting[0]:
                del self._waiting[0]
            self._thread.call(lambda: self._reach(ws, "audio", count))

    def happened(self, ws: EngineSocket, name: str) -> None:
        """An event of that name came. Thread: the engine's."""
        if name == "open":
            self._reach(ws, "open", 0)
        elif name == "message":
            self._reach(ws, "message", 0)

    def _reach(self, ws: EngineSocket, point: Point, count: int) -> None:
        """Let the faults of that point happen, up to one that ends it all."""
        if self._ended:
            return
        try:
            self._ended = any(act.reach(ws, point, count) for act in self._acts)
        except VoxsyncError:
            self._ended = True  # the peer was faster; its close event tells the rest
