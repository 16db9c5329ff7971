"""The sources and sinks that stand for a session's streams."""

import numpy as np
import pytest

from voxsync import AudioFormat, InvalidState, PlainSession
from voxsync.dialects.base import Audio, ClearAudio, SendAudio, StreamStarted
from voxsync.media import BufferSink
from voxsync.session.units import SessionUnits


@pytest.fixture
def session():
    """One that is never opened: its units do not need that to take audio in."""
    return PlainSession("ws://localhost:9/", audio=AudioFormat(sample_rate=16000))


@pytest.fixture
def units(session):
    return SessionUnits(session, 16000)


def audio(frames, tag="", rate=16000, value=7):
    return Audio(tag, np.full(frames, value, "<i2").tobytes(), rate)


def test_units_are_made_once(units):
    """One per tag and direction, and no other way round."""
    assert units.stream("a") is units.stream("a")
    assert units.stream("a") is not units.stream("b")
    assert units.sink("a") is units.sink("a")
    assert units.sink() is units.sink("")
    assert units.streams("c") == []
    assert units.streams(None) == [units.stream("a"), units.stream("b")]


def test_a_tag_is_a_text(units):
    """Not a number that looks like one."""
    for make in (units.stream, units.sink):
        with pytest.raises(TypeError, match="tag must be a str"):
            make(1)


def test_names_tell_session_and_tag(units, session):
    """For logs and threads."""
    assert units.stream("").name == session.id
    assert units.sink("b").name == f"{session.id}:b"


def test_audio_goes_to_the_stream_of_its_tag(units):
    """And to nobody where there is no such stream, or nobody reads it."""
    stream = units.stream("a")
    units.feed(audio(10, "b"))
    units.feed(audio(10, "a"))
    assert stream.stats.frames == 0
    assert stream.read(1, timeout=0) is None
    units.feed(StreamStarted("a", "PCM16"))
    units.feed(audio(10, "a"))
    assert stream.read(10, timeout=0).tolist() == [7] * 10
    assert stream.level.peak < -60


def test_another_rate_is_resampled_on_the_way_in(units):
    """What a service sends may change; the source's rate does not."""
    stream = units.stream("")
    stream.read(1, timeout=0)
    units.feed(audio(8000, rate=8000))
    resampled = stream.read(16000, timeout=0)
    assert 15900 <= len(resampled) <= 16000
    units.feed(ClearAudio())
    units.feed(audio(100, value=9))
    assert stream.read(100, timeout=0).tolist() == [9] * 100


def test_the_far_ends_clear_empties_what_waits(units):
    """Of one stream or of all; what comes then is kept."""
    streams = [units.stream("a"), units.stream("b")]
    for stream in streams:
        stream.read(1, timeout=0)
        units.feed(audio(100, stream.name[-1]))
    units.feed(ClearAudio("a"))
    assert streams[0].read(1, timeout=0) is None
    assert len(streams[1].read(100, timeout=0)) == 100


def test_a_session_that_is_not_open_has_a_source_and_no_sink(session):
    """A link from it may be made early, one to it may not."""
    link = session.send_media_to(BufferSink())
    assert link.is_active
    link.stop()
    with pytest.raises(InvalidState, match="connect"):
        session._media_sink({}).write(np.zeros(10, np.int16))


def test_what_waits_in_the_send_queue_is_buffered(session, units):
    """A sink's figures count what is not on the wire yet."""
    sink = units.sink()
    assert sink.stats.buffered == 0
    session._outbox.put(SendAudio("", bytes(640)))
    assert sink.stats.buffered == pytest.approx(0.02)


def test_the_command_shows_no_audio():
    """A repr in a log is not a recording."""
    assert "pcm" not in repr(SendAudio("a", b"secret"))
