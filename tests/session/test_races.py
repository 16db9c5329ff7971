"""A4: racing senders, a listener that sends, and a random end; nothing breaks.

Also: thousands of opens and closes leave nothing, and hold nothing.
"""

import contextlib
import gc
import os
import random
import threading
import time
from pathlib import Path

import pytest

from voxsync import InvalidState, PlainSession, SessionClosed, SessionOptions
from voxsync.server import Listener

SENDERS = 6


class Trial:
    """One session under fire, and the proof that it kept the invariants."""

    def __init__(self, url, rng):
        self.rng = rng
        self.session = PlainSession(url, options=SessionOptions(close_timeout=3))
        self.kinds, self.got, self.accepted = [], [], [0] * SENDERS
        self.in_listener, self.overlaps, self.replies = 0, 0, 0
        self.released = []
        self.stop_at = rng.randrange(1, 400)
        self.ending = threading.Event()
        for kind in ("created", "open", "message", "error", "close"):
            self.session.add_event_listener(kind, self.listen)

    def listen(self, event):
        self.in_listener += 1
        self.overlaps += self.in_listener != 1
        self.kinds.append(str(event.type))
        if event.type == "message":
            self.got.append(event.data)
            if len(self.got) % 5 == 0:
                try:
                    self.session.send_text(f"L:{self.replies}")
                    self.replies += 1
                except SessionClosed:
                    self.released.append("listener")
            if len(self.got) >= self.stop_at:
                self.ending.set()
        self.in_listener -= 1

    def send(self, who):
        try:
            while True:
                self.session.send_text(f"{who}:{self.accepted[who]}")
                self.accepted[who] += 1
        except (SessionClosed, InvalidState):
            self.released.append(who)

    def run(self):
        threads = [
            threading.Thread(target=self.send, args=(n,)) for n in range(SENDERS)
        ]
        self.session.connect()
        for thread in threads:
            thread.start()
        assert self.ending.wait(20)
        cancel = self.rng.random() < 0.5
        (self.session.cancel if cancel else self.session.close)()
        close = self.session.wait_closed(10)
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()  # I5
        return cancel, close

    def check(self, cancel, close):
        kinds = self.kinds
        assert kinds[:2] == ["created", "open"]  # I1
        assert kinds.count("close") == 1
        assert kinds[-1] == "close"
        assert self.overlaps == 0  # I7
        assert sorted(map(str, self.released))[:SENDERS] == list("012345")
        for who in [*map(str, range(SENDERS)), "L"]:  # I2, I7
            numbers = [
                int(m.split(":")[1]) for m in self.got if m.startswith(f"{who}:")
            ]
            assert numbers == list(range(len(numbers)))
        stats = self.session.stats
        accepted = sum(self.accepted) + self.replies
        assert stats.listener_errors == 0
        if not cancel:
            assert (close.code, close.was_clean, close.unsent) == (1000, True, 0)
            assert stats.messages_sent == accepted
        else:
            assert close.code == 1006
            # I2: what did not go out is counted (what is in the socket did).
            assert stats.messages_sent <= accepted
            assert close.unsent >= accepted - stats.messages_sent


@pytest.fixture
def echo_threads():
    """An echo server of ours, for many connections at a time."""

    def connected(listener, session):
        def back(event):
            with contextlib.suppress(SessionClosed):  # the client may be gone
                session.send_text(event.data)

        session.add_event_listener("message", back)

    listener = Listener(max_connections=20)
    listener.connection.connect(connected, weak=False)
    with listener:
        yield listener


def test_200_trials_under_fire(echo_threads):
    """No violation of I1 to I7 in 200 sessions with a random end."""
    rng = random.Random(20261121)
    for _ in range(200):
        trial = Trial(echo_threads.url, rng)
        trial.check(*trial.run())


def test_1000_opens_and_closes_leave_nothing(echo_threads):
    """No thread, no descriptor, less than 2 MB."""

    def once():
        with PlainSession(echo_threads.url) as session:
            session.send_text("x")
            assert next(session.receive(timeout=5)) == "x"

    def resident():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    for _ in range(100):
        once()
    gc.collect()
    opened, before = descriptors(), resident()
    for _ in range(1000):
        once()
    gc.collect()
    while echo_threads.sessions:
        threading.Event().wait(0.01)
    assert resident() - before < 2 * 1024 * 1024
    assert descriptors() <= opened + 1
    ours, end = ("voxsync-io", "voxsync-events"), time.monotonic() + 10
    while any(t.name.startswith(ours) for t in threading.enumerate()):
        assert time.monotonic() < end, "threads are left"
        threading.Event().wait(0.01)
