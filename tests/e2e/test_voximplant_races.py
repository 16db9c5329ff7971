"""Calls under fire: whatever is done at once, from wherever, each side ends once.

In every trial media flows both ways while threads and listeners on both ends make and
stop links, clear, interrupt, gate, send, and at last close or cancel.
"""

import queue
import random
import threading

import numpy as np

from voxsync import InvalidState, SendQueueFull, SessionClosed
from voxsync.media import BufferSink, CallbackSource, EndOfStream
from voxsync.session import SessionOptions
from voxsync.voximplant import SendMediaParameters, WebSocket, WebSocketServer

TRIALS = 100
TAGS = ("", "a", "b")
NOISE = np.random.default_rng(1).integers(-9000, 9000, 8000).astype(np.int16)
# What a call that is late, or finds the place taken, is told.
EXPECTED = (InvalidState, SendQueueFull, SessionClosed)
OPTIONS = SessionOptions(close_timeout=5, send_queue=4)


class Side:
    """One end of a call: does what chance says, and writes down what it is told."""

    def __init__(self, ws, rng):
        self.ws = ws
        self.rng = rng
        self.kinds, self.media = [], {tag: [] for tag in TAGS}
        self.sinks = [BufferSink(1) for _ in range(2)]
        self.closed = threading.Event()
        self.failures = []
        for kind in ("created", "open", "message", "error", "close"):
            ws.add_event_listener(kind, self.told)
        for kind in ("media-started", "media-ended"):
            ws.add_event_listener(kind, self.told_of_media)

    def told(self, event):
        self.kinds.append(str(event.type))
        if event.type == "close":
            self.closed.set()
        elif event.type == "message":
            self.act()

    def told_of_media(self, event):
        self.kinds.append(str(event.type))
        self.media[event.tag].append(str(event.type))
        self.act()

    def act(self):
        """One of all that may be done at any time, on any thread."""
        rng, ws, tag = self.rng, self.ws, self.rng.choice(TAGS)
        sink = rng.choice(self.sinks)
        todo = rng.choice(
            [
                lambda: ws.send_media_to(sink, tag=tag),
                lambda: ws.stop_media_to(sink, tag=rng.choice([None, *TAGS])),
                lambda: ws.send_media_to(ws, tag=tag),
                lambda: ws.stop_media_to(ws),
                lambda: ws.clear_media_buffer(tag=rng.choice([None, *TAGS])),
                lambda: ws.clear_media_buffer(tag=tag, gate=True),
                lambda: ws.open_media_gate(tag),
                lambda: ws.interrupt(tag, rng.choice([None, "now"])),
                lambda: ws.send("hello", block=False),
                lambda: self.speak(tag),
                lambda: self.speak(tag),
                lambda: (ws.stats, ws.media_statistics, repr(ws)),
            ]
        )
        try:
            todo()
        except EXPECTED:
            pass
        except Exception as exc:
            self.failures.append(exc)

    def speak(self, tag):
        """Some audio at once, which outlasts the trial or not."""
        left = [self.rng.choice([1, 20, 50])]

        def make(frames):
            if not left[0]:
                raise EndOfStream
            left[0] -= 1
            return NOISE[:frames]

        source = CallbackSource(make, 8000)
        source.send_media_to(
            self.ws,
            SendMediaParameters(tag=tag, encoding=self.rng.choice(["PCM8", "ULAW"])),
            paced=self.rng.random() < 0.8,
        )

    def fire(self):
        """Act until the end."""
        while not self.closed.wait(self.rng.random() * 0.004):
            self.act()

    def end(self):
        """One of the ways to end a call; again, and after the other side, is fine."""
        ws, what = self.ws, self.rng.randrange(5)
        if what == 0:
            ws.cancel()
        elif what == 1:
            ws.close(4001, "enough")
        elif what == 2:
            ws.add_event_listener("media-started", lambda _: ws.close())
            ws.add_event_listener("message", lambda _: ws.cancel())
            self.closed.wait(0.05)
            ws.close(wait=False)
        else:
            ws.close()

    def check(self):
        """What must hold whatever was done."""
        kinds, calls = self.kinds, [k for k in self.kinds if not k.startswith("media")]
        assert self.failures == []
        assert calls[:2] == ["created", "open"]
        assert calls.count("close") == 1
        assert kinds[-1] == "close"
        for told in self.media.values():
            assert told == ["media-started", "media-ended"] * (len(told) // 2)
        assert self.ws.ready_state == "closed"
        assert self.ws.stats.listener_errors == 0


def play(server, arrived, seed):
    """One call, from its opening to its end on both sides."""
    rng = random.Random(seed)
    near = Side(WebSocket(server.url, options=OPTIONS), random.Random(f"{seed} near"))
    near.ws.connect()
    far = arrived.get(timeout=10)
    far.rng.seed(f"{seed} far")
    sides = [near, far]
    threads = [threading.Thread(target=side.fire) for side in sides for _ in range(2)]
    for thread in threads:
        thread.start()
    near.closed.wait(rng.uniform(0.005, 0.08))
    enders = rng.choice([[near], [far], [near, far], [near, near, far]])
    ending = [threading.Thread(target=side.end) for side in enders]
    for thread in ending:
        thread.start()
    for side in sides:
        assert side.closed.wait(20), f"trial {seed}: {side.ws!r} goes on"
        side.ws.wait_closed(5)
    for thread in threads + ending:
        thread.join(10)
        assert not thread.is_alive()
    for side in sides:
        side.check()
    return near, far


def test_100_calls_under_fire(log):
    """One close event each, media events in pairs, no exception, no thread left."""
    arrived, spoken = queue.Queue(), 0
    server = WebSocketServer(options=OPTIONS)

    def connected(server, websocket):
        arrived.put(Side(websocket, random.Random()))

    server.connection.connect(connected)
    with server:
        for seed in range(TRIALS):
            for side in play(server, arrived, seed):
                spoken += sum(map(len, side.media.values()))
    assert spoken > TRIALS  # else nothing was at stake
    assert log.bad == []
