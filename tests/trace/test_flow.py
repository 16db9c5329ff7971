import pytest

from tests.trace.written import samples
from voxsync.trace.flow import Flow, Stall


class Made:
    """A flow and what it tells."""

    def __init__(self, **how):
        self.drawn, self.stalls, self.turns = [], [], []
        settings = {"waits": False, "in_turns": False, **how}
        self.flow = Flow(
            "in",
            draw=lambda start, seconds, _: self.drawn.append((start, seconds)),
            stalled=self.stalls.append,
            turned=lambda: self.turns.append(len(self.drawn)),
            **settings,
        )

    def add(self, t, seconds=0.1):
        self.flow.add(t, seconds, samples(seconds))


def test_a_person_spoke_before_it_was_sent():
    """A block ends when its message went; what came squeezed is drawn so."""
    made = Made()
    for t in (1.0, 1.1, 1.13, 1.13):
        made.add(t)
    wanted = [(0.9, 0.1), (1.0, 0.1), (1.1, 0.03), (1.13, 0.0)]
    assert made.drawn == [pytest.approx(each) for each in wanted]


def test_a_service_is_heard_one_block_after_another():
    """Whenever they come; drawn is what has sounded."""
    made = Made(waits=True)
    for t in (1.0, 1.01, 1.02):
        made.add(t, 1.0)
    assert made.drawn == []
    made.flow.advance(3.0)
    assert made.drawn == [(1.0, 1.0), (2.0, 1.0)]
    made.add(7.0, 1.0)
    made.flow.advance(9.0)
    assert made.drawn[2:] == [(3.0, 1.0), (7.0, 1.0)]


def test_what_is_cut_does_not_sound():
    """And how much that is, is told; what comes then sounds at once."""
    made = Made(waits=True)
    for _ in range(3):
        made.add(1.0, 1.0)
    assert made.flow.cut(2.25) == pytest.approx(1.75)
    assert made.drawn == [(1.0, 1.0), (2.0, pytest.approx(0.25))]
    made.add(2.5, 1.0)
    made.flow.advance(9.0)
    assert made.drawn[-1] == (2.5, 1.0)
    assert made.stalls == []


@pytest.mark.parametrize("waits", [False, True])
def test_a_stall_is_a_gap_that_is_caught_up_with(waits):
    """From when audio was due until it came."""
    made = Made(waits=waits)
    for t in (0.1, 0.2, 0.3, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.6):
        made.add(t)
    (stall,) = made.stalls
    assert stall == Stall("in", pytest.approx(0.4), 1.5)
    assert stall.seconds == pytest.approx(1.1)


def test_a_pause_is_no_stall():
    """Nothing was held up: audio comes as it sounds."""
    made = Made()
    for n in (1, 2, 3, 15, 16, 17, 18, 19, 20, 21, 22, 40):
        made.add(n / 10)
    assert made.stalls == []


def test_a_stream_that_ends_is_no_stall():
    """Whatever the next one does."""
    made = Made()
    made.add(0.1)
    made.flow.ended()
    for _ in range(20):
        made.add(2.0)
    assert made.stalls == []


def test_a_gap_within_a_turn():
    """A turn's audio is made at once: it is a stall even if nothing is caught up."""
    made = Made(waits=True, in_turns=True)
    made.add(0.0, 0.5)
    made.add(1.5, 0.5)
    assert made.stalls == [Stall("in", 0.5, 1.5)]


def test_turns_end_behind_their_sound():
    """Not when the message came that says so."""
    made = Made(waits=True)
    made.add(0.0, 1.0)
    made.add(0.0, 1.0)
    made.flow.turn()
    made.add(0.0, 1.0)
    made.flow.advance(1.5)
    assert made.turns == []
    made.flow.advance(3.0)
    assert made.turns == [2]
    made.flow.turn()
    assert made.turns == [2, 3]
