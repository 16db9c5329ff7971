"""Size and cost of our FLAC: the shipped recording, in blocks of 20 ms, at 16 kHz.

Prints the part of the PCM bytes that is left and the time per block. Exits with 1 if
more than 0.62 is left or the reference decoder (`flac`, if it is installed) differs.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
import wave
from importlib import resources

import numpy as np

from voxsync.audio.flac import FlacEncoder

BAR = 0.62
ROUNDS = 5


def recording():
    path = resources.files("voxsync.simulators") / "data/sense_and_sensibility.wav"
    with path.open("rb") as file, wave.open(file) as source:
        return np.frombuffer(source.readframes(source.getnframes()), "<i2")


def encode(samples):
    encoder = FlacEncoder(16000)
    begin = time.perf_counter()
    made = [
        encoder.encode(samples[at : at + 320]) for at in range(0, len(samples), 320)
    ]
    cost = (time.perf_counter() - begin) / len(made)
    return b"".join((*made, encoder.flush())), cost


def main():
    samples = recording()
    noise = np.random.default_rng(1).integers(-32768, 32768, len(samples))
    failed = False
    for name, audio in {
        "speech": samples,
        "noise": noise.astype(np.int16),
        "silence": np.zeros_like(samples),
    }.items():
        rounds = [encode(audio) for _ in range(ROUNDS)]
        stream = rounds[0][0]
        cost = statistics.median(cost for _, cost in rounds)
        ratio = len(stream) / audio.nbytes
        print(f"{name:8}{ratio:7.3f} of PCM {cost * 1e6:7.0f} us per 20 ms")
        failed |= name == "speech" and ratio > BAR
        if flac := shutil.which("flac"):
            raw = ("-d", "-s", "-c", "--force-raw-format", "--endian=little")
            command = [flac, *raw, "--sign=signed", "-"]
            found = subprocess.run(
                command, input=stream, capture_output=True, check=True
            )
            failed |= found.stdout != audio.astype("<i2").tobytes()
    sys.exit(failed)


if __name__ == "__main__":
    main()
