"""The usual scenario: a call is connected, and a voice app talks to the caller."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxsync.errors import SessionClosed
from voxsync.redact import redact_url
from voxsync.voximplant import SendMediaParameters, WebSocketAudioEncoding

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from voxsync.events import MessageEvent
    from voxsync.media import Sink, Source
    from voxsync.simulators.voximplant import VoxEngine
    from voxsync.simulators.voximplant_call import Call
    from voxsync.simulators.voximplant_entrance import NewWebSocket
    from voxsync.simulators.voximplant_socket import EngineSocket
    from voxsync.simulators.voximplant_thread import Timer
    from voxsync.voximplant import WebSocketParameters

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
        url: Of the voice app. None: the app comes to us, `allow_web_socket_connections`
            was or will be called; the first that comes gets the call.
        play: What the caller says: a WAV file or any source. None: nothing.
        record: Where what the caller hears goes: a file or any sink.
        tag: Of the caller's stream.
        encoding: Of the caller's stream.
        custom_parameters: Of the caller's stream, str to str.
        parameters: Of the socket: subprotocols, headers.
        messages: Texts for the app, sent once the socket is open.
        patience: Seconds of the engine's clock: so long after the caller has said all
            there was, when nothing is being heard and no message came, the call is hung
            up and the socket closed. None: only at the end of the session.
    """

    url: str | None = None
    play: Source | str | os.PathLike[str] | None = None
    record: Sink | str | os.PathLike[str] | None = None
    tag: str = ""
    encoding: str = WebSocketAudioEncoding.PCM16_8KHZ
    custom_parameters: Mapping[str, str] | None = None
    parameters: WebSocketParameters | None = None
    messages: tuple[str, ...] = ()
    patience: float | None = 3.0

    def __post_init__(self) -> None:
        self._sending()  # complains now

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
