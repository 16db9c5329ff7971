"""The source that stands for one stream of the far end's."""

import numpy as np
import pytest

from voxsync import AudioFormat, PlainSession
from voxsync.dialects.base import Audio, ClearAudio
from voxsync.errors import SessionClosed
from voxsync.media import BufferSink
from voxsync.session.streamsource import StreamSource
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


def test_the_first_audio_says_the_rate(units):
    """It flows on as it is; what a consumer has room for is a matter of time."""
    stream = units.stream("")
    stream.read(1, timeout=0)
    room = stream._reader.buffer.capacity
    units.feed(audio(100, rate=8000))
    assert stream.sample_rate == 8000
    assert stream.read(200, timeout=0).tolist() == [7] * 100
    assert stream._reader.buffer.capacity == room / 2


def test_another_rate_is_resampled_on_the_way_in(units):
    """What a service sends may change; the source's rate does not."""
    stream = units.stream("")
    stream.read(1, timeout=0)
    units.feed(audio(100))
    assert stream.read(100, timeout=0).tolist() == [7] * 100
    for rate in (8000, 48000):
        units.feed(audio(rate, rate=rate))
        resampled = stream.read(16000, timeout=0)
        assert 15900 <= len(resampled) <= 16000
        units.feed(ClearAudio())
        units.feed(audio(100, value=9))
        assert stream.read(100, timeout=0).tolist() == [9] * 100


def test_a_rate_that_stays_another_one_is_one_resampler(units):
    """Its state goes on from block to block: no click between them."""
    stream = units.stream("")
    stream.read(1, timeout=0)
    units.feed(audio(320))
    stream.read(320, timeout=0)
    for _ in range(10):
        units.feed(audio(160, rate=8000, value=1000))
    heard = stream.read(3200, timeout=0)
    assert len(heard) > 3000
    assert abs(heard[200:].astype(int) - 1000).max() <= 2


def test_who_comes_when_all_have_gone_gets_the_rate_of_the_day(units):
    """Nobody holds audio of the old one."""
    stream = units.stream("")
    for rate in (8000, 48000, 16000):
        stream.read(1, timeout=0)
        units.feed(audio(100, rate=rate))
        assert stream.sample_rate == rate
        assert stream.read(200, timeout=0).tolist() == [7] * 100
        stream.close()


def test_a_link_adapts_to_the_first_audio(units):
    """It was made when nobody knew the rate."""
    sink = BufferSink(sample_rate=8000)
    link = units.stream("").send_media_to(sink)
    units.feed(audio(1600, rate=8000))
    units.stream("").over()
    link.wait(10)
    assert sink.frames.tolist() == [7] * 1600
    assert link.stats.seconds == pytest.approx(0.2)


def test_a_stream_has_a_second_or_two_more_than_its_own_bound(session, units):
    """A link's thread may be behind, where the bound is that of the stream."""
    session._plays_out = True
    stream = units.stream("")
    stream.read(1, timeout=0)
    assert stream._reader.buffer.capacity == 12 * 16000


def test_audio_without_a_link_flows_nowhere(session):
    """Which its caller counts."""
    stream = StreamSource(session, "a", 16000)
    assert not stream.receive(audio(10, "a"))
    assert stream.sample_rate == 16000
    stream.read(1, timeout=0)
    assert stream.receive(audio(10, "a"))


def test_after_the_end_there_is_nothing_to_come(session):
    """A link that would never get a sample is refused."""
    session.close()
    with pytest.raises(SessionClosed):
        StreamSource(session, "a", 16000).send_media_to(BufferSink())
