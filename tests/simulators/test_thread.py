"""One thread for calls, events and timers."""

import threading

import pytest

from voxsync.clocks import Clock, VirtualClock
from voxsync.simulators.thread import SerialThread


@pytest.fixture
def make():
    """Start threads; they are closed at the end. `failed` has what was raised."""
    made = []

    def start(clock=None, **settings):
        failed = []
        thread = SerialThread("turns", clock or Clock(), failed.append, **settings)
        thread.failed = failed
        thread.start()
        made.append(thread)
        return thread

    yield start
    for thread in made:
        thread.close(5)


def drained(thread):
    """Wait until all that waited before has been called."""
    done = threading.Event()
    thread.call(done.set)
    assert done.wait(10)


def test_calls_take_turns(make):
    """In order, on the one thread."""
    thread, seen, names = make(), [], []
    for number in range(100):
        thread.call(lambda number=number: seen.append((number, thread.runs_here())))
    thread.call(lambda: names.append(threading.current_thread().name))
    drained(thread)
    assert seen == [(number, True) for number in range(100)]
    assert names == ["turns"]
    assert not thread.runs_here()


def test_timers_follow_the_clock(make):
    """Due ones in the order of their times, those of one moment as they were made."""
    clock, seen = VirtualClock(), []
    thread = make(clock)
    for seconds in (2.0, 1.0, 1.0, 3.0):
        thread.after(seconds, lambda s=seconds: seen.append(s))
    clock.advance(0.99)
    drained(thread)
    assert seen == []
    clock.advance(1.5)
    drained(thread)
    assert seen == [1.0, 1.0, 2.0]


def test_a_timer_of_the_machines_time(make):
    """It fires by itself."""
    done = threading.Event()
    make().after(0.02, done.set)
    assert done.wait(10)


def test_a_cancelled_timer_is_not_called(make):
    """Not even if it is due."""
    clock, seen = VirtualClock(), []
    thread = make(clock)
    thread.after(1.0, lambda: seen.append("no")).cancel()
    thread.after(1.0, lambda: seen.append("yes"))
    clock.advance(1.0)
    drained(thread)
    assert seen == ["yes"]


def test_failures_are_told(make, caplog):
    """And the next call comes all the same."""
    thread = make()
    error = ValueError("planted")

    def fail():
        raise error

    thread.call(fail)
    drained(thread)
    assert thread.failed == [error]
    assert "a call on turns failed" in caplog.text


def test_events_wait_within_a_bound(make):
    """Who brings one too many is held back; its own calls are not."""
    thread, seen, hold = make(most_events=2), [], threading.Event()
    thread.call(lambda: hold.wait(10))
    brought = threading.Semaphore(0)

    def bring():
        for number in range(3):
            thread.dispatch(seen.append, number)
            brought.release()

    bringer = threading.Thread(target=bring)
    bringer.start()
    assert brought.acquire(timeout=10)
    assert brought.acquire(timeout=10)
    assert not brought.acquire(timeout=0.05)
    thread.call(lambda: seen.append("call"))
    hold.set()
    bringer.join(10)
    drained(thread)
    assert sorted(map(str, seen)) == ["0", "1", "2", "call"]
    assert [x for x in seen if x != "call"] == [0, 1, 2]


def test_the_end(make):
    """What waits is called, timers are not, and what comes later goes nowhere."""
    clock, seen, hold = VirtualClock(), [], threading.Event()
    thread = make(clock)
    thread.call(lambda: hold.wait(10))
    thread.call(lambda: seen.append("waited"))
    thread.after(0.0, lambda: seen.append("timer"))
    assert not thread.close(0.0)
    hold.set()
    assert thread.close(10)
    thread.call(lambda: seen.append("late"))
    thread.dispatch(seen.append, "late")
    assert seen == ["waited"]


def test_the_end_lets_go():
    """Events that find no room by then are dropped; those that wait are not."""
    thread, taken = SerialThread("turns", Clock(), print, most_events=2), []
    for number in range(2):
        thread.dispatch(taken.append, number)
    bringer = threading.Thread(target=thread.dispatch, args=(taken.append, 2))
    bringer.start()
    thread.close(0)
    bringer.join(10)
    assert not bringer.is_alive()
    thread.start()
    assert thread.close(10)
    assert taken == [0, 1]


def test_the_end_from_within(make):
    """It does not wait for itself."""
    thread, found = make(), []
    thread.call(lambda: found.append(thread.close(10)))
    assert thread.close(10)
    assert found in ([True], [])


def test_one_that_never_began():
    """There is nothing to end."""
    assert SerialThread("turns", Clock(), print).close(0)
