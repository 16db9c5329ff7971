"""Audio of any message size reaches the recogniser in blocks of 20 ms."""

import pytest

from voxsync.audio import AudioFormat
from voxsync.simulators.hearing import Hearing
from voxsync.simulators.phrases import PhraseRecogniser
from voxsync.simulators.recogniser import ScriptedRecogniser


class Listener:
    """A recogniser that notes what it is fed."""

    def __init__(self):
        self.blocks = []

    def open(self, *, sample_rate, language):
        self.opened = (sample_rate, language)
        return self

    def feed(self, pcm):
        self.blocks.append(len(pcm))
        return ()

    def finish(self):
        return ()

    def close(self):
        self.blocks.append("closed")


def test_blocks_do_not_depend_on_messages():
    """20 ms each, the rest at the end; the time is that of the audio."""
    listener = Listener()
    hearing = Hearing(listener, AudioFormat(sample_rate=16000), "en")
    for size in (100, 1, 999, 900):
        assert all(not found for found in hearing.hear(bytes(size)))
    assert listener.blocks == [640, 640, 640]
    assert (hearing.fed, hearing.ms) == (1920, 60)
    hearing.rest()
    assert listener.blocks[-1] == 80
    assert listener.opened == (16000, "en")


def test_whole_samples():
    """A frame of 16 bit mono has two bytes."""
    hearing = Hearing(Listener(), AudioFormat(), "en")
    assert hearing.is_whole(4)
    assert not hearing.is_whole(5)
    assert hearing.is_right(b"anything")


def test_flac_is_for_scripts_alone():
    """There is no decoder; its marker is checked over message borders, once."""
    flac = AudioFormat("flac")
    with pytest.raises(ValueError, match="FLAC"):
        Hearing(PhraseRecogniser(["yes"]), flac, "en")
    hearing = Hearing(ScriptedRecogniser(), flac, "en")
    assert hearing.is_right(b"fL")
    assert hearing.is_right(b"aC and more")
    wrong = Hearing(ScriptedRecogniser(), flac, "en")
    assert not wrong.is_right(b"RIFF")
    assert wrong.is_right(b"RIFF")
