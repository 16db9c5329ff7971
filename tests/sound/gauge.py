"""How long the machine has kept a process waiting: none of the code's doing."""

import threading
import time

_PERIOD = 0.02


class Gauge:
    """Time that was taken away from this process, measured by a thread that only waits.

        with Gauge() as gauge:
            ...
        assert took - gauge.stalled < 1.0

    A machine that is too busy, or a virtual one that is itself held, wakes it late; so
    it wakes our threads. Who has to be done within a time, by the clock, has that much
    more of it.
    """

    def __init__(self):
        self._late = 0.0  # of all the waits that are over
        self._due = time.monotonic() + _PERIOD  # when the one under way is to be over
        self._end = threading.Event()
        self._lock = threading.Lock()  # guards the first two
        self._thread = threading.Thread(target=self._run, name="gauge", daemon=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self._end.set()
        self._thread.join()

    def start(self):
        self._thread.start()
        return self

    @property
    def stalled(self):
        """Seconds until now, the stall that goes on just now included."""
        with self._lock:
            return self._late + max(0.0, time.monotonic() - self._due)

    def _run(self):
        while not self._end.wait(max(0.0, self._due - time.monotonic())):
            with self._lock:
                now = time.monotonic()
                self._late += max(0.0, now - self._due)
                self._due = now + _PERIOD
