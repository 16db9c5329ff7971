"""What goes into a delay comes out of it, later and unchanged."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.toys import BLOCK, RATE, SOON, Ear, Feed, in_thread, numbered
from voxsync.clocks import VirtualClock
from voxsync.media import Delay


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def delay(clock):
    """One of two seconds, of the test's own time."""
    with Delay(2.0, RATE, clock=clock) as made:
        yield made


def wait_until(what):
    """Wait for what another thread does."""
    gate, end = threading.Event(), time.monotonic() + SOON
    while not what():
        assert time.monotonic() < end
        gate.wait(0.002)


def give(delay, count, start=0):
    delay._media_sink({}).write(numbered(start, count))


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_delay_is_positive_and_finite(seconds):
    """Anything else makes no sense."""
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        Delay(seconds)


def test_it_takes_no_parameters(delay):
    """As every sink that is no session."""
    with Feed() as feed, pytest.raises(TypeError, match="takes no parameters"):
        feed.send_media_to(delay, tag="x")


def test_nothing_comes_before_its_time(delay, clock):
    """What was given at one moment is there two seconds later, and not sooner."""
    give(delay, 100)
    clock.advance(1.0)
    give(delay, 100, 100)
    clock.advance(0.999)
    assert delay.read(200, 0) is None
    clock.advance(0.001)
    assert np.array_equal(delay.read(200, 0), numbered(0, 100))
    assert delay.read(200, 0) is None
    clock.advance(1.0)
    assert np.array_equal(delay.read(200, 0), numbered(100, 100))


@given(sizes=st.lists(st.integers(1, 700), max_size=8), wish=st.integers(1, 900))
@settings(max_examples=30, deadline=None)
def test_the_samples_are_the_same_however_they_are_cut(sizes, wish):
    """Nothing is lost, added or turned round; counts tell."""
    clock = VirtualClock()
    with Delay(2.0, RATE, clock=clock) as delay:
        total = 0
        for size in sizes:
            give(delay, size, total)
            total += size
        assert delay.stats.buffered == pytest.approx(total / RATE)
        clock.advance(2.0)
        got = [np.zeros(0, np.int16)]
        while (block := delay.read(wish, 0)) is not None:
            got.append(block)
        assert np.array_equal(np.concatenate(got), numbered(0, total))
        assert delay.stats.frames == total
        assert delay.stats.buffered == 0


def test_between_two_links(delay, clock):
    """From a source to a sink, both by the delay's clock; a pause stays a pause."""
    feed, ear = Feed(), Ear()
    into = feed.send_media_to(delay)
    out = delay.send_media_to(ear)
    feed.give(BLOCK)
    entry = delay._media_sink({})
    wait_until(lambda: entry.stats.frames == BLOCK)
    assert not len(ear.heard)
    clock.advance(2.0)
    assert ear.hears(BLOCK)
    clock.advance(5.0)
    feed.give(BLOCK)
    wait_until(lambda: entry.stats.frames == 2 * BLOCK)
    clock.advance(2.0)
    assert ear.hears(2 * BLOCK)
    assert np.array_equal(ear.heard, numbered(0, 2 * BLOCK))
    delay.close()
    assert not into.is_active
    assert not out.is_active
    assert into.error is None
    assert out.error is None


def test_it_is_bounded(delay, clock):
    """Who gives more than the delay and a second waits until somebody takes."""
    most = 3 * RATE
    join = in_thread(lambda: give(delay, most + 50) or True)
    entry = delay._media_sink({})
    wait_until(lambda: delay.stats.buffered == 3.0)
    assert entry.stats.frames == 0  # it is not in yet, all of it
    clock.advance(2.0)
    assert np.array_equal(delay.read(60, 0), numbered(0, 60))
    assert join()
    assert entry.stats.frames == most + 50
    assert delay.stats.buffered == pytest.approx(3.0 - 10 / RATE)


def test_a_link_that_waits_for_room_can_be_stopped(delay):
    """Nobody takes: stopping ends the wait, and the rest stays with the source."""
    feed = Feed(seconds=10.0)
    link = feed.send_media_to(delay, paced=False)
    feed.give(4 * RATE)
    wait_until(lambda: delay.stats.buffered == 3.0)
    link.stop()
    assert not link.is_active
    assert delay.stats.buffered == 3.0


def test_clearing_reaches_through_it(delay, clock):
    """From the source in front of it down to the ear behind it."""
    feed, ear = Feed(), Ear()
    feed.send_media_to(delay)
    delay.send_media_to(ear)
    entry = delay._media_sink({})
    feed.give(BLOCK)
    wait_until(lambda: entry.stats.frames == BLOCK)
    feed.clear_media_buffer()
    assert delay.stats.buffered == 0
    clock.advance(1.0)  # the link's next block is due
    feed.give(BLOCK)
    wait_until(lambda: entry.stats.frames == 2 * BLOCK)
    clock.advance(2.0)
    assert ear.hears(BLOCK)
    assert np.array_equal(ear.heard, numbered(BLOCK, BLOCK))


def test_closed_it_holds_nothing(delay, clock):
    """And it is as new."""
    give(delay, 100)
    delay.close()
    delay.close()
    assert delay.stats.buffered == 0
    clock.advance(2.0)
    assert delay.read(1, 0) is None
