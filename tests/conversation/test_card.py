"""A conversation with a sound card: what is said and heard there."""

import numpy as np

from tests.e2e.test_sound import loud
from tests.sound.program import Program
from tests.sound.server import RATE, SoundServer, seconds_of_tone, write_wav
from tests.sound.test_heard import check_whole

TALK = """
import numpy as np
from tests.conversation.model import RATE, Far, ModelSession
from voxsync.conversation import AudioConversation
from voxsync.server import Listener

far, cut, release = Far(), [], threading.Event()
listener = Listener()
listener.connection.connect(far.connected, weak=False)
listener.start()
session = ModelSession(listener.url).connect()
def handler(call):
    release.wait(20)
    raise ValueError("after all that time")
conversation = AudioConversation(session, function_handler=handler)
def note(event):
    if getattr(event.data, "interrupted", False):
        cut.append(time.monotonic())
conversation.start()
speaker = conversation._flow._speaker
session.add_event_listener("message", note)  # behind the conversation's own
def say(frequency, seconds):
    t = np.arange(round(RATE * seconds)) / RATE
    wave = (12000 * np.sin(2 * np.pi * frequency * t)).astype('<i2')
    far.session.send_binary(wave.tobytes())
def heard():
    np.save(path, far.audio)
"""
BYE = (
    "release.set()",
    "conversation.stop()",
    "devices = (conversation._flow._microphone, conversation._flow._speaker)",
    "assert not any(device.is_open for device in devices)",
    "session.close()",
    "listener.close()",
)


def test_cutting_in_is_heard_at_the_card():
    """Silent within 150 ms of the message; the next answer is whole.

    All that time a function handler hangs.
    """
    with SoundServer() as server, Program(server.environment) as program:
        program.do(TALK)
        with server.record() as recording:
            program.do("far.call('1')", "say(400, 5.0)")
            recording.wait_loud()
            recording.wait_for(0.8)
            stalled = program.value("gauge.stalled")
            program.do("far.tell(interrupted=True)")
            recording.wait_for(0.5)
            stalled = program.value("gauge.stalled") - stalled
            silent = len(recording.samples)
            program.do("say(1000, 0.5)")
            recording.wait_for(1.2)
        cut = program.value("cut[0]")
        heard = np.flatnonzero(loud(recording.samples[:silent], 400))
        # Of 5 s; a busy machine leaves gaps in them, which is not the matter here.
        assert 0.2 < len(heard) * 0.005 < 1.6
        # And what the machine takes away in that moment.
        late = recording.time_of((heard[-1] + 1) * 240) - cut
        assert late < 0.15 + 0.1 + stalled
        check_whole(program, recording.samples[silent:], 1000, 0.5)
        program.do(*BYE)
        assert program.value("conversation.error") is None


def test_the_microphone_is_heard_until_it_is_muted(tmp_path):
    """A person speaks 0.5 s, and once more when nobody listens."""
    t = np.arange(RATE // 2) / RATE
    write_wav(tmp_path / "tone.wav", 12_000 * np.sin(2 * np.pi * 600 * t))
    with SoundServer() as server, Program(server.environment) as program:
        program.do(TALK, f"path = {str(tmp_path / 'heard.npy')!r}")
        program.do("far.hears(lambda far: len(far.audio) > 3200)")
        assert server.speak(tmp_path / "tone.wav").wait(20) == 0
        so_far = program.value("len(far.audio)")
        program.do(
            f"far.hears(lambda far: len(far.audio) > {so_far + 8000})",
            "conversation.mute = True",
            "far.hears(lambda far: far.marks[-1] == 'end')",
        )
        assert server.speak(tmp_path / "tone.wav").wait(20) == 0
        program.do("conversation.mute = False")
        program.do("far.hears(lambda far: far.marks[-1] == 'audio')", "heard()")
        program.do(*BYE)
        samples = np.load(tmp_path / "heard.npy")
        assert 0.4 < seconds_of_tone(16_000, samples) < 0.6
