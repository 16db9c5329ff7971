"""CPU of one microphone and one speaker: bare PyAudio callbacks against voxsync.

Every program runs in a process of its own for some seconds, in turn, so that all of
them see the same machine. Each plays a tone and records, at 48 kHz with 10 ms device
buffers:

    bare        two PyAudio callbacks: copy out of an array, append to a list
    voxsync     Microphone (48 kHz) linked to a sink at 16 kHz, and a source at 16 kHz
                linked to a Speaker (48 kHz): both resampled
    elevenlabs  DefaultAudioInterface of the elevenlabs package, where that is
                installed (its own rates and buffers: 16 kHz, 250 ms)

Needs a sound server: a private one with tests/sound/pulse.sh will do.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time

RATE = 48000
FRAMES = RATE // 100


def measured(seconds: float) -> None:
    """CPU of this process while the time passes; what was set up before is left out."""
    gate = threading.Event()
    gate.wait(1.0)  # buffers fill, caches warm
    cpu, wall = time.process_time(), time.monotonic()
    gate.wait(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    print(json.dumps({"cpu": 100 * cpu / wall}), flush=True)


def bare(seconds: float) -> None:
    import numpy as np
    import pyaudio

    import voxsync.media.portaudio  # noqa: F401 - the same modules in memory

    tone = (np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * 8000).astype("<i2")
    pcm = tone.tobytes()
    at = 0
    heard: list[bytes] = []

    def play(_data: object, frames: int, _time: object, _flags: int) -> object:
        nonlocal at
        block = pcm[at : at + 2 * frames]
        at = (at + 2 * frames) % len(pcm)
        return block, pyaudio.paContinue

    def record(data: bytes, _frames: int, _time: object, _flags: int) -> object:
        heard.append(data)
        if len(heard) > 500:
            heard.clear()
        return None, pyaudio.paContinue

    audio = pyaudio.PyAudio()
    form = {"format": pyaudio.paInt16, "channels": 1, "rate": RATE}
    streams = [
        audio.open(
            input=True, frames_per_buffer=FRAMES, stream_callback=record, **form
        ),
        audio.open(output=True, frames_per_buffer=FRAMES, stream_callback=play, **form),
    ]
    measured(seconds)
    for stream in streams:
        stream.close()
    audio.terminate()


def voxsync(seconds: float) -> None:
    import numpy as np

    from voxsync.media import CallbackSink, CallbackSource, Microphone, Speaker

    tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000) * 8000
    pcm = np.tile(tone.astype(np.int16), 2)
    at = 0

    def make(frames: int) -> object:
        nonlocal at
        block = pcm[at : at + frames]
        at = (at + frames) % 16000
        return block

    with (
        Microphone(sample_rate=RATE, buffer_ms=10) as microphone,
        Speaker(sample_rate=RATE, buffer_ms=10) as speaker,
    ):
        links = [
            microphone.send_media_to(CallbackSink(len, 16000)),
            CallbackSource(make, 16000).send_media_to(speaker),
        ]
        measured(seconds)
        for link in links:
            link.stop()


def elevenlabs(seconds: float) -> None:
    from elevenlabs.conversational_ai.default_audio_interface import (
        DefaultAudioInterface,
    )

    interface = DefaultAudioInterface()
    interface.start(len)
    stop = threading.Event()
    block = bytes(2 * 1600)

    def feed() -> None:  # what its conversation would do: 100 ms of audio at a time
        while not stop.wait(0.1):
            interface.output(block)

    threading.Thread(target=feed, daemon=True).start()
    measured(seconds)
    stop.set()
    interface.stop()


PROGRAMS = {"bare": bare, "voxsync": voxsync, "elevenlabs": elevenlabs}


def run(name: str, seconds: float) -> float | None:
    done = subprocess.run(
        [sys.executable, __file__, "--program", name, "--seconds", str(seconds)],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode:
        print(f"{name}: does not run: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return float(json.loads(done.stdout.splitlines()[-1])["cpu"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of one run")
    parser.add_argument("--rounds", type=int, default=5, help="of every program")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.program:
        PROGRAMS[args.program](args.seconds)
        return
    found: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(args.rounds):
        for name in list(found):
            cpu = run(name, args.seconds)
            if cpu is None:
                del found[name]
                continue
            found[name].append(cpu)
        shown = ", ".join(f"{name} {cpus[-1]:.2f} %" for name, cpus in found.items())
        print(f"round {number + 1}: {shown}", flush=True)
    base = statistics.median(found["bare"])
    print("median of a core:")
    for name, cpus in found.items():
        median = statistics.median(cpus)
        print(f"  {name:10} {median:5.2f} %  {median / base:.2f}x of bare")


if __name__ == "__main__":
    main()
