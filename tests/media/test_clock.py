"""The pacing clock, in virtual time."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.toys import in_thread
from voxsync.media.clock import Metronome

BLOCK = 0.02


class Time:
    """A clock that waits pass at once; a wait can end late, as real ones do."""

    def __init__(self, start=1000.0):
        self.at = start
        self.jitter = lambda: 0.0

    def now(self):
        return self.at

    def wait(self, stop, seconds):
        assert seconds > 0
        self.at += seconds + self.jitter()
        return False


class FarEnd:
    """Plays as it receives, like VoxEngine; knows the most that it had to hold."""

    def __init__(self, now):
        self.fill = 0.0
        self.highest = 0.0
        self.count = 0
        self._now = now

    def take(self, seconds, now):
        self.fill = max(0.0, self.fill - (now - self._now)) + seconds
        self._now = now
        self.highest = max(self.highest, self.fill)
        self.count += 1


def make(**options):
    time = Time()
    return Metronome(clock=time, **options), time


def test_ten_minutes_without_drift():
    """30,000 blocks of 20 ms, each wait ending up to 3 ms late: no ms of drift (B4)."""
    clock, time = make()
    chance = random.Random(1)
    time.jitter = lambda: chance.random() * 0.003
    start = time.at
    drifts = []
    for number in range(30_000):
        assert clock.tick(BLOCK)
        drifts.append(time.at - (start + number * BLOCK))
        time.at += chance.random() * 0.002  # the work of sending
    assert min(drifts) >= -1e-6
    assert max(drifts) < 0.003 + 1e-6  # one wait's jitter, not the sum of them
    # What accumulates: the schedule itself against the clock.
    schedule = clock._epoch + clock._sent - start
    assert schedule == pytest.approx(600.0, abs=0.001)
    assert clock.slipped == 0


def test_a_stall_is_caught_up():
    """500 ms: a burst that a far end's buffer holds, and not one block more or less."""
    clock, time = make()
    far = FarEnd(time.at)
    start = time.at
    for number in range(500):
        if number == 100:
            time.at += 0.5
        clock.tick(BLOCK)
        far.take(BLOCK, time.at)
    assert time.at - start == pytest.approx(499 * BLOCK)
    assert far.count == 500
    assert 0.4 < far.highest <= 0.5 + BLOCK
    assert clock.latest == pytest.approx(0.5 - BLOCK)
    assert clock.late == 0
    assert clock.slipped == 0


def test_a_long_stall_slips():
    """30 s: the schedule moves; no burst is longer than max_late."""
    clock, time = make(max_late=1.0)
    far = FarEnd(time.at)
    start = time.at
    for number in range(200):
        if number == 100:
            time.at += 30.0
        clock.tick(BLOCK)
        far.take(BLOCK, time.at)
    assert clock.slipped == pytest.approx(30.0 - BLOCK - 1.0)
    assert far.highest <= 1.0 + BLOCK + 1e-9
    assert time.at - start == pytest.approx(199 * BLOCK + clock.slipped)


steps = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0, 0.05), st.floats(0, 5)),  # a stall
        st.booleans(),  # nothing to send meanwhile
        st.sampled_from([0.005, BLOCK, 0.1]),  # a block
    ),
    max_size=200,
)


@settings(deadline=None)
@given(steps=steps, max_late=st.sampled_from([0.1, 1.0, 3.0]))
def test_whatever_happens_the_far_end_can_hold_it(steps, max_late):
    """Stalls and pauses: the far end never holds more than max_late and a block."""
    clock, time = make(max_late=max_late)
    far = FarEnd(time.at)
    longest = max((seconds for _, _, seconds in steps), default=0)
    for stall, pause, seconds in steps:
        time.at += stall
        if pause:
            clock.pause()
        assert clock.tick(seconds)
        far.take(seconds, time.at)
    assert far.count == len(steps)
    assert far.highest <= max_late + longest + 1e-6


def test_a_thousand_stalls():
    """1,000 random stalls, some of seconds: bounded, counted right, in time at last."""
    chance = random.Random(3)
    clock, time = make()
    far = FarEnd(time.at)
    start = time.at
    for _ in range(1000):
        time.at += chance.expovariate(1 / 0.3)
        for _ in range(chance.randrange(1, 50)):
            clock.tick(BLOCK)
            far.take(BLOCK, time.at)
    assert far.highest <= 1.0 + BLOCK + 1e-6
    behind = (time.at - start) - (far.count * BLOCK + clock.slipped)
    assert -BLOCK - 1e-6 <= behind <= 1.0


def test_audio_in_small_pieces_does_not_go_out_faster():
    """A pause after each block, as with a stream in 20 ms messages, is no licence."""
    clock, time = make()
    far = FarEnd(time.at)
    for _ in range(500):
        clock.pause()
        clock.tick(BLOCK)
        far.take(BLOCK, time.at)
    assert far.highest <= 2 * BLOCK


def test_after_a_pause_nothing_is_late():
    """There was nothing to send for a second: the next block goes at once, no burst."""
    clock, time = make()
    clock.tick(BLOCK)
    clock.pause()
    time.at += 1.0
    at = time.at
    clock.tick(BLOCK)
    assert (time.at, clock.late, clock.latest) == (at, 0.0, 0.0)
    clock.tick(BLOCK)
    assert time.at == pytest.approx(at + BLOCK)


def test_a_stall_during_the_wait_is_late():
    """A wait that ends late is told, and made up for."""
    clock, time = make()
    clock.tick(BLOCK)
    time.jitter = lambda: 0.25
    clock.tick(BLOCK)
    assert clock.late == pytest.approx(0.25)
    time.jitter = lambda: 0.0
    for _ in range(20):
        clock.tick(BLOCK)
    assert clock.late == 0
    assert clock.latest == pytest.approx(0.25)


def test_stop_ends_the_wait():
    """A thread that waits for a block's time is released at once; so are later ones."""
    clock = Metronome()
    clock.tick(3600)  # the next is due in an hour
    join = in_thread(lambda: clock.tick(BLOCK))
    clock.stop()
    assert join() is False
    assert clock.tick(BLOCK) is False


def test_stop_before_the_first_block():
    """Nothing is due after the end."""
    clock = Metronome()
    clock.stop()
    assert clock.tick(BLOCK) is False


def test_a_wait_that_says_stopped():
    """A clock whose waits are cut short ends the metronome."""

    class Stopped(Time):
        def wait(self, stop, seconds):
            return True

    clock = Metronome(clock=Stopped())
    assert clock.tick(BLOCK)
    assert clock.tick(BLOCK) is False


def test_ahead_by_what_the_far_end_can_hold():
    """The first blocks leave at once; from there on each leaves as one is heard."""
    clock, time = make(lead=0.1)
    start = time.at
    left = []
    for _ in range(10):
        assert clock.tick(BLOCK)
        left.append(round(time.at - start, 6))
        assert clock.late == 0
    assert left == [0, 0, 0, 0, 0, 0, 0.02, 0.04, 0.06, 0.08]
    time.at += 0.5  # the far end has nothing more
    clock.tick(BLOCK)
    assert clock.late == pytest.approx(0.38)


def test_real_waits_are_real():
    """Without injection it waits: five blocks take four blocks' time."""
    import time

    clock = Metronome()
    start = time.monotonic()
    for _ in range(5):
        assert clock.tick(BLOCK)
    assert time.monotonic() - start >= 4 * BLOCK - 0.001


@pytest.mark.parametrize("max_late", [0, -1, float("nan")])
def test_max_late_must_be_positive(max_late):
    """A clock that may make up nothing could never catch up."""
    with pytest.raises(ValueError, match="max_late must be positive"):
        Metronome(max_late=max_late)
