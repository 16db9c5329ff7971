"""Sessions with a sound card: heard on the monitor, spoken into the microphone."""

import numpy as np

from benchmarks.loopback import compare
from tests.sound.program import Program
from tests.sound.server import RATE, SoundServer
from tests.sound.test_heard import check_whole

# A service that says what it is told to, and a session that plays it.
SERVICE = """
import numpy as np
from voxsync import AudioFormat, PlainSession
from voxsync.media import Microphone, Speaker
from voxsync.server import Listener

far, here, texts = [], threading.Event(), []
def connected(listener, session):
    session.add_event_listener(
        "message", lambda e: isinstance(e.data, str) and texts.append(e.data))
    far.append(session)
    here.set()
listener = Listener()
listener.connection.connect(connected, weak=False)
listener.start()
session = PlainSession(listener.url, audio=AudioFormat(sample_rate=24000)).connect()
here.wait(5)
def say(frequency, seconds):
    t = np.arange(round(24000 * seconds)) / 24000
    wave = (12000 * np.sin(2 * np.pi * frequency * t)).astype('<i2')
    far[0].send_binary(wave.tobytes())
"""
BYE = "session.close(); listener.close()"


def loud(samples, frequency, window=240):
    """Which windows of 5 ms hold a tone of this frequency."""
    probe = np.exp(-2j * np.pi * frequency * np.arange(window) / RATE)
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    return np.abs(whole @ probe) / window > 1000


def test_a_reply_that_is_cleared_is_silent_and_the_next_is_whole():
    """A session's answer of 3 s, sent at once; measured on the monitor."""
    with SoundServer() as server, Program(server.environment) as program:
        program.do(
            SERVICE,
            "events = []",
            "for kind in ('media-started', 'media-ended'):\n"
            "    session.add_event_listener(kind, events.append)",
            "speaker = watch(Speaker()).open()",
            "session.send_media_to(speaker)",
        )
        with server.record() as recording:
            program.do("say(400, 3.0)")
            recording.wait_loud()
            recording.wait_for(0.8)
            cleared = program.value(
                "[session.clear_media_buffer(), time.monotonic()][1]"
            )
            recording.wait_for(0.4)
            silent = len(recording.samples)
            program.do("say(1000, 0.5)")
            recording.wait_for(1.0)
        heard = np.flatnonzero(loud(recording.samples[:silent], 400))
        assert 0.5 < len(heard) * 0.005 < 1.4
        # 100 ms; and what the machine may take away in that moment.
        assert recording.time_of((heard[-1] + 1) * 240) - cleared < 0.1 + 0.1
        check_whole(program, recording.samples[silent:], 1000, 0.5)
        program.do("speaker.close()", BYE)
        kinds = program.value("[str(e.type) for e in events]")
        assert kinds[0] == "media-started"
        assert kinds[-1] == "media-ended"


def test_a_device_that_dies_costs_the_session_nothing():
    """Both links end with the typed error; messages go on; it works again after."""
    with SoundServer() as server, Program(server.environment) as program:
        program.do(
            SERVICE,
            "microphone, speaker = watch(Microphone()), watch(Speaker())",
            "up = microphone.send_media_to(session)",
            "down = session.send_media_to(speaker)",
            "say(400, 3.0)",
        )
        server.kill()
        told = program.value("device_errors(2)")
        assert {error["unit"] for error in told} == {
            program.value("microphone.name"),
            program.value("speaker.name"),
        }
        for link in ("up", "down"):
            failed = program.fails(f"{link}.wait(5)")
            assert failed.type == "DeviceError"
        program.do("session.send_text('still here')")
        program.do("far[0].send_text('you too')")
        assert program.value("next(m for m in session.receive(5) if m == 'you too')")
        assert program.value("session.is_active")
        server.start()
        program.do(
            "up = microphone.send_media_to(session)",
            "down = session.send_media_to(speaker)",
        )
        with server.record() as recording:
            program.do("say(1000, 0.5)")
            recording.wait_loud()
            recording.wait_for(1.0)
        check_whole(program, recording.samples, 1000, 0.5)
        assert program.value("up.is_active and down.is_active")
        program.do("microphone.close()", "speaker.close()", BYE)
        assert program.value("texts") == ["still here"]


def test_what_is_played_is_recorded_sample_by_sample():
    """Not one is lost or heard twice between PortAudio and us, nor does it pile up."""
    ours = compare(8.0)["voxsync"]
    assert ours["correlation"] > 0.99
    # What is lost beyond PortAudio, or since a machine stalls, is not ours to keep; but
    # then it is told.
    assert ours["in_whole"] or ours["dropped"]
    assert ours["out_whole"] or ours["underflows"]
    # A stall fills the way in, which is empty again soon after.
    assert ours["in_usual"] <= 0.03
    assert ours["out_highest"] <= 0.06
