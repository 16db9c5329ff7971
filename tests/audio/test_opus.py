"""Opus packets, with the real library; and what is said when it is missing."""

import subprocess
import sys

import numpy as np
import pytest

from voxsync.audio import opus
from voxsync.audio.opus import PACKET_FRAMES, OpusDecoder, OpusEncoder
from voxsync.errors import FormatError, MissingExtra


def tone(seconds=1.0, frequency=440.0):
    """A sine at 48 kHz."""
    at = np.arange(int(48000 * seconds))
    return np.rint(8000 * np.sin(at * frequency * 2 * np.pi / 48000)).astype(np.int16)


def blocks(samples):
    """The samples in blocks of 20 ms."""
    return samples.reshape(-1, PACKET_FRAMES)


def test_round_trip():
    """A tone comes back as that tone, later by the look-ahead."""
    encoder, decoder = OpusEncoder(64_000), OpusDecoder()
    sent = tone()
    heard = np.concatenate([decoder.decode(encoder.encode(b)) for b in blocks(sent)])
    assert heard.dtype == np.int16
    assert len(heard) == len(sent)
    late = encoder.look_ahead
    assert 0 < late < PACKET_FRAMES
    both = np.corrcoef(sent[4800 : 48000 - late], heard[4800 + late :])
    assert both[0, 1] > 0.9
    assert np.argmax(np.abs(np.fft.rfft(heard))) == 440
    assert heard[4800:].std() == pytest.approx(sent.std(), rel=0.1)


def test_one_packet_for_20_ms():
    """A block is a packet is a block; the bit rate is about what was asked for."""
    noise = np.random.default_rng(2).normal(0, 3000, 48000).astype(np.int16)
    sizes = {}
    for bit_rate in (12_000, 24_000, 96_000):
        encoder = OpusEncoder(bit_rate=bit_rate)
        sizes[bit_rate] = sum(len(encoder.encode(block)) for block in blocks(noise))
        assert sizes[bit_rate] * 8 == pytest.approx(bit_rate, rel=0.3)


@pytest.mark.parametrize("bit_rate", [5999, 510_001, 0, -1])
def test_bit_rates_that_opus_has_not(bit_rate):
    """A bit rate out of range is refused."""
    with pytest.raises(ValueError, match=f"6000 to 510000 .* not {bit_rate}"):
        OpusEncoder(bit_rate)


@pytest.mark.parametrize("frames", [0, 320, 959, 961, 1920])
def test_other_lengths_are_refused(frames):
    """A block of another length than 20 ms is no packet."""
    with pytest.raises(FormatError, match=f"960 frames .* not {frames}"):
        OpusEncoder().encode(np.zeros(frames, np.int16))


def test_what_is_no_block():
    """Floats are refused."""
    with pytest.raises(FormatError, match="block must be int16"):
        OpusEncoder().encode(np.zeros(960))


def test_the_other_byte_order():
    """The samples count, not how the array keeps them."""
    block = tone(0.02)
    assert OpusEncoder().encode(block.astype(">i2")) == OpusEncoder().encode(block)


def test_a_lost_packet_is_concealed():
    """For a lost packet 20 ms are made up that go on as it sounded."""
    encoder, decoder = OpusEncoder(64_000), OpusDecoder()
    for block in blocks(tone(0.2)):
        heard = decoder.decode(encoder.encode(block))
    made_up = decoder.decode(None)
    assert made_up.shape == (PACKET_FRAMES,)
    assert made_up.std() > 0.3 * heard.std()


def test_a_loss_at_the_start_is_silence():
    """Before the first packet there is nothing to go on with."""
    assert OpusDecoder().decode(None).tolist() == [0] * PACKET_FRAMES


@pytest.mark.parametrize("packet", [b"\xff", b"\xff\xff", b"\x03\xff", b"\x01abc"])
def test_a_corrupted_packet(packet):
    """What cannot be a packet is a FormatError, and the next packet is decoded."""
    decoder = OpusDecoder()
    with pytest.raises(FormatError, match=r"are no Opus packet .corrupted stream"):
        decoder.decode(packet)
    assert len(decoder.decode(OpusEncoder().encode(tone(0.02)))) == PACKET_FRAMES


def test_an_empty_packet():
    """No bytes are no packet; a loss is None."""
    with pytest.raises(FormatError, match="give None for a loss"):
        OpusDecoder().decode(b"")


def test_random_bytes():
    """Whatever comes in, it is samples or a FormatError."""
    random, decoder, refused = np.random.default_rng(3), OpusDecoder(), 0
    for size in range(1, 300):
        try:
            assert decoder.decode(random.bytes(size)).dtype == np.int16
        except FormatError:
            refused += 1
    assert 0 < refused < 299


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_other_durations(wrap):
    """A peer may put more into a packet, or less: RFC 6716's code 1 has two frames."""
    packet = OpusEncoder().encode(tone(0.02))
    toc, frame = packet[0], packet[1:]
    assert toc & 3 == 0
    twice = bytes((toc | 1,)) + frame * 2
    assert OpusDecoder().decode(wrap(twice)).shape == (2 * PACKET_FRAMES,)


def test_reset():
    """After reset() both ends are as new."""
    encoder, decoder = OpusEncoder(), OpusDecoder()
    first = [encoder.encode(block) for block in blocks(tone(0.1))]
    heard = [decoder.decode(packet).tolist() for packet in first]
    encoder.reset()
    decoder.reset()
    assert [encoder.encode(block) for block in blocks(tone(0.1))] == first
    assert [decoder.decode(packet).tolist() for packet in first] == heard


@pytest.fixture
def forgotten():
    """The library is looked for again, before and after."""
    opus._library.cache_clear()
    yield
    opus._library.cache_clear()


@pytest.mark.parametrize("end", [OpusEncoder, OpusDecoder])
def test_without_the_package(end, monkeypatch, forgotten):
    """Where the package is missing, the error names the extra."""
    monkeypatch.setitem(sys.modules, "opuslib_next", None)
    with pytest.raises(MissingExtra, match=r"pip install 'voxsync\[opus\]'"):
        end()


def test_without_libopus(monkeypatch, forgotten):
    """A package that finds no libopus raises its own; that is a missing extra too."""

    def import_module(name):
        raise Exception(f"{name}: could not find Opus library")

    monkeypatch.setattr(opus, "import_module", import_module)
    with pytest.raises(MissingExtra, match="opuslib-next-bundled") as caught:
        OpusDecoder()
    assert "could not find" in str(caught.value.__cause__)


def test_is_imported_when_used():
    """Importing the module does not import the library."""
    program = "import sys, voxsync.audio.opus; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = run.stdout.split()
    assert "voxsync.audio.opus" in loaded
    assert "opuslib_next" not in loaded
