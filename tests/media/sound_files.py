"""Sound files as tests of units need them, and what is in them."""

import io
import threading
import wave

import numpy as np

from tests.audio.wav_files import wav
from voxsync.media.source import EndOfStream

WAIT = 20.0


def noise(frames, seed=1):
    """Samples that are all different."""
    dice = np.random.default_rng(seed)
    return dice.integers(-32768, 32768, frames).astype(np.int16)


def file_of(samples, **format):
    """A WAV file in memory."""
    return io.BytesIO(wav(samples.astype("<i2").tobytes(), **format))


def written(data):
    """Rate and samples of a file, by the standard library."""
    source = io.BytesIO(data) if isinstance(data, bytes) else str(data)
    with wave.open(source, "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = file.readframes(file.getnframes())
        assert len(frames) == file.getnframes() * 2
        return file.getframerate(), np.frombuffer(frames, "<i2")


def rest(reader, frames=1000):
    """All that is left."""
    blocks = [np.zeros(0, np.int16)]
    try:
        while True:
            blocks.append(reader.read(frames, WAIT))
    except EndOfStream:
        return np.concatenate(blocks)


def heard(unit):
    """The errors that the unit will tell, and an event for the first."""
    errors, told = [], threading.Event()

    def take(event):
        errors.append(event.error)
        told.set()

    unit.addEventListener("error", take)
    return errors, told


class Gate:
    """A file object that gives samples when it is opened."""

    def __init__(self, data, after=44):
        self.file = io.BytesIO(data)
        self.after = after
        self.open = threading.Event()
        self.reached = threading.Event()

    def read(self, size):
        if self.file.tell() >= self.after:
            self.reached.set()
            assert self.open.wait(WAIT)
        return self.file.read(size)
