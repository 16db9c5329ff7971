"""One incoming stream: formats, gaps, late chunks, senders who count differently."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.audio import AudioFormat, Encoder
from voxsync.audio.g711 import alaw_decode, ulaw_decode
from voxsync.audio.resample import RATES
from voxsync.dialects.base import Audio, Report
from voxsync.dialects.voximplant.incoming import (
    LATE_IN_A_ROW,
    IncomingStream,
    ReceivedStats,
    declared_format,
)
from voxsync.dialects.voximplant.messages import Start
from voxsync.errors import FormatError, ProtocolError

PCM8 = AudioFormat("pcm16", 8000)
BLOCK = bytes(range(160)) * 2  # 20 ms at 8 kHz
# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stream(form=PCM8):
    return IncomingStream("voice", form, ReceivedStats())


def heard(outputs):
    """The audio of some outputs."""
    return b"".join(o.pcm for o in outputs if isinstance(o, Audio))


def told(outputs):
    """The words of some reports."""
    return [str(o.error) for o in outputs if isinstance(o, Report)]


def fed(numbers, incoming=None, size=320):
    """What comes out of chunks with these numbers, each of 20 ms."""
    incoming = incoming or stream()
    return [incoming.take(number, None, bytes([1]) * size) for number in numbers]


@pytest.mark.parametrize(
    ("declared", "rate", "form", "name"),
    [
        ("PCM8", 8000, ("pcm16", 8000), "PCM8"),
        ("PCM16", 16000, ("pcm16", 16000), "PCM16"),
        ("ULAW", 8000, ("ulaw", 8000), "ULAW"),
        ("ALAW", 8000, ("alaw", 8000), "ALAW"),
        ("OPUS", 48000, ("opus", 48000), "OPUS"),
        ("pcm16", 16000, ("pcm16", 16000), "PCM16"),
        ("audio/l16", 8000, ("pcm16", 8000), "PCM8"),
        ("audio/l16", 16000, ("pcm16", 16000), "PCM16"),
        ("L16", 24000, ("pcm16", 24000), "L16"),
        ("audio/pcm", 11025, ("pcm16", 11025), "audio/pcm"),
        ("PCM", 48_000, ("pcm16", 48_000), "PCM"),
        ("slin16", 16000, ("pcm16", 16000), "PCM16"),
        ("audio/x-mulaw", 8000, ("ulaw", 8000), "ULAW"),
        ("audio/mulaw", 8000, ("ulaw", 8000), "ULAW"),
        ("audio/basic", 8000, ("ulaw", 8000), "ULAW"),
        ("PCMU", 8000, ("ulaw", 8000), "ULAW"),
        ("mulaw", 8000, ("ulaw", 8000), "ULAW"),
        ("g711_ulaw", 8000, ("ulaw", 8000), "ULAW"),
        ("audio/x-alaw", 8000, ("alaw", 8000), "ALAW"),
        ("PCMA", 8000, ("alaw", 8000), "ALAW"),
        ("G711_ALAW", 8000, ("alaw", 8000), "ALAW"),
        ("audio/opus", 48000, ("opus", 48000), "OPUS"),
        ("audio/ogg", 48000, ("opus", 48000), "OPUS"),
        (" opus ", 48000, ("opus", 48000), "OPUS"),
    ],
)
def test_names_of_encodings(declared, rate, form, name):
    """All that Voximplant notes 2.6 name; told is what the stream really is."""
    found = declared_format(Start(encoding=declared, sample_rate=rate))
    assert found == (AudioFormat(*form), name, "")


@pytest.mark.parametrize(
    ("declared", "rate", "form", "name"),
    [
        ("PCM16", 8000, ("pcm16", 8000), "PCM8"),
        ("PCM8", 16000, ("pcm16", 16000), "PCM16"),
        ("PCM8", 24000, ("pcm16", 24000), "PCM8"),
        ("SLIN16", 8000, ("pcm16", 8000), "PCM8"),
        ("ULAW", 16000, ("ulaw", 16000), "ULAW"),
        ("pcma", 16000, ("alaw", 16000), "pcma"),
        ("OPUS", 16000, ("opus", 48000), "OPUS"),
    ],
)
def test_the_rate_counts_against_the_name(declared, rate, form, name):
    """That of Opus never; either way it is told."""
    start = Start(tag="voice", encoding=declared, sample_rate=rate)
    odd = (
        f"stream 'voice': {declared!r} is declared with a sampleRate of {rate}; it is "
        f"taken as {form[0]} at {form[1]} Hz"
    )
    assert declared_format(start) == (AudioFormat(*form), name, odd)


def test_without_a_rate_the_usual_one_is_taken():
    """And that is told."""
    form, name, odd = declared_format(Start(encoding="PCM16", sample_rate=None))
    assert (form, name) == (AudioFormat("pcm16", 16000), "PCM16")
    assert "'PCM16' is declared without a sampleRate; it is taken as pcm16" in odd


def test_encodings_that_nobody_knows():
    """They are refused; a long name does not make a long message."""
    start = Start(encoding="G722" * 1000, sample_rate=16000)
    with pytest.raises(ProtocolError, match="send PCM8, PCM16, ULAW") as caught:
        declared_format(start)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("encoding", ["PCM16", "ULAW", "audio/l16"])
@pytest.mark.parametrize("rate", [1, 7999, 12_345, 384_000])
def test_rates_that_cannot_be_played(encoding, rate):
    """They are refused at once, not by the unit that the stream flows to."""
    start = Start(tag="voice", encoding=encoding, sample_rate=rate)
    with pytest.raises(ProtocolError, match=f"a sampleRate of {rate}: send one of"):
        declared_format(start)
    for playable in RATES:
        start = Start(encoding=encoding, sample_rate=playable)
        assert declared_format(start)[0].sample_rate == playable


def test_stereo_is_mixed_down():
    """More channels nobody sends; those of Opus its decoder mixes (Jitsi's 2)."""
    start = Start(encoding="PCM16", sample_rate=16000, channels=2)
    form, name, odd = declared_format(start)
    assert (form.channels, name, odd) == (2, "PCM16", "")
    (audio,) = stream(form).take(0, 0, np.array([100, 300, -1, -3], "<i2").tobytes())
    assert np.frombuffer(audio.pcm, "<i2").tolist() == [200, -2]
    for channels in (0, 3):
        start = Start(encoding="PCM16", sample_rate=16000, channels=channels)
        with pytest.raises(ProtocolError, match=f"has {channels} channels"):
            declared_format(start)
    opus = Start(encoding="OPUS", sample_rate=48000, channels=2)
    assert declared_format(opus)[0] == AudioFormat("opus")


def test_payloads_become_audio():
    """PCM as it is, G.711 and Opus decoded, each at its rate."""
    assert stream().take(0, 0, BLOCK) == [Audio("voice", BLOCK, 8000)]
    codes = bytes(range(256))
    for name, decode in (("ulaw", ulaw_decode), ("alaw", alaw_decode)):
        (audio,) = stream(AudioFormat(name)).take(0, 0, codes)
        assert audio.sample_rate == 8000
        assert audio.pcm == decode(codes).astype("<i2").tobytes()
    (packet,) = Encoder(AudioFormat("opus")).packets(np.zeros(960, np.int16))
    (audio,) = stream(AudioFormat("opus")).take(0, 0, packet)
    assert (len(audio.pcm), audio.sample_rate) == (1920, 48000)


def test_an_empty_payload_is_nothing():
    """But its number counts."""
    incoming = stream()
    assert incoming.take(0, 0, b"") == []
    assert incoming.take(1, 0, BLOCK) == [Audio("voice", BLOCK, 8000)]
    assert (incoming.stats.messages, incoming.stats.lost) == (2, 0)


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (PCM8, b"\0\0\0"),
        (AudioFormat("pcm16", 8000, 2), bytes(6)),
        (AudioFormat("opus"), b""),
        (AudioFormat("opus"), b"\xff"),
    ],
)
def test_payloads_that_are_none(form, data):
    """They are refused, and what is missing is a loss when the next one comes."""
    incoming = stream(form)
    good = bytes(320) if form.encoding != "opus" else b"\xf8\xff\xfe"
    incoming.take(0, None, good)
    with pytest.raises(FormatError):
        incoming.take(1, None, data)
    outputs = incoming.take(2, None, good)
    stats = incoming.stats
    assert (stats.messages, stats.lost, stats.late) == (3, 1, 0)
    assert len(heard(outputs)) == 2 * (stats.concealed + stats.frames // 2)


def test_gaps_become_silence():
    """Before the chunk that shows them; told once, counted always."""
    incoming = stream()
    first, second, third = fed([7, 9, 12], incoming)
    assert (told(first), heard(first)) == ([], b"\1" * 320)
    assert isinstance(second[0], Report)
    words = (
        "stream 'voice' lost 1 chunks on its way, 160 samples of silence stand for "
        "them; this is told once, the statistics go on counting"
    )
    assert told(second) == [words]
    assert heard(second) == bytes(320) + b"\1" * 320
    assert (told(third), heard(third)) == ([], bytes(640) + b"\1" * 320)
    stats = incoming.stats
    assert (stats.lost, stats.concealed, stats.frames) == (3, 480, 480)


@pytest.mark.parametrize(
    ("before", "after", "silence"),
    [
        (0, 160 + 1, 160),  # less than a sample each: no timestamp
        (0, 160 + 2, 2),
        (0, 160 + 2000, 2000),
        (0, 160 + 16000, 8000),  # 1 s a gap at most
        (0, 160 + 16001, 160),  # more than a second each
        (0, 0, 160),
        (1000, 40, 160),
        (None, 480, 160),
        (0, None, 160),
        (None, None, 160),
        (2**64 - 200, 2**64 - 20, 20),
    ],
)
def test_timestamps_say_how_long_a_gap_is(before, after, silence):
    """Where both are there and plausible; else it is as long as what comes after it."""
    incoming = stream()
    incoming.take(5, before, BLOCK)
    outputs = incoming.take(8, after, BLOCK[:160])
    assert incoming.stats.lost == 2
    assert incoming.stats.concealed == silence
    assert heard(outputs) == bytes(2 * silence) + BLOCK[:160]


def test_a_long_gap_is_not_concealed_for_ever():
    """One second stands for it, all of it is counted."""
    incoming = stream()
    outputs = fed([0, 2**64 - 1], incoming)
    assert len(heard(outputs[1])) == 16000 + 320
    assert incoming.stats.lost == 2**64 - 2
    assert incoming.stats.concealed == 8000


def test_late_and_second_chunks_are_dropped():
    """Compared with the last one only, and counted."""
    incoming = stream()
    sizes = [len(outputs) for outputs in fed([3, 4, 4, 2, 5, 1, 1, 6, 6], incoming)]
    assert sizes == [1, 1, 0, 0, 1, 0, 0, 1, 0]
    assert (incoming.stats.late, incoming.stats.lost) == (5, 0)
    assert (incoming.stats.messages, incoming.stats.frames) == (9, 4 * 160)


def test_a_sender_that_begins_anew_is_heard():
    """Four chunks are taken for late, then its new numbers count."""
    incoming = stream()
    outputs = fed([100, 0, 1, 2, 3, 4, 5, 7, 7], incoming)
    assert [len(heard(o)) // 320 for o in outputs] == [1, 0, 0, 0, 0, 1, 1, 2, 0]
    reports = [words for o in outputs for words in told(o)]
    assert reports[0] == (
        "stream 'voice' began to count its chunks anew; 4 were taken for late"
    )
    assert "lost 1 chunks" in reports[1]
    assert (incoming.stats.late, incoming.stats.lost) == (5, 1)


@pytest.mark.parametrize("numbers", [[0] * 12, [9] + [3] * 11, [*range(20, 8, -1)]])
def test_a_sender_that_does_not_count_is_heard(numbers):
    """Four chunks are taken for late, then its numbers count no more."""
    incoming = stream()
    outputs = fed([*numbers, 50, 50], incoming)
    lost = LATE_IN_A_ROW - 1
    sizes = [len(heard(o)) // 320 for o in outputs]
    assert sizes == [1] + [0] * lost + [1] * (13 - lost)
    (words,) = (words for o in outputs for words in told(o))
    assert "does not count its chunks: from here on losses cannot be seen" in words
    assert (incoming.stats.late, incoming.stats.lost) == (lost, 0)


def test_without_numbers_all_is_heard():
    """Nothing can be missed."""
    incoming = stream()
    assert all(len(o) == 1 for o in fed([None] * 20, incoming))
    assert (incoming.stats.late, incoming.stats.lost) == (0, 0)
    fed([5, None, 6], incoming)
    assert (incoming.stats.late, incoming.stats.lost) == (0, 0)


def test_what_could_not_be_told_is_told_with_the_next():
    """The chunk that shows that a sender began anew may be one that cannot be read."""
    incoming = stream()
    fed([9, 0, 1, 2, 3], incoming)
    with pytest.raises(FormatError):
        incoming.take(4, None, b"\0")
    outputs = incoming.take(5, None, BLOCK)
    began, gap = told(outputs)
    assert "began to count" in began
    assert "lost 1 chunks" in gap
    assert heard(outputs) == bytes(320) + BLOCK


@pytest.mark.parametrize("mark", [b"RIFF", b"RIFX"])
def test_a_wav_header_is_passed_over(mark):
    """Its samples are heard, and it is told, once."""
    header = mark + bytes(4) + b"WAVEfmt " + bytes(20) + b"data" + bytes(4)
    incoming = stream()
    outputs = incoming.take(0, 0, header + BLOCK)
    assert heard(outputs) == BLOCK
    (words,) = told(outputs)
    assert "'voice' has the header of a WAV file in it, which is passed over" in words
    assert incoming.take(1, 160, header + BLOCK) == [Audio("voice", BLOCK, 8000)]
    assert incoming.take(2, 320, header[:20]) == []


def test_samples_may_look_a_little_like_a_header():
    """Only the whole mark is one, and of Opus nothing is."""
    data = b"RIFFxxxxWAVX"
    assert stream().take(0, 0, data) == [Audio("voice", data, 8000)]
    data = b"RIFFxxxxWAVE"
    with pytest.raises(FormatError, match="no Opus packet"):
        stream(AudioFormat("opus")).take(0, 0, data)


NUMBERS = st.one_of(st.none(), st.integers(0, 20), st.integers(0, 2**64 - 1))


@CALM
@given(
    st.sampled_from([PCM8, AudioFormat("ulaw"), AudioFormat("opus")]),
    st.lists(st.tuples(NUMBERS, NUMBERS, st.binary(max_size=12)), max_size=30),
)
def test_whatever_comes_is_counted_and_bounded(form, pieces):
    """Only payloads are refused; no gap makes more than a second."""
    incoming = stream(form)
    most = form.sample_rate * 2
    refused = 0
    for chunk, timestamp, data in pieces:
        try:
            outputs = incoming.take(chunk, timestamp, data)
        except FormatError:
            refused += 1
            continue
        silence = heard(outputs[:-1])
        assert silence == bytes(len(silence))
        assert len(silence) <= most
        assert len(told(outputs)) <= 3
    stats = incoming.stats
    assert stats.messages == len(pieces)
    assert stats.late + refused <= len(pieces)
    assert len(incoming._late) < LATE_IN_A_ROW
