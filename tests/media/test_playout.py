"""When a stream of incoming audio has started and ended: VoxEngine's rule."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.media.playout import Playout

# Each row: (what happens, at which second, what it answers).
TABLES = {
    "a burst ends one second after it ran out": [
        ("audio", 2.0, 10.0, True),
        ("tick", 12.0, False),
        ("tick", 12.99, False),
        ("tick", 13.0, True),
        ("tick", 14.0, False),
        ("played", 2.0, 2.0),
    ],
    "audio faster than it sounds queues": [
        ("audio", 1.0, 0.0, True),
        ("audio", 1.0, 0.1, False),
        ("audio", 1.0, 0.2, False),
        ("tick", 3.9, False),
        ("tick", 4.0, True),
        ("played", 3.0, 3.0),
    ],
    "a gap below a second is part of the burst": [
        ("audio", 0.5, 0.0, True),
        ("tick", 1.4, False),
        ("audio", 0.5, 1.4, False),
        ("tick", 2.8, False),
        ("tick", 2.9, True),
        ("played", 1.0, 1.0),
    ],
    "the second burst counts for itself, the sum goes on": [
        ("audio", 1.0, 0.0, True),
        ("tick", 2.0, True),
        ("played", 1.0, 1.0),
        ("audio", 0.5, 5.0, True),
        ("tick", 6.5, True),
        ("played", 1.5, 0.5),
    ],
    "cleared audio is not heard, and the end comes a second later": [
        ("audio", 10.0, 0.0, True),
        ("clear", 2.0, None),
        ("tick", 2.9, False),
        ("tick", 3.0, True),
        ("played", 2.0, 2.0),
    ],
    "what comes after a clear sounds at once, in the same burst": [
        ("audio", 10.0, 0.0, True),
        ("clear", 2.0, None),
        ("audio", 1.0, 2.0, False),
        ("tick", 3.9, False),
        ("tick", 4.0, True),
        ("played", 3.0, 3.0),
    ],
    "a clear in the silent second changes nothing": [
        ("audio", 1.0, 0.0, True),
        ("clear", 1.5, None),
        ("tick", 1.9, False),
        ("tick", 2.0, True),
        ("played", 1.0, 1.0),
    ],
    "no more comes: the burst ends when what was sent has been heard": [
        ("audio", 3.0, 0.0, True),
        ("drain", 1.0, False),
        ("tick", 2.9, False),
        ("tick", 3.0, True),
        ("played", 3.0, 3.0),
        ("drain", 4.0, False),
    ],
    "no more comes in the silent second: that is over": [
        ("audio", 1.0, 0.0, True),
        ("drain", 1.5, True),
        ("tick", 2.0, False),
    ],
    "more comes all the same: a second counts again": [
        ("audio", 1.0, 0.0, True),
        ("drain", 0.5, False),
        ("audio", 1.0, 0.5, False),
        ("tick", 2.9, False),
        ("tick", 3.0, True),
        ("played", 2.0, 2.0),
    ],
    "a clear of what drains ends it": [
        ("audio", 3.0, 0.0, True),
        ("drain", 0.5, False),
        ("clear", 1.0, None),
        ("tick", 1.0, True),
        ("played", 1.0, 1.0),
    ],
    "behind another stream: sounds when that has ended": [
        ("wait_until", 2.0, None),
        ("audio", 1.0, 0.5, True),
        ("tick", 1.9, False),
        ("played", 0.0, 0.0),
        ("tick", 3.9, False),
        ("tick", 4.0, True),
        ("played", 1.0, 1.0),
    ],
    "behind another stream that has ended long since": [
        ("wait_until", 2.0, None),
        ("audio", 1.0, 5.0, True),
        ("tick", 7.0, True),
        ("played", 1.0, 1.0),
    ],
    "a clear drops what the other stream had sent, too": [
        ("wait_until", 5.0, None),
        ("clear", 1.0, None),
        ("audio", 1.0, 1.0, True),
        ("tick", 3.0, True),
        ("played", 1.0, 1.0),
    ],
    "a stop ends the burst at once; what was sent counts as heard": [
        ("audio", 3.0, 0.0, True),
        ("stop", 1.0, True),
        ("played", 3.0, 3.0),
        ("stop", 1.5, False),
        ("tick", 9.0, False),
        ("played", 3.0, 3.0),
    ],
    "a stream that starts in the moment of the stop is counted whole": [
        ("audio", 10.0, 0.0, True),
        ("stop", 0.0, True),
        ("audio", 5.0, 0.0, True),
        ("tick", 6.0, True),
        ("played", 15.0, 5.0),
    ],
    "nothing happens to a stream that never began": [
        ("tick", 5.0, False),
        ("clear", 6.0, None),
        ("stop", 7.0, False),
        ("played", 0.0, 0.0),
    ],
    "VoxEngine's own log: sums of bursts (Voximplant notes, 2.9)": [
        ("audio", 6.84, 14.217, True),
        ("tick", 22.058, True),
        ("audio", 4.16, 25.096, True),
        ("tick", 30.257, True),
        ("audio", 2.52, 32.916, True),
        ("tick", 36.437, True),
        ("played", 13.52, 2.52),
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    """One row after the other, as its title says."""
    playout = Playout()
    for what, *arguments, answer in TABLES[name]:
        if what == "played":
            assert playout.played == pytest.approx(arguments[0])
            assert playout.burst == pytest.approx(answer)
        else:
            assert getattr(playout, what)(*arguments) is answer, (what, arguments)


def test_deadline():
    """When to look again: a second after the audio runs out, if any plays."""
    playout = Playout(silence=0.5)
    assert playout.deadline is None
    playout.audio(2.0, 10.0)
    assert playout.playing
    assert playout.deadline == pytest.approx(12.5)
    playout.clear(11.0)
    assert playout.deadline == pytest.approx(11.5)
    assert playout.tick(11.5)
    assert playout.deadline is None
    assert not playout.playing


def test_room():
    """What can wait to be heard: it grows as audio sounds, and by a clear."""
    playout = Playout(limit=10.0)
    assert playout.room(0.0) == 10.0
    playout.audio(4.0, 0.0)
    assert playout.room(0.0) == 6.0
    assert playout.room(1.0) == 7.0
    assert playout.room(99.0) == 10.0
    playout.audio(9.0, 1.0)
    assert playout.room(1.0) == 0.0
    playout.clear(1.0)
    assert playout.room(1.0) == 10.0
    assert Playout().room(0.0) == math.inf


def test_cleared():
    """As long as nothing came after it; only where there was something to clear."""
    playout = Playout()
    playout.audio(1.0, 0.0)
    playout.clear(1.5)
    assert not playout.cleared
    playout.audio(1.0, 1.5)
    playout.clear(2.0)
    assert playout.cleared
    playout.tick(3.0)
    assert playout.cleared  # of the burst that has just ended
    assert playout.out_at == 2.0
    playout.audio(1.0, 4.0)
    assert not playout.cleared


def test_played_while_it_plays():
    """Each look counts what has sounded until then."""
    playout = Playout()
    playout.audio(2.0, 0.0)
    playout.tick(0.5)
    assert (playout.played, playout.burst) == (0.5, 0.5)
    playout.tick(0.25)  # a clock that goes back counts nothing twice
    assert playout.played == 0.5


class Millisecond:
    """The same rule, one millisecond after the other."""

    def __init__(self, silence):
        self.silence = silence
        self.now = 0
        self.queue = 0  # ms of audio not heard yet
        self.quiet = 0  # ms since it ran out
        self.playing = False
        self.played = self.burst = 0
        self.ended_at = None

    def until(self, now):
        while self.now < now:
            self.now += 1
            if self.queue:
                self.queue -= 1
                self.quiet = 0
                self.played += 1
                self.burst += 1
            else:
                self.quiet += 1
            if self.playing and not self.queue and self.quiet >= self.silence:
                self.playing = False
                self.ended_at = self.now

    def audio(self, length):
        started = not self.playing
        if started:
            self.playing, self.burst = True, 0
        self.queue += length
        self.quiet = 0
        return started

    def clear(self):
        if self.queue:
            self.queue = self.quiet = 0

    def stop(self):
        self.played += self.queue
        self.burst += self.queue
        self.queue = self.quiet = 0
        ended, self.playing = self.playing, False
        return ended


steps = st.lists(
    st.tuples(
        st.integers(0, 400),  # ms later
        st.sampled_from(["audio", "audio", "audio", "clear", "stop", "tick"]),
        st.integers(1, 500),  # ms of audio
    ),
    max_size=40,
)


@settings(deadline=None)
@given(steps=steps, silence=st.integers(1, 300))
def test_against_milliseconds(steps, silence):
    """Whatever happens when: the same bursts, and the same time counted."""
    playout, model = Playout(silence=silence / 1000), Millisecond(silence)
    now = 0
    for later, what, length in steps:
        end = now + later
        # The caller looks when it is told to, as the session does.
        while (due := playout.deadline) is not None and round(due * 1000) <= end:
            now = max(now, round(due * 1000))
            model.until(now)
            # A hair later: 0.1 + 0.2 is not 0.3.
            assert playout.tick(now / 1000 + 1e-9)
            assert model.ended_at == now
        now = end
        model.until(now)
        assert playout.playing is model.playing
        at = now / 1000
        if what == "audio":
            assert playout.audio(length / 1000, at) is model.audio(length)
        elif what == "clear":
            playout.clear(at)
            model.clear()
        elif what == "stop":
            assert playout.stop(at) is model.stop()
        else:
            assert playout.tick(at) is False
        assert playout.played * 1000 == pytest.approx(model.played, abs=1e-3)
        assert playout.burst * 1000 == pytest.approx(model.burst, abs=1e-3)
