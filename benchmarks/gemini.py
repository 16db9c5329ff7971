"""What a message of a Live session costs, against Google's own package for Python.

In: from a received message to int16 samples. Out: from a microphone's block to the
message. Both without sockets: google-genai reads from and writes to a double of its
WebSocket that never waits, in one event loop for all messages. "plain" is the standard
library alone: json.loads + b64decode + numpy.frombuffer, and json.dumps + b64encode.
All jobs run in turns in one process; the ratios of the medians are judged. Exits with 1
if a bar is missed. Needs google-genai, which voxsync itself does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
import time
from base64 import b64decode, b64encode, urlsafe_b64encode

import numpy as np

from voxsync.dialects.base import Audio, Deliver, SendAudio
from voxsync.dialects.gemini import GeminiDialect

BAR = 0.4
JUDGED = ("audio, 40 ms", "audio, 40 ms, played", "sent, 20 ms")
SETUP_COMPLETE = b'{"setupComplete":{}}'
TURN_COMPLETE = b'{"serverContent":{"turnComplete":true}}'
OUT = "audio/pcm;rate=24000"
IN = "audio/pcm;rate=16000"


def speech(frames):
    """Something that is no silence."""
    noise = np.random.default_rng(1).standard_normal(frames)
    return (noise * 3000).astype("<i2")


def content(**fields):
    return json.dumps({"serverContent": fields}).encode()


def audio(milliseconds, encode=b64encode):
    data = encode(speech(24 * milliseconds).tobytes()).decode()
    part = {"inlineData": {"mimeType": OUT, "data": data}}
    return content(modelTurn={"role": "model", "parts": [part]})


# Name, message, samples in it. Those that are judged are the rule's (live audio is cut
# so); of longer audio most is base64 itself, which is everybody's.
RECEIVED = [
    ("audio, 40 ms", audio(40), 960),
    ("audio, 240 ms", audio(240), 5760),
    ("audio, 40 ms, URL-safe", audio(40, urlsafe_b64encode), 960),
    ("transcript", content(outputTranscription={"text": "Good mor"}), 0),
]
BLOCK = speech(320)  # 20 ms


class Socket:
    """What google-genai holds in place of a connection."""

    def __init__(self, messages=()):
        self.messages = iter(messages)
        self.sent = 0

    async def recv(self, decode=None):
        """The next message, as it is."""
        del decode
        return next(self.messages)

    async def send(self, text):
        """Nobody reads it."""
        assert text
        self.sent += 1


def plain_decode(message, samples, count):
    def job():
        heard = 0
        for _ in range(count):
            found = json.loads(message)["serverContent"]
            for part in found.get("modelTurn", {}).get("parts", ()):
                # b64decode drops what is not of its alphabet: for the URL-safe one
                # this is no more than the same work.
                data = b64decode(part["inlineData"]["data"] + "==")
                heard += len(np.frombuffer(data[: len(data) & ~1], "<i2"))
        assert heard <= count * samples

    return job


def their_decode(session_of, message, samples, count):
    async def read(session):
        heard = 0
        async for got in session.receive():
            if got.data is not None:
                heard += len(np.frombuffer(got.data, "<i2"))
        assert heard == count * samples

    def job():
        session = session_of(Socket([message] * count + [TURN_COMPLETE]))
        session_of.loop.run_until_complete(read(session))

    return job


def our_decode(message, samples, count):
    def job():
        dialect = GeminiDialect("wss://host/", (), "{}")
        dialect.decode(SETUP_COMPLETE)
        decode, heard = dialect.decode, 0
        for _ in range(count):
            for output in decode(message):
                if type(output) is Deliver:
                    found = output.message.audio
                    heard += 0 if found is None else len(found)
        assert heard == count * samples

    return job


def our_playing(message, samples, count):
    """As a speaker gets it: no message is looked at."""

    def job():
        dialect = GeminiDialect("wss://host/", (), "{}")
        dialect.decode(SETUP_COMPLETE)
        decode, heard = dialect.decode, 0
        for _ in range(count):
            for output in decode(message):
                if type(output) is Audio:
                    heard += len(np.frombuffer(output.pcm, "<i2"))
        assert heard == count * samples

    return job


def plain_encode(count):
    def job():
        for _ in range(count):
            data = b64encode(BLOCK.tobytes()).decode()
            json.dumps({"realtimeInput": {"audio": {"mimeType": IN, "data": data}}})

    return job


def their_encode(session_of, count):
    from google.genai import types

    async def write(session):
        for _ in range(count):
            blob = types.Blob(data=BLOCK.tobytes(), mime_type=IN)
            await session.send_realtime_input(audio=blob)

    def job():
        socket = Socket()
        session_of.loop.run_until_complete(write(session_of(socket)))
        assert socket.sent == count

    return job


def our_encode(count):
    def job():
        encode, sent = GeminiDialect("wss://host/", (), "{}").encode, 0
        for _ in range(count):
            for reply in encode(SendAudio("", BLOCK.tobytes())):
                assert type(reply.data) is str
                sent += 1
        assert sent == count

    return job


class Sessions:
    """google-genai's sessions on a double of its socket."""

    def __init__(self, loop):
        from google import genai

        self.loop = loop
        self._client = genai.Client(api_key="none", vertexai=False)

    def __call__(self, socket):
        """One that has just been opened."""
        from google.genai.live import AsyncSession

        return AsyncSession(self._client._api_client, socket)


def measure(rounds, count, loop):
    """Medians in microseconds a message, by what and who."""
    sessions = Sessions(loop)
    jobs = {}
    for name, message, samples in RECEIVED:
        given = (message, samples, count)
        jobs[name, "plain"] = plain_decode(*given)
        jobs[name, "google"] = their_decode(sessions, *given)
        jobs[name, "voxsync"] = our_decode(*given)
    name, message, samples = RECEIVED[0]
    jobs[f"{name}, played", "plain"] = jobs[name, "plain"]
    jobs[f"{name}, played", "google"] = jobs[name, "google"]
    jobs[f"{name}, played", "voxsync"] = our_playing(message, samples, count)
    jobs["sent, 20 ms", "plain"] = plain_encode(count)
    jobs["sent, 20 ms", "google"] = their_encode(sessions, count)
    jobs["sent, 20 ms", "voxsync"] = our_encode(count)
    times = {key: [] for key in jobs}
    for turn in range(rounds + 1):
        for key, job in jobs.items():
            start = time.process_time()
            job()
            elapsed = time.process_time() - start
            if turn:  # the first turn warms up
                times[key].append(elapsed / count * 1e6)
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="turns (default 9)")
    parser.add_argument(
        "--count", type=int, default=500, help="messages per turn (default 500)"
    )
    options = parser.parse_args()
    try:
        from google.genai import __version__ as their_version
    except ImportError:
        parser.error("google-genai is not installed: pip install google-genai")
    loop = asyncio.new_event_loop()
    try:
        medians = measure(options.rounds, options.count, loop)
    finally:
        loop.close()
    print(
        f"CPU per message, medians of {options.rounds} turns, Python "
        f"{platform.python_version()}, numpy {np.__version__}, google-genai "
        f"{their_version}\n"
    )
    print(f"{'':24}      plain  google-genai    voxsync   ratio   bar")
    missed = False
    for name in dict.fromkeys(name for name, _ in medians):
        plain, theirs, ours = (
            medians[name, who] for who in ("plain", "google", "voxsync")
        )
        bar = ""
        if name in JUDGED:
            missed |= ours > BAR * theirs
            bar = f"<= {BAR}  {'missed' if ours > BAR * theirs else 'ok'}"
        print(
            f"{name:24} {plain:7.2f} us {theirs:10.2f} us {ours:7.2f} us "
            f"{ours / theirs:7.2f}   {bar}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
