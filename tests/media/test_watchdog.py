"""Noticing that a device has died."""

import threading

import pytest

from tests.media.toys import SOON
from voxsync.media import watchdog
from voxsync.media.watchdog import FIRST_TICKS, SILENT_TICKS, Watchdog


class Stream:
    """A stream of a device that lives as long as its owner says."""

    def __init__(self, *, lives=True):
        self.calls = 0
        self.is_dead = False
        self.lives = lives
        self.looks = 0
        self.lost_after = None
        self.looked = threading.Semaphore(0)
        self.gone = threading.Event()

    def look(self):
        self.looks += 1
        self.calls += self.lives
        self.looked.release()

    def lost(self, seconds):
        self.lost_after = seconds
        self.gone.set()

    def await_looks(self, count):
        for _ in range(count):
            assert self.looked.acquire(timeout=SOON)


@pytest.fixture
def dog(monkeypatch):
    monkeypatch.setattr(watchdog, "TICK", 0.005)
    return Watchdog()


def threads():
    return [t.name for t in threading.enumerate() if t.name == "voxsync-watchdog"]


def test_a_live_stream(dog):
    """It is looked at, by one thread however many there are, until it is closed."""
    one, two = Stream(), Stream()
    dog.watch(one)
    dog.watch(two)
    one.await_looks(2 * FIRST_TICKS)
    two.await_looks(2 * FIRST_TICKS)
    assert threads() == ["voxsync-watchdog"]
    assert not one.gone.is_set()
    dog.forget(one)
    dog.forget(one)
    dog.forget(two)
    dog.watch(one)  # and the thread comes back
    one.await_looks(one.looks - 2 * FIRST_TICKS + 1)
    dog.forget(one)


def test_a_stream_that_dies(dog):
    """Six looks without a callback: it is lost, once, and the others live on."""
    dying, live = Stream(), Stream()
    dog.watch(dying)
    dog.watch(live)
    dying.await_looks(2)
    dying.lives = False
    before = dying.looks
    assert dying.gone.wait(SOON)
    assert dying.lost_after == pytest.approx(SILENT_TICKS * 0.005)
    assert SILENT_TICKS - 1 <= dying.looks - before <= SILENT_TICKS + 1
    live.await_looks(live.looks)
    assert not live.gone.is_set()
    dog.forget(live)


def test_a_stream_that_never_lived(dog):
    """Its first callback may take longer."""
    stillborn = Stream(lives=False)
    dog.watch(stillborn)
    assert stillborn.gone.wait(SOON)
    assert stillborn.looks == FIRST_TICKS - 1
    assert stillborn.lost_after == pytest.approx(FIRST_TICKS * 0.005)


def test_a_closed_stream(dog):
    """What was closed before it was watched is not watched."""
    closed = Stream()
    closed.is_dead = True
    dog.watch(closed)
    assert threads() == []


def test_a_watcher_that_fails(dog, caplog):
    """The others are looked after all the same."""
    bad, good = Stream(), Stream()
    bad.look = lambda: 1 // 0
    dog.watch(bad)
    dog.watch(good)
    good.await_looks(3)
    dog.forget(bad)
    dog.forget(good)
    assert "ZeroDivisionError" in caplog.text


def test_an_errand(dog):
    """Its thread does what no new thread could; then it is gone, and may come back."""
    names = []
    assert not dog.run(lambda: names.append(1), 0.01)  # there is no stream
    stream = Stream()
    dog.watch(stream)
    done = dog.run(lambda: names.append(threading.current_thread().name), SOON)
    assert done
    assert names == ["voxsync-watchdog"]
    dog.watch(stream)
    stream.await_looks(1)
    gate = threading.Event()
    assert not dog.run(lambda: gate.wait(SOON), 0.01)
    gate.set()
