"""A call with everything that can go wrong, recorded: what was done, and when."""

import json
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from tests.sound.server import write_wav
from tests.trace.relay import Relay
from voxsync.media import BufferSink, WavReader
from voxsync.simulators.voximplant import Scenario, VoxEngine, fault
from voxsync.trace import record
from voxsync.voximplant import WebSocket

RATE = 8000
CLEAR = json.dumps({"customEvent": "clearMediaBuffer"})
SAYS = (0.2, 1.0), (3.4, 4.2)  # when the caller speaks, seconds of the call
CALL = 4.8


@dataclass
class Done:
    """Times are seconds since the recording began."""

    path: str
    stall: tuple = ()
    interruptions: tuple = ()
    reply: float = 0.0
    lost: int = 0
    lost_seconds: float = 0.0
    heard: float = 0.0
    gated: float = 0.0


def voice(spans, seconds):
    """Something like speech in these spans, silence elsewhere."""
    t = np.arange(round(seconds * RATE)) / RATE
    loud = np.zeros(len(t))
    for start, end in spans:
        loud[(t >= start) & (t < end)] = 1
    tone = np.sin(2 * np.pi * 220 * t) + 0.6 * np.sin(2 * np.pi * 470 * t)
    return 7000 * loud * tone * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * t))


def call(folder):
    """Have it: an app of ours, VoxEngine, and a bad network between them."""
    write_wav(folder / "caller.wav", voice(SAYS, CALL), RATE)
    write_wav(folder / "reply.wav", voice([(0, 0.9)], 0.9), RATE)
    done = Done(str(folder / "call.trace"))
    gate, audio = threading.Event(), threading.Event()
    sink = BufferSink(20, RATE)

    def until(moment):
        gate.wait(max(0.0, audio_at + moment - time.monotonic()))
        return time.monotonic() - zero

    scenario = Scenario(play=folder / "caller.wav", tag="caller", patience=None)
    engine = VoxEngine(scenario, faults=[fault("gaps", count=40)])
    with engine, WavReader(folder / "reply.wav") as reply:
        url = urlsplit(engine.allow_web_socket_connections())
        with Relay(url.port) as relay:
            url = url._replace(netloc=f"127.0.0.1:{relay.port}")
            ws = WebSocket(url.geturl())
            ws.add_event_listener("media-started", lambda _: audio.set())
            # Before connect(): the far end speaks at once.
            zero = time.monotonic()
            with record(ws, done.path):
                ws.send_media_to(sink, tag="caller")
                ws.connect()
                assert audio.wait(20)
                audio_at = time.monotonic()
                done.reply = until(1.4)
                reply.send_media_to(ws, tag="app")
                first = until(1.8)
                ws.clear_media_buffer(gate=True)
                until(2.0)
                ws.open_media_gate()
                start = until(2.2)
                relay.hold()
                end = until(3.2)
                relay.release()
                second = until(3.8)
                ws.send(CLEAR)
                until(CALL)
                ws.close()
            done.stall, done.interruptions = (start, end), (first, second)
            received = ws.media_statistics.received["caller"]
            done.lost, stats = received.lost, ws.stats
            done.lost_seconds, done.gated = stats.audio_lost, stats.audio_gated
            done.heard = stats.audio_received
    return done
