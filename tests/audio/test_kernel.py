"""The resampler's filter: what it passes, what it stops, and that sums are exact."""

import itertools

import numpy as np
import pytest

from voxsync.audio.kernel import BITS, HALF, _cosines, phases
from voxsync.audio.resample import RATES

PAIRS = list(itertools.permutations(RATES, 2))
IDS = [f"{a}-{b}" for a, b in PAIRS]


def interleaved(source, target):
    """The one filter of a ratio, at `up` times the source's rate."""
    rows = phases(source, target)
    return rows[:, ::-1].T.reshape(-1), len(rows)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_it_passes_and_stops(source, target):
    """At most 0.1 dB up to 0.85 of the lower Nyquist frequency, -80 dB from it on.

    All aliases and images of a ratio lie in the stop band of its interleaved filter.
    """
    taps, up = interleaved(source, target)
    size = 1 << int(np.ceil(np.log2(len(taps) * 16)))
    gains = 20 * np.log10(np.abs(np.fft.rfft(taps, size)) / up + 1e-12)
    frequencies = np.fft.rfftfreq(size, 1 / (source * up))
    nyquist = min(source, target) / 2
    assert np.abs(gains[frequencies <= 0.85 * nyquist]).max() <= 0.1
    assert gains[frequencies >= nyquist].max() <= -80


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_phase_is_linear(source, target):
    """The filter is its own mirror image, near enough: all is delayed alike."""
    taps, _ = interleaved(source, target)
    centre = len(taps) // 2
    right, left = taps[centre:], taps[centre:0:-1]
    np.testing.assert_allclose(left, right, atol=3e-4 * taps.max())
    assert taps[0] == 0
    assert taps[centre] > 0.9999 * taps.max()


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_kernel_is_no_longer_than_it_says(source, target):
    """What lies `HALF` frames of the lower rate away, or more, counts for nothing."""
    rows = phases(source, target)
    up, width = rows.shape
    inputs = np.arange(1 - width // 2, width // 2 + 1)
    away = np.abs(inputs - np.arange(up)[:, None] / up) * min(source, target) / source
    assert away.max() < HALF + 1
    assert not rows[away > HALF - 1e-9].any()


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_sums_are_exact(source, target):
    """Whole multiples of 2**-22 that add up to 1, and to less than 31 bits at most."""
    rows = phases(source, target)
    steps = rows * 2**BITS
    np.testing.assert_array_equal(steps, np.rint(steps))
    np.testing.assert_array_equal(rows.sum(axis=1), 1.0)
    # With 15 bits and a sign before them: float64 has 53.
    assert np.abs(steps).sum(axis=1).max() * 32768 < 2**53


def test_least_squares_have_settled():
    """No band could gain much: the ripple is even over the pass band's swings."""
    found = _cosines()
    frequencies = np.linspace(0, 0.85, 2000)
    number, period = np.arange(len(found)) + 0.5, HALF * frequencies[:, None]
    ripple = (np.sinc(number - period) + np.sinc(number + period)) @ found - 1
    turns = np.abs(ripple[1:-1][np.diff(np.sign(np.diff(ripple))) != 0])
    assert len(turns) > 10
    assert turns.min() > 0.6 * turns.max()
