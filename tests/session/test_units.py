"""The sources and sinks that stand for a session's streams."""

import threading
import time

import numpy as np
import pytest

from voxsync import (
    AudioFormat,
    InvalidState,
    PlainSession,
    SessionClosed,
    SessionOptions,
)
from voxsync.clocks import VirtualClock
from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    CloseStream,
    OpenStream,
    SendAudio,
)
from voxsync.errors import DeviceError
from voxsync.media import BufferSink, SilenceSource, ToneSource
from voxsync.session.outbox import Outbox
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
    sink = units.sink("")
    assert sink.stats.buffered == 0
    session._outbox.put(SendAudio("", bytes(640)))
    assert sink.stats.buffered == pytest.approx(0.02)


def test_the_command_shows_no_audio():
    """A repr in a log is not a recording."""
    assert "pcm" not in repr(SendAudio("a", b"secret"))


class Owner:
    """What units need of a session; a queue that a test looks into."""

    def _rate_of_held(self, tag):
        return None

    def __init__(self, room=100):
        self.id = "session"
        self.options = SessionOptions()
        self._outbox = Outbox(room, self._closed_error)
        self._playout_seconds = 10.0
        self._plays_out = True
        self.is_closed = False

    def _opened(self):
        pass

    def _closed_error(self):
        return SessionClosed("over")

    def _media_command(self, block, tag):
        return SendAudio(tag, block.tobytes())

    def _put_media(self, command, wanted):
        return self._outbox.put_wanted(command, wanted)

    @property
    def queue(self):
        """What waits, a word for each."""
        words = {OpenStream: "open", CloseStream: "close", SendAudio: "audio"}
        return [words.get(type(item), item) for item in list(self._outbox.queue)]


OPENING = OpenStream("a", "PCM16")


def test_a_stream_has_a_second_or_two_more_than_its_own_bound():
    """A link's thread may be behind, where the bound is that of the stream."""
    stream = SessionUnits(Owner(), 16000).stream("")
    stream.read(1, timeout=0)
    assert stream._reader.buffer.capacity == 12 * 16000


def test_a_link_announces_its_stream_and_ends_it():
    """Open before the first block, close behind the last."""
    owner = Owner()
    sink = SessionUnits(owner, 16000).sink("a", opening=OPENING)
    ToneSource(440, 0.06).send_media_to(sink, paced=False).wait(10)
    assert owner.queue == ["open", "audio", "audio", "audio", "close"]


def test_of_the_sinks_with_one_tag_one_has_a_link():
    """Another tag is free, and so is this one afterwards."""
    units = SessionUnits(Owner(), 16000)
    first = units.sink("a", opening=OPENING)
    link = SilenceSource().send_media_to(first)
    assert units.occupant("a") is first
    with pytest.raises(InvalidState, match="another tag"):
        SilenceSource().send_media_to(units.sink("a", opening=OPENING))
    SilenceSource().send_media_to(units.sink("b")).stop()
    assert units.occupant("a") is first
    link.stop()
    assert units.occupant("a") is None
    units.vacate("a", first)  # said twice
    SilenceSource().send_media_to(units.sink("a")).stop()


def test_a_stream_that_cannot_be_opened_occupies_nothing():
    """The session ended in this moment."""
    owner = Owner()
    units = SessionUnits(owner, 16000)

    def fail(command, wanted):
        raise SessionClosed("over")

    owner._put_media = fail
    with pytest.raises(SessionClosed):
        SilenceSource().send_media_to(units.sink("a", opening=OPENING))
    assert units.occupant("a") is None


def test_a_device_that_cannot_be_opened_ends_the_stream_again():
    """What was announced is not left standing."""

    class Broken(ToneSource):
        def _begin(self):
            raise DeviceError("no such device")

    owner = Owner()
    units = SessionUnits(owner, 16000)
    with pytest.raises(DeviceError):
        Broken(440, 1).send_media_to(units.sink("a", opening=OPENING))
    assert owner.queue == ["open", "close"]
    assert units.occupant("a") is None


@pytest.mark.parametrize("end", ["finish", "shut"])
def test_whoever_ended_the_session_ends_the_stream(end):
    """The link need not, and cannot."""
    owner = Owner()
    units = SessionUnits(owner, 16000)
    source = ToneSource(440, 1)
    link = source.send_media_to(units.sink("a", opening=OPENING), paced=False)
    link.wait(10)
    owner._outbox.queue.clear()
    link = SilenceSource().send_media_to(units.sink("a", opening=OPENING))
    getattr(owner._outbox, end)(*(["the end"] if end == "finish" else []))
    if end == "finish":
        link.wait(10)
    else:
        with pytest.raises(SessionClosed):
            link.wait(10)
    assert "close" not in owner.queue
    assert units.occupant("a") is None


def test_an_interrupted_stream_goes_no_further():
    """What is queued of it is taken back, also where the queue is full of it."""
    owner = Owner(room=10)
    units = SessionUnits(owner, 16000)
    owner._outbox.put(SendAudio("other", b"kept"))
    sink = units.sink("a", opening=OPENING)
    link = SilenceSource().send_media_to(sink, paced=False)
    gate = threading.Event()
    end = time.monotonic() + 10
    while owner._outbox.qsize() < 10 and time.monotonic() < end:
        gate.wait(0.001)
    sink.interrupt()
    assert owner.queue == ["audio", "open", "close"]
    assert not link.is_active
    assert link.error is None
    assert units.occupant("a") is None
    sink.interrupt()  # of nothing, nothing follows
    assert owner.queue == ["audio", "open", "close"]


def test_what_is_sent_ahead_adds_up():
    """The far end has one buffer for a stream, however many links fill it."""
    owner, clock = Owner(room=1000), VirtualClock()
    owner.options = SessionOptions(clock=clock)
    units = SessionUnits(owner, 16000)

    def sink(tag="a"):
        return units.sink(tag, most_ahead=8.0)

    assert sink().most_ahead == 8.0
    assert units.sink("a").most_ahead is None
    ToneSource(440, 5).send_media_to(sink(), paced=False).wait(10)
    assert sink().most_ahead == pytest.approx(3.0)
    assert sink("b").most_ahead == 8.0
    clock.advance(1)
    assert sink().most_ahead == pytest.approx(4.0)
    ToneSource(440, 4).send_media_to(sink(), paced=False).wait(10)
    assert sink().most_ahead == pytest.approx(0.0)
    clock.advance(60)
    assert sink().most_ahead == 8.0


def test_after_an_interruption_nothing_is_ahead():
    """Or the next answer would come late."""
    owner = Owner(room=1000)
    owner.options = SessionOptions(clock=VirtualClock())
    units = SessionUnits(owner, 16000)
    sink = units.sink("a", most_ahead=8.0)
    link = SilenceSource().send_media_to(sink, paced=False)
    end = time.monotonic() + 10
    while units.sink("a", most_ahead=8.0).most_ahead > 0 and time.monotonic() < end:
        threading.Event().wait(0.01)
    sink.interrupt()
    assert not link.is_active
    assert units.sink("a", most_ahead=8.0).most_ahead == 8.0


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


def test_the_end_of_a_stream_without_a_link(units):
    """There is nobody to tell."""
    sink = units.sink("a")
    sink.over()
    assert sink.stats.frames == 0


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
