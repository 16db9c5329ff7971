"""How exactly a paced link keeps time: idle, and beside a busy Python thread.

A tone flows to a callback in blocks of 20 ms; each block's lateness is measured
against the schedule that the first one began. In the same run a naive loop, which
sleeps 20 ms after each block, shows what relative waits make of it. Drift is how far
the schedule itself has moved: the median lateness of the last second against that of
the first. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import threading
import time

from voxsync.media import CallbackSink, ToneSource

BLOCK = 0.02  # seconds
SECOND = 50  # blocks
# p99 of lateness in milliseconds, and the drift (the B4).
BARS = {"idle": 3.0, "busy": 20.0}
DRIFT = 1.0


def linked(seconds):
    """When each block of a paced link came to its sink."""
    moments = []

    def take(block):
        del block
        moments.append(time.monotonic())

    link = ToneSource(440, seconds).send_media_to(CallbackSink(take))
    link.wait()
    return moments, link.stats


def naive(count, moments):
    """The loop that most programs have."""
    for _ in range(count):
        moments.append(time.monotonic())
        time.sleep(BLOCK)


def busy(stop):
    """A thread that gives the interpreter away only when it is taken from it."""
    number = 0
    while not stop.is_set():
        for _ in range(10_000):
            number += 1


def figures(moments):
    """Lateness in ms: drift, p50, p99, highest."""
    late = [
        (moment - moments[0] - number * BLOCK) * 1000
        for number, moment in enumerate(moments)
    ]
    drift = statistics.median(late[-SECOND:]) - statistics.median(late[:SECOND])
    ordered = sorted(late)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return drift, statistics.median(late), p99, ordered[-1]


def run(seconds, *, load):
    """One measurement: the link's figures, the naive loop's, and the link's stats."""
    stop = threading.Event()
    loader = threading.Thread(target=busy, args=(stop,), daemon=True)
    theirs = []
    count = round(seconds / BLOCK)
    loop = threading.Thread(target=naive, args=(count, theirs), daemon=True)
    if load:
        loader.start()
    try:
        loop.start()
        ours, stats = linked(seconds)
        loop.join()
    finally:
        stop.set()
    if load:
        loader.join()
    assert len(ours) == count, "blocks were lost"
    return figures(ours), figures(theirs), stats


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of audio, each time (default 60)"
    )
    seconds = max(2.0, parser.parse_args().seconds)
    print(f"Python {platform.python_version()}, {seconds:g} s each, lateness in ms\n")
    print(f"{'':22}{'drift':>9}{'p50':>9}{'p99':>9}{'highest':>9}")
    missed = []
    for name, bar in BARS.items():
        ours, theirs, stats = run(seconds, load=name == "busy")
        for who, values in (("link", ours), ("naive loop", theirs)):
            print(
                f"{name + ': ' + who:22}" + "".join(f"{v:9.2f}" for v in values),
                flush=True,
            )
        drift, _, p99, _ = ours
        if abs(drift) >= DRIFT and name == "idle":
            missed.append(f"{name}: drift {drift:.2f} ms, bar {DRIFT:g}")
        if p99 >= bar:
            missed.append(f"{name}: p99 {p99:.2f} ms, bar {bar:g}")
        if stats.slipped:
            missed.append(f"{name}: the schedule slipped {stats.slipped:.3f} s")
    for line in missed:
        print("MISSED", line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
