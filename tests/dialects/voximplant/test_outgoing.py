"""One outgoing stream: what a strict sender writes."""

import json
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.audio import AudioFormat, Decoder
from voxsync.dialects.base import OpenStream
from voxsync.dialects.voximplant.outgoing import OutgoingStream, SentStats
from voxsync.errors import FormatError

RATES = {"PCM8": 8000, "PCM16": 16000, "ULAW": 8000, "ALAW": 8000, "OPUS": 48000}
# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def opened(encoding="PCM8", tag="voice", parameters=None, side="app"):
    opening = OpenStream(tag, encoding, parameters)
    return OutgoingStream(opening, side, SentStats())


def inner(text, event="media"):
    found = json.loads(text)
    assert found["event"] == event
    return found[event]


def tone(frames):
    return (np.sin(np.arange(frames) / 9) * 8000).astype("<i2").tobytes()


@pytest.mark.parametrize(("encoding", "rate"), RATES.items())
def test_start_names_encoding_and_rate(encoding, rate):
    """The tag inside, nothing that was not given."""
    assert json.loads(opened(encoding).start()) == {
        "event": "start",
        "sequenceNumber": 0,
        "start": {
            "tag": "voice",
            "mediaFormat": {"encoding": encoding, "sampleRate": rate},
        },
    }
    assert "tag" not in inner(opened(encoding, tag="").start(), "start")


def test_the_default_is_pcm_at_8_khz():
    """VoxEngine's own."""
    form = inner(opened("").start(), "start")["mediaFormat"]
    assert form == {"encoding": "PCM8", "sampleRate": 8000}


@pytest.mark.parametrize("encoding", ["audio/l16", "pcm8", "G722", "PCM", 8])
def test_other_encodings_are_not_sent(encoding):
    """What VoxEngine would not play, or play as noise (Voximplant notes, 2.6)."""
    with pytest.raises(ValueError, match="WebSocketAudioEncoding"):
        opened(encoding)


def test_custom_parameters_are_written_as_the_side_writes_them():
    """An object from an app, JSON in a string from VoxEngine, nothing if none."""
    given_ = {"turn": "3", "n": "\u00e4"}
    app = opened(parameters=given_).start()
    assert inner(app, "start")["customParameters"] == given_
    engine = opened(parameters=given_, side="voxengine").start()
    found = inner(engine, "start")["customParameters"]
    assert isinstance(found, str)
    assert json.loads(found) == given_
    for side in ("app", "voxengine"):
        for none in (None, {}):
            text = opened(parameters=none, side=side).start()
            assert "customParameters" not in text
    with pytest.raises(TypeError, match="must be a mapping, not str"):
        opened(parameters="turn=3")


@pytest.mark.parametrize("encoding", ["PCM8", "PCM16", "ULAW", "ALAW"])
def test_media_is_20_ms_and_counted(encoding):
    """Numbers are integers; timestamps are samples, whatever the codec."""
    outgoing = opened(encoding)
    frames = RATES[encoding] // 50
    texts = outgoing.audio(tone(3 * frames + 10)) + outgoing.stop()
    *media, last, stop = map(json.loads, texts)
    width = 1 if "LAW" in encoding else 2
    for n, message in enumerate([*media, last]):
        assert message["sequenceNumber"] == n + 1
        assert message["media"]["tag"] == "voice"
        assert message["media"]["chunk"] == n
        assert message["media"]["timestamp"] == frames * n
        data = b64decode(message["media"]["payload"], validate=True)
        assert len(data) == width * (10 if message is last else frames)
    assert stop == {
        "event": "stop",
        "sequenceNumber": 5,
        "stop": {
            "tag": "voice",
            "mediaInfo": {
                "bytesSent": width * (3 * frames + 10),
                "duration": 60 + 10_000 // RATES[encoding],
            },
        },
    }
    assert all(type(m["media"]["timestamp"]) is int for m in media)


def test_opus_goes_in_packets():
    """Of 960 samples each; what is inside the codec comes out at the end."""
    outgoing = opened("OPUS")
    pcm = tone(960 * 4 + 100)
    texts = outgoing.audio(pcm[:1000]) + outgoing.audio(pcm[1000:])
    assert len(texts) == 4
    *rest, stop = outgoing.stop()
    decoder = Decoder(AudioFormat("opus"))
    heard = sent = 0
    for n, text in enumerate(texts + rest):
        media = inner(text)
        assert (media["chunk"], media["timestamp"]) == (n, 960 * n)
        data = b64decode(media["payload"])
        heard += len(decoder.decode(data))
        sent += len(data)
    assert heard >= 960 * 4 + 100 + 312
    info = inner(stop, "stop")["mediaInfo"]
    assert info == {"bytesSent": sent, "duration": heard // 48}


def test_a_stream_without_audio():
    """Start and stop, no media."""
    for encoding in RATES:
        (stop,) = opened(encoding, tag="").stop()
        assert json.loads(stop) == {
            "event": "stop",
            "sequenceNumber": 1,
            "stop": {"mediaInfo": {"bytesSent": 0, "duration": 0}},
        }


def test_half_a_sample_is_refused():
    """Nothing of it was taken."""
    outgoing = opened()
    with pytest.raises(FormatError, match="3 bytes are not whole"):
        outgoing.audio(b"\0\0\0")
    assert len(outgoing.audio(bytes(320))) == 1


@CALM
@given(st.sampled_from(["PCM8", "PCM16"]), st.lists(st.integers(0, 900), max_size=12))
def test_how_audio_is_cut_makes_no_difference(encoding, sizes):
    """The messages are those of the audio in one piece; each sample is in one."""
    pcm = tone(sum(sizes))
    whole = opened(encoding)
    expected = whole.audio(pcm) + whole.stop()
    outgoing, texts, at = opened(encoding), [], 0
    for size in sizes:
        texts += outgoing.audio(pcm[2 * at : 2 * (at + size)])
        at += size
    assert texts + outgoing.stop() == expected
    data = b"".join(b64decode(inner(text)["payload"]) for text in expected[:-1])
    assert data == pcm


def test_streams_of_a_tag_are_counted_together():
    """Encoding and rate are the last one's."""
    stats = SentStats()
    for encoding, size in (("PCM8", 320), ("ULAW", 640)):
        outgoing = OutgoingStream(OpenStream("voice", encoding), "app", stats)
        outgoing.audio(bytes(size))
        outgoing.stop()
    assert stats == SentStats("ULAW", 8000, messages=3, frames=480, bytes=640)
