"""A service that speaks, hears and calls functions, and a session with it.

The messages of the real ones have the same attributes; how they are written differs.
"""

import json
import threading
from types import SimpleNamespace

import numpy as np

from voxsync.audio import AudioFormat
from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    CloseStream,
    Deliver,
    Dialect,
    OpenStream,
    Reply,
    SendAudio,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.errors import SessionClosed
from voxsync.session import Session

SOON = 10.0  # seconds within which everything happens, also on a busy machine
RATE = 24_000


class ModelDialect(Dialect):
    """Binary messages are audio; text is JSON."""

    def __init__(self, url):
        self._url = url
        self._speaks = False

    def request(self):
        return UpgradeRequest(url=self._url)

    def encode(self, command):
        match command:
            case SendAudio():
                return (Reply(command.pcm),)
            case OpenStream():
                return (Reply('{"audio":"start"}'),)
            case CloseStream():
                return (Reply('{"audio":"end"}'),)
        return (Reply(command),)

    def decode(self, data):
        if isinstance(data, bytes):
            if not self._speaks:
                yield StreamStarted("", "pcm")
            self._speaks = True
            yield Audio("", data, RATE)
            yield Deliver(SimpleNamespace(type="serverContent"))
            return
        said = json.loads(data)
        message = SimpleNamespace(type="serverContent", raw=said)
        for name, value in said.items():
            if name.endswith("transcription"):
                setattr(message, name, SimpleNamespace(**value))
            else:
                setattr(message, name, value)
        if "calls" in said:
            message.type = "toolCall"
            message.function_calls = tuple(
                SimpleNamespace(**call) for call in said["calls"]
            )
        elif "ids" in said:
            message.type = "toolCallCancellation"
        if said.get("interrupted"):
            yield ClearAudio("")
        if self._speaks and (said.get("interrupted") or said.get("turn_complete")):
            self._speaks = False
            yield StreamEnded("")
        yield Deliver(message)

    def verdict(self, code, reason, *, by_us, was_clean):
        if by_us or code == 1000:
            return None
        return SessionClosed(f"code {code}: {reason}", code=code, reason=reason)


class ModelSession(Session):
    """A session with such a service, with the verbs that a conversation uses."""

    _playout_seconds = 120.0

    def _make_dialect(self):
        return ModelDialect(self._url)

    def _media_format(self):
        return AudioFormat(sample_rate=16_000)

    def _media_command(self, block, tag):
        return SendAudio(tag, block.astype("<i2").tobytes())

    def _media_sink(self, parameters):
        assert not parameters
        return self._units().sink("", opening=OpenStream(""))

    def send_function_responses(self, responses, *, block=True, timeout=None):
        self._send(json.dumps({"responses": responses}), block, timeout)

    def send_video_realtime(self, image, *, block=True, timeout=None):
        if not image.startswith(b"\xff\xd8"):
            raise ValueError("neither JPEG nor PNG")
        self._send(json.dumps({"image": image.hex()}), block, timeout)


class Far:
    """The service's end of one session."""

    def __init__(self):
        self.said = []  # by the client: JSON objects, and bytes of audio
        self.changed = threading.Condition()
        self.here = threading.Event()
        self.session = None
        self.url = None

    def connected(self, listener, session):
        self.session = session
        session.add_event_listener("message", self.message)
        self.here.set()

    def message(self, event):
        data = event.data
        with self.changed:
            self.said.append(json.loads(data) if isinstance(data, str) else data)
            self.changed.notify_all()

    def tell(self, **words):
        """Say this to the client."""
        assert self.here.wait(SOON)
        self.session.send_json(words)

    def speak(self, seconds, value=1000):
        """Let the model say so much, all at once, each sample of this value."""
        assert self.here.wait(SOON)
        block = np.full(RATE // 10, value, "<i2").tobytes()
        for _ in range(round(seconds * 10)):
            self.session.send_binary(block)

    def call(self, *ids, name="now", **args):
        """Call functions, all in one message."""
        self.tell(calls=[{"id": i, "name": name, "args": args} for i in ids])

    def hears(self, test):
        """Wait until the test is true of what the client said; returns that."""
        with self.changed:
            assert self.changed.wait_for(lambda: test(self), SOON), self.said[-3:]
        return test(self)

    @property
    def answers(self):
        """The function responses, in order."""
        texts = [s for s in self.said if isinstance(s, dict) and "responses" in s]
        return [answer for text in texts for answer in text["responses"]]

    @property
    def audio(self):
        """All that the microphone gave."""
        data = b"".join(s for s in self.said if isinstance(s, bytes))
        return np.frombuffer(data, "<i2")

    @property
    def marks(self):
        """Where audio started and ended, with one "audio" for all between."""
        marks = []
        for said in self.said:
            mark = "audio" if isinstance(said, bytes) else said.get("audio")
            if mark and marks[-1:] != [mark]:
                marks.append(mark)
        return marks


class Seen:
    """Events, in order; the test can wait for them."""

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
