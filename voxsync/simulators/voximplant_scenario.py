"""The usual scenario: a call is connected, and a voice app talks to the caller."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxsync.errors import SessionClosed
from voxsync.media.sink import Sink
from voxsync.media.source import Source
from voxsync.media.unit import check_number
from voxsync.redact import redact_url
from voxsync.transport.dial import check_url
from voxsync.voximplant import (
    SendMediaParameters,
    WebSocketAudioEncoding,
    WebSocketParameters,
)

if TYPE_CHECKING:
    from voxsync.events import MessageEvent
    from voxsync.simulators.thread import Timer
    from voxsync.simulators.voximplant import VoxEngine
    from voxsync.simulators.voximplant_call import Call
    from voxsync.simulators.voximplant_entrance import NewWebSocket
    from voxsync.simulators.voximplant_socket import EngineSocket

__all__ = ["CLEAR", "Scenario"]

CLEAR = "clearMediaBuffer"
"""The `customEvent` by which the app asks for that; VoxEngine's protocol has no message
for it, so each scenario agrees on one with its app (Voximplant notes, 2.10)."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Connects a caller with a voice app, and hangs up when they have done.

    The caller's audio goes to the socket, the socket's streams (all tags, the newest
    is heard) to the caller. When the app sends `{"customEvent": "clearMediaBuffer"}`,
    maybe with `"payload": {"tag": ...}`, the buffer is cleared.

    Args:
        url: Of the voice app: `ws://`, `wss://`, `http://` or `https://`. None: the app
            comes to us, `allow_web_socket_connections` was or will be called; the first
            that comes gets the call.
        play: What the caller says: a WAV file or any source. None: nothing.
        record: Where what the caller hears goes: a file or any sink.
        tag: Of the caller's stream.
        encoding: Of the caller's stream.
        custom_parameters: Of the caller's stream, str to str.
        parameters: Of the socket: subprotocols, headers.
        messages: Texts for the app, any sequence of str, sent once the socket is open.
        patience: Seconds of the engine's clock: so long after the caller has said all
            there was, when nothing is being heard and no message came, the call is hung
            up and the socket closed. 0 or more; None: only at the end of the session.

    Raises:
        TypeError, ValueError: An argument that makes no sense, by its name. A file is
            looked for when the call is made.
    """

    url: str | None = None
    play: Source | str | os.PathLike[str] | None = None
    record: Sink | str | os.PathLike[str] | None = None
    tag: str = ""
    encoding: str = WebSocketAudioEncoding.PCM16_8KHZ
    custom_parameters: Mapping[str, str] | None = None
    parameters: WebSocketParameters | None = None
    messages: Sequence[str] = ()
    patience: float | None = 3.0

    def __post_init__(self) -> None:
        if self.url is not None:
            _check_url(self.url)
        _check_unit("play", self.play, Source, "read", "WavReader(path)")
        _check_unit("record", self.record, Sink, "write", "WavWriter(path)")
        if not isinstance(self.parameters, WebSocketParameters | None):
            raise TypeError(
                "parameters must be WebSocketParameters(...) or None, not "
                f"{_kind(self.parameters)}"
            )
        object.__setattr__(self, "messages", _texts(self.messages))
        if self.patience is not None:
            check_number("patience", self.patience)
            if not 0 <= self.patience < math.inf:
                raise ValueError(
                    "patience must be 0 or more seconds, or None for no end, not "
                    f"{self.patience}"
                )
        _check_strings(self.custom_parameters)
        sending = self._sending()  # complains about the others
        object.__setattr__(self, "custom_parameters", sending.custom_parameters)

    def __call__(self, engine: VoxEngine) -> None:
        """Begin. Thread: the engine's."""
        _Talk(self, engine)

    def _sending(self) -> SendMediaParameters:
        return SendMediaParameters(self.tag, self.encoding, self.custom_parameters)

    def __repr__(self) -> str:
        where = "what comes in" if self.url is None else redact_url(self.url)
        return f"<Scenario with {where}>"


class _Talk:
    """One call with its socket. Thread: the engine's."""

    def __init__(self, scenario: Scenario, engine: VoxEngine) -> None:
        self._scenario = scenario
        self._engine = engine
        self._ws: EngineSocket | None = None
        self._played = scenario.play is None
        self._heard: str | None = None  # the tag of the stream that the caller hears
        self._patience: Timer | None = None
        self._call = engine.call(scenario.play, record=scenario.record)
        self._call.on_played = self._at_end
        self._call.on_disconnected = self._disconnected
        if scenario.url is None:
            engine.on_web_socket = self._came
        else:
            ws = engine.create_web_socket(scenario.url, scenario.parameters)
            self._join(ws)

    def _came(self, new: NewWebSocket) -> None:
        if self._ws is None and new.websocket is not None:
            self._join(new.websocket)

    def _join(self, ws: EngineSocket) -> None:
        self._ws = ws
        ws.add_event_listener("open", self._opened)
        ws.add_event_listener("message", self._message)
        ws.add_event_listener("media-started", self._started)
        ws.add_event_listener("media-ended", self._ended)
        ws.add_event_listener("close", self._closed)

    def _opened(self, _: object) -> None:
        ws, scenario = self._ws, self._scenario
        assert ws is not None
        try:
            for text in scenario.messages:
                ws.send(text)
            if scenario.play is not None and not self._call.is_over:
                self._call.send_media_to(ws, scenario._sending())  # noqa: SLF001 - its other half
        except SessionClosed:
            return  # the app was faster; `close` follows
        except Exception as exc:  # noqa: BLE001 - as in VoxEngine it ends the session
            self._engine.fail(exc)
        self._wait()

    def _message(self, event: MessageEvent) -> None:
        ws = self._ws
        assert ws is not None
        wanted, tag = _clear_of(event.text)
        if wanted:
            ws.clear_media_buffer(tag=tag)
        self._wait()

    def _started(self, event: object) -> None:
        ws = self._ws
        assert ws is not None
        tag: str = event.tag  # type: ignore[attr-defined]
        if not self._call.is_over and tag != self._heard:
            # It may have been heard before another stream took its place.
            ws.stop_media_to(self._call, tag=tag)
            self._heard = tag
            with suppress(SessionClosed):
                ws.send_media_to(self._call, tag=tag)
        self._wait()

    def _ended(self, _: object) -> None:
        self._wait()

    def _at_end(self, _: Call) -> None:
        self._played = True
        self._wait()

    def _wait(self) -> None:
        """Something was said: patience begins anew, if it has begun at all."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        ws, patience = self._ws, self._scenario.patience
        if patience is None or not self._played or ws is None or ws.is_playing:
            return
        self._patience = self._engine.after(patience, self._call.hangup)

    def _disconnected(self, _: Call) -> None:
        self._engine.terminate()  # which closes the socket

    def _closed(self, _: object) -> None:
        self._call.hangup()


def _kind(value: object) -> str:
    """What a value is, not what is in it, which may be a secret."""
    name = type(value).__name__
    return f"the class {value.__name__}" if isinstance(value, type) else name


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise TypeError(
            "url must be a str, such as 'ws://127.0.0.1:8080/', or None to wait for "
            f"the app, not {_kind(url)}"
        )
    scheme, colon, rest = url.partition(":")
    if scheme.lower() not in ("ws", "wss", "http", "https"):
        raise ValueError(
            f"url {redact_url(url)!r} must begin with ws://, wss://, http:// or https://"
        )
    try:  # of the last two it says the same
        check_url(f"{scheme.lower().replace('http', 'ws')}{colon}{rest}")
    except ValueError as exc:
        raise ValueError(f"url {exc}") from None


def _check_unit(
    name: str, value: object, unit: type, method: str, instance: str
) -> None:
    """A path, a file object, or a unit."""
    given = isinstance(value, unit | str | os.PathLike | None)
    if not given and (isinstance(value, type) or not hasattr(value, method)):
        raise TypeError(
            f"{name} must be a path, a {unit.__name__.lower()} such as {instance}, or "
            f"None, not {_kind(value)}"
        )


def _texts(messages: object) -> tuple[str, ...]:
    if isinstance(messages, str) or not isinstance(messages, Sequence):
        raise TypeError(
            "messages must be a sequence of str, such as ('hello',), not "
            f"{_kind(messages)}"
        )
    for number, text in enumerate(messages):
        if not isinstance(text, str):
            raise TypeError(f"messages[{number}] must be a str, not {_kind(text)}")
    return tuple(messages)


def _check_strings(parameters: object) -> None:
    if parameters is None:
        return
    if not isinstance(parameters, Mapping):
        raise TypeError(
            "custom_parameters must be a mapping of str to str, such as {'room': '7'}, "
            f"or None, not {_kind(parameters)}"
        )
    for name, value in parameters.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                "custom_parameters must be a mapping of str to str, such as "
                f"{{'room': '7'}}; {name!r} has {_kind(value)}"
            )


def _clear_of(text: str) -> tuple[bool, str | None]:
    """Whether a message asks for a clear, and of which stream."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False, None
    if not isinstance(found, dict) or found.get("customEvent") != CLEAR:
        return False, None
    payload = found.get("payload")
    tag = payload.get("tag") if isinstance(payload, dict) else None
    return True, tag if isinstance(tag, str) else None
