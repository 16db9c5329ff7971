"""Units that a test holds in its hands, and audio whose every frame is known."""

import threading

import numpy as np

from voxsync.media.sink import Sink
from voxsync.media.source import EndOfStream, Source

RATE = 16000
BLOCK = 320  # frames of 20 ms
SOON = 10.0  # seconds within which everything happens, also on a busy machine


def numbered(start, count):
    """Frames that say where they stood: their number, as far as 16 bits go."""
    return np.arange(start, start + count).astype(np.uint16).view(np.int16)


class Feed(Source):
    """A pushed source: the test gives the audio."""

    is_pushed = True

    def __init__(self, rate=RATE, *, seconds=5.0):
        super().__init__(rate, "feed")
        self._tap_seconds = seconds
        self.given = 0
        self.opened = self.closed = 0

    def _begin(self):
        self.opened += 1

    def _cease(self):
        self.closed += 1

    def give(self, count):
        """Give so many numbered frames."""
        self._deliver(numbered(self.given, count))
        self.given += count

    def over(self, error=None):
        """Nothing more comes."""
        self.error = error
        self._end(error)  # before it is told: a listener may begin anew
        if error is not None:
            self._tell(error)


class Counter(Source):
    """Makes numbered frames, and sees to it that nobody asks twice at a time."""

    def __init__(self, total=10**9, rate=RATE):
        super().__init__(rate, "counter")
        self.total = total
        self.made = 0
        self.inside = threading.Semaphore(1)
        self.crowded = False

    def _produce(self, frames):
        if not self.inside.acquire(blocking=False):
            self.crowded = True
            raise AssertionError("two at once")
        try:
            count = min(frames, self.total - self.made)
            if not count:
                raise EndOfStream
            start, self.made = self.made, self.made + count
            return numbered(start, count)
        finally:
            self.inside.release()


class Ear(Sink):
    """Keeps what it hears; the test can wait for it, and can cover it."""

    def __init__(self, rate=RATE, *, clock=False):
        super().__init__(rate, "ear")
        self.is_clock = clock
        self._heard = []
        self._changed = threading.Condition()
        self.open = True
        self.waits = threading.Event()  # somebody stands before the closed ear
        self.released = 0
        self.finished = 0

    def _put(self, block, wanted):
        with self._changed:
            while not self.open:
                self.waits.set()
                if not wanted():
                    return False
                self._changed.wait(3 * SOON)  # who waits for a lost wake-up fails
            if not wanted():
                return False
            self._heard.append(block)
            self._changed.notify_all()
        self._passed(block)
        return True

    def _finish(self, wanted):
        self.finished += 1

    def _release(self):
        self.released += 1

    def _wake(self):
        with self._changed:
            self._changed.notify_all()

    def uncover(self, is_open=True):
        """Let it hear, or not."""
        with self._changed:
            self.open = is_open
            self._changed.notify_all()

    @property
    def heard(self):
        with self._changed:
            return np.concatenate([np.zeros(0, np.int16), *self._heard])

    @property
    def blocks(self):
        with self._changed:
            return [len(block) for block in self._heard]

    def hears(self, frames):
        """Wait until it has heard so many frames."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(map(len, self._heard)) >= frames, SOON
            )


class Errors:
    """A unit's `error` events."""

    def __init__(self, unit):
        self.seen = []
        self._changed = threading.Condition()
        unit.add_event_listener("error", self._on_error)

    def _on_error(self, event):
        with self._changed:
            self.seen.append(event.error)
            self._changed.notify_all()

    def come(self, count=1):
        """Wait until there are so many."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.seen) >= count, SOON)


def in_thread(work):
    """Run `work` on a thread; the function returned waits for its result."""
    result = []
    thread = threading.Thread(target=lambda: result.append(work()), daemon=True)
    thread.start()

    def join():
        thread.join(SOON)
        assert not thread.is_alive(), "it hangs"
        return result[0] if result else None

    return join
