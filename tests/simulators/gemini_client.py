"""A client of the Live API made by hand, and doubles of voice and detector."""

import base64
import contextlib
import json

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from voxsync.simulators.activity import ActivityEnd, ActivityStart
from voxsync.simulators.gemini import GeminiService

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
TIMEOUT = 20

LOUD = (np.arange(1600) % 50 * 400).astype(np.int16)
"""100 ms at 16 kHz that a detector hears."""
QUIET = np.zeros(1600, np.int16)


class Beeps:
    """A voice of 100 ms a word."""

    def say(self, text):
        for number, _ in enumerate(text.split(), 1):
            yield np.full(2400, number % 300 * 100, np.int16)


class Loudness:
    """A detector without patience: each block is speech, or not."""

    def __init__(self):
        self.frames, self.on = 0, False

    def feed(self, pcm):
        loud, found = bool(np.abs(pcm).max() > 1000), []
        if loud != self.on:
            found.append((ActivityStart if loud else ActivityEnd)(self.frames // 16))
            self.on = loud
        self.frames += len(pcm)
        return found

    def finish(self):
        was, self.on = self.on, False
        return [ActivityEnd(self.frames // 16)] if was else []


def service(**kwargs):
    """A service that speaks in beeps, all at once, and hears what is loud."""
    usual = {"voice": Beeps(), "detector": lambda _: Loudness(), "paced": False}
    return GeminiService(**{**usual, **kwargs})


class LiveClient:
    """One connection; use it as a context manager."""

    def __init__(
        self, where, path=PATH, *, headers=None, setup=True, ssl=None, **fields
    ):
        self._stack = contextlib.ExitStack()
        self.ws = self._stack.enter_context(
            connect(
                where.url + path,
                additional_headers=headers,
                max_size=64 * 1024 * 1024,
                open_timeout=TIMEOUT,
                close_timeout=1,
                ssl=ssl,
            )
        )
        self.frames = []
        self.session_id = None
        if setup:
            self.session_id = self.setup(**fields)

    def setup(self, **fields):
        self.send({"setup": {"model": "models/live", **fields}})
        message = self.next()
        assert list(message) == ["setupComplete"], message
        return message["setupComplete"]["sessionId"]

    def send(self, message, *, binary=False):
        text = message if isinstance(message, str) else json.dumps(message)
        self.ws.send(text.encode() if binary else text)

    def write(self, text, *, complete=True):
        turn = {"role": "user", "parts": [{"text": text}]}
        self.send({"clientContent": {"turns": [turn], "turnComplete": complete}})

    def audio(self, *blocks, mime="audio/pcm;rate=16000"):
        for block in blocks:
            data = base64.b64encode(block.astype("<i2").tobytes()).decode()
            self.send({"realtimeInput": {"audio": {"mimeType": mime, "data": data}}})

    def answer(self, *calls, **more):
        responses = [
            {"id": each["id"], "name": each["name"], "response": {"result": "on"}}
            | more
            for each in calls
        ]
        self.send({"toolResponse": {"functionResponses": responses}})

    def next(self):
        frame = self.ws.recv(timeout=TIMEOUT)
        self.frames.append(frame)
        return json.loads(frame)

    def until(self, word):
        """All messages up to the first with that key, at the top or in a content."""
        found = []
        while True:
            found.append(self.next())
            if word in found[-1] or word in found[-1].get("serverContent", {}):
                return found

    def turn(self):
        return Turn(self.until("turnComplete"))

    def end(self):
        """The close code and reason, after whatever comes before."""
        try:
            while True:
                self.ws.recv(timeout=TIMEOUT)
        except ConnectionClosed as exc:
            received = exc.rcvd
        return (None, "") if received is None else (received.code, received.reason)

    def close(self):
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Turn:
    """What the messages of a turn come to."""

    def __init__(self, messages):
        self.messages = messages
        self.contents = [each.get("serverContent", {}) for each in messages]
        parts = [
            part
            for each in self.contents
            for part in each.get("modelTurn", {}).get("parts", ())
        ]
        self.blobs = [part["inlineData"] for part in parts if "inlineData" in part]
        self.sizes = [len(base64.b64decode(blob["data"])) for blob in self.blobs]
        self.text = "".join(
            part["text"] for part in parts if "text" in part and "thought" not in part
        )
        self.thought = "".join(part["text"] for part in parts if "thought" in part)
        self.heard = self._transcript("inputTranscription")
        self.said = self._transcript("outputTranscription")
        self.usage = messages[-1].get("usageMetadata")

    def _transcript(self, name):
        return "".join(each[name]["text"] for each in self.contents if name in each)

    def has(self, name):
        return any(name in each for each in self.contents)
