"""The sink that stands for one stream of ours."""

import threading
import time

import pytest

from voxsync.clocks import VirtualClock
from voxsync.dialects.base import CloseStream, OpenStream, SendAudio
from voxsync.errors import DeviceError, InvalidState, SessionClosed
from voxsync.media import SilenceSource, ToneSource
from voxsync.session.options import SessionOptions
from voxsync.session.outbox import Outbox
from voxsync.session.units import SessionUnits


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


def test_what_waits_in_the_send_queue_is_buffered():
    """A sink's figures count what is not on the wire yet."""
    owner = Owner()
    sink = SessionUnits(owner, 16000).sink("")
    assert sink.stats.buffered == 0
    owner._outbox.put(SendAudio("", bytes(640)))
    assert sink.stats.buffered == pytest.approx(0.02)


def test_a_link_announces_its_stream_and_ends_it():
    """Open before the first block, close behind the last."""
    owner = Owner()
    sink = SessionUnits(owner, 16000).sink("a", opening=OPENING)
    ToneSource(440, 0.06).send_media_to(sink, paced=False).wait(10)
    assert owner.queue == ["open", "audio", "audio", "audio", "close"]


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


def test_the_end_of_a_stream_without_a_link():
    """There is nobody to tell."""
    sink = SessionUnits(Owner(), 16000).sink("a")
    sink.over()
    assert sink.stats.frames == 0


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
