"""What a VoxEngine media event costs, against the standard library's own pieces.

In: from the text to samples, against json.loads + a2b_base64 + numpy.frombuffer.
Out: from samples to the text, against array.tobytes + b2a_base64 + json.dumps. All
jobs run in turns in one process; the ratios of the medians are judged. Exits with 1
if PCM16 misses its bar.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from binascii import a2b_base64, b2a_base64

import numpy as np

from voxsync.dialects.base import Audio, OpenStream, SendAudio
from voxsync.dialects.voximplant import VoximplantDialect

RATES = {"PCM16": 16000, "PCM8": 8000, "ULAW": 8000, "ALAW": 8000, "OPUS": 48000}
BAR = 1.3
JUDGED = "PCM16"
TAG = "voice"


def speech(encoding):
    """20 ms of something that is no silence."""
    frames = RATES[encoding] // 50
    noise = np.random.default_rng(1).standard_normal(frames)
    return (noise * 3000).astype("<i2")


def events(encoding, count):
    """What a strict sender writes: start, and `count` media messages."""
    dialect = VoximplantDialect("ws://host/")
    (start,) = dialect.encode(OpenStream(TAG, encoding))
    pcm = speech(encoding).tobytes()
    media = [dialect.encode(SendAudio(TAG, pcm))[0].data for _ in range(count)]
    return start.data, media


def plain_decode(encoding, count):
    del encoding
    _, media = events("PCM16", count)

    def job():
        for text in media:
            payload = json.loads(text)["media"]["payload"]
            np.frombuffer(a2b_base64(payload), "<i2")

    return job


def our_decode(encoding, count):
    start, media = events(encoding, count)

    def job():
        dialect = VoximplantDialect("ws://host/")
        dialect.decode(start)
        decode, heard = dialect.decode, 0
        for text in media:
            for output in decode(text):
                assert type(output) is Audio
                heard += len(np.frombuffer(output.pcm, "<i2"))
        assert heard == count * RATES[encoding] // 50

    return job


def plain_encode(encoding, count):
    block = speech("PCM16")
    del encoding

    def job():
        for number in range(count):
            payload = b2a_base64(block.tobytes(), newline=False).decode()
            media = {
                "tag": TAG,
                "chunk": number,
                "timestamp": number * 320,
                "payload": payload,
            }
            json.dumps({"event": "media", "sequenceNumber": number, "media": media})

    return job


def our_encode(encoding, count):
    block = speech(encoding)

    def job():
        dialect = VoximplantDialect("ws://host/")
        dialect.encode(OpenStream(TAG, encoding))
        encode, sent = dialect.encode, 0
        for _ in range(count):
            for reply in encode(SendAudio(TAG, block.tobytes())):
                assert type(reply.data) is str
                sent += 1
        assert sent == count

    return job


def measure(rounds, count):
    """Medians in microseconds an event, by direction and who."""
    jobs = {
        ("decode", "plain"): plain_decode(JUDGED, count),
        ("encode", "plain"): plain_encode(JUDGED, count),
    }
    for encoding in RATES:
        jobs["decode", encoding] = our_decode(encoding, count)
        jobs["encode", encoding] = our_encode(encoding, count)
    times = {key: [] for key in jobs}
    for turn in range(rounds + 1):
        for key, job in jobs.items():
            start = time.perf_counter()
            job()
            elapsed = time.perf_counter() - start
            if turn:  # the first turn warms up
                times[key].append(elapsed / count * 1e6)
    return {key: statistics.median(values) for key, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns (default 15)")
    parser.add_argument(
        "--count", type=int, default=2000, help="events per turn (default 2000)"
    )
    options = parser.parse_args()
    medians = measure(options.rounds, options.count)
    print(
        f"media events of 20 ms, medians of {options.rounds} turns, Python "
        f"{platform.python_version()}, numpy {np.__version__}; the standard library's "
        "event is PCM16\n"
    )
    print("                 standard library    voxsync    ratio   bar")
    missed = False
    for direction in ("decode", "encode"):
        base = medians[direction, "plain"]
        for encoding in RATES:
            own = medians[direction, encoding]
            bar = ""
            if encoding == JUDGED:
                missed |= own > BAR * base
                bar = f"<= {BAR}  {'missed' if own > BAR * base else 'ok'}"
            print(
                f"{direction:7} {encoding:6} {base:13.2f} us {own:10.2f} us "
                f"{own / base:7.2f}   {bar}"
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
