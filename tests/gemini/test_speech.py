"""Audio at the service's rate: without a seam, and with nothing missing."""

import numpy as np
import pytest

from voxsync.errors import FormatError
from voxsync.gemini.speech import INPUT_RATE, Speech, pcm


def tone(rate, seconds=0.5):
    at = np.arange(round(rate * seconds)) / rate
    return np.round(12_000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)


def test_the_services_own_rate_goes_through():
    """As it is, and nothing is held back."""
    speech, audio = Speech(), tone(INPUT_RATE)
    assert speech.converted(audio, INPUT_RATE) == audio.tobytes()
    assert speech.converted(audio.tobytes(), INPUT_RATE) == audio.tobytes()
    assert speech.rest() == b""


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_another_rate_is_resampled(rate):
    """Piece by piece the same as in one; the rest comes with `rest`."""
    whole, pieces, audio = Speech(), Speech(), tone(rate)
    parts = [pieces.converted(piece, rate) for piece in np.array_split(audio, 7)]
    made = b"".join(parts) + pieces.rest()
    assert made == whole.converted(audio, rate) + whole.rest()
    assert len(made) == 2 * len(tone(INPUT_RATE))
    assert pieces.rest() == b""


@pytest.mark.parametrize("second", [INPUT_RATE, 48_000])
def test_a_change_of_rate(second):
    """What the old one still owes is first."""
    speech, alone = Speech(), Speech()
    first = speech.converted(tone(8000), 8000)
    made = speech.converted(tone(second), second)
    owed = len(tone(INPUT_RATE)) * 2 - len(first)
    assert owed > 0
    assert made[owed:] == alone.converted(tone(second), second)


def test_forgotten_audio():
    """It was never sent, so nothing goes on behind it."""
    speech, alone = Speech(), Speech()
    speech.converted(tone(8000), 8000)
    speech.forget()
    assert speech.rest() == b""
    assert speech.converted(tone(8000), 8000) == alone.converted(tone(8000), 8000)


def test_what_makes_no_sense_changes_nothing():
    """It is refused before anything was converted."""
    speech, alone = Speech(), Speech()
    first = speech.converted(tone(8000), 8000)
    with pytest.raises(FormatError):
        speech.converted(b"odd", 8000)
    with pytest.raises(ValueError, match="sample_rate"):
        speech.converted(b"", 0)
    assert first + speech.rest() == alone.converted(tone(8000), 8000) + alone.rest()


def test_formats_are_kept():
    """One is asked for with each block."""
    assert pcm(8000) is pcm(8000)
    assert (pcm(8000).encoding, pcm(8000).sample_rate) == ("pcm16", 8000)
