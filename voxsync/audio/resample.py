"""Streaming sample-rate conversion: any of the common rates to any other."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voxsync.audio.pcm import check_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RATES", "Resampler"]

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
"""Frames per second that can be converted into each other."""

# The filter: a sinc in a Kaiser window. Half its length is in frames of the lower of
# the two rates, the cut-off a part of that one's Nyquist frequency. Of all lengths
# this is the second shortest that has 0.09 dB of ripple at most up to 0.85 of it, and
# -83 dB from 1.0 on: what is above cannot come back as an alias anywhere.
_HALF = 31
_BETA = 8.3
_CUT_OFF = 0.914

# Coefficients have this many binary places. Products of them with 16-bit samples,
# summed up some hundred times, need fewer bits than float64 has: it adds them without
# rounding, in whatever order. So the size of blocks cannot change a single sample.
_BITS = 22
# Outputs made by one row of the matrix product, at least.
_ROW = 16
# Ratios with more phases than this have each output's coefficients looked up.
_MOST_PHASES = 8


class _Plan(NamedTuple):
    """What depends on the ratio alone: `up` outputs for every `down` inputs."""

    up: int
    down: int
    half: int  # inputs that an output needs before it and after it
    phases: NDArray[np.float64]  # (up, 2 * half)
    matrix: NDArray[np.float64] | None  # (width, outputs of a row)
    row_in: int  # inputs between two rows
    room: int  # inputs that a row may read beyond those there are


class Resampler:
    """Converts a stream of mono int16 blocks from one rate to another.

    Output frame k belongs to the moment k / target_rate of the input, exactly, and
    `process` and `flush` together give ceil(frames * target_rate / source_rate)
    frames. How the input is cut into blocks makes no difference to any sample, and
    every frame comes out as soon as the input it depends on is there.

    Passband ripple is at most 0.1 dB up to 0.85 of the lower Nyquist frequency;
    aliases and images are below -80 dB. The algorithmic delay is 31 frames of the
    lower of the two rates:

        lower rate  8 kHz   11.025  16      22.05   24      32      44.1    48
        delay, ms   3.875   2.812   1.938   1.406   1.292   0.969   0.703   -

    (so 48 to 16 kHz and 16 to 48 kHz: 1.94 ms). Equal rates pass through.

    Args:
        source_rate: One of `RATES`.
        target_rate: One of `RATES`.

    Attributes:
        source_rate: As given.
        target_rate: As given.
        delay: Seconds by which the output lags behind the input.

    Raises:
        ValueError: A rate that is not one of `RATES`.

    Thread: one at a time.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        for rate in (source_rate, target_rate):
            if rate not in RATES:
                known = ", ".join(map(str, RATES))
                raise ValueError(f"cannot resample {rate} Hz; there are: {known}")
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._plan = None
        self.delay = 0.0
        if source_rate != target_rate:
            self._plan = _plan(source_rate, target_rate)
            self.delay = _HALF / min(source_rate, target_rate)
        self.reset()

    def reset(self) -> None:
        """Forget all input: what comes next is the beginning of a stream."""
        # The present period and what its first output needs before it. Behind `_held`
        # the array is only room.
        self._held = 0 if self._plan is None else self._plan.half - 1
        self._inputs = np.zeros(self._held)
        self._made = 0  # outputs of the period

    def process(self, block: NDArray[np.int16]) -> NDArray[np.int16]:
        """Convert the next block.

        Args:
            block: int16 `(frames,)`, any number of frames.

        Returns:
            int16 `(frames,)`: what can be said now; empty where that is nothing.

        Raises:
            FormatError: Not mono int16.
        """
        block = check_block(block)
        if self._plan is None:
            return block.copy()
        return self._converted(block, self._plan)

    def flush(self) -> NDArray[np.int16]:
        """The last frames, as if silence followed; the object is as new then."""
        if self._plan is None:
            return np.zeros(0, np.int16)
        out = self._converted(np.zeros(self._plan.half, np.int16), self._plan)
        self.reset()
        return out

    def _converted(self, block: NDArray[np.int16], plan: _Plan) -> NDArray[np.int16]:
        """All outputs that the inputs suffice for."""
        end = self._held + len(block)
        if end + plan.room > len(self._inputs):
            grown = np.zeros(end + plan.room)
            grown[: self._held] = self._inputs[: self._held]
            self._inputs = grown
        self._inputs[self._held : end] = block
        self._held = end
        # Output n needs the inputs up to n * down // up + half, and there are
        # half - 1 of them before the period.
        ready = end - 2 * plan.half + 1
        count = max(0, -(-ready * plan.up // plan.down)) - self._made
        if count <= 0:
            return np.zeros(0, np.int16)
        if plan.matrix is None:
            sums = self._looked_up(plan, count)
        else:
            sums = self._multiplied(plan, plan.matrix, count)
        # Periods that are done are forgotten.
        periods, self._made = divmod(self._made + count, plan.up)
        if periods:
            done = periods * plan.down
            self._held -= done
            self._inputs[: self._held] = self._inputs[done:end]
        np.rint(sums, out=sums)
        np.minimum(sums, 32767, out=sums)
        np.maximum(sums, -32768, out=sums)
        return sums.astype(np.int16)

    def _multiplied(
        self, plan: _Plan, matrix: NDArray[np.float64], count: int
    ) -> NDArray[np.float64]:
        """Rows of outputs as one matrix product; few phases, so rows begin alike.

        A last row that is not full reads the room behind the inputs: what it makes of
        that is not used.
        """
        width, each = matrix.shape
        last = self._made + count
        rows = -(-last // each)
        windows = _windows(self._inputs, rows, width, plan.row_in)
        made = np.ascontiguousarray(windows) @ matrix
        return made.reshape(-1)[self._made : last]

    def _looked_up(self, plan: _Plan, count: int) -> NDArray[np.float64]:
        """Each output by the coefficients of its phase."""
        at = np.arange(self._made, self._made + count) * plan.down
        width = 2 * plan.half
        windows = _windows(self._inputs, self._held - width + 1, width, 1)
        sums: NDArray[np.float64] = np.einsum(
            "ij,ij->i", windows[at // plan.up], plan.phases[at % plan.up]
        )
        return sums

    def __repr__(self) -> str:
        return f"<Resampler {self.source_rate} to {self.target_rate} Hz>"


def _windows(
    inputs: NDArray[np.float64], rows: int, width: int, step: int
) -> NDArray[np.float64]:
    """Overlapping windows, not copied: `sliding_window_view` in a tenth of its time."""
    size = inputs.itemsize
    return np.ndarray((rows, width), np.float64, inputs, 0, (step * size, size))


@functools.lru_cache(maxsize=len(RATES) ** 2)
def _plan(source_rate: int, target_rate: int) -> _Plan:
    common = math.gcd(source_rate, target_rate)
    up, down = target_rate // common, source_rate // common
    lower = min(source_rate, target_rate)
    half = math.ceil(_HALF * source_rate / lower)
    # The moments of the inputs, seen from the output, in frames of the lower rate.
    phase = np.arange(up)[:, None] / up
    moments = (np.arange(1 - half, half + 1) - phase) * (lower / source_rate)
    inside = np.maximum(0.0, 1 - (moments / _HALF) ** 2)
    kernel = np.sinc(moments * _CUT_OFF) * np.i0(_BETA * np.sqrt(inside))
    kernel[np.abs(moments) >= _HALF] = 0.0
    # Each phase by itself has a gain of 1: else a constant would become a tone.
    kernel /= kernel.sum(axis=1, keepdims=True)
    phases = np.rint(kernel * 2**_BITS) / 2**_BITS
    phases[np.arange(up), np.argmax(phases, axis=1)] += 1 - phases.sum(axis=1)
    if up > _MOST_PHASES:
        return _Plan(up, down, half, phases, None, 0, 0)
    periods = -(-_ROW // up)
    each, row_in = periods * up, periods * down
    matrix = np.zeros(((each - 1) * down // up + 2 * half, each))
    for n in range(each):
        start = n * down // up
        matrix[start : start + 2 * half, n] = phases[n * down % up]
    return _Plan(up, down, half, phases, matrix, row_in, len(matrix))
