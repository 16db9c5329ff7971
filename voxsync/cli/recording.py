"""Recordings on disk: what a file holds, and its bytes block by block.

WAV files of any kind go out as 16 bits, mono, at the file's own rate, which is declared
to the service; headerless PCM needs the rate to be said; FLAC passes through as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from voxsync import media
from voxsync.audio import AudioFormat
from voxsync.audio.pcm import int16_to_bytes
from voxsync.cli.exits import Usage, explain
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["BLOCK_S", "Feed", "Recording", "check_rate", "open_recording", "open_sound"]

BLOCK_S = 0.1
"""Seconds of audio in one block."""

# "fLaC", a block header of 4 bytes, then STREAMINFO of 34.
_FLAC_HEADER = 42
_FLAC_BLOCK = 4096
_RAW = (".raw", ".pcm")


class Feed(Protocol):
    """What is streamed: a recording, a microphone."""

    @property
    def audio(self) -> AudioFormat:
        """What the blocks are."""
        ...

    @property
    def seconds(self) -> float | None:
        """How long it plays; None = not known beforehand."""
        ...

    def position(self, count: int) -> float:
        """How many seconds its first `count` bytes play; 0.0 = not known."""
        ...

    def blocks(self, say: Callable[[str], None]) -> Generator[bytes]:
        """The bytes, one block after the other; `say` takes a line for people."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file that can be streamed: a `Feed`.

    Attributes:
        path: Where it is.
        audio: What its blocks are.
        seconds: How long it plays; None = not known (a FLAC file that does not say).
        size: Bytes of the file.
    """

    path: Path
    audio: AudioFormat
    seconds: float | None
    size: int

    def position(self, count: int) -> float:
        """See `Feed`; of FLAC that is the share of the file's bytes."""
        if self.audio.encoding == "pcm16":
            return self.audio.seconds(count)
        if self.seconds is None:
            return 0.0
        return min(1.0, count / self.size) * self.seconds

    def blocks(self, say: Callable[[str], None]) -> Generator[bytes]:
        """See `Feed`.

        Raises:
            FormatError: There is no audio in it after all.
            OSError: The file cannot be read (any more).
        """
        if self.audio.encoding == "flac":
            with self.path.open("rb") as file:
                while block := file.read(_FLAC_BLOCK):
                    yield block
            return
        frames = max(1, round(self.audio.sample_rate * BLOCK_S))
        with open_sound(self.path, self.audio.sample_rate) as sound:
            sound.on_error = lambda event: say(f"voxsync: {explain(event.error)}")
            while True:
                try:
                    found = sound.read(frames)
                except media.EndOfStream:
                    return
                if found is not None:
                    yield int16_to_bytes(found)


def check_rate(path: Path, rate: int | None) -> None:
    """See that it is said what a file does not say itself, and only that.

    Raises:
        Usage: A file without a header and no rate, or a rate where the file has one.
    """
    if _is_raw(path) and rate is None:
        raise Usage(f"{path}: samples without a header need --rate, e.g. 16000")
    if rate is not None and not _is_raw(path):
        raise Usage(f"{path}: --rate is for .raw and .pcm; this file says it itself")


def _is_raw(path: Path) -> bool:
    """Whether the name says that there is no header."""
    return path.suffix.lower() in _RAW


def open_sound(path: Path, rate: int | None) -> media.WavReader:
    """The unit that plays a file of PCM; its errors begin with the whole name.

    Args:
        path: Any WAV file, or samples without a header, 16 bits, mono.
        rate: Of the latter; makes no difference to a file with a header.

    Raises:
        FormatError: Not what its name says, or audio that cannot be played.
        OSError: It cannot be read.
    """
    rate = rate if _is_raw(path) else None
    return media.WavReader(path, sample_rate=rate, name=str(path))


def open_recording(path: Path, rate: int | None = None) -> Recording:
    """Look at a file and say what it holds.

    Args:
        path: FLAC if it ends in .flac; else see `open_sound`.
        rate: Frames per second of headerless PCM.

    Raises:
        Usage: See `check_rate`.
        FormatError, OSError: See `open_sound`.
    """
    check_rate(path, rate)
    if path.suffix.lower() == ".flac":
        return _flac(path)
    with open_sound(path, rate) as sound:
        audio, seconds = AudioFormat(sample_rate=sound.sample_rate), sound.duration
    if not seconds:
        raise FormatError("there is no audio in it")
    size = path.stat().st_size
    return Recording(path=path, audio=audio, seconds=seconds, size=size)


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
