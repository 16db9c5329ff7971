"""A voice app for VoxEngine: callers hear themselves, and messages come back.

    python samples/vox_echo_server.py 8080 0.0.0.0

In the scenario: `const ws = VoxEngine.createWebSocket("ws://your.host:8080/")`, then
`call.sendMediaTo(ws, {encoding: WebSocketAudioEncoding.PCM16_16KHZ})` and
`ws.sendMediaTo(call)`. Ctrl-C ends it. Needs the extra `server`.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from voxsync.voximplant import WebSocket, WebSocketServer

if TYPE_CHECKING:
    from voxsync.events import (
        CloseEvent,
        MediaEndedEvent,
        MediaStartedEvent,
        MessageEvent,
    )


def connected(server: WebSocketServer, websocket: WebSocket) -> None:
    tags = set()

    def on_media_started(event: MediaStartedEvent) -> None:
        if event.tag not in tags:  # it is told at each burst of speech
            tags.add(event.tag)
            websocket.send_media_to(websocket, tag=event.tag, encoding=event.encoding)

    def on_media_ended(event: MediaEndedEvent) -> None:
        print(f"heard {event.media_info.seconds:.1f} s", flush=True)

    def on_message(event: MessageEvent) -> None:
        websocket.send(event.text or "")

    def on_close(event: CloseEvent) -> None:
        print("closed:", event.code, flush=True)

    websocket.on_media_started = on_media_started
    websocket.on_media_ended = on_media_ended
    websocket.on_message = on_message
    websocket.on_close = on_close


def main(port: str = "8080", host: str = "127.0.0.1") -> None:
    server = WebSocketServer(host, int(port))
    server.connection.connect(connected)
    with suppress(KeyboardInterrupt), server:
        print("listening at", server.url, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
