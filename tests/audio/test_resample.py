"""The resampler: exact lengths, the same samples however fed, a clean spectrum."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.audio.resample import RATES, Resampler, _plan
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
@pytest.mark.parametrize("frames", [0, 1, 2, 7, 441, 1000, 12345])
def test_the_length_is_exact(source, target, frames):
    """ceil(frames * target / source), never one more or less."""
    assert len(whole(source, target, noise(frames))) == -(-frames * target // source)


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
def test_nothing_is_held_back_longer_than_the_delay(source, target):
    """What the documentation states per ratio is what it is."""
    made = Resampler(source, target)
    lower = min(source, target)
    assert made.delay == 31 / lower
    given_frames = got = 0
    for size in [1, 7, 160, 441, 999] * 3:
        got += len(made.process(noise(size)))
        given_frames += size
        held = given_frames / source - got / target
        assert held <= made.delay + 2 / lower


def test_the_delay_of_the_usual_ratio():
    """48 kHz of a sound card to the 16 kHz of a recogniser: at most 2 ms."""
    assert Resampler(48000, 16000).delay <= 0.002
    assert Resampler(16000, 48000).delay <= 0.002


def response(source, target):
    """The filter's gain in dB over frequency, from the coefficients of all phases.

    Interleaved they are the one filter of the ratio, at `up` times the source's rate:
    its pass band is what stays, its stop band holds every alias and every image.
    """
    plan = _plan(source, target)
    width = 2 * plan.half
    whole_filter = np.zeros(width * plan.up)
    for phase in range(plan.up):
        whole_filter[np.arange(1, width + 1) * plan.up - 1 - phase] = plan.phases[phase]
    size = 1 << int(np.ceil(np.log2(len(whole_filter) * 16)))
    gains = np.abs(np.fft.rfft(whole_filter, size)) / plan.up
    frequencies = np.fft.rfftfreq(size, 1 / (source * plan.up))
    return frequencies, 20 * np.log10(gains + 1e-12)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_the_filter_passes_and_stops(source, target):
    """At most 0.1 dB up to 0.85 of the lower Nyquist frequency, -80 dB from it on."""
    frequencies, gains = response(source, target)
    nyquist = min(source, target) / 2
    passed = gains[frequencies <= 0.85 * nyquist]
    assert np.abs(passed).max() <= 0.1
    assert gains[frequencies >= nyquist].max() <= -80


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
    """Output frame k is the moment k / target_rate of the input."""
    moments = np.arange(target // 4) / target
    expected = 20000 * np.sin(2 * np.pi * 997 * moments)
    out = whole(source, target, tone(997, source, source // 4, 20000))
    middle = slice(len(expected) // 4, 3 * len(expected) // 4)
    assert np.abs(out[: len(expected)][middle] - expected[middle]).max() < 25


def test_loud_audio_is_cut_off_not_wrapped():
    """A full-scale square wave overshoots behind any filter."""
    square = np.where(np.arange(4800) // 60 % 2, 32767, -32768).astype(np.int16)
    out = whole(48000, 16000, square).astype(int)
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
    """An hour in blocks leaves no more behind than the filter is long."""
    made = Resampler(48000, 44100)
    block = noise(48000)
    for _ in range(100):
        made.process(block)
    assert len(made._inputs) < 100_000
    assert made._held < 700
    assert made._made < 441
    assert "48000 to 44100" in repr(made)


@pytest.mark.parametrize("pair", [(16000, 7999), (96000, 16000), (0, 16000)])
def test_other_rates_are_refused(pair):
    """With those that there are."""
    with pytest.raises(ValueError, match="there are: 8000, 11025"):
        Resampler(*pair)


@pytest.mark.parametrize(
    "block", [np.zeros(4), np.zeros((2, 2), np.int16), np.zeros(4, np.int32)]
)
def test_other_samples_are_refused(block):
    """Before they can be heard."""
    with pytest.raises(FormatError):
        Resampler(48000, 16000).process(block)
