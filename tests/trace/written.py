"""Traces that a test writes line by line."""

import base64
import json

import numpy as np

from voxsync.trace import read

RATE = 8000
HEADER = {
    "voxsync_trace": 1,
    "t": 0.0,
    "session": "s-1",
    "door": "PlainSession",
    "dialect": "plain",
    "audio": {
        "encoding": "pcm16",
        "sample_rate": RATE,
        "channels": 1,
        "bit_depth": 16,
    },
    "url": "ws://127.0.0.1/?token=***",
    "started": "2026-01-02T03:04:05.678+00:00",
    "python": "3.11.7",
    "voxsync": "0.1.0",
}
LIVE = {"door": "LiveSession", "dialect": "gemini", "audio": None}
APP = {"door": "WebSocket", "dialect": "voximplant"}
MIMI = {"door": "MimiSession", "dialect": "mimi"}


def samples(seconds, level=8000, rate=RATE):
    """A square wave: its lowest and highest samples are known."""
    found = np.full(round(seconds * rate), level, "<i2")
    found[1::2] = -level
    return found


def encoded(found):
    return base64.b64encode(np.asarray(found, "<i2").tobytes()).decode()


def binary(t, way, seconds, level=8000):
    return {
        "t": t,
        "dir": way,
        "kind": "binary",
        "base64": encoded(samples(seconds, level)),
    }


def text(t, way, what):
    """A text message; an object becomes JSON."""
    what = what if isinstance(what, str) else json.dumps(what)
    return {"t": t, "dir": way, "kind": "text", "text": what}


def event(t, kind, **figures):
    return {"t": t, "dir": "local", "kind": "event", "type": kind, **figures}


def end(t):
    return {"t": t, "dir": "local", "kind": "end", "stats": {}}


def write(path, lines, **header):
    """Lines may be bytes, as they stand."""
    with path.open("wb") as file:
        for line in ({**HEADER, **header}, *lines):
            if isinstance(line, bytes):
                file.write(line)
            else:
                file.write(json.dumps(line).encode() + b"\n")
    return path


def written(path, lines, **header):
    return read(write(path / "a.trace", lines, **header))


def stream(t, way, tag, *, seconds, level=8000, start=0, every=0.02):
    """VoxEngine's: a start, and media paced by the clock; returns lines."""
    form = {"encoding": "PCM8", "sampleRate": RATE}
    begin = {"event": "start", "sequenceNumber": 0}
    begin["start"] = {"tag": tag, "mediaFormat": form}
    return [
        text(t, way, begin),
        *(
            media(t + n * every, way, tag, start + n, level)
            for n in range(round(seconds / 0.02))
        ),
    ]


def media(t, way, tag, chunk, level=8000):
    inner = {
        "tag": tag,
        "chunk": chunk,
        "timestamp": chunk * 160,
        "payload": encoded(samples(0.02, level)),
    }
    what = {"event": "media", "sequenceNumber": chunk + 1, "media": inner}
    return text(round(t, 6), way, what)


def content(t, **members):
    """A message of a model."""
    return text(t, "in", {"serverContent": members})


def spoken(t, seconds, level=8000, rate=24000):
    """Audio of a model."""
    data = encoded(samples(seconds, level, rate))
    part = {"inlineData": {"mimeType": f"audio/pcm;rate={rate}", "data": data}}
    return content(t, modelTurn={"parts": [part]})


def said(t, seconds, level=8000):
    """Audio to a model."""
    data = encoded(samples(seconds, level, 16000))
    audio = {"mimeType": "audio/pcm;rate=16000", "data": data}
    return text(t, "out", {"realtimeInput": {"audio": audio}})
