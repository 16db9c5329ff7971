"""The filter of the resampler: one kernel, designed once, for all ratios.

A low-pass as short as its purpose allows: what passes may err by a hundredth, what
stops must be down to a ten-thousandth. A windowed sinc errs alike in both and is a
third longer. So the kernel is a sum of cosines, fitted to a pass band and a stop band
by least squares; points that err more get more weight until all err alike.

Unit of time is one frame of the lower of two rates, unit of frequency its Nyquist
frequency: then the kernel is the same for every ratio.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.chebyshev import chebval

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HALF", "phases"]

HALF = 23
"""Half the length of the kernel, in frames of the lower rate."""

_PASS = 0.85  # the end of the pass band; the stop band begins at 1
# How much each band may err. A kernel that is sampled at few points a frame folds its
# stop band back many times, so the further up, the less there may be.
_RIPPLE = 0.0117
_LEAK = 0.88e-4
_FALL = 2.5
_COSINES = 28
_ROUNDS = 12  # more change little
_HIGHEST = 3.0  # frequency of the fit; above, the kernel falls by itself

# Coefficients have this many binary places. Products of them with 16-bit samples,
# summed up some hundred times, need fewer bits than float64 has: it adds them without
# rounding, in whatever order. So the size of blocks cannot change a single sample.
BITS = 22


def phases(source_rate: int, target_rate: int) -> NDArray[np.float64]:
    """The coefficients of a ratio: `up` outputs of every `down` inputs, lowest terms.

    Returns:
        float64, shape `(up, 2 * half)`, multiples of 2**-22. Row p is for outputs that
        lie p / up inputs behind input i: it weighs the inputs i + 1 - half to
        i + half, half being `HALF` frames of the lower rate in inputs, rounded up.
        Every row adds up to 1 exactly.
    """
    up = target_rate // math.gcd(source_rate, target_rate)
    lower = min(source_rate, target_rate)
    half = -(-HALF * source_rate // lower)
    inputs = np.arange(1 - half, half + 1) - np.arange(up)[:, None] / up
    rows = _kernel(inputs * (lower / source_rate))
    # Each phase by itself has a gain of 1: else a constant would become a tone.
    rows /= rows.sum(axis=1, keepdims=True)
    rounded: NDArray[np.float64] = np.rint(rows * 2**BITS) / 2**BITS
    rounded[np.arange(up), np.argmax(rounded, axis=1)] += 1 - rounded.sum(axis=1)
    return rounded


def _kernel(moments: NDArray[np.float64]) -> NDArray[np.floating]:
    """The kernel, not scaled; exactly 0 from `HALF` on."""
    # cos((2k + 1) x) is the Chebyshev polynomial 2k + 1 of cos x.
    series = np.zeros(2 * _COSINES)
    series[1::2] = _cosines()
    values = chebval(np.cos(moments * (np.pi / 2 / HALF)), series)
    values[np.abs(moments) >= HALF - 1e-9] = 0.0
    return values


@functools.cache
def _cosines() -> NDArray[np.floating]:
    """How much of each cosine there is; number k has k + 0.5 half-periods in `HALF`.

    All of them are 0 at the ends: the kernel has no step there and its spectrum falls.
    """
    density = 8 * HALF  # eight points for each swing of the spectrum
    frequencies = np.concatenate(
        (
            np.linspace(0.0, _PASS, round(_PASS * density)),
            np.linspace(1.0, _HIGHEST, round((_HIGHEST - 1) * density)),
            [2.0],
        )
    )
    passes = frequencies < 1
    allowed = np.where(passes, _RIPPLE, _LEAK * np.maximum(frequencies, 1) ** -_FALL)
    # Every phase is scaled to 1 in the end. Where that would change much, there must
    # be little to change: at 0, and at 2, where a constant has its first image.
    allowed[[0, -1]] /= 100
    wanted = passes / allowed
    # The spectrum of each cosine, cut off at the ends.
    number, period = np.arange(_COSINES) + 0.5, HALF * frequencies[:, None]
    spectra = np.sinc(number - period) + np.sinc(number + period)
    spectra /= allowed[:, None]
    weights = np.ones(len(frequencies))
    for _ in range(_ROUNDS):
        weighted = spectra * weights[:, None]
        found = np.linalg.solve(weighted.T @ weighted, weighted.T @ (wanted * weights))
        weights *= np.sqrt(np.abs(spectra @ found - wanted))
        weights /= weights.max()
    return found
