"""AudioFormat: what is accepted, and the MIME text both ways."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.audio import AudioFormat
from voxsync.errors import FormatError


def test_the_default_is_what_mimi_assumes():
    """Without arguments: 16 kHz, 16 bit, mono PCM."""
    assert AudioFormat() == AudioFormat("pcm16", 16000, 1, 16)


def test_is_frozen():
    """A format that a session was made with does not change under it."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        AudioFormat().sample_rate = 8000


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (AudioFormat(), "audio/x-pcm;bit=16;rate=16000;channels=1"),
        (
            AudioFormat(sample_rate=48000, channels=2),
            "audio/x-pcm;bit=16;rate=48000;channels=2",
        ),
        (
            AudioFormat("flac", bit_depth=24),
            "audio/x-flac;bit=24;rate=16000;channels=1",
        ),
    ],
)
def test_content_type(made, text):
    """The MIME text is the official SDK's, without spaces."""
    assert made.content_type == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("audio/x-pcm;bit=16;rate=8000;channels=2", AudioFormat("pcm16", 8000, 2)),
        (
            " Audio/X-PCM ; BIT = 16 ; Rate=44100 ",
            AudioFormat(sample_rate=44100),
        ),
        ('audio/x-flac;channels="1";rate="48000"', AudioFormat("flac", 48000)),
        ("audio/x-pcm", AudioFormat()),
        ("audio/x-pcm;;endian=little;rate", None),
        ("audio/x-pcm;endian=little;", AudioFormat()),
    ],
)
def test_from_content_type_is_tolerant(text, made):
    """Spaces, case, quotes, order, unknown and missing parameters do not matter."""
    if made is None:
        with pytest.raises(FormatError, match="rate=16000"):
            AudioFormat.from_content_type(text)
    else:
        assert AudioFormat.from_content_type(text) == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "use one of audio/x-flac, audio/x-pcm"),
        ("audio/wav", "use one of"),
        ("audio/x-pcm;rate=fast", "whole number"),
        ("audio/x-pcm;rate=-1", "whole number"),
        ("audio/x-pcm;rate=" + "9" * 5000, "whole number"),
        ("audio/x-pcm;rate=0", "sample_rate must be 1 or more"),
        ("audio/x-pcm;bit=8", "bit_depth of pcm16 is 16"),
    ],
)
def test_from_content_type_refuses(text, words):
    """What cannot be meant is a FormatError that says what would do."""
    with pytest.raises(FormatError, match=words):
        AudioFormat.from_content_type(text)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"encoding": "mp3"}, ValueError, "use one of flac, pcm16"),
        ({"encoding": 16}, TypeError, "encoding must be a str"),
        ({"sample_rate": 16000.0}, TypeError, "sample_rate must be an int"),
        ({"channels": True}, TypeError, "channels must be an int, not bool"),
        ({"channels": 0}, ValueError, "channels must be 1 or more"),
        ({"sample_rate": -1}, ValueError, "sample_rate must be 1 or more"),
        ({"bit_depth": 24}, ValueError, "convert the samples"),
        ({"encoding": "flac", "bit_depth": 256}, ValueError, "per sample"),
        ({"encoding": "flac", "bit_depth": 3}, ValueError, "4 to 32"),
    ],
)
def test_wrong_values_are_refused(settings, error, words):
    """A wrong value is refused where it is written, not by the service."""
    with pytest.raises(error, match=words):
        AudioFormat(**settings)


@pytest.mark.parametrize(
    ("made", "size"),
    [(AudioFormat(), 2), (AudioFormat(channels=3), 6), (AudioFormat("flac"), 1)],
)
def test_bytes_per_frame(made, size):
    """A frame is one sample per channel; flac may be cut anywhere."""
    assert made.bytes_per_frame == size


def test_seconds():
    """The duration follows from the size of raw audio."""
    assert AudioFormat().seconds(32000) == 1.0
    assert AudioFormat(sample_rate=8000, channels=2).seconds(320) == 0.01


def test_seconds_of_flac_are_unknown():
    """Compressed audio has no duration that its size would tell."""
    with pytest.raises(FormatError, match="count frames"):
        AudioFormat("flac").seconds(1)


@given(
    st.sampled_from(["pcm16", "flac"]),
    st.integers(1, 999_999_999),
    st.integers(1, 999_999_999),
)
def test_content_type_round_trip(encoding, rate, channels):
    """What is written is read back as the same format."""
    made = AudioFormat(encoding, rate, channels)
    assert AudioFormat.from_content_type(made.content_type) == made
