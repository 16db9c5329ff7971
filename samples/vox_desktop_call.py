"""A call by microphone and speaker, through a WebSocket as VoxEngine has it.

    python samples/vox_desktop_call.py ws://127.0.0.1:8080/

The URL is that of a voice app (try samples/vox_echo_server.py, with headphones), or the
access URL of a running VoxEngine session, https:// as it is. Ctrl-C hangs up. Needs the
extra `audio`.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from voxsync.errors import VoxsyncError
from voxsync.media import Microphone, Speaker
from voxsync.voximplant import SendMediaParameters, WebSocket, WebSocketAudioEncoding

if TYPE_CHECKING:
    from voxsync.events import CloseEvent, MediaStartedEvent, MessageEvent


def main(url: str = "ws://127.0.0.1:8080/") -> None:
    over = threading.Event()
    voice = SendMediaParameters(encoding=WebSocketAudioEncoding.PCM16_16KHZ)

    def on_media_started(event: MediaStartedEvent) -> None:
        print("they speak:", event.encoding, flush=True)

    def on_message(event: MessageEvent) -> None:
        print("they write:", event.text, flush=True)

    def on_close(event: CloseEvent) -> None:
        print("closed:", event.code, event.reason, flush=True)
        over.set()

    with Microphone() as microphone, Speaker() as speaker:
        ws = WebSocket(url)
        ws.on_media_started = on_media_started
        ws.on_message = on_message
        ws.on_close = on_close
        ws.send_media_to(speaker)  # before it is open: so nothing is missed
        print("calling; Ctrl-C hangs up", flush=True)
        with ws, suppress(KeyboardInterrupt):
            microphone.send_media_to(ws, voice)
            while not over.wait(0.1):
                pass


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except VoxsyncError as exc:  # nobody there, refused, hung up at once, no device
        sys.exit(str(exc))
