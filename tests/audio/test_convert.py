"""Converters between formats, and the decoders and encoders they are made of."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import voxsync.audio
from voxsync.audio import AudioFormat, Converter, Decoder, Encoder
from voxsync.audio.flac import FlacEncoder
from voxsync.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from voxsync.audio.opus import OpusDecoder, OpusEncoder
from voxsync.audio.resample import Resampler
from voxsync.errors import FormatError

PCM = AudioFormat()
PCM8 = AudioFormat(sample_rate=8000)
ULAW = AudioFormat("ulaw")
ALAW = AudioFormat("alaw")
OPUS = AudioFormat("opus")
FLAC = AudioFormat("flac")


def tone(rate, seconds=0.2, frequency=440.0):
    """A sine of half scale."""
    at = np.arange(round(rate * seconds))
    return np.rint(16384 * np.sin(at * frequency * 2 * np.pi / rate)).astype(np.int16)


def pcm(samples):
    """The samples as little-endian bytes."""
    return samples.astype("<i2").tobytes()


def stereo(left, right):
    """Two channels, interleaved."""
    return np.stack([left, right], axis=1)


@pytest.mark.parametrize(
    ("declared", "data", "samples"),
    [
        (PCM, b"\x01\x00\xfe\xff", [1, -2]),
        (AudioFormat(channels=2), b"\x04\x00\x08\x00\xff\xff\xfd\xff", [6, -2]),
        (ULAW, b"\x00\xff", [-32124, 0]),
        (ALAW, b"\xd5\x55", [8, -8]),
        (AudioFormat("ulaw", channels=2), b"\x00\xff", [-16062]),
        (PCM, b"", []),
    ],
)
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_decoder(declared, data, samples, wrap):
    """Bytes become mono int16; channels are mixed."""
    decoder = Decoder(declared)
    made = decoder.decode(wrap(data))
    assert decoder.format is declared
    assert made.dtype == np.int16
    assert made.tolist() == samples
    decoder.reset()
    assert decoder.decode(data).tolist() == samples


def test_decoder_of_opus():
    """Opus is decoded packet by packet, with a state that reset() clears."""
    packets = [OpusEncoder().encode(tone(48000, 0.02))] * 2
    reference = OpusDecoder()
    expected = [reference.decode(packet).tolist() for packet in packets]
    decoder = Decoder(OPUS)
    for _ in range(2):
        assert [decoder.decode(packet).tolist() for packet in packets] == expected
        decoder.reset()


def test_flac_is_not_decoded():
    """FLAC is refused where the decoder is made."""
    for make in (lambda: Decoder(FLAC), lambda: Converter(FLAC, PCM)):
        with pytest.raises(FormatError, match="decoding flac is not offered"):
            make()


@pytest.mark.parametrize(
    ("declared", "data"),
    [(PCM, b"abc"), (AudioFormat(channels=2), b"ab"), (OPUS, b"\xff"), (OPUS, b"")],
)
def test_what_cannot_be_decoded(declared, data):
    """A part of a frame, or of a packet, is an error and not kept."""
    for take in (Decoder(declared).decode, Converter(declared, PCM8).convert):
        with pytest.raises(FormatError, match=r"whole|packet"):
            take(data)


@pytest.mark.parametrize("data", ["text", None, np.zeros(2, np.int16)])
def test_only_bytes_are_decoded(data):
    """What is not bytes is a TypeError, arrays included."""
    with pytest.raises(TypeError, match="bytes"):
        Decoder(PCM).decode(data)


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        (PCM, b"\x01\x00\xfe\xff"),
        (AudioFormat(channels=3), b"\x01\x00" * 3 + b"\xfe\xff" * 3),
        (ULAW, ulaw_encode(np.array([1, -2], np.int16))),
        (ALAW, alaw_encode(np.array([1, -2], np.int16))),
        (AudioFormat("alaw", channels=2), b"\xd5\xd5\x55\x55"),
    ],
)
def test_encoder(declared, data):
    """Samples become bytes at once; every channel gets the same."""
    encoder, samples = Encoder(declared), np.array([1, -2], np.int16)
    assert encoder.format is declared
    assert encoder.encode(samples) == data
    assert encoder.packets(samples) == [data]
    assert encoder.packets(samples[:0]) == []
    assert encoder.encode(samples[:0]) == b""
    assert encoder.flush() == b""
    assert encoder.last_packets() == []


def test_encoder_of_flac():
    """FLAC is a stream that begins anew after flush() and reset()."""
    samples, reference = tone(16000, 0.05), FlacEncoder(16000)
    expected = reference.encode(samples), reference.flush()
    encoder = Encoder(FLAC)
    assert (encoder.encode(samples), encoder.flush()) == expected
    encoder.encode(samples)
    encoder.reset()
    assert [*encoder.packets(samples), *encoder.last_packets()] == list(expected)


@pytest.mark.parametrize(
    "declared", [AudioFormat("flac", channels=2), AudioFormat("flac", bit_depth=24)]
)
def test_kinds_of_flac_that_are_not_encoded(declared):
    """Only what int16 mono can be is encoded."""
    with pytest.raises(FormatError, match="1 channel of 16 bits"):
        Encoder(declared)


def decoded(packets):
    """The samples of Opus packets."""
    decoder = OpusDecoder()
    made = [decoder.decode(packet) for packet in packets]
    return np.concatenate(made) if made else np.zeros(0, np.int16)


def test_opus_of_20_ms_blocks():
    """Blocks of 20 ms are a packet each, and one more brings out the end."""
    encoder, reference = Encoder(OPUS), OpusEncoder()
    for block in tone(48000).reshape(-1, 960):
        assert encoder.encode(block) == reference.encode(block)
    assert encoder.last_packets() == [reference.encode(np.zeros(960, np.int16))]
    assert encoder.last_packets() == []


@pytest.mark.parametrize("size", [1, 700, 960, 1919, 9600])
def test_opus_of_any_blocks(size):
    """However the samples are cut, the packets are the same, and none is lost."""
    samples, encoder = tone(48000)[:9599], Encoder(OPUS)
    packets = []
    for at in range(0, len(samples), size):
        packets += encoder.packets(samples[at : at + size])
    assert len(packets) == 9
    packets += encoder.last_packets()
    assert len(packets) == 11  # 9599 and 312 of look-ahead are more than 10
    whole = Encoder(OPUS)
    assert packets == [*whole.packets(samples), *whole.last_packets()]
    late = OpusEncoder().look_ahead
    assert np.corrcoef(decoded(packets)[late : late + 9599], samples)[0, 1] > 0.8


def test_opus_is_no_byte_stream():
    """Two packets in one text could not be told apart: an error, not a loss."""
    encoder = Encoder(OPUS)
    with pytest.raises(FormatError, match="makes 2 packets of opus: use packets"):
        encoder.encode(np.zeros(1920, np.int16))
    encoder.reset()
    assert encoder.encode(np.zeros(900, np.int16)) == b""
    for end in (encoder.flush, Converter(PCM, OPUS).flush):
        with pytest.raises(FormatError, match=r"more than one packet: .*last_packets"):
            end()
    assert len(encoder.last_packets()) == 2
    with pytest.raises(FormatError, match="makes 3 packets of opus"):
        Converter(PCM, OPUS).convert(pcm(tone(16000, 0.07)))


@pytest.mark.parametrize("encoding", ["pcm16", "ulaw", "flac", "opus"])
def test_what_is_no_block(encoding):
    """Floats are refused by every encoder."""
    with pytest.raises(FormatError, match="block must be int16"):
        Encoder(AudioFormat(encoding)).encode(np.zeros(960))


def test_converter_knows_its_formats():
    """What was asked for can be asked."""
    made = Converter(ULAW, PCM)
    assert (made.source, made.target) == (ULAW, PCM)


@pytest.mark.parametrize(
    ("source", "target", "data", "expected"),
    [
        (PCM, PCM, b"\x01\x00", b"\x01\x00"),
        (ULAW, ALAW, b"\x00\xff", alaw_encode(ulaw_decode(b"\x00\xff"))),
        (ALAW, PCM8, b"\x2a", pcm(alaw_decode(b"\x2a"))),
        (PCM8, ULAW, b"\x01\x00", ulaw_encode(np.array([1], np.int16))),
        (AudioFormat(channels=2), PCM, b"\x01\x00\x03\x00", b"\x02\x00"),
        (PCM, AudioFormat(channels=2), b"\x01\x00", b"\x01\x00\x01\x00"),
    ],
)
def test_without_resampling(source, target, data, expected):
    """At one rate everything goes through at once."""
    converter = Converter(source, target)
    assert converter.convert(data) == expected
    assert converter.packets(data) == [expected]
    assert converter.flush() == b""
    assert converter.last_packets() == []


def test_rates_that_are_not_converted():
    """An unusual rate can be kept, and not be changed."""
    odd = AudioFormat(sample_rate=12345)
    assert Converter(odd, AudioFormat("ulaw", 12345)).convert(b"\0\0") == b"\xff"
    with pytest.raises(ValueError, match="cannot resample 12345 Hz"):
        Converter(odd, PCM)


def test_the_parts_in_their_order():
    """Decode, mix down, resample, encode: nothing else, and in this order."""
    left, right = tone(48000), tone(48000, frequency=1000.0)
    source = AudioFormat(sample_rate=48000, channels=2)
    data = pcm(stereo(left, right))
    resampler = Resampler(48000, 8000)
    mixed = Decoder(source).decode(data)
    parts = (resampler.process(mixed), resampler.flush())
    converter = Converter(source, ULAW)
    assert converter.convert(data) == ulaw_encode(parts[0])
    assert converter.flush() == ulaw_encode(parts[1])


@given(st.lists(st.integers(0, 400), max_size=6))
@settings(deadline=None, max_examples=30)
def test_the_cuts_do_not_matter(sizes):
    """Cut in any way, a stream is converted to the same, and begins anew after it."""
    data = pcm(tone(16000, frequency=300.0)[: sum(sizes)])
    converter = Converter(PCM, AudioFormat("flac", 24000))
    streams = []
    for cuts in (sizes, [sum(sizes)]):
        at, made = 0, []
        for size in cuts:
            made.append(converter.convert(data[at : at + 2 * size]))
            at += 2 * size
        streams.append(b"".join((*made, converter.flush())))
    assert streams[0] == streams[1]


def test_reset():
    """reset() forgets what is inside, in every part."""
    data = pcm(tone(8000)[:250])
    converter = Converter(PCM8, OPUS)
    first = converter.packets(data)
    converter.reset()
    assert converter.packets(data) == first
    rest = converter.last_packets()
    assert converter.packets(data) == first
    assert converter.last_packets() == rest


@pytest.mark.parametrize("target", [PCM8, ULAW, ALAW, AudioFormat(sample_rate=44100)])
@pytest.mark.parametrize("source", [PCM, AudioFormat(sample_rate=48000), ULAW])
def test_a_tone_stays_the_tone(source, target):
    """Through codecs and rates a tone keeps pitch, level and length."""
    sent = Encoder(source).encode(tone(source.sample_rate))
    converter = Converter(source, target)
    step = source.bytes_per_frame * source.sample_rate // 50
    made = [converter.convert(sent[at : at + step]) for at in range(0, len(sent), step)]
    heard = Decoder(target).decode(b"".join((*made, converter.flush())))
    assert len(heard) == pytest.approx(0.2 * target.sample_rate, abs=1)
    assert heard.std() == pytest.approx(16384 / 2**0.5, rel=0.02)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) == pytest.approx(440 * 0.2, abs=1)


def test_through_opus_and_back():
    """From a telephone to Opus packets and back: late, and otherwise the same."""
    there, back = Converter(PCM, OPUS), Converter(OPUS, PCM)
    data = pcm(tone(16000))
    packets = []
    for at in range(0, len(data), 640):
        packets += there.packets(data[at : at + 640])
    packets += there.last_packets()
    heard = b"".join([*(back.convert(packet) for packet in packets), back.flush()])
    samples = Decoder(PCM).decode(heard)
    assert len(samples) >= 3200
    assert np.argmax(np.abs(np.fft.rfft(samples[:3200]))) == 88


def test_opus_does_from_20_ms_to_20_ms():
    """With blocks of 20 ms `convert` does for Opus too: a packet each, or none yet."""
    converter, data = Converter(PCM, OPUS), pcm(tone(16000))
    made = [converter.convert(data[at : at + 640]) for at in range(0, len(data), 640)]
    assert made[0] == b""
    made += converter.last_packets()
    whole = Converter(PCM, OPUS)
    expected = [*whole.packets(data), *whole.last_packets()]
    assert [packet for packet in made if packet] == expected


@pytest.mark.parametrize("name", voxsync.audio.__all__)
def test_the_room_leads_to_its_names(name):
    """Every name of `__all__` is there, and listed."""
    assert getattr(voxsync.audio, name) is not None
    assert name in dir(voxsync.audio)


def test_the_room_has_no_others():
    """A name that is not there is an AttributeError, as everywhere."""
    with pytest.raises(AttributeError, match="no attribute 'Decoderr'"):
        voxsync.audio.Decoderr  # noqa: B018


def test_the_room_is_entered_without_numpy():
    """Who needs only the format, or a Level, does not wait for numpy."""
    program = (
        "import sys, voxsync.audio; voxsync.audio.AudioFormat(); voxsync.audio.Level();"
        "assert 'numpy' not in sys.modules; voxsync.audio.Converter; "
        "assert 'numpy' in sys.modules and 'opuslib_next' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
