"""G.711 against its definition and, where Python still has it, against audioop."""

import bisect
import hashlib
import importlib
import sys
import warnings

import numpy as np
import pytest

from voxsync.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from voxsync.errors import FormatError

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))
# SHA-256 of the codes of all samples from -32768 to 32767, and of the samples of all
# codes from 0 to 255 (little-endian), as audioop of CPython 3.11 makes them.
GOLDEN = {
    "ulaw": (
        "81d633c9e6972a18c74a58720b96cb8ca0bdd096d4060b646dd708c3b846019a",
        "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
    ),
    "alaw": (
        "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b",
        "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
    ),
}
CODECS = {"ulaw": (ulaw_encode, ulaw_decode), "alaw": (alaw_encode, alaw_decode)}


def ulaw_levels():
    """The recommendation's table 2a in its own units (14 bits): 8 x 16 intervals.

    Returns the lower border of each interval and the value it is decoded to.
    """
    borders, values, at = [], [], 0
    for segment in range(8):
        step = 2 << segment
        for place in range(16):
            borders.append(at)
            # The very first interval is half as wide and decoded to zero.
            width = 1 if segment == place == 0 else step
            values.append(0 if segment == place == 0 else at + step // 2)
            at += width
    return borders, values


def alaw_levels():
    """The recommendation's table 1a, in steps of 13 bits: 8 x 16 intervals."""
    borders, values, at = [], [], 0
    for segment in range(8):
        step = 2 << max(segment - 1, 0)
        for _ in range(16):
            borders.append(at)
            values.append(at + step / 2)
            at += step
    return borders, values


LEVELS = {"ulaw": ulaw_levels(), "alaw": alaw_levels()}


def reference_encode(law, sample):
    """The code of one sample, by looking up its interval."""
    level = sample // (4 if law == "ulaw" else 8)
    # A-law has no zero: its two innermost intervals meet there.
    magnitude = abs(level) if law == "ulaw" or level >= 0 else -level - 1
    character = bisect.bisect_right(LEVELS[law][0], magnitude) - 1
    if law == "ulaw":
        return (character | (0x80 if level < 0 else 0)) ^ 0xFF
    return (character | (0x80 if level >= 0 else 0)) ^ 0x55


def reference_decode(law, code):
    """The sample of one code."""
    if law == "ulaw":
        code ^= 0xFF
        return 4 * LEVELS[law][1][code & 0x7F] * (-1 if code & 0x80 else 1)
    code ^= 0x55
    return 8 * LEVELS[law][1][code & 0x7F] * (1 if code & 0x80 else -1)


@pytest.mark.parametrize("law", CODECS)
def test_every_code_is_the_recommendations(law):
    """All 256 codes are decoded to the values of ITU-T G.711."""
    made = CODECS[law][1](EVERY_CODE)
    assert made.dtype == np.int16
    assert made.tolist() == [reference_decode(law, code) for code in EVERY_CODE]


@pytest.mark.parametrize("law", CODECS)
def test_every_sample_is_the_recommendations(law):
    """All 65,536 samples get the code of their interval in ITU-T G.711."""
    expected = bytes(reference_encode(law, sample) for sample in EVERY_SAMPLE.tolist())
    assert CODECS[law][0](EVERY_SAMPLE) == expected


@pytest.mark.parametrize("law", CODECS)
def test_golden_checksums(law):
    """All codes and samples are those that audioop made while Python had it."""
    encode, decode = CODECS[law]
    made = (encode(EVERY_SAMPLE), decode(EVERY_CODE).astype("<i2").tobytes())
    assert tuple(hashlib.sha256(part).hexdigest() for part in made) == GOLDEN[law]


if sys.version_info < (3, 13):

    @pytest.mark.parametrize("law", CODECS)
    def test_equals_audioop(law):
        """All samples and codes are those of the module that Python had until 3.12."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            audioop = importlib.import_module("audioop")
        encode, decode = CODECS[law]
        linear = EVERY_SAMPLE.tobytes()
        assert encode(EVERY_SAMPLE) == getattr(audioop, f"lin2{law}")(linear, 2)
        expected = getattr(audioop, f"{law}2lin")(EVERY_CODE, 2)
        assert decode(EVERY_CODE).tobytes() == expected


@pytest.mark.parametrize("law", CODECS)
def test_codes_come_back(law):
    """Decoded and encoded again, a code stays, but for mu-law's second zero."""
    encode, decode = CODECS[law]
    again = bytearray(encode(decode(EVERY_CODE)))
    if law == "ulaw":
        assert again[0x7F] == 0xFF
        again[0x7F] = 0x7F
    assert again == EVERY_CODE


@pytest.mark.parametrize("law", CODECS)
@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_buffers(law, wrap):
    """Any buffer is decoded; the samples are the caller's to change."""
    samples = CODECS[law][1](wrap(b"\x00\xff"))
    samples[:] = 0
    assert CODECS[law][1](wrap(b"")).size == 0


@pytest.mark.parametrize("law", CODECS)
def test_any_block(law):
    """Gaps and the other byte order do not matter; no samples are no bytes."""
    encode, _ = CODECS[law]
    block = np.array([[5, 0], [-700, 0], [30000, 0]], np.int16)
    expected = encode(np.array([5, -700, 30000], np.int16))
    assert encode(block[:, 0]) == expected
    assert encode(block[:, 0].astype(">i2")) == expected
    assert encode(np.zeros(0, np.int16)) == b""


@pytest.mark.parametrize("law", CODECS)
def test_what_is_no_block(law):
    """Floats and several channels are refused."""
    with pytest.raises(FormatError, match="block must be int16"):
        CODECS[law][0](np.zeros(3))
    with pytest.raises(FormatError, match="block must be mono"):
        CODECS[law][0](np.zeros((3, 2), np.int16))
