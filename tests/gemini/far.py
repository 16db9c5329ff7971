"""The service's end of a Live session by hand, and models that talk with it."""

import base64
import json
import threading
from collections import deque

import numpy as np

from tests.peers import Peer, close_frame, frame
from voxsync.gemini import LiveGenerativeModel

SOON = 10.0  # seconds within which everything happens, also on a busy machine
KEY = "AIza-s3cr3t-0123456789-abcdef"
HANDLE = "h4ndl3-s3cr3t-0123456789"
RATE = 24_000


def content(**fields):
    """A serverContent, names as on the wire."""
    return {"serverContent": fields}


def audio(samples, mime_type="audio/pcm;rate=24000"):
    """A part with this audio: int16, or bytes as they are."""
    data = samples if isinstance(samples, bytes) else samples.astype("<i2").tobytes()
    text = base64.b64encode(data).decode()
    return {"inlineData": {"mimeType": mime_type, "data": text}}


def says(*parts):
    """The model says this: texts, and parts."""
    made = [{"text": part} if isinstance(part, str) else part for part in parts]
    return content(modelTurn={"role": "model", "parts": made})


def sounds(value, seconds=0.24):
    """The model's voice, each sample of that value."""
    return says(audio(np.full(round(seconds * RATE), value, np.int16)))


def update(handle=HANDLE, resumable=True):
    """A resumption update."""
    return {"sessionResumptionUpdate": {"newHandle": handle, "resumable": resumable}}


DONE = content(turnComplete=True)
INTERRUPTED = content(interrupted=True)
READY = {"setupComplete": {"sessionId": "s-1"}}


class Far:
    """Answers the setup, keeps what it reads, and says what the test wants.

    Args:
        first: Sent for the setup, in one piece.
        answers: What a message is answered with: a function of the message as it
            came, returning messages to be said.
    """

    def __init__(self, *first, answers=lambda _: ()):
        self.first = first or (READY,)
        self.answers = answers
        self.setups = []
        self.got = []  # JSON objects, of all connections
        self.at = deque(maxlen=100)  # and on which of them each came: 1, 2, ...
        self.closed = []  # Close frames that came
        self.pongs = []
        self.changed = threading.Condition()
        self.conn = None
        self.here = threading.Event()
        self.peer = Peer(self.serve)

    @property
    def url(self):
        return self.peer.url

    def serve(self, conn):
        setup = json.loads(conn.read_frame()[1])
        with self.changed:
            self.setups.append(setup["setup"])
            number = len(self.setups)
            self.conn = conn  # before the other end can know
            conn.send(wire(*self.first))
            self.changed.notify_all()
        self.here.set()
        while True:
            opcode, data = conn.read_frame()
            if opcode == 8:
                with self.changed:
                    self.closed.append(data)
                    self.changed.notify_all()
                conn.send(frame(8, data[:2]))
                return
            if opcode == 9:
                conn.send(frame(10, data))
            elif opcode == 10:
                with self.changed:
                    self.pongs.append(data)
                    self.changed.notify_all()
            else:
                message = json.loads(data)
                with self.changed:
                    self.got.append(message)
                    self.at.append(number)
                    self.changed.notify_all()
                if said := wire(*self.answers(message)):
                    conn.send(said)

    def say(self, *messages):
        """All of them at once."""
        assert self.here.wait(SOON)
        self.conn.send(wire(*messages))

    def end(self, code=1000, reason=""):
        """Close from this side."""
        assert self.here.wait(SOON)
        self.conn.send(close_frame(code, reason))

    def hears(self, count):
        """Wait until so many messages have come; returns them."""
        with self.changed:
            found = self.changed.wait_for(lambda: len(self.got) >= count, SOON)
            assert found, self.got
            return list(self.got)

    def until(self, test):
        """Wait until the test is true of this."""
        with self.changed:
            assert self.changed.wait_for(lambda: test(self), SOON), self.got[-3:]

    def audio(self):
        """The samples that came, and their MIME types."""
        with self.changed:
            blobs = [m["realtimeInput"]["audio"] for m in self.got if is_audio(m)]
        data = b"".join(base64.b64decode(blob["data"]) for blob in blobs)
        return np.frombuffer(data, "<i2"), {blob["mimeType"] for blob in blobs}

    def headers(self, number=0):
        """Those of the upgrade, names in lower case."""
        lines = self.peer.requests[number].decode("latin-1").split("\r\n")[1:]
        return {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}

    def path(self, number=0):
        return self.peer.requests[number].decode("latin-1").split(" ")[1]

    def model(self, **more):
        """A model at this service."""
        more = {"api_key": KEY, "base_url": self.url, **more}
        return LiveGenerativeModel(more.pop("name", "gemini-live"), **more)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.peer.close()


def wire(*messages):
    """Binary frames, as the service sends them; bytes stay what they are."""
    return b"".join(
        each if isinstance(each, bytes) else frame(2, json.dumps(each).encode())
        for each in messages
    )


def is_audio(message):
    return "audio" in message.get("realtimeInput", {})


class Seen:
    """Events of some kinds, in order; the test can wait for them."""

    def __init__(self, target, *kinds):
        self.events = []
        self.changed = threading.Condition()
        for kind in kinds:
            target.add_event_listener(kind, self.add)

    def add(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def comes(self, count=1):
        """Wait until there are so many; returns them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.events) >= count, SOON)
            return list(self.events)
