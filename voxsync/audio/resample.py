"""Streaming sample-rate conversion: any of the common rates to any other."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voxsync.audio.kernel import HALF, phases
from voxsync.audio.pcm import check_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RATES", "Resampler"]

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
"""Frames per second that can be converted into each other."""

_GROUP = 16  # outputs made by one row of a matrix product, at least
_PIECE = 32768  # inputs taken at once: larger blocks would take memory by the gigabyte
_INT16 = np.dtype(np.int16)
_NOTHING = np.zeros(0, _INT16)
_LEAST, _MOST = np.array(-32768.0), np.array(32767.0)  # numbers are slower to take


class _Plan(NamedTuple):
    """What depends on the ratio alone: `up` outputs for every `down` inputs.

    Neighbouring outputs form groups of `each`. A group is made of one window of inputs
    by one matrix; after `cycle` outputs the matrices repeat.
    """

    up: int
    down: int
    reach: int  # half the kernel's length, in 1 / up of an input
    before: int  # inputs kept before the period
    room: int  # inputs that a window may reach beyond those there are
    each: int
    cycle: int
    span: int  # inputs of a cycle
    step: int  # inputs from one window to the next
    starts: NDArray[np.intp] | None  # first input of each group; None if there is one
    matrices: NDArray[np.float64]  # ([groups,] inputs of a window, each)


class Resampler:
    """Converts a stream of mono int16 blocks from one rate to another.

    Output frame k belongs to the moment k / target_rate of the input, exactly, and
    `process` and `flush` together give ceil(frames * target_rate / source_rate)
    frames. How the input is cut into blocks makes no difference to any sample, and
    every frame comes out as soon as the input it depends on is there.

    Passband ripple is at most 0.1 dB up to 0.85 of the lower Nyquist frequency;
    aliases and images are below -80 dB: all that lies above it, wherever it would
    land. The algorithmic delay is 23 frames of the lower of the two rates:

        lower rate  8 kHz   11.025  16      22.05   24      32      44.1
        delay, ms   2.875   2.086   1.438   1.043   0.958   0.719   0.522

    (so 48 to 16 kHz and 16 to 48 kHz: 1.44 ms). Equal rates pass through. What does
    not fit into 16 bits is held at full scale.

    Args:
        source_rate: Hz, one of `RATES`.
        target_rate: Hz, one of `RATES`.

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
            self.delay = HALF / min(source_rate, target_rate)
        self.reset()

    def reset(self) -> None:
        """Forget all input: what comes next is the beginning of a stream."""
        # What the present period needs before it, then its inputs. Behind `_held` the
        # array is only room.
        self._held = 0 if self._plan is None else self._plan.before
        self._inputs = self._windows = np.zeros(self._held)
        self._made = 0  # outputs of the period

    def process(self, block: NDArray[np.int16]) -> NDArray[np.int16]:
        """Convert the next block.

        Args:
            block: int16 `(frames,)`, any number of frames.

        Returns:
            int16 `(frames,)`: what can be said now; empty where that is nothing.

        Raises:
            TypeError: Not an array.
            FormatError: Not mono int16.
        """
        # What is right can be seen at once: to check it costs a tenth of all the time.
        right = type(block) is np.ndarray and block.dtype is _INT16 and block.ndim == 1
        if not right:
            block = check_block(block)
        plan = self._plan
        if plan is None:
            return block.copy()
        if len(block) > _PIECE:
            cuts = range(0, len(block), _PIECE)
            return np.concatenate([self.process(block[n : n + _PIECE]) for n in cuts])
        # An output needs the inputs that lie less than `reach` behind it.
        known = (self._held + len(block) - plan.before) * plan.up - plan.reach
        return self._converted(block, known // plan.down + 1, plan)

    def flush(self) -> NDArray[np.int16]:
        """The last int16 `(frames,)`, as if silence followed; it is as new then."""
        plan = self._plan
        if plan is None:
            return _NOTHING.copy()
        end = -(-(self._held - plan.before) * plan.up // plan.down)
        out = self._converted(np.zeros(plan.before + 1, np.int16), end, plan)
        self.reset()
        return out

    def _converted(
        self, block: NDArray[np.int16], end: int, plan: _Plan
    ) -> NDArray[np.int16]:
        """Take the block; the outputs of the period up to `end` that are not made."""
        held = self._held + len(block)
        if held + plan.room > len(self._inputs):
            self._grow(held + plan.room, plan)
        inputs = self._inputs
        inputs[self._held : held] = block
        self._held = held
        if end <= self._made:
            return _NOTHING.copy()
        sums = self._sums(end, plan)
        # Periods that are done are forgotten.
        periods, self._made = divmod(end, plan.up)
        if periods:
            self._held -= periods * plan.down
            inputs[: self._held] = inputs[held - self._held : held]
        np.rint(sums, out=sums)
        return sums.clip(_LEAST, _MOST, out=sums).astype(_INT16)

    def _grow(self, size: int, plan: _Plan) -> None:
        inputs = np.zeros(size)
        inputs[: self._held] = self._inputs[: self._held]
        self._inputs = inputs
        self._windows = _windows(inputs, plan.matrices.shape[-2], plan.step)

    def _sums(self, end: int, plan: _Plan) -> NDArray[np.float64]:
        """Whole groups of outputs as matrix products, then those that are asked for.

        Windows may read the room behind the inputs: either the outputs are not asked
        for, or what is there is multiplied by 0.
        """
        sums: NDArray[np.float64]
        cycles = -(-end // plan.cycle)
        if plan.starts is None:
            # Not `@`, which is slow with windows that overlap.
            sums = self._windows[:cycles].dot(plan.matrices)
            return sums.reshape(-1)[self._made : end]
        first, last = 0, len(plan.starts)
        if cycles == 1:  # short blocks do without groups that are done or to come
            first, last = self._made // plan.each, -(-end // plan.each)
        chosen = plan.starts[first:last, None] + np.arange(cycles) * plan.span
        groups = self._windows[chosen] @ plan.matrices[first:last]
        sums = groups.swapaxes(0, 1).reshape(-1)  # was (groups, cycles, each)
        skipped = first * plan.each
        return sums[self._made - skipped : end - skipped]

    def __repr__(self) -> str:
        return f"<Resampler {self.source_rate} to {self.target_rate} Hz>"


def _windows(inputs: NDArray[np.float64], width: int, step: int) -> NDArray[np.float64]:
    """All windows of the inputs, shape `(windows, width)`; they overlap, uncopied."""
    size = inputs.itemsize
    count = (len(inputs) - width) // step + 1
    return np.ndarray((count, width), np.float64, inputs, 0, (step * size, size))


@functools.lru_cache(maxsize=len(RATES) ** 2)
def _plan(source_rate: int, target_rate: int) -> _Plan:
    common = math.gcd(source_rate, target_rate)
    up, down = target_rate // common, source_rate // common
    rows = phases(source_rate, target_rate)
    length = rows.shape[1]
    if up < _GROUP:  # a few periods make one group
        each = cycle = -(-_GROUP // up) * up
    else:
        each, cycle = next(n for n in range(_GROUP, up + 1) if up % n == 0), up
    at = np.arange(cycle) * down
    places = (at // up).reshape(-1, each)  # inputs before each output, by groups
    starts = places[:, 0]
    width = int((places[:, -1] - starts).max()) + length
    matrices = np.zeros((len(starts), width, each))
    for n in range(cycle):
        group, column = divmod(n, each)
        top = places[group, column] - starts[group]
        matrices[group, top : top + length, column] = rows[at[n] % up]
    span = cycle * down // up
    one = len(starts) == 1
    return _Plan(
        up=up,
        down=down,
        reach=HALF * max(up, down),
        before=length // 2 - 1,
        room=span + width,
        each=each,
        cycle=cycle,
        span=span,
        step=span if one else 1,
        starts=None if one else starts,
        matrices=matrices[0] if one else matrices,
    )
