"""What a voice is to the embedded services, and those that come with voxsync.

Real speech comes from a program of the system, `flite` or `espeak-ng`, run once for
each sentence: 10 to 100 ms, and nothing runs between sentences. There is no Python
package for it: the one with a speech engine inside, espeakng-loader, had no release
for 18 months, states no licence, and would load an engine under the GPL, one for the
whole process, into the user's program. flite has a permissive licence, and the
programs of others stay programs of others.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np

from voxsync.audio.pcm import check_block
from voxsync.audio.resample import RATES, Resampler
from voxsync.audio.wav import decode, parse_header
from voxsync.errors import FormatError, MissingExtra, VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = [
    "BLOCK_FRAMES",
    "SAMPLE_RATE",
    "EspeakVoice",
    "FliteVoice",
    "ScriptedVoice",
    "ToneVoice",
    "Voice",
    "open_voice",
]

SAMPLE_RATE: Final = 24_000
"""Frames per second of all voices."""

BLOCK_FRAMES: Final = SAMPLE_RATE * 40 // 1000
"""Frames of every block; the last one is filled up with silence."""

# What a program is given at once: it bounds the wait for the first sound, the memory,
# and how long a voice goes on working after it was stopped.
_MOST_CHARACTERS = 300
_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_TOLD_BYTES = 200


class Voice(Protocol):
    """Says texts. Thread: any, also several at once. Never from the I/O thread."""

    def say(self, text: str) -> Iterator[NDArray[np.int16]]:
        """Give the sound of `text` in blocks of 20 to 100 ms, as it is made.

        Closing the iterator stops the work. A text without a word gives nothing.

        Returns:
            int16 `(frames,)` blocks, mono, 24 kHz.

        Raises:
            VoxsyncError: The voice failed.
        """
        ...


class _Program(ABC):
    """A voice by a program that writes a WAV file to its standard output.

    Args:
        path: Of the program.
        timeout: Seconds a sentence may take.

    Raises:
        ValueError: It is not more than 0.

    Thread: any.
    """

    def __init__(self, path: str, timeout: float) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout must be more than 0 seconds, not {timeout}")
        self._path = path
        self._timeout = timeout

    def say(self, text: str) -> Iterator[NDArray[np.int16]]:
        """Give the sound of a text, one sentence after the other (see `Voice`)."""
        return _blocks(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[NDArray[np.int16]]:
        resampler: Resampler | None = None
        for sentence in sentences(text):
            rate, samples = self._spoken(sentence)
            if resampler is None:
                resampler = Resampler(rate, SAMPLE_RATE)
            yield resampler.process(samples)
        if resampler is not None:
            yield resampler.flush()

    @abstractmethod
    def _command(self, sentence: str) -> list[str]:
        """Return what is to be run for a sentence."""

    def _spoken(self, sentence: str) -> tuple[int, NDArray[np.int16]]:
        try:
            # No shell is involved, and a sentence cannot be taken for an option.
            done = subprocess.run(  # noqa: S603
                self._command(sentence),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise VoxsyncError(
                f"{self._path} said nothing for {self._timeout:g} s and was ended"
            ) from None
        except OSError as error:
            raise VoxsyncError(f"{self._path} cannot be run: {error}") from error
        told = done.stderr[-_TOLD_BYTES:].decode(errors="replace").strip()
        if done.returncode:
            raise VoxsyncError(f"{self._path} failed ({done.returncode}): {told}")
        file = io.BytesIO(done.stdout)
        try:
            header = parse_header(file.read)
            data = file.read()
            whole = len(data) // header.frame_bytes * header.frame_bytes
            return header.sample_rate, decode(data[:whole], header)
        except FormatError as error:
            raise VoxsyncError(
                f"{self._path} gave no sound: {told or error}"
            ) from error


class FliteVoice(_Program):
    """Speaks English by the program `flite`, clearly enough to be recognised again.

    Args:
        voice: "slt" (female), "rms", "awb", "kal" or "kal16" (male).
        timeout: Seconds a sentence may take.

    Raises:
        MissingExtra: The program is not installed.
        ValueError: No such voice.
    """

    VOICES: Final = ("slt", "rms", "awb", "kal", "kal16")

    def __init__(self, voice: str = "slt", *, timeout: float = 10.0) -> None:
        if voice not in self.VOICES:
            there = ", ".join(self.VOICES)
            raise ValueError(f"flite has no voice {voice!r}; there are: {there}")
        super().__init__(_find("flite"), timeout)
        self._voice = voice

    def _command(self, sentence: str) -> list[str]:
        # Its rules are for ASCII; what is beyond would be spelled out byte by byte.
        plain = sentence.encode("ascii", "ignore").decode()
        out = "/dev/stdout"
        return [self._path, "-voice", self._voice, "-t", plain, "-o", out]


class EspeakVoice(_Program):
    """Speaks a hundred languages by the program `espeak-ng`; it sounds mechanical.

    Args:
        language: Language or voice as `espeak-ng --voices` lists them, e.g. "de" or
            "en-us+f2", of the English ones the one that is best recognised.
        rate: Words per minute, 80 to 450.
        timeout: Seconds a sentence may take.

    Raises:
        MissingExtra: The program is not installed.
        ValueError: A rate beyond its range, or a language that is no name.
    """

    def __init__(
        self, language: str = "en-us+f2", *, rate: int = 150, timeout: float = 10.0
    ) -> None:
        if not re.fullmatch(r"[A-Za-z][\w+-]*", language):
            raise ValueError(f"{language!r} is no language; one is 'en-us'")
        if rate not in range(80, 451):
            raise ValueError(f"rate must be 80 to 450 words per minute, not {rate}")
        super().__init__(_find("espeak-ng"), timeout)
        self._settings = ["-v", language, "-s", str(rate), "-b", "1", "--stdout", "--"]

    def _command(self, sentence: str) -> list[str]:
        # Double brackets would be taken for the names of sounds.
        return [self._path, *self._settings, sentence.replace("[[", "[ [")]


class ToneVoice:
    """Says each word as a tone of its own: needs nothing, the same every time.

    A word takes 60 ms a letter, 120 to 600 ms; its pitch depends on its letters
    alone. 60 ms of silence come after each.

    Thread: any.
    """

    def say(self, text: str) -> Iterator[NDArray[np.int16]]:
        """Give the tones of a text (see `Voice`)."""
        return _blocks(_tone(word) for word in text.split())


class ScriptedVoice:
    """Says what was recorded before, for tests and for answers known beforehand.

    Args:
        recordings: Text to mono int16 samples.
        sample_rate: Of the recordings, in Hz, one of `voxsync.audio.resample.RATES`.
        otherwise: Who says what was not recorded; None = a `ToneVoice`.

    Raises:
        ValueError: A sample rate that cannot be resampled.
        FormatError: Samples that are not mono int16.

    Thread: any.
    """

    def __init__(
        self,
        recordings: Mapping[str, NDArray[np.int16]],
        *,
        sample_rate: int = SAMPLE_RATE,
        otherwise: Voice | None = None,
    ) -> None:
        if sample_rate not in RATES:
            raise ValueError(f"sample_rate must be one of {RATES}, not {sample_rate}")
        self._recordings = {
            text: check_block(samples, f"the recording of {text!r}").copy()
            for text, samples in recordings.items()
        }
        self._sample_rate = sample_rate
        self._otherwise: Voice = ToneVoice() if otherwise is None else otherwise

    def say(self, text: str) -> Iterator[NDArray[np.int16]]:
        """Give the recording of a text (see `Voice`)."""
        samples = self._recordings.get(text)
        if samples is None:
            return self._otherwise.say(text)
        return _blocks(_resampled(samples, self._sample_rate))


def open_voice(name: Literal["flite", "espeak", "tone"]) -> Voice:
    """Make one of the shipped voices by its name.

    Args:
        name: As its class, in short.

    Raises:
        ValueError: The name is unknown.
        MissingExtra: The program it needs is not installed.
    """
    if name == "flite":
        return FliteVoice()
    if name == "espeak":
        return EspeakVoice()
    if name == "tone":
        return ToneVoice()
    raise ValueError(f"no voice {name!r}; there are 'flite', 'espeak' and 'tone'")


def sentences(text: str) -> Iterator[str]:
    """Cut a text after its sentences, and those after words where they are long."""
    for sentence in _SENTENCE_END.split(_CONTROL.sub(" ", text)):
        rest = sentence.strip()
        while len(rest) > _MOST_CHARACTERS:
            at = rest.rfind(" ", 1, _MOST_CHARACTERS)
            at = _MOST_CHARACTERS if at < 0 else at
            yield rest[:at]
            rest = rest[at:].strip()
        if any(map(str.isalnum, rest)):
            yield rest


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingExtra(
            f"this voice needs the program {program}: apt install {program} (Debian, "
            f"Ubuntu), dnf install {program} (Fedora), brew install {program} (macOS); "
            "the voice 'tone' needs nothing"
        )
    return path


def _blocks(pieces: Iterable[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    rest = np.zeros(0, np.int16)
    for piece in pieces:
        held = np.concatenate([rest, piece])
        whole = len(held) // BLOCK_FRAMES * BLOCK_FRAMES
        for at in range(0, whole, BLOCK_FRAMES):
            yield held[at : at + BLOCK_FRAMES]
        rest = held[whole:]
    if len(rest):
        yield np.concatenate([rest, np.zeros(BLOCK_FRAMES - len(rest), np.int16)])


def _resampled(samples: NDArray[np.int16], rate: int) -> Iterator[NDArray[np.int16]]:
    resampler = Resampler(rate, SAMPLE_RATE)
    yield resampler.process(samples)
    yield resampler.flush()


def _tone(word: str) -> NDArray[np.int16]:
    frames = min(max(120, 60 * len(word)), 600) * SAMPLE_RATE // 1000
    pitch = 200 + zlib.crc32(word.lower().encode()) % 64 * 25
    at = np.arange(frames)
    # 10 ms up and down: no clicks.
    edge = np.minimum(np.minimum(at, at[::-1]) / (SAMPLE_RATE // 100), 1.0)
    sound = np.rint(8000 * edge * np.sin(2 * np.pi * pitch / SAMPLE_RATE * at))
    silence = np.zeros(SAMPLE_RATE * 60 // 1000)
    return np.concatenate([sound, silence]).astype(np.int16)
