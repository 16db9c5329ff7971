import pytest

from voxsync.audio import Level
from voxsync.cli.meter import meter_text


@pytest.mark.parametrize(
    ("peak", "rms", "text"),
    [
        (-120.0, -120.0, "[               ] silent"),
        (-60.1, -70.0, "[               ] silent"),
        (-60.0, -70.0, "[               ] -60 dB"),
        (-52.0, -62.0, "[-|             ] -52 dB"),
        (-20.0, -40.0, "[#####----|     ] -20 dB"),
        (-20.0, -20.0, "[#########|     ] -20 dB"),
        (-1.0, -3.0, "[##############|]  -1 dB"),
        (-0.2, -9.0, "[#############-|]   0 dB"),
        (-0.1, -9.0, "[#############-|]   CLIP"),
        (0.0, 0.0, "[##############|]   CLIP"),
    ],
)
def test_what_it_shows(peak, rms, text):
    """RMS filled, peak marked and said; 15 cells of 4 dB in 24 columns."""
    assert meter_text(Level(peak, rms), 24) == text


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (0, ""),
        (6, ""),
        (7, " -12 dB"),
        (9, " -12 dB"),
        (10, "[|] -12 dB"),
        (14, "[##-| ] -12 dB"),
    ],
)
def test_how_wide_it_is(columns, text):
    """Never wider than it may be; the figure is what stays."""
    assert meter_text(Level(-12.0, -36.0), columns) == text


@pytest.mark.parametrize("columns", range(10, 80))
def test_the_width_does_not_depend_on_the_level(columns):
    """What stands behind it does not jump about."""
    for peak in range(-130, 1, 7):
        text = meter_text(Level(float(peak), min(peak, -10.0)), columns)
        assert len(text) == columns
