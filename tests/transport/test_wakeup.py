"""A wake-up is never lost, and costs one system call however often it is asked for."""

import collections
import gc
import os
import select
import signal
import socket
import threading

import pytest

from voxsync.transport import wakeup as module
from voxsync.transport.wakeup import Wakeup

BELLS = [name for name in ("_EventFd", "_SocketPair") if hasattr(module, name)]


@pytest.fixture(params=BELLS)
def wakeup(request, monkeypatch):
    """One of each kind, closed at the end."""
    monkeypatch.setattr(module, "_Bell", getattr(module, request.param))
    made = Wakeup()
    yield made
    made.close()


def woken(wakeup, timeout=0.0):
    """Whether the owner's select returns."""
    return bool(select.select([wakeup], [], [], timeout)[0])


def count_rings(wakeup, during=lambda _count: None):
    """Put a bell in place that counts, and does something while it rings."""
    rings = []

    class Bell:
        def ring(self):
            rings.append(1)
            during(len(rings))

    wakeup._bell = Bell()
    return rings


def test_wake_ends_a_select(wakeup):
    """A thread that selects gets out when another one wakes it."""
    assert not woken(wakeup)
    thread = threading.Thread(target=wakeup.wake)
    thread.start()
    assert woken(wakeup, 5)
    thread.join()


def test_waking_who_is_awake_is_free(wakeup):
    """Only the first of many wakes makes a system call."""
    rings = count_rings(wakeup)
    for _ in range(1000):
        wakeup.wake()
    assert len(rings) == 1


def test_drain_makes_it_sleep_and_wake_again(wakeup):
    """After a drain the select waits again, and the next wake ends it."""
    for _ in range(3):
        wakeup.wake()
        assert woken(wakeup)
        wakeup.drain()
        assert not woken(wakeup)


def test_drain_without_a_wake_does_nothing(wakeup):
    """The owner may drain whenever it likes."""
    wakeup.drain()
    wakeup.wake()
    assert woken(wakeup)


@pytest.mark.parametrize("rings", [2, 63, 64, 65, 200])
def test_one_drain_is_enough(wakeup, rings):
    """Racing wakers may each ring; one drain silences all of them."""
    for _ in range(rings):
        wakeup._awake = False  # as a racing waker sees it
        wakeup.wake()
    wakeup.drain()
    assert not woken(wakeup)


def test_a_full_buffer_is_no_error(wakeup):
    """One ring that waits is enough, so a writer without room may be silent."""
    with pytest.raises(BlockingIOError):
        if hasattr(wakeup._bell, "writer"):
            while True:
                wakeup._bell.writer.send(b"\0" * 4096)
        os.eventfd_write(wakeup._bell.fd, 2**64 - 2)
        wakeup._bell.ring()
    wakeup.wake()
    assert woken(wakeup)
    wakeup.drain()
    assert not woken(wakeup)


def test_wake_after_close_does_nothing(wakeup):
    """Who comes too late neither fails nor writes into somebody else's descriptor."""
    number = wakeup.fileno()
    wakeup.close()
    with pytest.raises(OSError):
        os.fstat(number)
    wakeup.wake()
    wakeup._awake = False  # as a waker sees it that has just tested the flag
    wakeup.wake()
    wakeup.close()  # twice is fine


def test_a_wake_under_way_keeps_its_descriptor(wakeup):
    """Closing waits for no waker: the descriptor lives as long as one needs it."""
    bell = wakeup._bell  # what wake() holds while it rings
    number = wakeup.fileno()
    wakeup.close()
    os.fstat(number)
    bell.ring()
    del bell
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(number)


def test_no_descriptor_to_be_had(wakeup, monkeypatch):
    """A process at its limit gets the system's error, and nothing but that."""

    def fail(*args):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "eventfd", fail, raising=False)
    monkeypatch.setattr(socket, "socketpair", fail)
    with pytest.raises(OSError, match="Too many"):
        Wakeup()
    gc.collect()


def test_no_wake_up_is_lost(wakeup):
    """Work put before wake() is always found, whoever races with whom."""
    work = collections.deque()
    threads, each = 8, 2000
    start = threading.Barrier(threads)

    def put():
        start.wait()
        for n in range(each):
            work.append(n)
            wakeup.wake()

    putters = [threading.Thread(target=put) for _ in range(threads)]
    for thread in putters:
        thread.start()
    found = 0
    while found < threads * each:
        assert woken(wakeup, 10), f"asleep with {len(work)} waiting, {found} found"
        wakeup.drain()
        while work:
            work.popleft()
            found += 1
    for thread in putters:
        thread.join()


def test_wake_from_a_signal_handler(wakeup):
    """A handler that interrupts the owner's select ends it."""
    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, lambda *_: wakeup.wake())
    try:
        sender = threading.Thread(
            target=signal.pthread_kill, args=(main, signal.SIGUSR1)
        )
        sender.start()
        assert woken(wakeup, 5)
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_wake_from_a_handler_within_wake(wakeup):
    """A handler that interrupts wake() itself neither blocks nor rings again."""
    rings = count_rings(wakeup, during=lambda _: wakeup.wake())
    wakeup.wake()
    assert len(rings) == 1
