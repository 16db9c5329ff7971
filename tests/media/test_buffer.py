"""The bounded buffer: what goes in comes out, and what does not is counted."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.media.toys import SOON, in_thread, numbered
from voxsync.errors import DeviceError
from voxsync.media.buffer import PcmBuffer


class Wanted:
    """A `wanted` that the test can answer, and that tells when it was asked."""

    def __init__(self):
        self.answer = True
        self.asked = threading.Event()

    def __call__(self):
        self.asked.set()
        return self.answer


class Model(RuleBasedStateMachine):
    """The buffer against a list."""

    def __init__(self):
        super().__init__()
        self.buffer = PcmBuffer(10)
        self.model = []
        self.at = 0
        self.taken = self.refused = self.dropped = self.cleared = 0

    def block(self, count):
        self.at += count
        return numbered(self.at - count, count)

    @rule(count=st.integers(0, 25))
    def offer(self, count):
        block = self.block(count)
        room = 10 - len(self.model)
        self.model += list(block[:room])
        refused = max(0, count - room)
        self.refused += refused
        assert self.buffer.offer(block) == refused

    @rule(count=st.integers(0, 25))
    def push(self, count):
        block = self.block(count)
        model = self.model + list(block)
        dropped = max(0, len(model) - 10)
        self.model = model[dropped:]
        self.dropped += dropped
        assert self.buffer.push(block) == dropped

    @rule(count=st.integers(0, 10))
    def put(self, count):
        if count <= 10 - len(self.model):
            block = self.block(count)
            self.model += list(block)
            assert self.buffer.put(block)

    @rule(count=st.integers(1, 25))
    def get(self, count):
        got = self.buffer.get(count, 0)
        if not self.model:
            assert got is None
            return
        self.came_out(got, count)

    @rule(count=st.integers(0, 25))
    def take(self, count):
        self.came_out(self.buffer.take(count), count)

    def came_out(self, got, count):
        count = min(count, len(self.model))
        assert list(got) == self.model[:count]
        assert got.dtype == np.int16
        del self.model[:count]
        self.taken += count

    @rule()
    def clear(self):
        self.cleared += len(self.model)
        assert self.buffer.clear() == len(self.model)
        self.model = []

    @rule()
    def reopen(self):
        self.cleared += len(self.model)
        self.model = []
        self.buffer.end()
        self.buffer.reopen()

    @invariant()
    def nothing_is_unaccounted_for(self):
        buffer = self.buffer
        assert len(buffer) == len(self.model) <= buffer.capacity
        counted = (buffer.refused, buffer.dropped, buffer.cleared)
        assert counted == (self.refused, self.dropped, self.cleared)
        assert self.at == self.taken + len(buffer) + sum(counted)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_capacity_must_hold_something():
    """A buffer for nothing is a mistake."""
    with pytest.raises(ValueError, match="at least 1 frame"):
        PcmBuffer(0)


def test_an_empty_buffer_is_a_thing():
    """`if buffer` asks whether there is one, not whether it is full."""
    assert PcmBuffer(1)


def test_what_comes_out_is_the_takers_own():
    """Later frames do not write over what was handed out."""
    buffer = PcmBuffer(4)
    buffer.offer(numbered(0, 4))
    got = buffer.get(4, 0)
    buffer.offer(numbered(100, 4))
    assert list(got) == [0, 1, 2, 3]


def test_put_waits_for_room():
    """A block longer than the buffer goes in piece by piece, as frames are taken."""
    buffer = PcmBuffer(4)
    join = in_thread(lambda: buffer.put(numbered(0, 11)))
    got = []
    while len(got) < 11:
        got += list(buffer.get(3, SOON))
    assert got == list(range(11))
    assert join() is True


def test_put_gives_up_when_it_is_not_wanted():
    """`wake` has a blocked `put` ask again."""
    buffer = PcmBuffer(4)
    buffer.offer(numbered(0, 4))
    wanted = Wanted()
    join = in_thread(lambda: buffer.put(numbered(4, 2), wanted))
    assert wanted.asked.wait(SOON)
    wanted.answer = False
    buffer.wake()
    assert join() is False
    assert list(buffer.take(9)) == [0, 1, 2, 3]


def test_put_after_a_plain_end():
    """Nothing is taken, and the caller learns it."""
    buffer = PcmBuffer(4)
    buffer.end()
    assert buffer.put(numbered(0, 1)) is False
    assert len(buffer) == 0


@pytest.mark.parametrize("error", [None, DeviceError("gone")])
def test_the_end_releases_a_blocked_put(error):
    """A plain end says no, an error is raised in the one that waits."""
    buffer = PcmBuffer(1)
    buffer.offer(numbered(0, 1))
    wanted = Wanted()

    def put():
        try:
            return buffer.put(numbered(1, 1), wanted)
        except DeviceError as exc:
            return exc

    join = in_thread(put)
    assert wanted.asked.wait(SOON)
    buffer.end(error)
    assert join() is (error or False)


def test_after_the_end_nothing_comes_in():
    """What comes too late is counted as lost, and not heard."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    buffer.end()
    assert buffer.offer(numbered(2, 3)) == 3
    assert buffer.push(numbered(2, 4)) == 4
    assert (buffer.refused, buffer.dropped) == (3, 4)
    assert list(buffer.get(8, 0)) == [0, 1]
    assert buffer.is_over
    assert len(buffer.get(8, 0)) == 0


def test_an_error_comes_after_what_is_inside():
    """Frames first, then the error; the first end counts, each time it is asked."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    buffer.end(DeviceError("unplugged"))
    buffer.end(DeviceError("later"))
    assert buffer.ended
    assert not buffer.is_over
    assert list(buffer.get(8, None)) == [0, 1]
    for _ in range(2):
        with pytest.raises(DeviceError, match="unplugged"):
            buffer.get(8, None)


def test_reopened_it_is_as_new():
    """After `reopen` frames are taken; what was left is cleared, and counted."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    buffer.end(DeviceError("unplugged"))
    buffer.reopen()
    assert not buffer.ended
    assert buffer.cleared == 2
    assert buffer.offer(numbered(5, 1)) == 0
    assert list(buffer.get(8, 0)) == [5]


def test_get_waits_for_the_first():
    """A frame that comes wakes who waits for it."""
    buffer = PcmBuffer(8)
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(1, SOON, wanted=wanted))
    assert wanted.asked.wait(SOON)
    buffer.push(numbered(7, 1))
    assert list(join()) == [7]


def test_get_waits_for_the_others():
    """With patience it comes back with all that was asked for."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 1))
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(3, 0, SOON, wanted))
    assert wanted.asked.wait(SOON)
    buffer.offer(numbered(1, 1))
    buffer.offer(numbered(2, 1))
    assert list(join()) == [0, 1, 2]


def test_patience_has_an_end():
    """Fewer frames where no more come."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    assert list(buffer.get(3, 0, 0.001)) == [0, 1]


def test_the_end_ends_patience():
    """At the end one gets what there is."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(3, 0, SOON, wanted))
    assert wanted.asked.wait(SOON)
    buffer.end()
    assert list(join()) == [0, 1]


def test_a_clear_while_it_waits_for_the_others_is_no_end():
    """Cleared in the middle of a wait: what comes then is what is returned."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(3, SOON, SOON, wanted))
    assert wanted.asked.wait(SOON)
    buffer.clear()
    buffer.offer(numbered(2, 3))
    assert list(join()) == [2, 3, 4]
    assert buffer.taken == buffer.generation == 1


def test_a_clear_and_nothing_more_is_nothing_yet():
    """None, not the empty array that means the end."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(3, 0, 0.05, wanted))
    assert wanted.asked.wait(SOON)
    buffer.clear()
    assert join() is None


def test_get_gives_up_when_it_is_not_wanted():
    """`wake` has a blocked `get` ask again."""
    buffer = PcmBuffer(8)
    wanted = Wanted()
    join = in_thread(lambda: buffer.get(3, None, wanted=wanted))
    assert wanted.asked.wait(SOON)
    wanted.answer = False
    buffer.wake()
    assert join() is None


def test_wait_for_a_fill():
    """It says whether so many are inside, or no more will come."""
    buffer = PcmBuffer(8)
    assert not buffer.wait_for(2, 0)
    assert not buffer.wait_for(2, None, lambda: False)
    buffer.offer(numbered(0, 2))
    assert buffer.wait_for(2, 0)
    buffer.end()
    assert buffer.wait_for(3, None)


def test_drained():
    """It waits until all was taken; an error ends that, for nobody will take it."""
    buffer = PcmBuffer(8)
    assert buffer.drained(0)
    buffer.offer(numbered(0, 2))
    assert not buffer.drained(0)
    join = in_thread(lambda: buffer.drained(SOON))
    buffer.take(2)
    assert join() is True
    buffer.offer(numbered(0, 2))
    buffer.end(DeviceError("gone"))
    assert buffer.drained(0)


def test_generations():
    """`taken` lags behind `generation` from a clear to the next frames taken."""
    buffer = PcmBuffer(8)
    buffer.offer(numbered(0, 2))
    buffer.get(1, 0)
    assert buffer.generation == buffer.taken == 0
    assert buffer.clear() == 1
    assert (buffer.generation, buffer.taken) == (1, 0)
    assert buffer.get(1, 0) is None
    assert buffer.taken == 0
    buffer.offer(numbered(0, 2))
    buffer.get(1, 0)
    assert buffer.taken == 1


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    wishes=st.lists(st.integers(1, 50), min_size=1, max_size=10),
    capacity=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None)
def test_two_threads_lose_nothing(sizes, wishes, capacity):
    """What one thread puts the other gets, whole and in order, by any bound."""
    buffer = PcmBuffer(capacity)
    total = sum(sizes)

    def give():
        at = 0
        for size in sizes:
            assert buffer.put(numbered(at, size))
            at += size
        buffer.end()
        return True

    join = in_thread(give)
    got = []
    turn = 0
    while len(block := buffer.get(wishes[turn % len(wishes)], SOON)):
        got.append(block)
        turn += 1
    assert join()
    assert np.array_equal(np.concatenate(got), numbered(0, total))


def test_audio_in_tiny_pieces_is_put_together():
    """A block of its own for each frame would cost a hundred times their memory."""
    buffer = PcmBuffer(20_000)
    for number in range(10_000):
        buffer.offer(np.full(1, number, np.int16))
    assert len(buffer._blocks) < 5000
    np.testing.assert_array_equal(buffer.take(10_000), np.arange(10_000))
