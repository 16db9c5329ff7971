import threading
import time

from voxsync.simulators.idle import IdleWatch


class Sleeper:
    """Idles from a moment on, or not at all."""

    def __init__(self, at):
        self.at = at
        self.told = threading.Semaphore(0)

    def idle_at(self):
        return self.at

    def idled(self):
        self.told.release()


def test_who_idles_is_told_once():
    """What is due is told of once; what is not, or was taken out, is not."""
    watch = IdleWatch()
    now = time.monotonic()
    due, later, never, gone = (
        Sleeper(now),
        Sleeper(now + 60),
        Sleeper(None),
        Sleeper(now),
    )
    gone.at = now + 60
    for each in (later, never, gone, due):
        watch.add(each)
    watch.discard(gone)
    gone.at = now
    assert due.told.acquire(timeout=5)
    never.at = now
    watch.moved()
    assert never.told.acquire(timeout=5)
    watch.close()
    for each in (due, later, never, gone):
        assert not each.told.acquire(blocking=False)


def test_a_closed_watch_ends_at_once():
    """Nothing that is still to come holds `close` back."""
    watch = IdleWatch()
    watch.add(Sleeper(time.monotonic() + 3600))
    watch.close()
    watch.close()
