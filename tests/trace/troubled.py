"""A call with everything that can go wrong, recorded: what was done, and when."""

import json
import threading
import time
from dataclasses import dataclass

import numpy as np

from tests.sound.server import write_wav
from tests.trace.relay import Relay
from voxsync.media import BufferSink, WavReader
from voxsync.simulators.voximplant import Scenario, VoxEngine, fault
from voxsync.trace import record
from voxsync.voximplant import WebSocketServer

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
    gate, audio, over = threading.Event(), threading.Event(), threading.Event()
    found, sink = {}, BufferSink(20, RATE)

    def connected(server, websocket):
        found["ws"] = websocket
        found["zero"] = time.monotonic()
        found["recording"] = record(websocket, done.path)
        websocket.send_media_to(sink, tag="caller")
        websocket.add_event_listener("media-started", lambda _: audio.set())
        websocket.add_event_listener("close", lambda _: over.set())

    def until(moment):
        gate.wait(max(0.0, audio_at + moment - time.monotonic()))
        return time.monotonic() - found["zero"]

    with WebSocketServer() as server:
        server.connection.connect(connected)
        with Relay(server.port) as relay:
            scenario = Scenario(
                url=f"ws://127.0.0.1:{relay.port}/voice",
                play=folder / "caller.wav",
                tag="caller",
                patience=None,
            )
            engine = VoxEngine(scenario, faults=[fault("gaps", count=40)])
            with engine, WavReader(folder / "reply.wav") as reply:
                assert audio.wait(20)
                audio_at = time.monotonic()
                ws = found["ws"]
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
                assert over.wait(20)
                done.stall, done.interruptions = (start, end), (first, second)
                received = ws.media_statistics.received["caller"]
                done.lost = received.lost
                done.lost_seconds = ws.stats.audio_lost
                done.heard = ws.stats.audio_received
                done.gated = ws.stats.audio_gated
                found["recording"].stop()
    return done
