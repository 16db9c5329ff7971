"""Streaming resamplers side by side: CPU per 20 ms, delay, SNR, aliases.

Each converts the same int16 audio in blocks of 20 ms. CPU is the median over rounds in
which all take turns, so that a busy machine slows all of them. The delay is what a
converter holds back: input given minus output got, in time, at its worst. SNR is that
of a 997 Hz tone; the alias (or image) is the strongest line that a sweep of tones
leaves where no tone was. scipy cannot stream: its figures are those of whole arrays.
Packages that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time

import numpy as np

from voxsync.audio.resample import Resampler

RATIOS = (
    (48000, 16000),
    (16000, 48000),
    (24000, 16000),
    (16000, 24000),
    (44100, 16000),
    (16000, 44100),
    (8000, 16000),
    (16000, 8000),
    (48000, 24000),
)


def ours(source, target):
    made = Resampler(source, target)
    return made.process, made.flush


def soxr(quality):
    package = importlib.import_module("soxr")

    def make(source, target):
        stream = package.ResampleStream(
            source, target, 1, dtype="int16", quality=quality
        )
        empty = np.zeros(0, np.int16)
        return stream.resample_chunk, lambda: stream.resample_chunk(empty, last=True)

    return make


def samplerate(quality):
    package = importlib.import_module("samplerate")

    def make(source, target):
        made, ratio = package.Resampler(quality, channels=1), target / source

        def process(block, *, end=False):
            out = made.process(block.astype("f4") / 32768, ratio, end_of_input=end)
            return np.clip(np.rint(out * 32768), -32768, 32767).astype(np.int16)

        return process, lambda: process(np.zeros(0, np.int16), end=True)

    return make


def scipy(source, target):
    resample_poly = importlib.import_module("scipy.signal").resample_poly
    common = np.gcd(source, target)

    def process(block):
        out = resample_poly(block.astype("f8"), target // common, source // common)
        return np.clip(np.rint(out), -32768, 32767).astype(np.int16)

    return process, lambda: np.zeros(0, np.int16)


def makers():
    found = {"voxsync": ours}
    for name, make, argument in (
        ("soxr HQ", soxr, "HQ"),
        ("soxr MQ", soxr, "MQ"),
        ("samplerate sinc_fastest", samplerate, "sinc_fastest"),
        ("samplerate sinc_medium", samplerate, "sinc_medium"),
    ):
        try:
            found[name] = make(argument)
        except ImportError:
            print(f"{name}: not installed")
    try:
        importlib.import_module("scipy.signal")
        found["scipy resample_poly (whole)"] = scipy
    except ImportError:
        print("scipy: not installed")
    return found


def tone(frequency, rate, seconds=1.0, peak=20000):
    moments = np.arange(round(seconds * rate)) / rate
    return np.rint(np.sin(2 * np.pi * frequency * moments) * peak).astype(np.int16)


def streamed(name, make, source, target, samples):
    """All of the output, and the most that was held back, in seconds."""
    process, flush = make(source, target)
    if "whole" in name:
        return process(samples), 0.0
    step, given, got, held, parts = source // 50, 0, 0, 0.0, []
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        parts.append(process(block))
        given, got = given + len(block), got + len(parts[-1])
        held = max(held, given / source - got / target)
    return np.concatenate([*parts, flush()]), held


def snr(samples, frequency, rate):
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4].astype(float)
    angle = 2 * np.pi * frequency * np.arange(len(middle)) / rate
    basis = np.stack([np.sin(angle), np.cos(angle)], 1)
    wave = basis @ np.linalg.lstsq(basis, middle, rcond=None)[0]
    rest = middle - wave
    return 10 * np.log10((wave @ wave) / (rest @ rest + 1e-9))


def worst_alias(name, make, source, target):
    """The strongest line (dB of full tone) where none belongs, over a sweep."""
    lower, worst = min(source, target) / 2, -200.0
    for frequency in np.linspace(0.05, 0.99, 24) * source / 2:
        out, _ = streamed(name, make, source, target, tone(frequency, source))
        middle = out[len(out) // 4 : 3 * len(out) // 4] / 20000
        window = np.blackman(len(middle))
        lines = 2 * np.abs(np.fft.rfft(middle * window)) / window.sum()
        at = np.fft.rfftfreq(len(middle), 1 / target)
        if frequency <= lower:
            lines[np.abs(at - frequency) < 60] = 0
        worst = max(worst, 20 * np.log10(lines[3:].max() + 1e-10))
    return worst


def cpu(found, source, target, rounds):
    """Microseconds per block of 20 ms; all take turns."""
    blocks = np.array_split(tone(440, source, 1.0), 50)
    made = {name: make(source, target)[0] for name, make in found.items()}
    times = {name: [] for name in made}
    for _ in range(rounds):
        for name, process in made.items():
            start = time.perf_counter()
            for block in blocks:
                process(block)
            times[name].append((time.perf_counter() - start) / len(blocks) * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40, help="for the CPU time")
    args = parser.parse_args()
    found = makers()
    for source, target in RATIOS:
        times = cpu(found, source, target, args.rounds)
        print(f"\n{source} to {target} Hz")
        for name, make in found.items():
            out, held = streamed(name, make, source, target, tone(997, source, 4.0))
            alias = worst_alias(name, make, source, target)
            print(
                f"  {name:28} {times[name]:6.1f} us  held {1000 * held:6.2f} ms"
                f"  SNR {snr(out, 997, target):5.1f} dB  alias {alias:7.1f} dB"
            )
        if "soxr HQ" in times:
            ratio = times["voxsync"] / times["soxr HQ"]
            print(f"  voxsync takes {ratio:.2f}x of soxr HQ")


if __name__ == "__main__":
    main()
