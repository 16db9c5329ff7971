"""From a source's blocks to a sink's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.toys import numbered
from voxsync.media.pipe import Pipe

sizes = st.lists(st.integers(0, 1000), max_size=30)


@given(sizes=sizes, frames=st.integers(1, 400))
@settings(deadline=None)
def test_blocks_of_one_length(sizes, frames):
    """Whatever comes in, whole blocks go out, then the rest; nothing is lost."""
    pipe = Pipe(16000, 16000, frames)
    out, at = [], 0
    for size in sizes:
        out += pipe.feed(numbered(at, size))
        at += size
        assert len(pipe) == at - sum(map(len, out)) < frames
    assert {len(block) for block in out} <= {frames}
    rest = pipe.flush()
    assert len(rest) == (at % frames > 0)
    assert len(pipe) == 0
    whole = np.concatenate([np.zeros(0, np.int16), *out, *rest])
    assert np.array_equal(whole, numbered(0, at))
    assert pipe.flush() == []


@given(sizes=sizes)
@settings(deadline=None)
def test_without_a_length_nothing_waits(sizes):
    """What comes in goes out at once."""
    pipe = Pipe(16000, 16000, None)
    for size in sizes:
        out = pipe.feed(numbered(0, size))
        assert [len(block) for block in out] == [size] * (size > 0)
        assert len(pipe) == 0
    assert pipe.flush() == []


def test_a_block_that_fits_is_not_copied():
    """The usual case costs nothing."""
    pipe = Pipe(16000, 16000, 320)
    block = numbered(0, 320)
    assert pipe.feed(block)[0] is block


def test_the_rest_is_the_pipes_own():
    """A caller's large block is not kept alive for its last frame."""
    pipe = Pipe(16000, 16000, 320)
    pipe.feed(numbered(0, 321))
    assert pipe._rest.base is None


def test_reset_forgets():
    """Cleared audio is not heard with what comes next."""
    pipe = Pipe(16000, 16000, 320)
    pipe.feed(numbered(0, 300))
    pipe.reset()
    assert len(pipe) == 0
    (block,) = pipe.feed(numbered(1000, 320))
    assert np.array_equal(block, numbered(1000, 320))


def test_no_delay_at_one_rate():
    """Nothing is resampled that need not be."""
    assert Pipe(16000, 16000, 320).delay == 0


@pytest.mark.parametrize(("source", "sink"), [(48000, 16000), (8000, 24000)])
def test_rates(source, sink):
    """A tone comes out at the sink's rate, in whole blocks, as long as it was."""
    seconds = 0.5
    t = np.arange(round(seconds * source)) / source
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
    block = round(0.02 * sink)
    pipe = Pipe(source, sink, block)
    assert 0 < pipe.delay <= 0.01
    out = []
    for at in range(0, len(tone), 777):
        out += pipe.feed(tone[at : at + 777])
    assert {len(b) for b in out} == {block}
    heard = np.concatenate([*out, *pipe.flush()])
    assert len(heard) == seconds * sink
    t = np.arange(len(heard)) / sink
    wanted = 8000 * np.sin(2 * np.pi * 440 * t)
    inner = slice(sink // 20, -sink // 20)
    assert np.max(np.abs(heard[inner] - wanted[inner])) < 100
    assert pipe.flush() == []


def test_reset_forgets_what_the_resampler_holds():
    """Silence after a reset is silent from its first frame."""
    pipe = Pipe(48000, 16000, None)
    pipe.feed(np.full(4800, 20000, np.int16))
    pipe.reset()
    out = pipe.feed(np.zeros(4800, np.int16))
    assert not np.concatenate(out).any()
