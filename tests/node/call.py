"""A call between voxsync and the Node peer, and what a test says and hears in it."""

import hashlib
import threading

import numpy as np

from tests.node.peer import NodePeer, noise
from voxsync.audio.g711 import alaw_decode, ulaw_decode
from voxsync.media import CallbackSink, CallbackSource, EndOfStream
from voxsync.voximplant import WebSocket, WebSocketServer

RATES = {"PCM8": 8000, "PCM16": 16000, "ULAW": 8000, "ALAW": 8000}
KINDS = ("created", "open", "message", "error", "close", "media-started", "media-ended")


def samples(encoding, data):
    """The audio that these encoded bytes are."""
    if encoding == "ULAW":
        return ulaw_decode(data)
    if encoding == "ALAW":
        return alaw_decode(data)
    return np.frombuffer(data, "<i2")


def content(encoding, seed, seconds):
    """So many seconds of noise as encoded bytes, such as sender.cjs sends."""
    width = 2 if encoding.startswith("PCM") else 1
    return noise(seed, round(seconds * RATES[encoding]) * width)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Mouth(CallbackSource):
    """Says what these encoded bytes are; encoded again they are the same bytes."""

    def __init__(self, encoding, data):
        # Both zeros of G.711 u-law are one sample, which is written as 0xFF.
        self.data = data.replace(b"\x7f", b"\xff") if encoding == "ULAW" else data
        self.rest = samples(encoding, self.data)
        super().__init__(self.next, RATES[encoding])

    def next(self, frames):
        if not len(self.rest):
            raise EndOfStream
        block, self.rest = self.rest[:frames], self.rest[frames:]
        return block


class Ear(CallbackSink):
    """Keeps what it hears, all of it."""

    def __init__(self, encoding):
        self.blocks = []
        self.news = threading.Condition()
        super().__init__(self.hear, RATES[encoding])

    def hear(self, block):
        with self.news:
            self.blocks.append(block)
            self.news.notify_all()

    def heard(self):
        with self.news:
            return np.concatenate([np.zeros(0, np.int16), *self.blocks])

    def wait(self, frames, timeout=30):
        """All that was heard, as soon as it is so much."""
        with self.news:
            self.news.wait_for(lambda: sum(map(len, self.blocks)) >= frames, timeout)
        return self.heard()


class Events:
    """All events of one socket."""

    def __init__(self, ws):
        self.seen = []
        self.news = threading.Condition()
        for kind in KINDS:
            ws.add_event_listener(kind, self.add)

    def add(self, event):
        with self.news:
            self.seen.append(event)
            self.news.notify_all()

    def all(self, kind):
        with self.news:
            return [event for event in self.seen if event.type == kind]

    def types(self):
        with self.news:
            return [str(event.type) for event in self.seen]

    def wait(self, kind, count=1, timeout=30):
        with self.news:
            enough = self.news.wait_for(lambda: len(self.all(kind)) >= count, timeout)
            assert enough, f"no {kind} among {self.types()}"
            return self.all(kind)[count - 1]


class Call:
    """One connection: ours in `ws`, its events in `events`, the Node peer's in `node`.

    `prepare(ws)` is called where a program would: before `connect()` of a client, in
    the server's `connection` handler.
    """

    def __init__(self, stack, role, prepare=None, *, parameters=None, **settings):
        def ready(ws):
            self.events = Events(ws)
            if prepare is not None:
                prepare(ws)

        self.ws = None
        if role == "client":
            self.node = stack.enter_context(NodePeer("serve", **settings))
            self.ws = WebSocket(self.node.url + "?call=7", parameters)
            ready(self.ws)
            stack.enter_context(self.ws)
        else:
            came = threading.Event()
            server = WebSocketServer(path="/media")

            def connected(_, websocket):
                self.ws = websocket
                ready(websocket)
                came.set()

            server.connection.connect(connected)
            stack.enter_context(server)
            url = server.url + "?call=7"
            self.node = stack.enter_context(NodePeer("dial", url, **settings))
            assert came.wait(30)
            self.events.wait("open")
        self.opened = self.node.wait("opened")

    def is_flawless(self):
        """Neither end has anything to complain about."""
        received = self.ws.media_statistics.received.values()
        assert self.node.all("problem") == []
        assert self.node.all("error") == []
        assert self.events.all("error") == []
        assert [(each.lost, each.concealed, each.late) for each in received] == [
            (0, 0, 0)
        ] * len(received)
        assert self.ws.media_statistics.rejected == 0
        stats = self.ws.stats
        assert (stats.audio_refused, stats.audio_gated) == (0, 0)
