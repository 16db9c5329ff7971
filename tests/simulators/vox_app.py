"""A voice app for tests of the VoxEngine simulator."""

from __future__ import annotations

import threading
from contextlib import suppress

import numpy as np

from voxsync.errors import SessionClosed
from voxsync.media import BufferSink, CallbackSource, EndOfStream
from voxsync.session import SessionOptions
from voxsync.voximplant import WebSocketServer

EVENTS = (
    "created",
    "open",
    "message",
    "media-started",
    "media-ended",
    "error",
    "close",
)


class App:
    """Takes connections; notes what each is told; keeps all audio, echoes it if asked.

    Attributes:
        sockets: In the order in which they came.
        events: Of all of them: (name, what it says).
    """

    def __init__(self, clock=None, *, echo=False, on_socket=None, **settings):
        self.sockets, self.events = [], []
        self.echo, self.on_socket = echo, on_socket
        self.sinks = {}
        self.changed = threading.Condition()
        options = SessionOptions(clock=clock, max_message_size=1 << 20)
        self.server = WebSocketServer(options=options, **settings)
        self.server.connection.connect(self.connected)
        self.server.start()
        self.url = self.server.url

    def connected(self, server, websocket):
        for name in EVENTS:
            websocket.add_event_listener(name, self.note)
        websocket.add_event_listener("media-started", self.link)
        if self.on_socket is not None:
            self.on_socket(websocket)
        with self.changed:
            self.sockets.append(websocket)
            self.changed.notify_all()

    def link(self, event):
        tag, ws = event.tag, event.target
        if tag in self.sinks:
            return
        with suppress(SessionClosed):  # it may be over when this is told
            rate = ws._units().stream(tag).sample_rate
            self.sinks[tag] = BufferSink(sample_rate=rate)
            ws.send_media_to(self.sinks[tag], tag=tag, paced=False)
            if self.echo:
                ws.send_media_to(ws, tag=tag, encoding=event.encoding)

    def note(self, event):
        name = str(event.type)
        detail = {
            "message": lambda: event.text,
            "error": lambda: event.error,
            "close": lambda: event.code,
            "media-started": lambda: event.tag,
            "media-ended": lambda: event.tag,
        }.get(name, lambda: None)()
        with self.changed:
            self.events.append((name, detail))
            self.changed.notify_all()

    def wait_for(self, name, detail=None, timeout=10):
        def found():
            return [d for n, d in self.events if n == name and detail in (None, d)]

        with self.changed:
            assert self.changed.wait_for(found, timeout), (name, self.events)
        return found()

    def named(self, name):
        return [detail for each, detail in self.events if each == name]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.server.close()


def noise(seconds, rate=16000):
    """Something that is told from silence."""
    generator = np.random.default_rng(7)
    return generator.integers(-3000, 3000, round(rate * seconds)).astype(np.int16)


def speech(samples, rate=16000, *, ends=True):
    """A source that gives these, and then ends, or is silent."""
    left = [samples]

    def make(frames):
        block, left[0] = left[0][:frames], left[0][frames:]
        if not len(block) and ends:
            raise EndOfStream
        return block if len(block) else None

    return CallbackSource(make, rate)


def until(condition, timeout=10.0):
    """Wait for what nobody tells of."""
    gate = threading.Event()
    for _ in range(round(timeout / 0.002)):
        if condition():
            return
        gate.wait(0.002)
    raise AssertionError("it did not happen")
