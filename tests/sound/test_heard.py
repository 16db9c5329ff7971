"""What is heard: measured on the sound server's monitor, not on our own word."""

import numpy as np
import pytest

from tests.sound.program import Program
from tests.sound.server import RATE, UNDERFLOW, SoundServer, seconds_of_tone, write_wav

IMPORT = (
    "import numpy as np; from voxsync.media import "
    "BufferSink, Microphone, Source, Speaker, ToneSource"
)
# A source as a session's: audio comes faster than it sounds.
REPLIES = """
class Replies(Source):
    is_pushed = True
    _tap_seconds = 20.0
    def say(self, frequency, seconds):
        t = np.arange(round(16000 * seconds)) / 16000
        wave = 12000 * np.sin(2 * np.pi * frequency * t)
        self._deliver(wave.astype(np.int16))
replies = Replies(16000)
"""
STALL = 0.2  # what the machine may take away


def check_whole(program, samples, frequency, seconds):
    """A tone of such a length was heard, but for what was counted as lost."""
    lost = UNDERFLOW * program.value("speaker.stats.underflows")
    heard = seconds_of_tone(RATE, samples, frequency)
    assert seconds - 0.01 - lost <= heard <= seconds + 0.01


@pytest.fixture
def server():
    with SoundServer() as server:
        yield server


def loud(samples, frequency, window=240):
    """Which windows of 5 ms hold a tone of this frequency."""
    t = np.arange(window) / RATE
    probe = np.exp(-2j * np.pi * frequency * t)
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    return np.abs(whole @ probe) / window > 1000


def test_barge_in(server):
    """Cleared, a reply of 3 s is silent within 100 ms; the next is heard whole."""
    with Program(server.environment) as program:
        program.do(
            IMPORT, REPLIES, "speaker = watch(Speaker(sample_rate=16000)).open()",
            "link = replies.send_media_to(speaker)",
        )  # fmt: skip
        with server.record() as recording:
            program.do("replies.say(400, 3.0)")
            recording.wait_loud()
            recording.wait_for(0.8)
            cleared = program.value(
                "[replies.clear_media_buffer(), time.monotonic()][1]"
            )
            recording.wait_for(0.4)
            silent = len(recording.samples)
            program.do("replies.say(1000, 0.5)")
            recording.wait_for(1.0)
        heard = np.flatnonzero(loud(recording.samples[:silent], 400))
        assert 0.5 < len(heard) * 0.005 < 1.4
        assert (heard[-1] + 1) * 240 < silent
        last = recording.time_of((heard[-1] + 1) * 240)
        assert last - cleared < 0.1 + STALL / 2
        check_whole(program, recording.samples[silent:], 1000, 0.5)
        assert program.value("link.stats.cleared") > 16000
        program.do("speaker.close()")


def test_leaving_plays_to_the_end(server):
    """With `with`, the last sample is heard; so it is for a link's `wait`."""
    with Program(server.environment) as program, server.record() as recording:
        program.do(
            IMPORT,
            "with Speaker(sample_rate=16000) as speaker:\n"
            "    wave = np.sin(np.arange(8000) * 2 * np.pi / 40) * 12000\n"
            "    speaker.write(wave.astype(np.int16))",
        )
        recording.wait_for(0.3)
        silent = len(recording.samples)
        program.do(
            "speaker.open()",
            "link = ToneSource(1000, 0.5, sample_rate=16000).send_media_to(speaker)",
            "link.wait(5)",
            "speaker.close()",
        )
        recording.wait_for(0.3)
        samples = recording.samples
        check_whole(program, samples[:silent], 400, 0.5)
        check_whole(program, samples[silent:], 1000, 0.5)


def test_speaker_clear(server):
    """clear() alone drops also the rest of the block that `write` waits with."""
    with Program(server.environment) as program, server.record() as recording:
        program.do(
            IMPORT,
            "speaker = watch(Speaker(sample_rate=16000)).open()",
            "wave = (np.sin(np.arange(48000) * 2 * np.pi / 40) * 12000)",
            "gate = threading.Event()",
            "timer = threading.Timer(0.5, speaker.clear); timer.start()",
            "speaker.write(wave.astype(np.int16))",
        )
        assert program.seconds < 0.5 + STALL
        recording.wait_for(0.3)
        program.do("speaker.close()")
    heard = np.count_nonzero(loud(recording.samples, 400)) * 0.005
    assert 0.3 < heard < 0.7 + STALL


def test_microphone_hears(server, tmp_path):
    """What a person says comes in at the unit's rate; muted, it is silence."""
    t = np.arange(3 * RATE) / RATE
    wave = 16384 * np.sin(2 * np.pi * 600 * t)
    write_wav(tmp_path / "tone.wav", wave)
    with Program(server.environment) as program:
        program.do(
            IMPORT,
            "microphone = watch(Microphone(sample_rate=16000)).open()",
            "microphone.read(160)",
        )
        server.speak(tmp_path / "tone.wav")
        program.do(
            "end = time.monotonic() + 5\n"
            "while microphone.level.peak < -10 and time.monotonic() < end:\n"
            "    microphone.read(1600)",
            "blocks = [microphone.read(160) for _ in range(50)]",
            "heard = np.concatenate(blocks)",
            "level = microphone.level",
        )
        assert -6.2 < program.value("level.peak") < -5.8
        spectrum = "np.abs(np.fft.rfft(heard * np.hanning(len(heard))))"
        assert program.value(
            f"int(np.argmax({spectrum})) * 16000 // len(heard)"
        ) == pytest.approx(600, abs=5)
        program.do("microphone.mute = True")
        program.do("[microphone.read(1600) for _ in range(8)]")
        assert program.value("microphone.level.peak") == -120.0
        assert "muted" in program.value("repr(microphone)")
        program.do("microphone.close()")
