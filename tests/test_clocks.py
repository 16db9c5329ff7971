"""Time as sessions and links see it: the machine's, or what a test makes of it."""

import threading
import time

import pytest

from voxsync.clocks import Clock, VirtualClock
from voxsync.media import BufferSink, ToneSource

SOON = 10.0


def waiting(clock, seconds):
    """A thread that waits on the clock; what the wait said in the end."""
    stop, said, begun = threading.Event(), [], threading.Event()

    def run():
        begun.set()
        said.append(clock.wait(stop, seconds))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(SOON)
    return thread, stop, said


def test_the_machines_time():
    """Monotonic, and as fast as it is."""
    clock = Clock()
    before = time.monotonic()
    assert before <= clock.now() <= time.monotonic()
    assert clock.real(1.5) == 1.5
    stop = threading.Event()
    assert clock.wait(stop, 0.001) is False
    stop.set()
    assert clock.wait(stop, 3600) is True
    clock.subscribe(stop.clear)  # it never jumps
    clock.unsubscribe(stop.clear)
    assert stop.is_set()


def test_time_stands_still_until_it_is_moved():
    """Exactly by what was asked for."""
    clock = VirtualClock()
    assert clock.now() == 0
    clock.advance(0.25)
    clock.advance(0)
    assert clock.now() == 0.25
    assert clock.real(1.0) is None
    assert repr(clock) == "<VirtualClock 0.250 s, speed 0>"


def test_a_wait_ends_when_its_time_has_come():
    """Not before, in however many steps."""
    clock = VirtualClock()
    thread, _, said = waiting(clock, 2.0)
    clock.advance(1.0)
    thread.join(0.05)
    assert said == []
    clock.advance(1.0)
    thread.join(SOON)
    assert said == [False]
    assert clock.wait(threading.Event(), 0) is False


def test_a_wait_can_be_stopped():
    """While time stands still, and before it begins."""
    clock = VirtualClock()
    thread, stop, said = waiting(clock, 2.0)
    stop.set()
    thread.join(SOON)
    assert said == [True]
    assert clock.wait(stop, 0) is True


def test_another_speed():
    """An hour in a moment; `advance` comes on top."""
    clock = VirtualClock(speed=36000)
    assert clock.real(36000.0) == 1.0
    before = clock.now()
    assert clock.wait(threading.Event(), 3600) is False
    assert clock.now() >= before + 3600
    clock.advance(1e6)
    assert clock.now() >= 1e6


def test_time_that_jumps_between_two_looks():
    """A wait does not begin when its time has come meanwhile."""
    clock = VirtualClock()

    class Stop(threading.Event):
        looks = 0

        def is_set(self):
            self.looks += 1
            return False

    real = clock.real
    clock.real = lambda seconds: (clock.advance(5), real(seconds))[1]
    stop = Stop()
    assert clock.wait(stop, 2.0) is False
    assert stop.looks == 2


def test_who_subscribed_is_woken():
    """At each jump, until it asks no more; one that never did may say so, too."""
    clock, woken = VirtualClock(), []

    def wake():
        woken.append(clock.now())

    clock.subscribe(wake)
    clock.advance(1)
    clock.advance(2)
    clock.unsubscribe(wake)
    clock.unsubscribe(wake)
    clock.advance(3)
    assert woken == [1, 3]


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_a_speed_that_makes_no_sense(speed):
    """Time neither goes back nor is over."""
    with pytest.raises(ValueError, match="speed"):
        VirtualClock(speed=speed)


@pytest.mark.parametrize("seconds", [-0.1, float("nan")])
def test_time_goes_forward(seconds):
    """Never back."""
    with pytest.raises(ValueError, match="forward"):
        VirtualClock().advance(seconds)


def test_what_a_paced_link_holds_waits_for_the_clock():
    """Time that stands still lets nothing go out; what is not paced goes at once."""
    clock, source = VirtualClock(), ToneSource(440, 0.5)
    source.clock = clock
    sink = BufferSink()
    link = source.send_media_to(sink)
    with pytest.raises(TimeoutError):
        link.wait(0.05)
    assert len(sink.frames) <= 320  # the first block is due at once
    clock.advance(0.5)
    link.wait(10)
    assert len(sink.frames) == 8000
    source, sink = ToneSource(440, 0.5), BufferSink()
    source.clock = clock
    source.send_media_to(sink, paced=False).wait(10)
    assert len(sink.frames) == 8000
