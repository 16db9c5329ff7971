"""Recordings on disk: what a file holds, and its bytes block by block.

16-bit mono PCM in a WAV file goes out at the file's own rate, which is declared to
the service; headerless PCM needs the rate to be said; FLAC passes through as it is.
"""

from __future__ import annotations

import wave
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.cli.exits import Usage
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BLOCK_S", "Recording", "open_recording"]

BLOCK_S = 0.1
"""Seconds of audio in one block."""

_WAV_HEADER = 44
# "fLaC", a block header of 4 bytes, then STREAMINFO of 34.
_FLAC_HEADER = 42
_RAW = (".raw", ".pcm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file that can be streamed.

    Attributes:
        path: Where it is.
        audio: What its bytes are.
        seconds: How long it plays; None = not known (a FLAC file that does not say).
        size: Bytes that will be streamed, as far as can be told beforehand.
    """

    path: Path
    audio: AudioFormat
    seconds: float | None
    size: int

    @property
    def bytes_per_second(self) -> float:
        """The rate at which the bytes play, on average where they are compressed.

        Raises:
            FormatError: The file does not say how long it plays.
        """
        if self.audio.encoding == "pcm16":
            return float(self.audio.sample_rate * self.audio.bytes_per_frame)
        if not self.seconds:
            raise FormatError("this FLAC file does not say how long it plays")
        return self.size / self.seconds

    def blocks(self) -> Iterator[bytes]:
        """The bytes, about `BLOCK_S` seconds at a time.

        Raises:
            OSError: The file cannot be read (any more).
        """
        frames = max(1, round(self.audio.sample_rate * BLOCK_S))
        if self.path.suffix.lower() == ".wav":
            with closing(wave.open(str(self.path), "rb")) as file:
                while block := file.readframes(frames):
                    yield block
            return
        size = frames * 2  # for FLAC just a size: it is cut anywhere
        with self.path.open("rb") as raw:
            while block := raw.read(size):
                yield block


def open_recording(path: Path, rate: int | None = None) -> Recording:
    """Look at a file and say what it holds.

    Args:
        path: Ends in .wav, .flac, .raw or .pcm.
        rate: Frames per second of headerless PCM.

    Raises:
        Usage: A file without a header and no rate, or a rate where the file has one.
        FormatError: Not what its name says, or audio that cannot be sent.
        OSError: It cannot be read.
    """
    kind = path.suffix.lower()
    if kind in _RAW:
        if rate is None:
            raise Usage(f"{path}: samples without a header need --rate, e.g. 16000")
        found = _raw(path, AudioFormat(sample_rate=rate))
    elif rate is not None:
        raise Usage(f"{path}: --rate is for .raw and .pcm; this file says it itself")
    elif kind == ".wav":
        found = _wav(path)
    elif kind == ".flac":
        found = _flac(path)
    else:
        raise FormatError("not a .wav, .flac, .raw or .pcm file")
    if not found.size:
        raise FormatError("there is no audio in it")
    return found


def _raw(path: Path, audio: AudioFormat) -> Recording:
    size = path.stat().st_size
    return Recording(path=path, audio=audio, seconds=audio.seconds(size), size=size)


def _wav(path: Path) -> Recording:
    try:
        with closing(wave.open(str(path), "rb")) as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            rate, frames = file.getframerate(), file.getnframes()
    except (wave.Error, EOFError) as exc:
        raise FormatError(
            f"not a WAV file of plain PCM ({exc or 'it ends too early'}); convert "
            "it to 16 bit, mono"
        ) from exc
    if width != 2 or channels != 1:
        raise FormatError(
            f"{width * 8} bit and {channels} channel(s); only 16 bit, mono can be "
            "sent: convert the file"
        )
    # Programs that write to a pipe leave a size in the header that is none.
    size = min(frames * 2, max(0, path.stat().st_size - _WAV_HEADER))
    audio = AudioFormat(sample_rate=rate)
    return Recording(path=path, audio=audio, seconds=audio.seconds(size), size=size)


def _flac(path: Path) -> Recording:
    with path.open("rb") as file:
        head = file.read(_FLAC_HEADER)
    if len(head) < _FLAC_HEADER or not head.startswith(b"fLaC"):
        raise FormatError("not a native FLAC file: it does not begin with fLaC")
    # STREAMINFO, bit by bit: rate 20, channels - 1: 3, bits - 1: 5, frames 36.
    packed = int.from_bytes(head[18:26], "big")
    rate, frames = packed >> 44, packed & (1 << 36) - 1
    channels, bits = (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    if channels != 1:
        raise FormatError(f"{channels} channels; only mono can be sent: convert it")
    if not rate:
        raise FormatError("its header says 0 frames per second: it is damaged")
    return Recording(
        path=path,
        audio=AudioFormat("flac", rate, 1, bits),
        seconds=frames / rate if frames else None,
        size=path.stat().st_size,
    )
