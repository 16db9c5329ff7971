"""Audio files as blocks of bytes with their format."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AudioFile", "open_audio"]

_RAW_ENDINGS = (".raw", ".pcm")


@dataclass(frozen=True, slots=True)
class AudioFile:
    """An audio file's content.

    Attributes:
        path: Where it was.
        format: What the bytes are.
        data: All of them, without a header of raw formats.
    """

    path: Path
    format: AudioFormat
    data: bytes

    @property
    def seconds(self) -> float | None:
        """How long it plays; None where that cannot be told from the size."""
        return (
            None
            if self.format.encoding == "flac"
            else self.format.seconds(len(self.data))
        )

    def blocks(self, seconds: float = 0.1) -> Iterator[bytes]:
        """The bytes in blocks of about so many seconds, on sample borders."""
        size = max(1, int(self.format.sample_rate * seconds)) * 2
        for start in range(0, len(self.data), size):
            yield self.data[start : start + size]


def open_audio(name: str, rate: int) -> AudioFile:
    """Read a WAV, FLAC or raw file.

    Args:
        name: `.wav`: 16 bit mono PCM. `.flac`: sent as it is. `.raw`, `.pcm`: 16 bit
            little-endian mono samples.
        rate: Samples per second of raw files.

    Raises:
        OSError: It cannot be read.
        FormatError: It is not what the service takes; the message says what to do.
    """
    path = Path(name)
    ending = path.suffix.lower()
    if ending in _RAW_ENDINGS:
        data = path.read_bytes()
        if len(data) % 2:
            raise FormatError(f"{name}: half a sample at the end; is it 16 bit?")
        return AudioFile(path, AudioFormat(sample_rate=rate), data)
    if ending == ".flac":
        data = path.read_bytes()
        if not data.startswith(b"fLaC"):
            raise FormatError(f"{name}: this is not a FLAC file")
        return AudioFile(path, AudioFormat("flac", _flac_rate(data)), data)
    return _open_wav(path)


def _open_wav(path: Path) -> AudioFile:
    try:
        with wave.open(str(path), "rb") as source:
            channels, width = source.getnchannels(), source.getsampwidth()
            rate = source.getframerate()
            data = source.readframes(source.getnframes())
    except (wave.Error, EOFError) as exc:
        raise FormatError(
            f"{path}: not a PCM WAV file ({exc}); .wav, .flac, .raw and .pcm are read"
        ) from exc
    if channels != 1 or width != 2:
        raise FormatError(
            f"{path}: {channels} channels of {8 * width} bit; the service takes mono, "
            "16 bit. Convert it first, e.g. sox IN.wav -b 16 -c 1 OUT.wav"
        )
    return AudioFile(path, AudioFormat(sample_rate=rate), data)


def _flac_rate(data: bytes) -> int:
    """The sample rate in STREAMINFO: 20 bits at byte 18 (RFC 9639, 8.2)."""
    return (int.from_bytes(data[18:21], "big") >> 4) or 16000
