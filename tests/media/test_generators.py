"""A tone and silence."""

import numpy as np
import pytest

from tests.media.toys import SOON, Ear
from voxsync.errors import InvalidState
from voxsync.media.generators import SilenceSource, ToneSource
from voxsync.media.source import EndOfStream


def everything(source, frames=777):
    blocks = []
    while True:
        try:
            blocks.append(source.read(frames))
        except EndOfStream:
            source.close()
            return np.concatenate([np.zeros(0, np.int16), *blocks])


def test_silence_of_a_length():
    """To the frame, then the end."""
    heard = everything(SilenceSource(0.5, sample_rate=8000))
    assert len(heard) == 4000
    assert heard.dtype == np.int16
    assert not heard.any()


def test_a_tone():
    """The frequency and the peak that were asked for."""
    heard = everything(ToneSource(1000, 1.0, -6.0206, sample_rate=16000))
    assert len(heard) == 16000
    assert np.max(np.abs(heard)) == pytest.approx(16384, abs=2)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) == 1000
    assert np.sort(spectrum)[-2] < spectrum[1000] / 10_000


def test_full_scale_is_not_clipped():
    """0 dBFS is the largest sample there is, both ways."""
    heard = everything(ToneSource(100, 0.1, 0.0))
    assert (heard.max(), heard.min()) == (32767, -32767)


def test_no_seam_between_blocks():
    """Whatever it is asked for at a time, the samples are the same."""
    whole = everything(ToneSource(441, 0.5), 8000)
    for frames in (1, 320, 999):
        assert np.array_equal(everything(ToneSource(441, 0.5), frames), whole)


def test_without_an_end():
    """It goes on until it is closed."""
    source = ToneSource(440)
    assert len(source.read(50_000)) == 50_000
    link = source.send_media_to(ear := Ear(), paced=False)
    assert ear.hears(100_000)
    source.close()
    link.wait(SOON)


@pytest.mark.parametrize(
    "make", [lambda: SilenceSource(0.02), lambda: ToneSource(440, 0.02)]
)
def test_after_the_end(make):
    """What has given all is not linked again, half-way it is; `read` says the end."""
    with make() as source:
        source.read(100)
        source.send_media_to(ear := Ear(), paced=False).wait(SOON)
        assert len(ear.heard) == 220
        with pytest.raises(
            InvalidState, match=f"all of its audio: .* {type(source).__name__}"
        ):
            source.send_media_to(ear)
        assert len(source.read(300)) == 220
        with pytest.raises(EndOfStream):
            source.read(1)
        assert not source.links


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_lengths_that_are_none(seconds):
    """Without end is None."""
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        SilenceSource(seconds)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: SilenceSource("1"), "seconds"),
        (lambda: ToneSource("a"), "frequency"),
        (lambda: ToneSource(440, level="loud"), "level"),
    ],
)
def test_what_is_no_number(make, what):
    """Told at once, by its name."""
    with pytest.raises(TypeError, match=f"{what} must be a number"):
        make()


@pytest.mark.parametrize("frequency", [0, -5, 8000, float("nan")])
def test_frequencies_that_cannot_be(frequency):
    """The message says where the border is."""
    with pytest.raises(ValueError, match="between 0 and 8000 Hz"):
        ToneSource(frequency)


@pytest.mark.parametrize("level", [0.1, float("nan")])
def test_levels_that_cannot_be(level):
    """Nothing is louder than full scale."""
    with pytest.raises(ValueError, match="at most 0 dBFS"):
        ToneSource(440, level=level)
