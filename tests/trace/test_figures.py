"""E6: what was done to a session is what its plot shows."""

import dataclasses

import numpy as np
import pytest

from tests.trace.troubled import SAYS, call
from tests.trace.written import APP, binary, end, stream, written
from voxsync.trace import read
from voxsync.trace.figures import figures

# Seconds by which the two ends' threads may see a thing apart on a busy machine.
APART = 0.3


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A call over a bad network, and what was done to it."""
    return call(tmp_path_factory.mktemp("call"))


@pytest.fixture(scope="module")
def shown(done):
    return figures(read(done.path))


def test_both_interruptions_are_shown(done, shown):
    """When the application asked for them."""
    assert [each.by for each in shown.interruptions] == ["application"] * 2
    for each, moment in zip(shown.interruptions, done.interruptions, strict=True):
        assert each.t == pytest.approx(moment, abs=APART)


def test_the_network_stall_is_shown(done, shown):
    """From when the network was held up until it was released."""
    start, over = done.stall
    (stall,) = [s for s in shown.stalls if s.start < over and s.end > start + 0.5]
    assert stall.way == "in"
    assert stall.start == pytest.approx(start, abs=APART)
    assert stall.end == pytest.approx(over, abs=APART)
    assert stall.seconds == pytest.approx(over - start, abs=APART)


def test_every_lost_chunk_is_shown(done, shown):
    """Where it is missing; so many as the session counted, and their seconds."""
    missing = [loss for loss in shown.losses if loss.what == "missing"]
    assert done.lost >= 3
    assert sum(loss.count for loss in missing) == done.lost
    assert sum(loss.seconds for loss in missing) == pytest.approx(done.lost_seconds)


def test_audio_behind_the_gate_is_shown(done, shown):
    """It is a loss, too, of so many seconds."""
    gated = [loss for loss in shown.losses if loss.what == "gated"]
    assert sum(loss.seconds for loss in gated) == pytest.approx(done.gated)
    assert done.gated > 0


def test_who_spoke_when(done, shown):
    """The caller twice, as long as that is in the file; the app in between."""
    caller = [u for u in shown.utterances if u.way == "in"]
    (app,) = [u for u in shown.utterances if u.way == "out"]
    assert shown.person == "in"
    assert len(caller) == len(SAYS)
    for one, (start, over) in zip(caller, SAYS, strict=True):
        # What the stall held up came late, and squeezed.
        assert one.end - one.start == pytest.approx(over - start, abs=APART)
    assert app.start == pytest.approx(done.reply, abs=APART)
    assert shown.waves["in"].seconds == pytest.approx(done.heard)
    assert shown.waves["out"].seconds == pytest.approx(0.9)


def test_how_long_the_caller_waited(done, shown):
    """From the end of what was said to the first sound of the answer."""
    caller, reply = shown.utterances[0], shown.latencies[0]
    assert (reply.kind, reply.start) == ("reply", caller.end)
    assert reply.end == pytest.approx(done.reply, abs=APART)
    assert reply.ms == round(1000 * (reply.end - reply.start))


def test_the_end_and_the_messages(done, shown):
    """Code and kinds; the stream of the caller; no note is needed."""
    (close,) = shown.closes
    assert (close.code, close.was_clean) == (1000, True)
    (played,) = shown.streams
    assert played.tag == "caller"
    counts = {(ticks.way, ticks.kind): ticks.count for ticks in shown.messages}
    assert counts["out", "audio"] == 45
    # 20 ms each; silence stands for those that are missing.
    assert counts["in", "audio"] == round(done.heard / 0.02) - done.lost
    assert shown.notes == ()
    assert shown.is_whole


def test_a_part_of_it(done, shown):
    """What reaches into the shown time, and nothing else."""
    start, over = done.stall
    part = figures(read(done.path), start + 0.4, over - 0.4, bins=10)
    assert [(s.start, s.end) for s in part.stalls] == [
        (s.start, s.end) for s in shown.stalls if s.start < over and s.end > start + 0.5
    ]
    assert (part.interruptions, part.closes, part.losses) == ((), (), ())
    assert part.waves["in"].low.shape == (10,)
    assert part.duration == shown.duration


@pytest.mark.parametrize(
    ("start", "over", "words"),
    [
        (-1.0, None, "0 or more"),
        (float("nan"), None, "0 or more"),
        (5.0, None, "the trace ends at 2.000 s"),
        (1.0, 1.0, "must be after"),
        (0.0, float("inf"), "must be after"),
        (0.0, float("nan"), "must be after"),
    ],
)
def test_a_time_that_makes_no_sense(tmp_path, start, over, words):
    """Is refused."""
    with pytest.raises(ValueError, match=words):
        figures(written(tmp_path, [binary(1, "out", 0.1), end(2)]), start, over)


def test_a_trace_of_nothing(tmp_path):
    """Is shown, too: there is one second of it."""
    found = figures(written(tmp_path, []))
    assert (found.start, found.end, found.duration) == (0.0, 1.0, 0.0)
    assert (found.utterances, found.messages, found.latencies) == ((), (), ())
    assert found.notes == ("the trace was cut short: what came later is not in it",)


def test_waves_are_bounded(tmp_path):
    """By the bins, however many messages there are."""
    found = figures(written(tmp_path, stream(0.1, "in", "a", seconds=8), **APP), bins=7)
    assert found.waves["in"].high.shape == (7,)
    assert (found.waves["in"].high > 0.2).all()
    (ticks,) = [t for t in found.messages if t.kind == "audio"]
    assert ticks.count == 400
    assert len(ticks.times) == 7
    assert (np.diff(ticks.times) > 0).all()


def test_figures_are_data(shown):
    """Frozen: who looks at them changes nothing."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        shown.stalls = ()
