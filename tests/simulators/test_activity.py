"""Speech is told from silence, noise and clicks by the audio alone."""

import random
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import voxsync.simulators
from voxsync.errors import FormatError
from voxsync.simulators.activity import ActivityDetector, ActivityEnd, ActivityStart

RATE = 16_000
RECORDING = (
    Path(voxsync.simulators.__file__).parent / "data" / "sense_and_sensibility.wav"
)
SPEECH_RMS = 3000
GAP_MS = 1500


def recorded():
    with wave.open(str(RECORDING)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    return samples * SPEECH_RMS / np.sqrt(np.mean(samples**2))


def loud(samples):
    """Which samples are of speech: the energy of 50 ms around them."""
    return np.convolve(samples**2, np.full(800, 1 / 800), "same") > 200**2


def with_gaps():
    """The five sentences, silence between them, and where each begins and ends."""
    samples = recorded()
    speech = np.flatnonzero(loud(samples))
    breaks = np.flatnonzero(np.diff(speech) > RATE * 3 // 5)
    starts = speech[[0, *(breaks + 1)]]
    ends = speech[[*breaks, -1]]
    gap = np.zeros(RATE * GAP_MS // 1000)
    parts, spans, at = [gap], [], len(gap)
    for start, end in zip(starts, ends, strict=True):
        parts += [samples[start:end], gap]
        spans.append((at // 16, (at + end - start) // 16))
        at += end - start + len(gap)
    return np.concatenate(parts), spans


def as_int16(samples):
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def noise(seconds, rms, seed=1):
    return np.random.default_rng(seed).normal(0, rms, int(RATE * seconds))


def turns(events):
    """Pairs of (start, end); the two alternate and go forward."""
    times = [each.at_ms for each in events]
    assert times == sorted(times)
    assert [type(each) for each in events] == [ActivityStart, ActivityEnd] * (
        len(events) // 2
    )
    return list(zip(times[::2], times[1::2], strict=True))


@pytest.fixture(scope="module")
def sentences():
    return with_gaps()


@pytest.mark.parametrize(("decibels", "within_ms"), [(40, 400), (20, 500), (10, 900)])
@pytest.mark.parametrize("seed", [1, 2])
def test_sentences_in_noise(sentences, decibels, within_ms, seed):
    """Each sentence is one turn, found where it is, down to 10 dB over the noise."""
    samples, spans = sentences
    assert len(spans) == 5
    hiss = noise(len(samples) / RATE + 1, SPEECH_RMS / 10 ** (decibels / 20), seed)
    detector = ActivityDetector()
    found = detector.feed(as_int16(samples + hiss[: len(samples)]))
    assert len(found) == 10
    for (start, end), (first, last) in zip(turns(found), spans, strict=True):
        assert abs(start - first) <= within_ms
        assert abs(end - last) <= within_ms


@pytest.mark.parametrize(
    ("decibels", "least_hits"), [(40, 0.92), (20, 0.85), (10, 0.80)]
)
def test_moments_in_noise(sentences, decibels, least_hits):
    """Of speech most moments are taken for it, of the gaps nearly none."""
    samples, _ = sentences
    truth = loud(samples)
    hiss = noise(len(samples) / RATE + 1, SPEECH_RMS / 10 ** (decibels / 20))
    said = np.zeros(len(samples), bool)
    mixed = as_int16(samples + hiss[: len(samples)])
    for start, end in turns(ActivityDetector().feed(mixed)):
        said[start * 16 : end * 16] = True
    assert said[truth].mean() >= least_hits
    assert said[~truth].mean() <= 0.05


def test_how_audio_is_cut_makes_no_difference(sentences):
    """Blocks of 20 ms, of single samples' sizes or all at once: the same events."""
    samples = as_int16(sentences[0] + noise(60, 100)[: len(sentences[0])])[: 12 * RATE]
    at_once = ActivityDetector().feed(samples)
    assert len(at_once) >= 2
    rng = random.Random(3)
    cuts = [0]
    while cuts[-1] < len(samples):
        cuts.append(min(cuts[-1] + rng.randrange(2000), len(samples)))
    for ends in (list(range(0, len(samples) + 1, 320)), cuts):
        detector = ActivityDetector()
        found = []
        for first, last in pairwise(ends):
            found += detector.feed(samples[first:last])
        assert found == at_once


@pytest.mark.parametrize("rms", [0, 1, 20, 300, 3000])
@pytest.mark.parametrize("start", ["HIGH", "LOW"])
def test_no_start_on_silence_or_steady_noise(rms, start):
    """A minute of any loudness, from its first sample on."""
    detector = ActivityDetector(start_sensitivity=start, prefix_padding_ms=0)
    assert detector.feed(as_int16(noise(60, rms))) == []
    assert not detector.is_active


def test_no_start_on_hum_or_a_quiet_microphone():
    """Neither mains hum nor the hiss after digital silence is speech."""
    hum = 2000 * np.sin(2 * np.pi * 50 / RATE * np.arange(RATE * 5))
    assert ActivityDetector().feed(as_int16(hum)) == []
    hiss = np.concatenate([np.zeros(RATE * 3), noise(5, 25)])
    assert ActivityDetector().feed(as_int16(hiss)) == []


@pytest.mark.parametrize("length_ms", [1, 5, 10, 30])
def test_no_start_on_clicks(length_ms):
    """However loud, however many and wherever they fall."""
    samples = noise(20, 30)
    clicks = noise(1, 15_000, seed=4)[: 16 * length_ms]
    for at in range(RATE, len(samples) - RATE, 2777):
        samples[at : at + len(clicks)] += clicks
    detector = ActivityDetector(prefix_padding_ms=0)
    assert detector.feed(as_int16(samples)) == []


def tone(ms, rms=SPEECH_RMS):
    """Sound in all bands of the voice."""
    return noise(ms / 1000, rms, seed=5)


def between_silences(sound):
    quiet = noise(3, 5)
    return as_int16(np.concatenate([quiet, sound, quiet]))


def test_noise_that_stays_is_speech_no_longer():
    """A fan that starts is taken for speech until the floor has followed."""
    samples = as_int16(np.concatenate([noise(3, 5), noise(20, 2000)]))
    ((start, end),) = turns(ActivityDetector().feed(samples))
    assert abs(start - 3000) <= 20
    assert end <= 3000 + 2300


def test_prefix_padding_is_how_long_speech_must_last():
    """Shorter sounds are none, for the default and for what was set."""
    for setting, too_short, enough in (
        (None, 60, 120),
        (300, 260, 350),
        (1000, 960, 1050),
    ):
        for length, events in ((too_short, 0), (enough, 2)):
            detector = ActivityDetector(prefix_padding_ms=setting)
            assert len(detector.feed(between_silences(tone(length)))) == events
    low = ActivityDetector(start_sensitivity="LOW")
    assert low.feed(between_silences(tone(130))) == []
    assert len(low.feed(between_silences(tone(220)))) == 2


def test_silence_duration_is_how_long_a_pause_may_be():
    """A pause shorter than it leaves a turn whole; a longer one ends it."""
    said = [tone(400), noise(0.7, 5), tone(400)]
    samples = between_silences(np.concatenate(said))
    short = turns(ActivityDetector(silence_duration_ms=300).feed(samples))
    assert len(short) == 2
    assert abs(short[0][1] - 3400) <= 30
    assert abs(short[1][0] - 4100) <= 30
    (whole,) = turns(ActivityDetector(silence_duration_ms=900).feed(samples))
    assert abs(whole[1] - 4500) <= 30
    assert len(turns(ActivityDetector().feed(samples))) == 2
    assert len(turns(ActivityDetector(end_sensitivity="LOW").feed(samples))) == 1


def test_quiet_speech_needs_a_high_sensitivity():
    """What stands out little is heard by HIGH only."""
    sound = np.concatenate([noise(3, 100), noise(0.5, 220), noise(3, 100, seed=2)])
    assert len(ActivityDetector().feed(as_int16(sound))) == 2
    assert ActivityDetector(start_sensitivity="LOW").feed(as_int16(sound)) == []


def test_the_delay_of_a_start():
    """A start is told so long after it was, and not earlier."""
    detector = ActivityDetector()
    samples = between_silences(tone(400))
    found, at = [], 0
    while not found:
        found = detector.feed(samples[at : at + 160])
        at += 160
    assert detector.is_active
    assert at // 16 - found[0].at_ms == detector.delay_ms == 130


def test_speech_from_the_first_sample(sentences):
    """It is found as soon as there was a moment quieter than it."""
    samples = sentences[0][RATE * GAP_MS // 1000 :][: 5 * RATE]
    found = ActivityDetector().feed(as_int16(samples + noise(5, 30)))
    assert isinstance(found[0], ActivityStart)
    assert found[0].at_ms < 1500


def sine(seconds, hertz=440, peak=9000):
    return peak * np.sin(2 * np.pi * hertz / RATE * np.arange(int(RATE * seconds)))


def sawtooth(seconds):
    return np.arange(int(RATE * seconds)) % 50 * 400.0


@pytest.mark.parametrize("start", ["HIGH", "LOW"])
@pytest.mark.parametrize(
    "sound",
    [sine(2), sine(2, 1000), sine(2, 440, 1500), sine(2, 250, 30_000), sawtooth(2)],
    ids=["tone", "high", "quiet", "loud", "sawtooth"],
)
def test_a_steady_sound_from_the_first_sample(sound, start):
    """Is found, with its end: what is no background is not learnt as one."""
    samples = as_int16(np.concatenate([sound, np.zeros(RATE * 3 // 2)]))
    ((first, last),) = turns(ActivityDetector(start_sensitivity=start).feed(samples))
    assert first <= 200
    assert abs(last - 2000) <= 50


def test_a_tone_without_an_end_is_noise_in_the_end():
    """From the first sample on as well as later."""
    ((first, last),) = turns(ActivityDetector().feed(as_int16(sine(20))))
    assert first <= 100
    assert last <= 2300


def test_finish_ends_what_goes_on():
    """Then, and only then, there is an end to tell; time goes on after it."""
    detector = ActivityDetector()
    assert detector.finish() == []
    samples = between_silences(tone(400))
    ((start,),) = (detector.feed(samples[: int(3.35 * RATE)]),)
    (end,) = detector.finish()
    assert start.at_ms < end.at_ms <= 3350
    assert not detector.is_active
    assert detector.finish() == []
    assert detector.feed(samples[int(3.35 * RATE) :]) == []
    again = turns(detector.feed(between_silences(tone(400))))
    assert abs(again[0][0] - len(samples) // 16 - 3000) <= 20


def test_other_rates():
    """The same sound has the same events at other rates."""
    for rate in (8000, 24_000, 48_000):
        rng = np.random.default_rng(1)
        parts = [rng.normal(0, rms, rate) for rms in (5, 3000, 5)]
        detector = ActivityDetector(rate)
        ((start, end),) = turns(detector.feed(as_int16(np.concatenate(parts))))
        assert abs(start - 1000) <= 20
        assert abs(end - 2000) <= 30


def test_memory_is_bounded():
    """Hours leave no more behind than seconds do."""
    detector = ActivityDetector()
    samples = as_int16(noise(5, 100))
    detector.feed(samples)
    sizes = []
    for _ in range(3):
        detector.feed(samples[:-7])
        held = [detector._rest, *detector._recent, *detector._parts]
        sizes.append(sum(each.nbytes for each in held))
    assert max(sizes) < 2000


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"sample_rate": 11_025}, ValueError, "sample_rate"),
        ({"sample_rate": 4000}, ValueError, "sample_rate"),
        ({"start_sensitivity": "high"}, ValueError, "start_sensitivity"),
        ({"end_sensitivity": None}, ValueError, "end_sensitivity"),
        ({"prefix_padding_ms": -1}, ValueError, "prefix_padding_ms"),
        ({"prefix_padding_ms": True}, TypeError, "prefix_padding_ms"),
        ({"silence_duration_ms": 0.5}, TypeError, "silence_duration_ms"),
    ],
)
def test_wrong_arguments(wrong, error, message):
    """The error names the argument."""
    with pytest.raises(error, match=message):
        ActivityDetector(**wrong)


def test_wrong_audio():
    """Only mono int16 is audio here."""
    with pytest.raises(FormatError):
        ActivityDetector().feed(np.zeros(160))
    with pytest.raises(TypeError):
        ActivityDetector().feed(bytes(320))
