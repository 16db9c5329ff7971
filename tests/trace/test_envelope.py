import numpy as np
import pytest

from tests.trace.written import samples
from voxsync.trace.envelope import Envelope, Speech


def test_lowest_and_highest_of_each_bin():
    """However the blocks are cut, a bin knows the extremes of its time."""
    rng = np.random.default_rng(3)
    sound = rng.integers(-32768, 32768, 8000).astype(np.int16)
    whole = Envelope(0.0, 1.0, 50)
    whole.add(0.0, 1.0, sound)
    pieces = Envelope(0.0, 1.0, 50)
    for at in range(0, 8000, 100):
        pieces.add(at / 8000, 100 / 8000, sound[at : at + 100])
    wanted = sound.reshape(50, 160) / 32768
    for each in (whole, pieces):
        # A sample at a border may be counted on either side of it.
        assert each.low == pytest.approx(wanted.min(axis=1), abs=0.06)
        assert each.high == pytest.approx(wanted.max(axis=1), abs=0.06)


def test_what_is_outside_is_not_shown():
    """Before, behind, and the parts of a block that are."""
    found = Envelope(1.0, 2.0, 10)
    for start in (-3.0, 0.0, 2.0, 5.0):
        found.add(start, 1.0, samples(1.0))
    assert not found.high.any()
    found.add(0.5, 1.0, samples(1.0))
    assert found.high.tolist() == pytest.approx([8000 / 32768] * 5 + [0] * 5)


def test_a_block_that_came_squeezed():
    """All that was held up comes at once: it stands where it came."""
    found = Envelope(0.0, 1.0, 10)
    found.add(0.55, 0.0, samples(1.0))
    assert found.low.nonzero()[0].tolist() == [5]


def test_the_number_of_bins_is_kept():
    """An hour takes no more room than a second."""
    found = Envelope(0.0, 3600.0, 20)
    for second in range(0, 3600, 9):
        found.add(second, 0.02, samples(0.02))
    assert len(found.low) == len(found.high) == 20
    assert (found.high > 0.2).all()


def test_speech_is_what_is_loud():
    """Pauses of less than half a second are within; quiet and clicks are not."""
    speech = Speech()
    for start, seconds, level in (
        (0.0, 0.5, 8000),
        (0.8, 0.4, 8000),
        (2.0, 1.0, 60),  # -55 dBFS
        (4.0, 0.02, 8000),
        (5.0, 0.3, 8000),
    ):
        speech.add(start, seconds, samples(seconds, level))
    assert [span[:2] for span in speech.spans] == [
        pytest.approx((0.0, 1.2)),
        pytest.approx((5.0, 5.3)),
    ]


def test_speech_within_a_long_block():
    """A message may hold seconds."""
    speech = Speech()
    sound = np.concatenate([samples(1, 0), samples(1), samples(1, 0), samples(0.9)])
    speech.add(10.0, 3.9, sound)
    assert [span[:2] for span in speech.spans] == [
        pytest.approx((11.0, 12.0), abs=0.04),
        pytest.approx((13.0, 13.9), abs=0.04),
    ]


def test_turns_are_told_apart():
    """Without a pause between them, too."""
    speech = Speech()
    speech.add(0.0, 1.0, samples(1.0))
    speech.turn()
    speech.add(1.0, 1.0, samples(1.0))
    assert [span[2] for span in speech.spans] == [0, 1]
