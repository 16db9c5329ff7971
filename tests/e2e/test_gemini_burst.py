"""D4: ten megabytes of a model's voice at once: what is held, and what ends it."""

import threading
import tracemalloc

import numpy as np
import pytest

from tests.gemini.far import DONE, INTERRUPTED, RATE, SOON, Far, Seen, sounds, wire
from tests.media.toys import Ear
from tests.server.conftest import until
from voxsync.clocks import VirtualClock
from voxsync.media.link import BLOCK_SECONDS
from voxsync.session import SessionOptions

PIECE = 0.24  # seconds in a message: 11,520 bytes
PIECES = 10_000_000 // 11_520 + 1
SECONDS = PIECES * PIECE  # 208 s
BOUND = 120.0  # that a link may hold
FRAMES = round(PIECE * RATE)
VALUE = -7  # of samples that are in no burst


class Deaf:
    """A session whose audio flows to an ear that is covered, so that all of it stays.

    The clock stands still: nothing that happens here waited for time to pass.
    """

    def __init__(self, far):
        self.clock = VirtualClock()
        options = SessionOptions(clock=self.clock, ping_interval=None)
        self.session = far.model(options=options).session()
        self.ear = Ear(RATE)
        self.ear.uncover(False)
        self.errors = Seen(self.session, "error")
        self.link = self.session.send_media_to(self.ear)
        self.done = threading.Event()
        self.left = []  # seconds held when an interruption was delivered
        self.session.add_event_listener("message", self.message)
        self.session.connect()

    def message(self, event):
        if event.data.interrupted:
            self.left.append(self.link.stats.buffered)
        if event.data.turn_complete:
            self.done.set()

    def turn(self, far, *messages):
        """Let the model say all this at once, and wait until it has come."""
        self.done.clear()
        far.say(*messages, DONE)
        assert self.done.wait(3 * SOON)

    def hear(self, condition):
        """Uncover the ear and let time pass until what was heard is as wanted."""
        self.ear.uncover()

        def heard():
            self.clock.advance(0.02)
            return condition(self.ear.heard)

        until(heard)
        return self.ear.heard

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.link.stop()
        self.session.close()


@pytest.fixture
def far():
    with Far() as made:
        yield made


@pytest.fixture(scope="module")
def burst():
    """The bytes of it, made once; the n-th message is of samples of the value n."""
    return wire(*[sounds(n % 30_000, PIECE) for n in range(PIECES)])


def test_what_is_held(far, burst):
    """120 s of it, not a frame less; the rest is refused, counted, and told once."""
    with Deaf(far) as deaf:
        deaf.turn(far, burst)
        stats = deaf.link.stats
        held = stats.buffered * RATE
        # The link's thread holds what it is about to give to the ear besides.
        assert BOUND * RATE <= held + FRAMES <= (BOUND + 1.0) * RATE
        assert stats.lost + held == pytest.approx(SECONDS * RATE, abs=FRAMES)
        deaf.turn(far, burst)
        assert deaf.link.stats.lost == stats.lost + PIECES * FRAMES
        deaf.session.close()
        (told,) = [e.error for e in deaf.errors.events if "receive()" not in str(e)]
        assert "MediaError" in type(told).__name__


def test_what_is_kept_is_heard(far, burst):
    """In order, from the first frame on, without a gap."""
    with Deaf(far) as deaf:
        deaf.turn(far, burst)
        wanted = 20 * FRAMES
        heard = deaf.hear(lambda heard: len(heard) >= wanted)
        assert np.array_equal(heard, np.arange(len(heard)) // FRAMES)


def test_memory(far, burst):
    """Twice as much takes no more of it."""
    with Deaf(far) as deaf:
        tracemalloc.start()
        try:
            deaf.turn(far, burst)
            first, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            deaf.turn(far, burst)
            second, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert second - first < 2_000_000
        # Of text and of samples: receive()'s queue and the inbox hold 256 each.
        assert peak < 40_000_000


@pytest.mark.parametrize("behind", [1, 2, 10, 100, 500, PIECES])
def test_an_interruption(far, burst, behind):
    """At any moment: playout is empty before anybody is told of it.

    No time passes meanwhile: the clock stands still, so nothing was waited for.
    """
    size = len(burst) // PIECES
    assert len(burst) == size * PIECES
    with Deaf(far) as deaf:
        for count in range(1, 4):
            deaf.turn(far, burst[: behind * size], wire(INTERRUPTED))
            assert len(deaf.left) == count
            # No more than part of a block, which is never heard; see below.
            assert deaf.left[-1] < BLOCK_SECONDS
        # What comes behind it is a new turn's.
        deaf.turn(far, sounds(VALUE, PIECE))
        heard = deaf.hear(lambda heard: len(heard) >= FRAMES)
        assert set(heard.tolist()) == {VALUE}
        assert len(heard) == FRAMES


def test_an_interruption_in_the_midst(far, burst):
    """What comes with it is not thrown away."""
    size = len(burst) // PIECES
    with Deaf(far) as deaf:
        new = [sounds(VALUE, PIECE), sounds(VALUE, PIECE)]
        deaf.turn(far, burst[: 50 * size], INTERRUPTED, *new, burst[:size])
        heard = deaf.hear(lambda heard: len(heard) >= 3 * FRAMES)
        assert np.array_equal(heard, np.repeat([VALUE, VALUE, 0], FRAMES))
