"""AudioFormat: what is accepted, and the MIME text both ways."""

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.audio import AudioFormat
from voxsync.errors import FormatError


def test_the_default_is_what_mimi_assumes():
    """Without arguments: 16 kHz, 16 bit, mono PCM."""
    assert AudioFormat() == AudioFormat("pcm16", 16000, 1, 16)


@pytest.mark.parametrize(
    ("encoding", "rate", "bits"),
    [("ulaw", 8000, 8), ("alaw", 8000, 8), ("opus", 48000, 16), ("flac", 16000, 16)],
)
def test_defaults_are_the_usual_of_the_encoding(encoding, rate, bits):
    """Each encoding has its own usual rate and depth."""
    assert AudioFormat(encoding) == AudioFormat(encoding, rate, 1, bits)


def test_is_a_value():
    """Formats are compared, hashed, copied, pickled and varied like other data."""
    made = AudioFormat("ulaw", 16000)
    for again in (copy.copy(made), pickle.loads(pickle.dumps(made))):
        assert again == made
        assert hash(again) == hash(made)
    assert dataclasses.replace(made, sample_rate=8000) == AudioFormat("ulaw")
    assert "encoding='ulaw', sample_rate=16000" in repr(made)


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
        (AudioFormat("ulaw"), "audio/PCMU;rate=8000;channels=1"),
        (AudioFormat("alaw", 16000, 2), "audio/PCMA;rate=16000;channels=2"),
        (AudioFormat("opus"), "audio/opus;rate=48000"),
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
        ("audio/pcm", AudioFormat()),
        ("audio/pcm;rate=24000", AudioFormat(sample_rate=24000)),
        ("audio/flac;bit=24", AudioFormat("flac", bit_depth=24)),
        ("audio/pcmu", AudioFormat("ulaw")),
        ("AUDIO/PCMA; rate=16000", AudioFormat("alaw", 16000)),
        ("audio/opus; sprop-stereo=0", AudioFormat("opus")),
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
        ("", "use one of audio/PCMA, audio/PCMU, audio/opus, audio/x-flac, .*pcm"),
        ("audio/wav", "use one of"),
        ("audio/x-pcm;rate=fast", "whole number"),
        ("audio/x-pcm;rate=-1", "whole number"),
        ("audio/x-pcm;rate=" + "9" * 5000, "whole number"),
        ("audio/x-pcm;rate=0", "sample_rate must be 1 or more"),
        ("audio/x-pcm;bit=8", "bit_depth of pcm16 is 16"),
        ("audio/L16;rate=16000", "big-endian by RFC 2586: swap the bytes"),
        ("audio/PCMU;bit=16", "bit_depth of ulaw is 8"),
        ("audio/opus;rate=16000", "sample_rate of opus is 48000"),
    ],
)
def test_from_content_type_refuses(text, words):
    """What cannot be meant is a FormatError that says what would do."""
    with pytest.raises(FormatError, match=words):
        AudioFormat.from_content_type(text)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"encoding": "mp3"}, ValueError, "use one of alaw, flac, opus, pcm16, ulaw"),
        ({"encoding": 16}, TypeError, "encoding must be a str"),
        ({"sample_rate": 16000.0}, TypeError, "sample_rate must be an int"),
        ({"channels": True}, TypeError, "channels must be an int, not bool"),
        ({"channels": 0}, ValueError, "channels must be 1 or more"),
        ({"sample_rate": -1}, ValueError, "sample_rate must be 1 or more"),
        ({"bit_depth": 24}, ValueError, "convert the samples"),
        ({"encoding": "flac", "bit_depth": 256}, ValueError, "per sample"),
        ({"encoding": "flac", "bit_depth": 3}, ValueError, "4 to 32"),
        ({"encoding": "ulaw", "bit_depth": 16}, ValueError, "bit_depth of ulaw is 8"),
        ({"encoding": "opus", "bit_depth": 8}, ValueError, "bit_depth of opus is 16"),
        ({"encoding": "opus", "sample_rate": 16000}, ValueError, "opus is 48000"),
        ({"encoding": "opus", "channels": 2}, ValueError, "channels of opus is 1"),
    ],
)
def test_wrong_values_are_refused(settings, error, words):
    """A wrong value is refused where it is written, not by the service."""
    with pytest.raises(error, match=words):
        AudioFormat(**settings)


def test_a_missing_rate_may_be_another():
    """Who knows what the other side leaves out says so; what is said counts more."""
    read = AudioFormat.from_content_type
    assert read("audio/pcm", sample_rate=24000).sample_rate == 24000
    assert read("audio/pcm;rate=8000", sample_rate=24000).sample_rate == 8000


@pytest.mark.parametrize("rate", [16000, 24000])
def test_gemini_mime_type(rate):
    """Gemini's text has the rate only, and is read back."""
    made = AudioFormat(sample_rate=rate)
    assert made.gemini_mime_type == f"audio/pcm;rate={rate}"
    assert AudioFormat.from_content_type(made.gemini_mime_type) == made


@pytest.mark.parametrize("made", [AudioFormat(channels=2), AudioFormat("ulaw")])
def test_gemini_takes_mono_pcm(made):
    """What Gemini does not take has no text for it."""
    with pytest.raises(FormatError, match=r"Gemini takes mono pcm16, not .*Converter"):
        assert made.gemini_mime_type


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("PCM8", AudioFormat("pcm16", 8000)),
        ("PCM16", AudioFormat("pcm16", 16000)),
        ("ULAW", AudioFormat("ulaw", 8000)),
        ("ALAW", AudioFormat("alaw", 8000)),
        ("OPUS", AudioFormat("opus", 48000)),
    ],
)
def test_voximplant_names(name, made):
    """The five names of VoxEngine, both ways; PCM8 has 16 bits at 8 kHz."""
    assert made.voximplant_name == name
    assert AudioFormat.from_voximplant(name) == made
    assert AudioFormat.from_voximplant(name, made.sample_rate) == made


@pytest.mark.parametrize(
    "made",
    [
        AudioFormat("pcm16", 24000),
        AudioFormat("ulaw", 16000),
        AudioFormat("pcm16", 8000, 2),
        AudioFormat("flac", 8000),
    ],
)
def test_voximplant_takes_no_others(made):
    """What VoxEngine would play as noise has no name."""
    with pytest.raises(FormatError, match="convert to mono pcm16 at 8000 Hz, pcm16"):
        assert made.voximplant_name


@pytest.mark.parametrize(
    ("names", "rate", "made"),
    [
        ("pcm8 audio/l16 Audio/PCM L16 PCM", None, AudioFormat("pcm16", 8000)),
        ("PCM8 audio/l16 PCM slin16", 16000, AudioFormat("pcm16", 16000)),
        ("PCM16 PCM8", 8000, AudioFormat("pcm16", 8000)),
        ("slin16 pcm16", None, AudioFormat("pcm16", 16000)),
        (
            "ulaw audio/x-mulaw audio/mulaw audio/basic PCMU mulaw G711_ULAW",
            None,
            AudioFormat("ulaw", 8000),
        ),
        ("ULAW audio/PCMU", 16000, AudioFormat("ulaw", 16000)),
        (
            "alaw audio/x-alaw audio/alaw PCMA audio/PCMA g711_alaw",
            8000,
            AudioFormat("alaw", 8000),
        ),
        ("opus audio/opus audio/ogg", 16000, AudioFormat("opus", 48000)),
    ],
)
def test_voximplant_aliases(names, rate, made):
    """Every name that was seen is read; the rate decides, but for Opus."""
    for name in names.split():
        assert AudioFormat.from_voximplant(name, rate) == made


@pytest.mark.parametrize(
    ("name", "rate", "words"),
    [
        ("AMR", None, "encoding 'AMR' is not known: use one of PCM8, PCM16, ULAW"),
        ("", 8000, "not known"),
        ("PCM16", 0, "sample_rate must be 1 or more"),
    ],
)
def test_from_voximplant_refuses(name, rate, words):
    """A name that means nothing, or no rate at all, is a FormatError."""
    with pytest.raises(FormatError, match=words):
        AudioFormat.from_voximplant(name, rate)


@pytest.mark.parametrize(
    ("made", "size"),
    [
        (AudioFormat(), 2),
        (AudioFormat(channels=3), 6),
        (AudioFormat("flac"), 1),
        (AudioFormat("opus"), 1),
        (AudioFormat("ulaw"), 1),
        (AudioFormat("alaw", channels=2), 2),
    ],
)
def test_bytes_per_frame(made, size):
    """A frame is one sample per channel; compressed audio has none."""
    assert made.bytes_per_frame == size


def test_seconds():
    """The duration follows from the size of raw audio."""
    assert AudioFormat().seconds(32000) == 1.0
    assert AudioFormat(sample_rate=8000, channels=2).seconds(320) == 0.01
    assert AudioFormat("ulaw").seconds(160) == 0.02
    assert AudioFormat("alaw", 16000, 2).seconds(640) == 0.02


@pytest.mark.parametrize("encoding", ["flac", "opus"])
def test_seconds_of_compressed_audio_are_unknown(encoding):
    """Compressed audio has no duration that its size would tell."""
    with pytest.raises(FormatError, match=f"duration of {encoding} .* count frames"):
        AudioFormat(encoding).seconds(1)


@given(
    st.sampled_from(["pcm16", "flac", "ulaw", "alaw"]),
    st.integers(1, 999_999_999),
    st.integers(1, 999_999_999),
)
def test_content_type_round_trip(encoding, rate, channels):
    """What is written is read back as the same format."""
    made = AudioFormat(encoding, rate, channels)
    assert AudioFormat.from_content_type(made.content_type) == made
