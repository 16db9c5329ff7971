"""Units that audio is taken from, by any number of taps."""

import threading

import numpy as np
import pytest

from tests.media.toys import BLOCK, RATE, SOON, Counter, Feed, in_thread, numbered
from voxsync.errors import DeviceError
from voxsync.media import BufferSink, CallbackSink, CallbackSource, ToneSource
from voxsync.media.source import EndOfStream


class Door(Feed):
    """A pushed source whose opening and closing the test holds up."""

    def __init__(self):
        super().__init__()
        self.log = []
        self.opening, self.may_open = threading.Event(), threading.Event()
        self.closing, self.may_close = threading.Event(), threading.Event()
        self.may_open.set()
        self.may_close.set()
        self.fails = []

    def _begin(self):
        self.log.append("open")
        self.opening.set()
        assert self.may_open.wait(SOON)
        if self.fails:
            raise self.fails.pop()
        self.log.append("opened")

    def _cease(self):
        self.log.append("close")
        self.closing.set()
        assert self.may_close.wait(SOON)
        self.log.append("closed")


# Opening and closing


def test_the_first_opens_the_last_closes():
    """However many there are in between."""
    source = Feed()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source._attach(second)
    source._attach(second)  # once is enough
    assert (source.opened, source.closed) == (1, 0)
    source._detach(first)
    source._detach(first)
    assert source.closed == 0
    source._detach(second)
    assert (source.opened, source.closed) == (1, 1)


def test_who_comes_while_it_opens_waits():
    """If the opening fails, the second tries itself: no source that is dead for it."""
    source = Door()
    source.may_open.clear()
    source.fails = [DeviceError("busy")]
    first, second = source._make_tap(), source._make_tap()

    def attach_first():
        with pytest.raises(DeviceError, match="busy"):
            source._attach(first)
        return True

    one = in_thread(attach_first)
    assert source.opening.wait(SOON)
    two = in_thread(lambda: source._attach(second))
    source.may_open.set()
    assert one()
    two()
    assert source.log == ["open", "close", "closed", "open", "opened"]
    assert source._taps == (second,)
    source._detach(second)


def test_who_comes_while_it_closes_waits():
    """A source that the last one closes is opened again after that, not before."""
    source = Door()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source.may_close.clear()
    one = in_thread(lambda: source._detach(first))
    assert source.closing.wait(SOON)
    two = in_thread(lambda: source._attach(second))
    assert source.log[-1] == "close"
    source.may_close.set()
    one()
    two()
    assert source.log == ["open", "opened", "close", "closed", "open", "opened"]
    source._detach(second)


def test_many_that_come_and_go():
    """Open and closed alternate, and it is closed in the end."""
    source = Door()

    def come_and_go():
        for _ in range(200):
            tap = source._make_tap()
            source._attach(tap)
            source._detach(tap)
        return True

    joins = [in_thread(come_and_go) for _ in range(4)]
    assert all(join() for join in joins)
    cycle = ["open", "opened", "close", "closed"]
    assert source.log == cycle * (len(source.log) // 4)
    assert source._taps == ()


def test_who_comes_after_the_end_learns_it():
    """While another still has audio to take, nobody waits for ever."""
    source = Feed()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source.give(10)
    source.over(DeviceError("unplugged"))
    source._attach(second)
    with pytest.raises(DeviceError, match="unplugged"):
        second.get(10, None)
    assert len(first.get(10, None)) == 10
    source._detach(first)
    source._detach(second)
    third = source._make_tap()
    source._attach(third)  # the first again: the source may be there again
    assert third.get(10, 0) is None
    source._detach(third)


# Many that take of a source which makes its audio when it is asked


def test_audio_keeps_its_order_whoever_has_it_made():
    """Several ask at a time; no block overtakes another on its way to the others."""
    source = Counter(total=200 * BLOCK)
    taps = [source._make_tap() for _ in range(3)]
    for tap in taps:
        source._attach(tap)

    def drain(tap):
        parts = []
        try:
            while True:
                parts.append(tap.get(BLOCK, SOON))
        except EndOfStream:
            return np.concatenate(parts)

    for join in [in_thread(lambda tap=tap: drain(tap)) for tap in taps]:
        np.testing.assert_array_equal(join(), numbered(0, 200 * BLOCK))
    assert not source.crowded
    for tap in taps:
        source._detach(tap)


def test_links_without_a_clock_wait_for_each_other():
    """However much slower one is: what is made for all is lost by none."""
    total = 20 * RATE  # four times what a link's buffer holds
    left = total

    def make(frames):
        nonlocal left
        frames = min(frames, left)
        if not frames:
            raise EndOfStream
        left -= frames
        return np.full(frames, 7, np.int16)

    source = CallbackSource(make, RATE)
    fast, count, gate = BufferSink(sample_rate=RATE), 0, threading.Event()

    def take(block):
        nonlocal count
        gate.wait(5)
        count += len(block)

    links = [
        source.send_media_to(sink, paced=False)
        for sink in (CallbackSink(take, RATE), fast)
    ]
    while fast.stats.frames < 4 * RATE:  # it runs ahead as far as the buffer goes
        threading.Event().wait(0.005)
    gate.set()
    for link in links:
        link.wait(20)
    assert source.stats.refused == 0
    # The second may have come a moment after the first block was made.
    assert count == total
    assert fast.stats.frames >= total - 5 * RATE


def test_a_reader_that_has_stopped_holds_up_no_link():
    """`read` was called once; the file still goes where it is sent."""
    source = ToneSource(440, 20.0)
    source.read(10)
    sink = BufferSink()
    source.send_media_to(sink, paced=False).wait(20)
    assert len(sink.frames) == 20 * 16000 - 10
    assert source.stats.refused > 0
    source.close()
