"""A session's units: one source for each of its streams, a sink for each link."""

import numpy as np
import pytest

from voxsync import AudioFormat, InvalidState, PlainSession
from voxsync.dialects.base import Audio, ClearAudio, SendAudio
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
    """One source per tag; a sink for each link."""
    assert units.stream("a") is units.stream("a")
    assert units.stream("a") is not units.stream("b")
    assert units.sink("a") is not units.sink("a")
    assert units.sink("a").sample_rate == 16000
    assert units.sink("a", 8000).sample_rate == 8000
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
    units.feed(audio(10, "a"))
    assert stream.read(10, timeout=0).tolist() == [7] * 10
    assert stream.level.peak < -60


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


def test_the_command_shows_no_audio():
    """A repr in a log is not a recording."""
    assert "pcm" not in repr(SendAudio("a", b"secret"))


def test_who_heard_all_has_heard_it_at_the_end(units):
    """Though the link has gone when the last messages are handed over."""
    assert not units.is_heard
    link = units.stream("").send_media_to(BufferSink())
    assert units.is_heard
    units.end()
    link.wait(5)
    assert units.streams("")[0]._taps == ()
    assert units.is_heard


def test_who_stopped_hears_nothing_more(units):
    """Not at the end either."""
    link = units.stream("").send_media_to(BufferSink())
    link.stop()
    assert not units.is_heard
    units.end()
    assert not units.is_heard
