"""The far end of a VoxEngine WebSocket by hand, and what a socket tells, kept."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.peers import Peer, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers import Conn
    from voxsync.voximplant import WebSocket

SOON = 10.0  # seconds within which everything happens, also on a busy machine

KINDS = (
    "created",
    "open",
    "message",
    "error",
    "close",
    "media-started",
    "media-ended",
)


def start(
    tag: str = "", encoding: str = "PCM16", rate: int = 16000, parameters: Any = None
) -> dict[str, Any]:
    """A start as the far end sends it."""
    body: dict[str, Any] = {"mediaFormat": {"encoding": encoding, "sampleRate": rate}}
    if tag:
        body["tag"] = tag
    if parameters is not None:
        body["customParameters"] = parameters
    return {"event": "start", "sequenceNumber": 0, "start": body}


def media(pcm: bytes, tag: str = "", **more: Any) -> dict[str, Any]:
    """A media event, without numbers unless they are given."""
    body = {"payload": base64.b64encode(pcm).decode(), **more}
    if tag:
        body["tag"] = tag
    return {"event": "media", "media": body}


def stop(tag: str = "") -> dict[str, Any]:
    """A stop without figures."""
    return {"event": "stop", "stop": {"tag": tag} if tag else {}}


class Far:
    """A raw peer that keeps the messages it gets, and sends what it is told to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._changed = threading.Condition()
        self._conn: Conn | None = None
        self._peer = Peer(self._script)
        self.url = self._peer.url

    def _script(self, conn: Conn) -> None:
        with self._changed:
            self._conn = conn
            self._changed.notify_all()
        while True:
            opcode, data = conn.read_frame()
            with self._changed:
                if opcode == 8:
                    self.texts.append(f"Close {int.from_bytes(data[:2], 'big')}")
                elif opcode == 1:
                    self.texts.append(data.decode())
                self._changed.notify_all()
            if opcode == 8:
                conn.send(frame(8, data[:2]))
                return
            if opcode == 9:
                conn.send(frame(10, data))

    @property
    def request(self) -> str:
        """The upgrade's head."""
        return self._peer.requests[0].decode()

    @property
    def json(self) -> list[Any]:
        """The messages, those that are JSON parsed."""
        return [_parsed(text) for text in list(self.texts)]

    @property
    def kinds(self) -> list[str]:
        """`start a`, `media a`, `stop a`, or the text."""
        return [_kind(message) for message in self.json]

    def pcm(self, tag: str = "") -> bytes:
        """All payloads of a stream, one behind the other."""
        return b"".join(
            base64.b64decode(m["media"]["payload"])
            for m in self.json
            if _kind(m) == f"media {tag}".strip()
        )

    def say(self, *messages: Any) -> None:
        """Send these; what is no str as JSON."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._conn is not None, SOON)
        assert self._conn is not None
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self._conn.send(frame(1, text.encode()))

    def end(self, data: bytes) -> None:
        """Send raw bytes: a Close frame."""
        assert self._conn is not None
        self._conn.send(data)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what has come is as it should be."""
        with self._changed:
            assert self._changed.wait_for(condition, SOON), self.kinds[-20:]

    def hears(self, kind: str, count: int = 1) -> None:
        """Wait for so many of a kind."""
        self.until(lambda: self.kinds.count(kind) >= count)

    def close(self) -> None:
        """End it all."""
        self._peer.close()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _kind(message: Any) -> str:
    if not isinstance(message, dict) or "event" not in message:
        return message if isinstance(message, str) else json.dumps(message)
    event = message["event"]
    return f"{event} {message.get(event, {}).get('tag', '')}".strip()


class Log:
    """Everything a socket tells, in order."""

    def __init__(self, ws: WebSocket) -> None:
        self.events: list[Any] = []
        self._changed = threading.Condition()
        for kind in KINDS:
            ws.add_event_listener(kind, self._add)

    def _add(self, event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    @property
    def kinds(self) -> list[str]:
        """What came, by name."""
        return [str(event.type) for event in list(self.events)]

    def of(self, kind: str) -> list[Any]:
        """Those of one kind."""
        return [event for event in list(self.events) if event.type == kind]

    def comes(self, kind: str, count: int = 1) -> Any:
        """Wait for so many of a kind; the last of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, SOON), (
                self.kinds
            )
        return self.of(kind)[count - 1]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody tells of."""
    gate, end = threading.Event(), time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it does not come"
        gate.wait(0.005)
