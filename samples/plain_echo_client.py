"""Listeners on both ends: an echo server and a client that counts to three."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.plain import PlainSession
from voxsync.server import Listener, ServerSession

if TYPE_CHECKING:
    from voxsync import CloseEvent, MessageEvent


def connected(listener: Listener, session: ServerSession) -> None:
    print("connected:", session.request.path)
    session.add_event_listener("message", lambda e: session.send_text(e.text))


def main() -> None:
    server = Listener()
    server.connection.connect(connected)
    with server:
        session = PlainSession(server.url)

        def on_message(event: MessageEvent) -> None:
            print("echo:", event.text)
            if event.text == "3":
                session.close(1000, "counted")

        def on_close(event: CloseEvent) -> None:
            print("closed:", event.code, event.reason)

        session.add_event_listener("message", on_message)
        session.on_close = on_close
        session.connect()
        for number in (1, 2, 3):
            session.send_text(str(number))
        session.wait_closed(timeout=10)


if __name__ == "__main__":
    main()
