"""The FLAC encoder, judged by the reference decoder."""

import functools
import shutil
import subprocess
import wave
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxsync.audio import flac
from voxsync.audio.flac import FlacEncoder
from voxsync.errors import FormatError

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000]
HEADER_BYTES = 42
MOST = 0.62  # of the PCM bytes, for speech


def reference_decode(stream):
    """What `flac -d` makes of a stream; it checks every CRC."""
    program = shutil.which("flac")
    assert program, "the reference decoder is missing: apt-get install flac"
    raw = ("--force-raw-format", "--endian=little", "--sign=signed")
    found = subprocess.run(
        [program, "-d", "-s", "-c", *raw, "-"],
        input=stream,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    # Silent, but for an MD5 that a stream cannot have.
    assert b"ERROR" not in found.stderr
    return np.frombuffer(found.stdout, "<i2")


def encode(samples, rate=16000):
    """The whole stream of these samples, given at once."""
    encoder = FlacEncoder(rate)
    return encoder.encode(samples) + encoder.flush()


@functools.cache
def speech():
    """The recording that the simulators come with: 28 s at 16 kHz."""
    path = resources.files("voxsync.simulators") / "data/sense_and_sensibility.wav"
    with path.open("rb") as file, wave.open(file) as source:
        assert source.getparams()[:3] == (1, 2, 16000)
        return np.frombuffer(source.readframes(source.getnframes()), "<i2")


def test_speech():
    """Speech comes back bit by bit, and takes at most 0.62 of its PCM bytes."""
    encoder = FlacEncoder(16000)
    samples = speech()
    made = [
        encoder.encode(samples[at : at + 320]) for at in range(0, len(samples), 320)
    ]
    stream = b"".join((*made, encoder.flush()))
    assert len(stream) < MOST * samples.nbytes
    assert np.array_equal(reference_decode(stream), samples)


def test_one_frame_per_block():
    """Each block of 20 ms leaves at once, the header in front of the first."""
    encoder = FlacEncoder(16000)
    first, second = (encoder.encode(speech()[at : at + 320]) for at in (0, 320))
    assert first[:8] == b"fLaC\x80\x00\x00\x22"
    assert first[HEADER_BYTES : HEADER_BYTES + 2] == b"\xff\xf8"
    assert second[:2] == b"\xff\xf8"
    assert encoder.flush() == b""


def sounds():
    """What is hard to encode, each longer than some blocks at any rate."""
    count = 5000
    random = np.random.default_rng(1)
    alternating = np.where(np.arange(count) % 2, 32767, -32767)
    impulses = np.zeros(count)
    impulses[[0, 319, 320, 1000, 1003, 4999]] = 32767, -32768, 32767, 1, -32768, -1
    made = {
        "full-scale noise": random.integers(-32768, 32768, count),
        "soft noise": random.integers(-3, 4, count),
        "alternating": alternating,
        "extremes": np.where(random.integers(0, 2, count), 32767, -32768),
        "impulses": impulses,
        "silence": np.zeros(count),
        "constant": np.full(count, -32768),
        "square": np.where(np.arange(count) // 40 % 2, 32767, -32768),
        "ramp": np.arange(count) * 13 - 32768,
        "sine": np.rint(32767 * np.sin(np.arange(count) / 7)),
        "late step": np.repeat([0, 32767], [count - 1, 1]),
    }
    return {name: samples.astype(np.int16) for name, samples in made.items()}


SOUNDS = sounds()


@pytest.mark.parametrize("sound", SOUNDS)
def test_everything_can_be_encoded(sound):
    """No sound is too wild; none grows by more than the frames' headers."""
    samples = SOUNDS[sound]
    stream = encode(samples)
    assert np.array_equal(reference_decode(stream), samples)
    assert len(stream) <= samples.nbytes + HEADER_BYTES + 16 * 12


def test_silence_is_small():
    """A constant block is a header and one sample."""
    assert len(encode(SOUNDS["silence"])) < 0.03 * SOUNDS["silence"].nbytes


@pytest.mark.parametrize("rate", [*RATES, 500, 88200, 96000, 200_000, 1_048_575])
def test_rates(rate):
    """Every rate is told to the decoder, also those without a code of their own."""
    samples = np.concatenate([speech()[: rate // 10], SOUNDS["full-scale noise"]])
    stream = encode(samples, rate)
    assert int.from_bytes(stream[18:22], "big") >> 12 == rate
    assert np.array_equal(reference_decode(stream), samples)


@pytest.mark.parametrize("rate", RATES)
def test_less_than_a_block_is_held_back(rate):
    """What is not 20 ms yet waits; one sample more, and it leaves."""
    encoder = FlacEncoder(rate)
    assert encoder.block_frames == rate // 50
    block = speech()[: encoder.block_frames]
    assert encoder.encode(block[:-1]) == b""
    assert encoder.encode(block[:0]) == b""
    assert len(encoder.encode(block[-1:])) > HEADER_BYTES


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 15, 16, 17, 18, 20, 319, 321, 325])
def test_the_last_frame_is_shorter(count):
    """Any number of samples may be left at the end."""
    for sound in ("full-scale noise", "sine", "silence"):
        samples = SOUNDS[sound][:count]
        assert np.array_equal(reference_decode(encode(samples)), samples)


def test_no_audio_is_a_header():
    """A stream without audio is valid, and empty."""
    stream = FlacEncoder(16000).flush()
    assert len(stream) == HEADER_BYTES
    assert reference_decode(stream).size == 0


@pytest.mark.parametrize("again", ["flush", "reset"])
def test_a_new_stream(again):
    """After the end the next block begins a stream of its own."""
    encoder = FlacEncoder(16000)
    encoder.encode(speech()[:999])
    getattr(encoder, again)()
    stream = encoder.encode(speech()[:1000]) + encoder.flush()
    assert stream == encode(speech()[:1000])


@given(st.lists(st.integers(0, 700), max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_cuts_do_not_matter(sizes):
    """However the samples are handed over, the stream is the same."""
    encoder = FlacEncoder(16000)
    at, made = 0, []
    for size in sizes:
        buffer = speech()[8000 + at : 8000 + at + size].copy()
        made.append(encoder.encode(buffer))
        buffer[:] = 99  # what was taken does not follow
        at += size
    assert b"".join((*made, encoder.flush())) == encode(speech()[8000 : 8000 + at])


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=400), st.integers(0, 15)
)
@settings(max_examples=25, deadline=None)
def test_any_samples(values, shift):
    """Whatever the samples are, they come back."""
    samples = np.array(values, np.int16) >> shift
    assert np.array_equal(reference_decode(encode(samples)), samples)


def test_the_other_byte_order():
    """The samples count, not how the array keeps them."""
    samples = SOUNDS["sine"]
    assert encode(samples.astype(">i2")) == encode(samples)


def test_many_frames():
    """Frame numbers of one, two and three bytes are understood."""
    samples = np.repeat(np.arange(2100, dtype=np.int16), 160)
    assert np.array_equal(reference_decode(encode(samples, 8000)), samples)


@given(st.integers(0, 0x10FFFF).filter(lambda n: not 0xD800 <= n < 0xE000))
def test_numbers_are_coded_as_utf_8(number):
    """As far as there are characters, a number is coded like one."""
    assert flac._coded_number(number) == chr(number).encode()


def test_the_largest_numbers():
    """Beyond the characters, a number takes up to seven bytes."""
    assert flac._coded_number(2**31 - 1) == b"\xfd" + b"\xbf" * 5
    assert flac._coded_number(2**36 - 1) == b"\xfe" + b"\xbf" * 6


@pytest.mark.parametrize("rate", [0, -1, 2**20])
def test_rates_that_flac_has_not(rate):
    """A rate that the header has no room for is refused."""
    with pytest.raises(ValueError, match="1 to 1048575 Hz"):
        FlacEncoder(rate)


def test_only_16_bits():
    """Blocks are int16, so the stream is."""
    assert FlacEncoder(16000, bits=16).block_frames == 320
    with pytest.raises(ValueError, match="bits must be 16, not 24"):
        FlacEncoder(16000, bits=24)


def test_what_is_no_block():
    """Floats and several channels are refused."""
    with pytest.raises(FormatError, match="block must be int16"):
        FlacEncoder(16000).encode(np.zeros(3))
    with pytest.raises(FormatError, match="block must be mono"):
        FlacEncoder(16000).encode(np.zeros((3, 2), np.int16))
