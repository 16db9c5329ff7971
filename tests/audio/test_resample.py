"""The resampler: exact lengths, the same samples however fed, a clean spectrum."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.audio.resample import RATES, Resampler
from voxsync.errors import FormatError

PAIRS = list(itertools.permutations(RATES, 2))
IDS = [f"{a}-{b}" for a, b in PAIRS]


def noise(frames, seed=0):
    return np.random.default_rng(seed).integers(-32768, 32768, frames, np.int16)


def whole(source, target, samples):
    made = Resampler(source, target)
    return np.concatenate([made.process(samples), made.flush()])


def tone(frequency, rate, frames, peak=30000):
    wave = np.sin(2 * np.pi * frequency * np.arange(frames) / rate)
    return np.rint(wave * peak).astype(np.int16)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_length_is_exact(source, target):
    """ceil(frames * target / source), never one more or less."""
    for frames in (0, 1, 2, 3, 7, 147, 160, 441, 640, 1000, 12345):
        expected = -(-frames * target // source)
        assert len(whole(source, target, noise(frames))) == expected


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_size_of_blocks_changes_nothing(source, target):
    """From 1 to 5,000 frames and empty ones between: not one sample differs."""
    samples = noise(12000, source + target)
    expected = whole(source, target, samples)
    rng = np.random.default_rng(target)
    for longest in (3, 500, 5001):
        made, parts, at = Resampler(source, target), [], 0
        while at < len(samples):
            # The single frames at the start, where they are worth most; then more.
            most = longest if at < 2000 or longest > 3 else 5001
            step = int(rng.integers(0, most))
            parts.append(made.process(samples[at : at + step]))
            at += step
        np.testing.assert_array_equal(
            np.concatenate([*parts, made.flush()]), expected, str(longest)
        )


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    sizes=st.lists(st.integers(0, 5000), max_size=12),
    seed=st.integers(0, 1000),
)
def test_any_split_gives_the_same_as_one_piece(pair, sizes, seed):
    """Property: and how many frames have come out depends on those put in only."""
    samples = noise(sum(sizes), seed)
    made, parts = Resampler(*pair), []
    other = Resampler(*pair)
    given_frames = 0
    for size in sizes:
        parts.append(made.process(samples[given_frames : given_frames + size]))
        given_frames += size
    at_once = other.process(samples)
    before_the_end = np.concatenate([np.zeros(0, np.int16), *parts])
    np.testing.assert_array_equal(before_the_end, at_once)
    np.testing.assert_array_equal(made.flush(), other.flush())


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_what_can_be_said_is_said_at_once(source, target):
    """A frame is out as soon as the delay after its moment has come in: never later."""
    made = Resampler(source, target)
    delay = Fraction(23, min(source, target))
    assert made.delay == pytest.approx(float(delay))
    given_frames = got = 0
    for size in [1, 0, 7, 160, 1, 441, 1, 999, 1] * 2:
        got += len(made.process(noise(size)))
        given_frames += size
        known = Fraction(given_frames, source) - delay
        assert got == max(0, known * target // 1 + 1)


DELAYS = (2.875, 2.086, 1.438, 1.043, 0.958, 0.719, 0.522)


@pytest.mark.parametrize(
    ("lower", "milliseconds"), list(zip(RATES[:-1], DELAYS, strict=True))
)
def test_the_documented_delays(lower, milliseconds):
    """48 kHz of a sound card to the 16 kHz of a recogniser, and back: below 2 ms."""
    for pair in ((48000, lower), (lower, 48000)):
        assert Resampler(*pair).delay * 1000 == pytest.approx(milliseconds, abs=0.0006)
    assert f"  {milliseconds:.3f}" in (Resampler.__doc__ or "")


def lines(samples):
    """Spectrum of the middle half, in dB of a tone of 30,000."""
    middle = samples[len(samples) // 4 : -len(samples) // 4] / 30000
    window = np.blackman(len(middle))
    found = 2 * np.abs(np.fft.rfft(middle * window)) / window.sum()
    return 20 * np.log10(found + 1e-10)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_tones_come_out_as_they_are(source, target):
    """In the pass band: the same strength to 0.1 dB, and no other line above -80 dB."""
    nyquist = min(source, target) / 2
    for part in (0.05, 0.4, 0.85):
        out = whole(source, target, tone(part * nyquist, source, source))
        angle = 2 * np.pi * part * nyquist * np.arange(len(out)) / target
        basis = np.stack([np.sin(angle), np.cos(angle)], 1)[
            len(out) // 4 : -len(out) // 4
        ]
        middle = out[len(out) // 4 : -len(out) // 4]
        found = np.linalg.lstsq(basis, middle, rcond=None)[0]
        assert abs(20 * np.log10(np.hypot(*found) / 30000)) <= 0.1
        rest = np.zeros(len(out))
        rest[len(out) // 4 : -len(out) // 4] = middle - basis @ found
        assert lines(rest).max() <= -80


@pytest.mark.parametrize(
    ("source", "target"), [pair for pair in PAIRS if pair[0] > pair[1]]
)
def test_what_the_lower_rate_cannot_carry_is_gone(source, target):
    """Tones above its Nyquist frequency leave no line above -80 dB."""
    for part in (1.001, 1.03, 1.3):
        frequency = part * target / 2
        if frequency < source / 2:
            out = whole(source, target, tone(frequency, source, source))
            assert lines(out).max() <= -80


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_a_constant_stays_a_constant(source, target):
    """Every phase has a gain of one: silence with an offset gets no tone."""
    out = whole(source, target, np.full(source // 4, 12345, np.int16))
    middle = out[len(out) // 4 : 3 * len(out) // 4]
    assert set(middle.tolist()) == {12345}


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_it_is_not_shifted(source, target):
    """Output frame k is the moment k / target_rate of the input, to a microsecond."""
    out = whole(source, target, tone(997, source, source // 4))
    middle = slice(len(out) // 4, 3 * len(out) // 4)
    angle = 2 * np.pi * 997 * np.arange(len(out))[middle] / target
    basis = np.stack([np.sin(angle), np.cos(angle)], 1)
    sine, cosine = np.linalg.lstsq(basis, out[middle], rcond=None)[0]
    assert abs(np.arctan2(cosine, sine)) / (2 * np.pi * 997) < 1e-6


@pytest.mark.parametrize("pair", [(48000, 16000), (16000, 44100)])
def test_loud_audio_is_cut_off_not_wrapped(pair):
    """A full-scale square wave overshoots behind any filter."""
    square = np.where(np.arange(4800) // 60 % 2, 32767, -32768).astype(np.int16)
    out = whole(*pair, square).astype(int)
    assert out.max() == 32767
    assert out.min() == -32768
    assert np.abs(np.diff(out)).max() < 60000


def test_equal_rates_pass_through():
    """As a copy: what the caller does with the block afterwards is his affair."""
    made = Resampler(16000, 16000)
    block = noise(100)
    out = made.process(block)
    np.testing.assert_array_equal(out, block)
    assert out is not block
    assert made.delay == 0
    assert len(made.flush()) == 0
    made.reset()


def test_reset_and_flush_make_it_new():
    """Nothing of the stream before is heard in the next."""
    made = Resampler(44100, 16000)
    expected = whole(44100, 16000, noise(5000))
    for forget in (made.reset, made.flush):
        made.process(noise(777, 5))
        forget()
        out = np.concatenate([made.process(noise(5000)), made.flush()])
        np.testing.assert_array_equal(out, expected)


def test_a_long_stream_keeps_its_state_small():
    """Counters do not grow with the stream, nor does what is kept."""
    made = Resampler(48000, 44100)
    block = noise(4800)
    for _ in range(200):
        made.process(block)
    assert made._held < 400
    assert len(made._inputs) < 6000
    assert made._made < 147
    assert "48000 to 44100" in repr(made)


@pytest.mark.parametrize("pair", [(48000, 16000), (44100, 16000)])
def test_a_file_at_once_is_taken_in_pieces(pair):
    """A block of any length takes the memory of a second's."""
    samples = noise(200_001)
    made, parts = Resampler(*pair), []
    out = made.process(samples)
    assert len(made._inputs) < 40_000
    other = Resampler(*pair)
    for at in range(0, len(samples), 4801):
        parts.append(other.process(samples[at : at + 4801]))
    np.testing.assert_array_equal(out, np.concatenate(parts))


@pytest.mark.parametrize("pair", [(16000, 7999), (96000, 16000), (0, 16000)])
def test_other_rates_are_refused(pair):
    """With those that there are."""
    with pytest.raises(ValueError, match="there are: 8000, 11025"):
        Resampler(*pair)


def test_samples_of_the_other_byte_order_are_understood():
    """As by everything that takes a block."""
    samples = noise(999)
    swapped = samples.astype(samples.dtype.newbyteorder())
    out = whole(48000, 16000, swapped)
    assert out.dtype.isnative
    np.testing.assert_array_equal(out, whole(48000, 16000, samples))


@pytest.mark.parametrize("pair", [(48000, 16000), (44100, 16000), (8000, 8000)])
@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (np.zeros(4), FormatError, "must be int16, not float64"),
        (np.zeros((2, 2), np.int16), FormatError, "must be mono"),
        (np.zeros(4, np.int32), FormatError, "must be int16, not int32"),
        (b"abcd", TypeError, "numpy array"),
    ],
)
def test_other_samples_are_refused(pair, block, error, words):
    """Before they can be heard; the stream goes on as if they had not come."""
    made, samples = Resampler(*pair), noise(999)
    first = made.process(samples[:300])
    with pytest.raises(error, match=words):
        made.process(block)
    out = np.concatenate([first, made.process(samples[300:]), made.flush()])
    np.testing.assert_array_equal(out, whole(*pair, samples))
