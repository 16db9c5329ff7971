"""Somebody who speaks and listens."""

import wave

import numpy as np
import pytest

from tests.simulators.vox_app import noise, speech, until
from voxsync.clocks import VirtualClock
from voxsync.errors import FormatError, InvalidState
from voxsync.media import BufferSink, CallbackSource, WavReader
from voxsync.simulators.voximplant_call import Call


@pytest.fixture
def make():
    """Make calls; `told` has what they told."""
    made = []

    def call(source=None, record=None, clock=None):
        told = []
        found = Call(
            len(made) + 1,
            source,
            record,
            clock=clock,
            played=lambda call: told.append(("played", call)),
            hung_up=lambda call: told.append(("hung up", call)),
        )
        found.told = told
        made.append(found)
        return found

    yield call
    for each in made:
        each.hangup()


@pytest.fixture
def hello(tmp_path):
    """A file of 0.2 s at 8 kHz, and what is in it."""
    path, samples = tmp_path / "hello.wav", noise(0.2, 8000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return path, samples


def test_the_caller_speaks(make, hello):
    """A file goes to any number of targets; its end is told once."""
    path, samples = hello
    call = make(path)
    sinks = [BufferSink(sample_rate=8000) for _ in range(2)]
    # Unpaced it is quick; neither gets ahead of the other by more than its buffer.
    links = [call.send_media_to(sink, paced=False) for sink in sinks]
    for link in links:
        link.wait(10)
    assert call.told == [("played", call)]
    assert call.spoken.frames == len(samples)
    assert np.array_equal(sinks[0].frames, samples)


def test_a_caller_who_has_said_all(make, hello):
    """Nothing more flows, and that is no error; a voice that is used up is one."""
    mouth = WavReader(hello[0])
    call = make(mouth)
    sink = BufferSink(sample_rate=8000)
    call.send_media_to(sink, paced=False).wait(10)
    call.send_media_to(sink, paced=False).wait(10)
    assert np.array_equal(sink.frames, hello[1])
    with pytest.raises(InvalidState, match=r"hello\.wav was read to its end: rewind"):
        make(mouth)
    mouth.rewind()
    make(mouth).send_media_to(sink, paced=False).wait(10)
    assert len(sink.frames) == 2 * len(hello[1])
    mouth.close()


def test_the_caller_listens(make, hello, tmp_path):
    """What is heard is recorded at the rate of the caller's file."""
    path, samples = hello
    call = make(path, tmp_path / "heard.wav")
    speech(samples, 8000).send_media_to(call, paced=False).wait(10)
    assert call.heard.frames == len(samples)
    call.hangup()
    with WavReader(tmp_path / "heard.wav") as heard:
        assert heard.sample_rate == 8000
        assert np.array_equal(heard.read(len(samples)), samples)


def test_the_newest_stream_is_heard(make):
    """It takes the place of the older one, whose link ends without an error."""
    heard = BufferSink()
    call = make(None, heard)
    first = CallbackSource(lambda frames: np.full(frames, 1, np.int16))
    second = CallbackSource(lambda frames: np.full(frames, 2, np.int16))
    one = first.send_media_to(call)
    until(lambda: heard.stats.frames)
    other = second.send_media_to(call)
    one.wait(10)
    assert other.is_active
    until(lambda: heard.frames[-1] == 2)
    found = heard.frames
    assert np.array_equal(found, np.sort(found))  # and none of the older behind it
    first.send_media_to(call)
    other.wait(10)
    first.close()


def test_a_call_that_nobody_records(make):
    """It hears all the same, at 16 kHz."""
    call = make()
    speech(noise(0.1)).send_media_to(call, paced=False).wait(10)
    assert call.heard.frames == 1600
    assert call.heard.buffered == 0.0


def test_hanging_up(make, hello):
    """Its audio stops both ways, its files are closed, and that is told once."""
    call = make(hello[0])
    spoken = call.send_media_to(BufferSink())
    quiet = CallbackSource(lambda _: None)
    heard = quiet.send_media_to(call)
    call.hangup()
    call.hangup()
    assert call.is_over
    assert not spoken.is_active
    assert not heard.is_active
    assert call.told[-1] == ("hung up", call)
    assert [what for what, _ in call.told].count("hung up") == 1
    with pytest.raises(InvalidState, match="over: nobody speaks"):
        call.send_media_to(BufferSink())
    with pytest.raises(InvalidState, match="over: nobody listens"):
        quiet.send_media_to(call)
    assert "over" in repr(call)


def test_a_silent_caller(make):
    """Has nothing to send."""
    call = make()
    with pytest.raises(InvalidState, match="without a source"):
        call.send_media_to(BufferSink())
    call.stop_media_to(BufferSink())
    assert call.spoken.frames == 0
    assert "connected" in repr(call)


def test_stopping_one_target(make):
    """The others go on."""
    call = make(CallbackSource(lambda _: None))
    one, other = BufferSink(), BufferSink()
    links = [call.send_media_to(one), call.send_media_to(other)]
    call.stop_media_to(one)
    assert [link.is_active for link in links] == [False, True]


def test_a_source_of_the_programs(make):
    """It is not closed with the call; it keeps the engine's time, or its own."""
    clock = VirtualClock()
    source = CallbackSource(lambda _: None)
    make(source, clock=clock).hangup()
    assert source.clock is clock
    make(source, clock=VirtualClock()).hangup()
    assert source.clock is clock
    source.send_media_to(BufferSink()).stop()


def test_a_sink_that_is_a_clock(make):
    """A speaker as the caller's ear sets the pace, and is asked for all it knows."""

    class Speaker(BufferSink):
        is_clock = True
        finished = released = woken = cleared = 0

        def _waiting(self):
            return 0.25

        def _finish(self, wanted):
            self.finished += 1

        def _release(self):
            self.released += 1

        def _wake(self):
            self.woken += 1

        def clear(self):
            self.cleared += 1

    speaker = Speaker()
    call = make(None, speaker)
    source = speech(noise(0.1))
    link = source.send_media_to(call)
    link.wait(10)
    assert len(speaker.frames) == 1600
    assert (speaker.finished, speaker.released) == (1, 1)
    link.sink.clear()
    assert speaker.cleared == 1
    assert link.stats.buffered >= 0.25
    call.hangup()


def test_a_full_ear_refuses(make):
    """What the sink behind does not want was not heard."""

    class Deaf(BufferSink):
        def _put(self, block, wanted):
            return False

    call = make(None, Deaf())
    speech(noise(0.1)).send_media_to(call, paced=False).wait(10)
    assert call.heard.frames == 0


def test_files_that_cannot_be_had(make, hello, tmp_path):
    """Are refused at once, and leave nothing open."""
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "none.wav")
    with pytest.raises(FormatError, match="another format"):
        make(hello[0], tmp_path / "heard.mp3")
