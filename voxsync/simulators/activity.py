"""Where speech begins and ends in a stream: energy over a noise floor that adapts.

Every 10 ms the energies of six bands of the voice's range are taken, smoothed over 50.
By how far they stand above their floors, on average, the moment is speech or not. A
band's floor is the least it was in the last two seconds, so noise may come and go; but
one that starts all at once is taken for speech until it is older than that, and a
voice that holds one tone for longer is taken for noise. In the first two seconds a
sound is only learnt as noise if it is as noise usually is: not too loud, or in all
bands. So who speaks from the first sample on is heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from voxsync.audio.pcm import check_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FRAME_MS", "ActivityDetector", "ActivityEnd", "ActivityStart"]

FRAME_MS: Final = 10
"""How often is decided, in milliseconds of audio."""

_EDGES_HZ = (150, 350, 600, 1000, 1600, 2500, 3800)
_SMOOTHED_FRAMES = 5
# The floor's two seconds are ten parts of which the least is kept, and the present one.
_PARTS, _PART_FRAMES = 10, 20
# Noise as quiet as this is silence: -62 dB of full scale, if it is white. Else the hum
# of any microphone would be speech after the digital silence before it.
_QUIET_DB = 28.3
# What the floor may be before two seconds were heard: -26 dB of full scale; and what is
# louder than -50 dB must be in all bands, within 8 dB, or it is a tone or a voice.
_MOST_LEARNT_DB = 64.0
_EASILY_LEARNT_DB = 40.0
_EVEN_DB = 8.0
# White noise, as measured: median 3.6 dB, 99.9 % below 5.5, never above 6.
_START_DB = {"HIGH": 7.5, "LOW": 11.0}
_STAY_DB = 5.5
_PREFIX_MS = {"HIGH": 80, "LOW": 160}
_SILENCE_MS = {"HIGH": 500, "LOW": 1000}
# A click is shorter; smoothing makes it longer by the frames it is smoothed over.
_CLICK_MS = 40


@dataclass(frozen=True, slots=True)
class ActivityStart:
    """Speech has begun.

    Attributes:
        at_ms: Where, from the first sample: earlier than the moment it was noticed.
    """

    at_ms: int


@dataclass(frozen=True, slots=True)
class ActivityEnd:
    """Speech has ended.

    Attributes:
        at_ms: Where the silence began that has lasted long enough.
    """

    at_ms: int


class ActivityDetector:
    """Tells speech from silence and steady noise, by the audio alone.

    How the audio is cut into blocks makes no difference. Starts and ends alternate.

    Args:
        sample_rate: In Hz, a multiple of 100 from 8000 on.
        start_sensitivity: "HIGH" also takes quiet speech, "LOW" only what stands out
            (7.5 and 11 dB over the noise in the mean of the bands).
        end_sensitivity: "HIGH" ends soon, "LOW" waits longer: the default of
            `silence_duration_ms`.
        prefix_padding_ms: How long speech must last to count; less than 40 counts as
            40, or clicks would be speech. None = 80 (start HIGH) or 160 (LOW).
        silence_duration_ms: How long silence must last to end it. None = 500 (end
            HIGH) or 1000 (LOW).

    Raises:
        TypeError, ValueError: Of an argument; the message names it.

    Thread: one at a time.
    """

    def __init__(
        self,
        sample_rate: int = 16_000,
        *,
        start_sensitivity: Literal["HIGH", "LOW"] = "HIGH",
        end_sensitivity: Literal["HIGH", "LOW"] = "HIGH",
        prefix_padding_ms: int | None = None,
        silence_duration_ms: int | None = None,
    ) -> None:
        if sample_rate < 8000 or sample_rate % 100:
            raise ValueError(
                f"sample_rate must be a multiple of 100 from 8000 on, not {sample_rate}"
            )
        start = _choice("start_sensitivity", start_sensitivity)
        end = _choice("end_sensitivity", end_sensitivity)
        prefix_ms = _time("prefix_padding_ms", prefix_padding_ms, _PREFIX_MS[start])
        self._silence_ms = _time(
            "silence_duration_ms", silence_duration_ms, _SILENCE_MS[end]
        )
        self.sample_rate = sample_rate
        self._start_db = _START_DB[start]
        needed = max(prefix_ms, _CLICK_MS) // FRAME_MS
        self._needed_frames = needed + _SMOOTHED_FRAMES
        self._size = sample_rate * FRAME_MS // 1000
        self._window = np.hanning(self._size)
        self._bands = _bands(sample_rate, self._window)
        self._rest = np.zeros(0, np.int16)
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=_SMOOTHED_FRAMES)
        self._parts: deque[NDArray[np.float64]] = deque(maxlen=_PARTS)
        self._least = np.full(len(self._bands), np.inf)
        self._frames = 0
        self._run = 0  # frames of speech without a gap, while not active
        self._active = False
        self._last_ms = 0  # where speech was last heard

    @property
    def is_active(self) -> bool:
        """Whether speech has begun and not ended."""
        return self._active

    @property
    def delay_ms(self) -> int:
        """How long after its `at_ms` a start of clear speech is told."""
        return self._needed_frames * FRAME_MS

    def feed(self, samples: NDArray[np.int16]) -> list[ActivityStart | ActivityEnd]:
        """Take in audio; return what began and ended by it.

        Args:
            samples: int16 `(frames,)`, any number.

        Raises:
            TypeError: Not an array.
            FormatError: Not mono int16.
        """
        held = np.concatenate([self._rest, check_block(samples)])
        whole = len(held) // self._size * self._size
        self._rest = held[whole:]
        found: list[ActivityStart | ActivityEnd] = []
        # Not all at once: sums of other shapes are rounded otherwise, and how the
        # audio was cut would be seen.
        for at in range(0, whole, self._size):
            event = self._decide(self._score(held[at : at + self._size]))
            if event is not None:
                found.append(event)
        return found

    def finish(self) -> list[ActivityStart | ActivityEnd]:
        """End the audio for now; speech that still goes on ends with it."""
        self._run = 0
        if not self._active:
            return []
        self._active = False
        return [ActivityEnd(self._last_ms)]

    def _score(self, frame: NDArray[np.int16]) -> float:
        """By how many dB the bands stand above their floors."""
        power = np.abs(np.fft.rfft(frame * self._window)) ** 2
        self._recent.append(self._bands @ power)
        self._frames += 1
        if len(self._recent) < _SMOOTHED_FRAMES:
            return 0.0  # a floor of fewer would be too low by chance
        smooth = sum(self._recent) / _SMOOTHED_FRAMES
        levels = np.maximum(10 * np.log10(smooth + 1.0), _QUIET_DB)
        self._least = np.minimum(self._least, levels)
        floor = np.minimum.reduce([*self._parts, self._least])
        if self._frames < _PARTS * _PART_FRAMES:
            learnt = max(floor.min() + _EVEN_DB, _EASILY_LEARNT_DB)
            floor = np.minimum(floor, min(learnt, _MOST_LEARNT_DB))
        if self._frames % _PART_FRAMES == 0:
            self._parts.append(self._least)
            self._least = levels
        return float((levels - floor).mean())

    def _decide(self, score: float) -> ActivityStart | ActivityEnd | None:
        now_ms = self._frames * FRAME_MS
        if self._active:
            if score >= _STAY_DB:
                # What is smoothed stays up for longer than it was there.
                smoothed_ms = (_SMOOTHED_FRAMES - 1) * FRAME_MS
                self._last_ms = max(now_ms - smoothed_ms, self._last_ms)
            elif now_ms - self._last_ms >= self._silence_ms:
                self._active = False
                return ActivityEnd(self._last_ms)
            return None
        self._run = self._run + 1 if score >= self._start_db else 0
        if self._run < self._needed_frames:
            return None
        self._run = 0
        self._active = True
        self._last_ms = now_ms
        return ActivityStart(now_ms - self.delay_ms)


def _bands(sample_rate: int, window: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row of weights per band: white noise of variance v gives v in each."""
    at = np.fft.rfftfreq(len(window), 1 / sample_rate)
    edges = np.array(_EDGES_HZ)
    rows = ((at >= edges[:-1, None]) & (at < edges[1:, None])).astype(float)
    weights: NDArray[np.float64] = rows / rows.sum(1, keepdims=True)
    weights /= (window**2).sum()
    return weights


def _choice(name: str, value: str) -> str:
    if value not in _START_DB:
        raise ValueError(f"{name} must be 'HIGH' or 'LOW', not {value!r}")
    return value


def _time(name: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be whole milliseconds or None, not {value!r}")
    if value < 0:
        raise ValueError(f"{name} must not be negative: {value}")
    return value
