"""What comes back: a speaker is played into a microphone, sample by sample.

Two programs run at the same time, each on a private sound server of its own whose
microphone hears its speaker, at 48 kHz with 10 ms device buffers:

    bare     two PyAudio callbacks, nothing else
    voxsync  a source linked to a Speaker, a Microphone linked to a sink

Both play noise of which every stretch is unlike any other, and record it. Printed: how
well it correlates, how many samples were lost (jumps ahead) or came twice (jumps
back, or silence where the machine stalled), the latency from hand-over to hand-back,
what was the most in voxsync's own buffers, each way, and what there usually was on the
way in during the last second; `in_whole` and `out_whole` tell whether each sample that
PortAudio gave came to the sink, and each of the source's to PortAudio, in order. A
virtual machine that stalls for a tenth of a second shows it in both.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
RATE = 48000
FRAMES = RATE // 100
LEAD = RATE // 2  # silence before the noise, in frames


def noise(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(2026)
    return rng.integers(-12000, 12000, round(seconds * RATE), np.int16)


def bare(seconds: float, path: str) -> None:
    import pyaudio

    from voxsync.media.quiet import silence_libraries

    silence_libraries()
    pcm = np.concatenate([np.zeros(LEAD, np.int16), noise(seconds)])
    heard: list[bytes] = []
    marks = {}
    at = 0

    def play(_data, frames, _time, _flags):
        nonlocal at
        if at <= LEAD < at + frames:
            marks["given"] = time.monotonic() - (LEAD - at) / RATE
        block = pcm[at : at + frames]
        at += frames
        return np.pad(block, (0, frames - len(block))).tobytes(), pyaudio.paContinue

    def record(data, _frames, _time, _flags):
        heard.append(data)
        marks.setdefault("first", time.monotonic())
        return None, pyaudio.paContinue

    audio = pyaudio.PyAudio()
    form = {"format": pyaudio.paInt16, "channels": 1, "rate": RATE}
    form["frames_per_buffer"] = FRAMES
    streams = [
        audio.open(input=True, stream_callback=record, **form),
        audio.open(output=True, stream_callback=play, **form),
    ]
    threading.Event().wait(LEAD / RATE + seconds + 1)
    for stream in streams:
        stream.close()
    audio.terminate()
    np.save(path, np.frombuffer(b"".join(heard), np.int16))
    print(json.dumps(marks))


def voxsync(seconds: float, path: str) -> None:
    from voxsync.media import (
        CallbackSink,
        CallbackSource,
        EndOfStream,
        Microphone,
        Speaker,
    )

    pcm = np.concatenate([np.zeros(LEAD, np.int16), noise(seconds)])
    heard: list[np.ndarray] = []
    held: list[float] = []
    taken: list[bytes] = []
    given: list[bytes] = []
    marks = {}
    at = 0

    class Ear(Microphone):
        def take(self, data: bytes) -> None:
            taken.append(data)
            super().take(data)

    class Mouth(Speaker):
        def give(self, frames: int) -> bytes:
            given.append(super().give(frames))
            return given[-1]

    def make(frames):
        nonlocal at
        block = pcm[at : at + frames]
        if not len(block):
            raise EndOfStream
        if at <= LEAD < at + frames:
            marks["given"] = time.monotonic() - (LEAD - at) / RATE
        at += len(block)
        return block

    def take(block):
        heard.append(block)
        held.append(microphone.stats.buffered)
        marks.setdefault("first", time.monotonic())

    with (
        Ear(sample_rate=RATE) as microphone,
        Mouth(sample_rate=RATE) as speaker,
    ):
        recording = microphone.send_media_to(CallbackSink(take, RATE))
        playing = CallbackSource(make, RATE).send_media_to(speaker)
        playing.wait(seconds + 30)
        threading.Event().wait(1.0)
        recording.stop()
        marks["in_highest"] = recording.stats.buffered_highest
        marks["out_highest"] = playing.stats.buffered_highest
        marks["in_usual"] = float(np.median(held[-50:]))
        marks["dropped"] = recording.stats.lost + playing.stats.lost
        marks["underflows"] = speaker.stats.underflows
        marks["overflows"] = microphone.stats.overflows
    marks["in_whole"] = np.concatenate(heard).tobytes() in b"".join(taken)
    marks["out_whole"] = pcm.tobytes() in b"".join(given)
    np.save(path, np.concatenate(heard))
    print(json.dumps(marks))


def judge(heard: np.ndarray, seconds: float, marks: dict) -> dict:
    """Follow the noise through the recording; each piece of 10 ms is looked for."""
    played = noise(seconds)
    loud = np.flatnonzero(np.abs(heard) > 2000)
    start = int(loud[0]) if len(loud) else 0
    offset = _offset(heard, played[:FRAMES], start, 3 * FRAMES)
    lost = again = 0
    good = []
    for at in range(0, len(played) - FRAMES, FRAMES):
        piece = played[at : at + FRAMES].astype(float)
        there = heard[at + offset : at + offset + FRAMES].astype(float)
        if len(there) < FRAMES:
            lost += FRAMES
            continue
        match = _match(piece, there)
        if match < 0.99:  # something jumped: where is it now?
            found = _offset(heard, played[at : at + FRAMES], at + offset, RATE // 2)
            if found is not None:
                found -= at
                lost += max(0, offset - found)
                again += max(0, found - offset)
                offset = found
                there = heard[at + offset : at + offset + FRAMES].astype(float)
                match = _match(piece, there)
            else:
                lost += FRAMES
        good.append(match)
    first = _offset(heard, played[:FRAMES], start, 3 * FRAMES)
    latency = marks["first"] + (first / RATE) - marks["given"]
    return {
        "correlation": float(np.median(good)),
        "worst": float(np.min(good)),
        "lost": lost,
        "again": again,
        "latency_ms": 1000 * latency,
    }


def _match(one: np.ndarray, other: np.ndarray) -> float:
    norm = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / norm) if norm else 0.0


def _offset(heard: np.ndarray, piece: np.ndarray, near: int, around: int) -> int | None:
    """Where the piece lies in the recording, near a place; None = nowhere."""
    low = max(0, near - around)
    window = heard[low : near + around + len(piece)].astype(float)
    if len(window) < len(piece):
        return None
    found = np.correlate(window, piece.astype(float), "valid")
    best = int(np.argmax(found))
    there = window[best : best + len(piece)]
    if _match(piece.astype(float), there) < 0.9:
        return None
    return low + best


def compare(seconds: float) -> dict[str, dict]:
    """Run both at once and judge what came back."""
    sys.path.insert(0, str(ROOT))
    from tests.sound.server import SoundServer

    results = {}
    with tempfile.TemporaryDirectory() as folder:
        running = []
        with SoundServer(loop=True) as one, SoundServer(loop=True) as two:
            for name, server in (("bare", one), ("voxsync", two)):
                path = f"{folder}/{name}.npy"
                child = subprocess.Popen(
                    [
                        *(sys.executable, __file__, "--program", name),
                        *("--path", path, "--seconds", str(seconds)),
                    ],
                    env=server.environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                running.append((name, path, child))
            for name, path, child in running:
                out, _ = child.communicate(timeout=seconds + 60)
                assert child.returncode == 0, f"{name} ended with {child.returncode}"
                marks = json.loads(out.splitlines()[-1])
                results[name] = judge(np.load(path), seconds, marks) | marks
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--program", choices=["bare", "voxsync"], help=argparse.SUPPRESS
    )
    parser.add_argument("--path", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.program:
        {"bare": bare, "voxsync": voxsync}[args.program](args.seconds, args.path)
        return
    for name, found in compare(args.seconds).items():
        print(name)
        for key, value in found.items():
            if key not in ("given", "first"):
                print(f"  {key:12} {value:.4f}" if value % 1 else f"  {key:12} {value}")


if __name__ == "__main__":
    main()
