"""Streaming resamplers side by side: CPU per 20 ms, delay, SNR, aliases.

Each converts the same int16 audio in blocks of 20 ms. CPU is the median over rounds in
which all take turns, so that a busy machine slows all of them. The delay is what a
converter holds back: input given minus output got, in time, at its worst. SNR is that
of a 997 Hz tone. "At 0.85" is what is left of a tone at that part of the lower Nyquist
frequency. "Alias" is the strongest line that a sweep of tones up to the source's
Nyquist frequency leaves where no tone was, "from Nyquist" the strongest that tones
leave which the lower rate cannot carry, from 1.001 times its Nyquist frequency on.

scipy cannot stream: it gets our coefficients and one second at once, and has no delay
to show. Packages that are not installed are named and left out. Exits with 1 if 48 to
16 kHz takes more than 1.5 times the CPU of soxr HQ.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import platform
import statistics
import sys
import time

import numpy as np

from voxsync.audio.kernel import phases
from voxsync.audio.resample import Resampler

RATIOS = (
    (48000, 16000),
    (16000, 48000),
    (24000, 16000),
    (16000, 24000),
    (44100, 16000),
    (8000, 16000),
    (16000, 8000),
    (48000, 24000),
)
BAR = 1.5
PEAK = 20000


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
            return to_int16(out * 32768)

        return process, lambda: process(np.zeros(0, np.int16), end=True)

    return make


def scipy():
    signal = importlib.import_module("scipy.signal")

    def make(source, target):
        common = np.gcd(source, target)
        up, down = target // common, source // common
        taps = phases(source, target)[:, ::-1].T.reshape(-1)
        # Zeros before them, so that the middle is a whole number of outputs late.
        middle = len(taps) // 2
        taps = np.concatenate((np.zeros(-middle % down), taps))
        first = -(-middle // down)

        def process(block):
            out = signal.upfirdn(taps, block.astype("f8"), up, down)
            return to_int16(out[first : first + -(-len(block) * up // down)])

        return process, lambda: np.zeros(0, np.int16)

    return make


def to_int16(samples):
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def makers():
    found = {"voxsync": ours}
    for name, make, arguments in (
        ("soxr HQ", soxr, ["HQ"]),
        ("soxr MQ", soxr, ["MQ"]),
        ("samplerate sinc_fastest", samplerate, ["sinc_fastest"]),
        ("samplerate sinc_medium", samplerate, ["sinc_medium"]),
        ("scipy upfirdn (no stream)", scipy, []),
    ):
        try:
            found[name] = make(*arguments)
        except ImportError:
            print(f"{name}: not installed")
    return found


def tone(frequency, rate, seconds=1.0):
    moments = np.arange(round(seconds * rate)) / rate
    return np.rint(np.sin(2 * np.pi * frequency * moments) * PEAK).astype(np.int16)


def streamed(name, make, source, target, samples):
    """All of the output, and the most that was held back, in seconds."""
    process, flush = make(source, target)
    if "no stream" in name:
        return process(samples), None
    step, given, got, held, parts = source // 50, 0, 0, 0.0, []
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        parts.append(process(block))
        given, got = given + len(block), got + len(parts[-1])
        held = max(held, given / source - got / target)
    return np.concatenate([*parts, flush()]), held


def gain_and_snr(samples, frequency, rate):
    """What is left of a tone, in dB, and how far all else is below it."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4].astype(float)
    angle = 2 * np.pi * frequency * np.arange(len(middle)) / rate
    basis = np.stack([np.sin(angle), np.cos(angle)], 1)
    found = np.linalg.lstsq(basis, middle, rcond=None)[0]
    wave = basis @ found
    rest = middle - wave
    gain = 20 * np.log10(np.hypot(*found) / PEAK)
    return gain, 10 * np.log10((wave @ wave) / (rest @ rest + 1e-9))


def strongest(name, make, source, target, frequencies):
    """The strongest line (dB of the tones) where none belongs, over all tones."""
    lower, worst = min(source, target) / 2, -200.0
    for frequency in frequencies:
        out, _ = streamed(name, make, source, target, tone(frequency, source))
        middle = out[len(out) // 4 : 3 * len(out) // 4] / PEAK
        window = np.blackman(len(middle))
        lines = 2 * np.abs(np.fft.rfft(middle * window)) / window.sum()
        at = np.fft.rfftfreq(len(middle), 1 / target)
        if frequency <= lower:
            lines[np.abs(at - frequency) < 60] = 0
        worst = max(worst, 20 * np.log10(lines[3:].max() + 1e-7))
    return worst


def cpu(found, source, target, rounds):
    """Microseconds per block of 20 ms; all take turns."""
    samples = tone(440, source)
    blocks = np.array_split(samples, 50)
    made = {name: make(source, target)[0] for name, make in found.items()}
    times = {name: [] for name in made}
    for turn in range(rounds + 1):
        for name, process in made.items():
            pieces = [samples] if "no stream" in name else blocks
            start = time.perf_counter()
            for block in pieces:
                process(block)
            if turn:  # the first turn warms up
                elapsed = time.perf_counter() - start
                times[name].append(elapsed / len(blocks) * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def construction():
    """What the first resampler of a process costs, and another of the same ratio."""
    for source, target in ((48000, 16000), (44100, 16000), (11025, 48000)):
        spent = []
        for _ in range(2):
            start = time.perf_counter()
            Resampler(source, target)
            spent.append((time.perf_counter() - start) * 1e3)
        print(
            f"made for {source} to {target} Hz: {spent[0]:.2f} ms, again {spent[1]:.3f}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=41, help="turns for the CPU time (default 41)"
    )
    options = parser.parse_args()
    versions = [f"Python {platform.python_version()}", f"numpy {np.__version__}"]
    for package in ("soxr", "samplerate", "scipy"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue  # named by makers()
    print(", ".join(versions))
    construction()
    found = makers()
    print(
        f"\n{'Hz':14} {'':26} {'CPU / 20 ms':>11} {'delay':>9} {'SNR':>8}"
        f" {'at 0.85':>9} {'alias':>9}  from Nyquist"
    )
    missed = False
    for source, target in RATIOS:
        times = cpu(found, source, target, options.rounds)
        lower = min(source, target) / 2
        inside = np.linspace(0.05, 0.99, 16) * source / 2
        beyond = [f for part in (1.001, 1.03, 1.2) if (f := part * lower) < source / 2]
        for name, make in found.items():
            out, held = streamed(name, make, source, target, tone(997, source, 4.0))
            delay = "none" if held is None else f"{held * 1000:.2f} ms"
            _, snr = gain_and_snr(out, 997, target)
            high, _ = streamed(name, make, source, target, tone(0.85 * lower, source))
            left, _ = gain_and_snr(high, 0.85 * lower, target)
            alias = strongest(name, make, source, target, inside)
            edge = "-"
            if beyond:
                edge = f"{strongest(name, make, source, target, beyond):.1f} dB"
            print(
                f"{f'{source} {target}':14} {name:26} {times[name]:8.1f} us {delay:>9}"
                f" {snr:5.1f} dB {left:6.2f} dB {alias:6.1f} dB {edge:>11}"
            )
        if "soxr HQ" in times:
            ratio, verdict = times["voxsync"] / times["soxr HQ"], ""
            if (source, target) == RATIOS[0]:
                missed = ratio > BAR
                verdict = f"   <= {BAR}  {'missed' if missed else 'ok'}"
            print(f"{'':14} voxsync / soxr HQ: {ratio:.2f}{verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
