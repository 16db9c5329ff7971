import wave

import pytest

from voxsync.cli.take import Take
from voxsync.media import SilenceSource, ToneSource


def test_it_takes_no_more_than_it_was_asked_to(tmp_path):
    """To the frame; then its link is over, and the file complete."""
    path = tmp_path / "x.wav"
    with Take(path, 16000, 0.25001) as take:
        link = ToneSource(440, 5, -6.0).send_media_to(take, paced=False)
        link.wait(10)
        assert take.stats.frames == 4000
        assert take.peak == pytest.approx(-6.0, abs=0.1)
        assert take.name == "x.wav"
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 4000)


def test_without_a_limit_it_takes_all(tmp_path):
    """Up to the end of what comes, at its own rate."""
    with Take(tmp_path / "x.raw", 8000, None) as take:
        SilenceSource(0.5, sample_rate=16000).send_media_to(take, paced=False).wait(10)
        assert (take.stats.frames, take.peak) == (4000, -120.0)
    assert (tmp_path / "x.raw").stat().st_size == 8000


def test_a_file_that_cannot_be_written_ends_the_link(tmp_path, monkeypatch, caplog):
    """By an exception, and by nothing else."""
    with Take(tmp_path / "x.wav", 16000, None) as take:
        full = OSError(28, "No space left on device")

        def write(data):
            raise full

        monkeypatch.setattr(take._writer, "_write", write)
        link = ToneSource(440).send_media_to(take)
        with pytest.raises(OSError, match="No space"):
            link.wait(10)
        monkeypatch.undo()
    assert caplog.records == []


def test_a_stopped_take_takes_nothing(tmp_path):
    """What was stopped meanwhile is left out."""
    import numpy as np

    with Take(tmp_path / "x.wav", 16000, None) as take:
        assert not take._put(np.zeros(10, np.int16), lambda: False)
        assert take.stats.frames == 0
