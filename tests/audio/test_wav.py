"""Headers of WAV files, right, wrong and malicious; samples of every kind."""

import io
import math
import random
import re
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.wav_files import by_wave, chunk, layout, riff, wav
from voxsync.audio.g711 import alaw_decode, ulaw_decode
from voxsync.audio.wav import (
    ENCODINGS,
    HEADER_LIMIT,
    MOST_DATA_BYTES,
    WavHeader,
    decode,
    pack_header,
    parse_header,
)
from voxsync.errors import FormatError

FMT = chunk(b"fmt ", layout())
DATA = chunk(b"data", b"abcd")
NOT_TOLD = 0xFFFFFFFF


class Counted:
    """Bytes that are read once, and how many were."""

    def __init__(self, data):
        self.file = io.BytesIO(data)
        self.asked = 0

    def read(self, size):
        self.asked += size
        assert self.asked <= HEADER_LIMIT
        return self.file.read(size)


def parse(data):
    """The header of these bytes; reading too much fails."""
    counted = Counted(data)
    header = parse_header(counted.read)
    assert header.data_offset == counted.asked
    return header


def refusal(data):
    """Why these bytes are refused; it must be one line that says something."""
    with pytest.raises(FormatError) as caught:
        parse(data)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_a_plain_header():
    """What everybody writes: 44 bytes, then samples."""
    header = parse(wav(b"abcd", channels=2, rate=44100))
    assert header == WavHeader(
        encoding="pcm16",
        sample_rate=44100,
        channels=2,
        bits=16,
        data_offset=44,
        data_bytes=4,
    )
    assert header.frame_bytes == 4


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_headers_by_the_standard_library(width, channels):
    """What `wave` writes is understood."""
    file = io.BytesIO()
    by_wave(file, bytes(width * channels * 5), channels, width, 192_000)
    header = parse(file.getvalue())
    assert (header.bits, header.channels) == (width * 8, channels)
    assert header.encoding == f"pcm{width * 8}"
    assert header.sample_rate == 192_000
    assert header.data_bytes == width * channels * 5


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("tag", "bits", "encoding"),
    [
        (1, 1, "pcm8"),
        (1, 8, "pcm8"),
        (1, 12, "pcm16"),
        (1, 16, "pcm16"),
        (1, 20, "pcm24"),
        (1, 24, "pcm24"),
        (1, 32, "pcm32"),
        (3, 32, "float32"),
        (3, 64, "float64"),
        (6, 8, "alaw"),
        (7, 8, "ulaw"),
    ],
)
def test_encodings(tag, bits, encoding, extensible):
    """Every kind of sample, by the plain and by the extensible header."""
    header = parse(wav(b"", tag=tag, bits=bits, extensible=extensible, channels=3))
    assert (header.encoding, header.bits) == (encoding, bits)
    assert header.frame_bytes == 3 * ENCODINGS[encoding]


@pytest.mark.parametrize(
    "before",
    [
        [chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf5\0")],
        [chunk(b"JUNK", b"")],
        [chunk(b"JUNK", b"odd")],
        [chunk(b"bext", bytes(602)), chunk(b"PAD ", bytes(4000))],
        [chunk(b"\0\0\0\0", b"")] * 50,
        [chunk(b"ds64", b"of no meaning here")],
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_chunks_of_others_are_passed_over(before, first):
    """Before the format or behind it, odd, empty or with strange names."""
    parts = [*before, FMT] if first else [FMT, *before]
    header = parse(riff(*parts, DATA))
    assert header.data_bytes == 4
    assert header.data_offset == len(riff(*parts)) + 8


@pytest.mark.parametrize("extra", [b"\0\0", b"\0", bytes(100)])
def test_a_longer_format(extra):
    """More than the 16 bytes that are needed."""
    body = layout(extra=extra)
    assert parse(riff(chunk(b"fmt ", body), DATA)).data_bytes == 4


@pytest.mark.parametrize("extra", [b"", chunk(b"data", b"efgh"), chunk(b"LIST", b"x")])
def test_the_first_data_chunk_counts(extra):
    """What stands behind it is nobody's business."""
    assert parse(riff(FMT, DATA, extra)).data_bytes == 4


@pytest.mark.parametrize(
    ("size", "riff_size", "told"),
    [
        (4, None, 4),
        (4, 0, 4),
        (5, None, 5),
        (1_000_000, None, 1_000_000),
        (NOT_TOLD, None, None),
        (NOT_TOLD, NOT_TOLD, None),
        (0, 0, None),  # whoever wrote it was killed
        (0, 36, None),  # the same, by the standard library
        (0, NOT_TOLD, None),  # a pipe
        (0, 37, 0),  # something follows: there are no samples
        (0, 1000, 0),
    ],
)
def test_sizes(size, riff_size, told):
    """The size as it is told, or that none is."""
    data = chunk(b"data", b"abcd", size)
    assert parse(riff(FMT, data, size=riff_size)).data_bytes == told


@pytest.mark.parametrize("mark", [b"RF64", b"BW64"])
@pytest.mark.parametrize(
    ("in_data", "long", "told"),
    [
        (NOT_TOLD, 2**33, 2**33),
        (4, 2**33, 4),
        (NOT_TOLD, 0, 0),
        (NOT_TOLD, NOT_TOLD, None),
    ],
)
def test_sizes_beyond_32_bits(mark, in_data, long, told):
    """A ds64 chunk has the sizes that the others have no room for."""
    sizes = chunk(b"ds64", struct.pack("<QQQI", 2**33 + 72, long, 0, 0))
    data = chunk(b"data", b"", in_data)
    header = parse(riff(sizes, FMT, data, mark=mark, size=NOT_TOLD))
    assert header.data_bytes == told
    assert header.data_offset == len(riff(sizes, FMT)) + 8


def test_a_long_file_that_was_never_finished():
    """Its sizes were to be filled in."""
    data = chunk(b"data", b"", NOT_TOLD)
    sizes = chunk(b"ds64", bytes(28))
    assert parse(riff(sizes, FMT, data, mark=b"RF64")).data_bytes is None
    assert parse(riff(FMT, data, mark=b"RF64")).data_bytes is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"hello world, this is text", "not a WAV file"),
        (b"R", "not a WAV file"),
        (bytes(100_000), "not a WAV file"),
        (b"RIFF\0\0\0\0AVI LIST", "a RIFF, but not a WAV file"),
        (b"RIFX\0\0\0\0WAVEfmt ", "a big-endian WAV file"),
        (b"FORM\0\0\0\0AIFFCOMM", "an AIFF file"),
        (b"fLaC\0\0\0\x22", "a FLAC file"),
        (b"OggS\0\x02", "an Ogg file"),
        (b"ID3\x04\0\0", "an MP3 file"),
        (b"\xff\xfb\x90\x44\0\0\0", "an MP3 file"),
        (b"\xff\x1b\x90\x44\0\0\0", "not a WAV file"),
        (b"\xff", "not a WAV file"),
        (b".snd\0\0", "an AU file"),
        (b"caff\0\0", "a CAF file"),
        (riff(), "ends before its first sample"),
        (riff(FMT), "ends before its first sample"),
        (riff(FMT, b"dat"), "ends before its first sample"),
        (riff(FMT, DATA)[:30], "ends before its first sample"),
        (riff(chunk(b"LIST", b"abc", 1000)), "ends before its first sample"),
        (riff(DATA, FMT), "samples come before their format"),
        (riff(FMT, FMT, DATA), "two formats"),
        (riff(chunk(b"fmt ", layout()[:14]), DATA), "format .* is incomplete"),
        (riff(chunk(b"fmt ", b""), DATA), "format .* is incomplete"),
        (
            riff(chunk(b"fmt ", layout(extensible=True)[:39]), DATA),
            "format .* is incomplete",
        ),
        (
            riff(chunk(b"fmt ", layout(extensible=True)[:39] + b"?"), DATA),
            "no known format",
        ),
        (riff(chunk(b"ds64", bytes(15)), FMT, DATA, mark=b"RF64"), "ds64 .*incompl"),
        (wav(b"", rate=0), "0 frames per second"),
        (wav(b"", rate=1), "1 frames per second"),
        (wav(b"", rate=999), "999 frames per second"),
        (wav(b"", rate=768_001), "768001 frames per second"),
        (wav(b"", rate=4_000_000_000), "4000000000 frames per second"),
        (wav(b"", channels=0), "0 channels"),
        (wav(b"", align=0), "0 bytes per frame"),
        (wav(b"", align=4), r"4 bytes per frame, but 1 channel\(s\) of 16 bits take 2"),
        (wav(b"", bits=24, align=4), "4 bytes per frame"),
        (wav(b"", channels=65535, align=65535), "take 131070"),
        (wav(b"", bits=0), "samples of 0 bits"),
        (wav(b"", bits=33), "samples of 33 bits"),
        (wav(b"", bits=64), "samples of 64 bits"),
        (wav(b"", bits=65535, align=2), "samples of 65535 bits"),
        (wav(b"", tag=3, bits=16), "samples of 16 bits"),
        (wav(b"", tag=6, bits=16), "samples of 16 bits"),
        (wav(b"", tag=2, bits=4), "ADPCM"),
        (wav(b"", tag=0x55), "MP3"),
        (wav(b"", tag=0), "format 0x0000"),
        (wav(b"", tag=0xFFFE, extensible=True), "format 0xfffe"),
    ],
)
def test_refused(data, words):
    """What cannot be played is refused, in one line that says why."""
    assert re.search(words, refusal(data))


@pytest.mark.parametrize(
    "filler",
    [
        chunk(b"\0\0\0\0", b""),
        chunk(b"LIST", bytes(1000)),
        chunk(b"JUNK", b"", NOT_TOLD),
        chunk(b"fmt ", b"", HEADER_LIMIT),
    ],
)
def test_no_header_is_read_for_ever(filler):
    """A header without end is given up after 64 KiB."""
    endless = riff(filler * (2 * HEADER_LIMIT // len(filler)))
    assert "no samples within its first 65536 bytes" in refusal(endless)


def test_the_longest_header():
    """Exactly 64 KiB are still read."""
    room = HEADER_LIMIT - len(riff(FMT, chunk(b"JUNK", b""))) - 8
    header = parse(riff(FMT, chunk(b"JUNK", bytes(room)), DATA))
    assert header.data_offset == HEADER_LIMIT
    refusal(riff(FMT, chunk(b"JUNK", bytes(room + 2)), DATA))


CHUNKS = st.sampled_from(
    [b"fmt ", b"data", b"LIST", b"JUNK", b"ds64", b"fact", b"\0" * 4]
)


@given(
    st.sampled_from([b"RIFF", b"RF64", b"BW64"]),
    st.lists(
        st.tuples(
            CHUNKS,
            st.one_of(st.binary(max_size=60), st.just(layout())),
            st.one_of(st.none(), st.integers(0, NOT_TOLD)),
            st.booleans(),
        ),
        max_size=8,
    ),
)
def test_any_chunks(mark, chunks):
    """Chunks in any order, of any size: a header, or a refusal."""
    data = riff(*(chunk(*parts) for parts in chunks), mark=mark)
    check_outcome(data)


def check_outcome(data):
    """Refused in one line, or a header that is right in itself."""
    try:
        header = parse(data)
    except FormatError:
        refusal(data)
        return
    assert data[header.data_offset - 8 : header.data_offset - 4] == b"data"
    assert 12 < header.data_offset <= HEADER_LIMIT
    assert 1000 <= header.sample_rate <= 768_000
    assert header.channels >= 1
    assert header.frame_bytes <= 65535
    assert (header.bits + 7) // 8 == ENCODINGS[header.encoding]


@given(st.data())
def test_any_damage(data):
    """Some bytes of a good file changed: a header, or a refusal."""
    good = riff(chunk(b"LIST", b"abcdef"), FMT, chunk(b"fact", b"1234"), DATA)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(good)))
    check_outcome(bytes(damaged))
    check_outcome(bytes(damaged[:cut]))


# Samples


def header_of(encoding, channels=1):
    """The header of samples that have none."""
    bits = ENCODINGS[encoding] * 8
    return WavHeader(encoding=encoding, sample_rate=16000, channels=channels, bits=bits)


def nearest(value):
    """The nearest 16-bit sample, by Python's own rounding (halves to even)."""
    return max(-32768, min(32767, round(value)))


def ints(data, width):
    """Signed numbers by Python."""
    return [
        int.from_bytes(data[at : at + width], "little", signed=True)
        for at in range(0, len(data), width)
    ]


def test_16_bits_are_exact():
    """All 65,536 of them."""
    every = np.arange(-32768, 32768).astype("<i2")
    made = decode(every.tobytes(), header_of("pcm16"))
    assert made.dtype == np.int16
    assert np.array_equal(made, every)


def test_8_bits_are_exact():
    """All 256; they are unsigned in a file, and silence is 128."""
    made = decode(bytes(range(256)), header_of("pcm8"))
    assert made.dtype == np.int16
    assert made.tolist() == [(code - 128) * 256 for code in range(256)]


@pytest.mark.parametrize(
    ("encoding", "table"), [("ulaw", ulaw_decode), ("alaw", alaw_decode)]
)
def test_g711(encoding, table):
    """By the tables of G.711."""
    every = bytes(range(256))
    assert np.array_equal(decode(every, header_of(encoding)), table(every))


@pytest.mark.parametrize("width", [3, 4])
def test_more_bits_are_rounded(width):
    """24 and 32 bits: to the nearest, halves to even, held at full scale."""
    step = 1 << (8 * width - 16)
    values = [0, 1, step // 2, step // 2 + 1, step, 3 * step // 2, -1, -(step // 2)]
    values += [-3 * step // 2, 32767 * step + step // 2, (32768 * step) - 1]
    values += [-32768 * step, 32766 * step + step // 2, 12345 * step - 1]
    data = b"".join(value.to_bytes(width, "little", signed=True) for value in values)
    data += random.Random(3).randbytes(width * 20_000)
    expected = [nearest(value / step) for value in ints(data, width)]
    made = decode(data, header_of(f"pcm{width * 8}"))
    assert made.dtype == np.int16
    assert made.tolist() == expected


@pytest.mark.parametrize(("encoding", "code"), [("float32", "f"), ("float64", "d")])
def test_floats(encoding, code):
    """1.0 is full scale; what is beyond is held there, infinity too."""
    values = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -7.0, math.inf, -math.inf]
    values += [1e-40, 0.5 / 32768, 1.5 / 32768, 32766.5 / 32768, 3e38]
    values += [random.Random(4).uniform(-1.1, 1.1) for _ in range(2000)]
    data = struct.pack(f"<{len(values)}{code}", *values)
    exact = struct.unpack(f"<{len(values)}{code}", data)
    expected = [nearest(max(-2.0, min(2.0, value)) * 32768) for value in exact]
    assert decode(data, header_of(encoding)).tolist() == expected


@pytest.mark.parametrize(
    ("encoding", "nan"),
    [
        ("float32", struct.pack("<f", math.nan)),
        ("float32", b"\x01\0\x80\x7f"),  # a signalling one
        ("float64", struct.pack("<d", math.nan)),
        ("float64", b"\x01\0\0\0\0\0\xf0\xff"),
    ],
)
def test_nan_is_no_sample(encoding, nan):
    """It is refused: whatever took its place would be heard as a click."""
    with pytest.raises(FormatError, match="NaN among its samples"):
        decode(bytes(ENCODINGS[encoding]) + nan, header_of(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2, 7])
def test_channels_are_mixed(encoding, channels):
    """To the mean of what each channel is in 16 bits."""
    size = ENCODINGS[encoding] * channels
    data = bytes(random.Random(5).choices(range(64), k=size * 100))
    single = decode(data, header_of(encoding)).reshape(-1, channels)
    mixed = decode(data, header_of(encoding, channels))
    assert mixed.shape == (100,)
    assert mixed.tolist() == [round(sum(frame) / channels) for frame in single.tolist()]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_samples(encoding):
    """Nothing is nothing, in any format."""
    for channels in (1, 2):
        made = decode(b"", header_of(encoding, channels))
        assert made.shape == (0,)
        assert made.dtype == np.int16


def test_whole_frames_only():
    """A part of a frame is refused, not dropped."""
    with pytest.raises(FormatError, match="6 bytes are not whole frames of 4"):
        decode(bytes(6), header_of("pcm16", 2))


# Writing


@pytest.mark.parametrize("rate", [1000, 16000, 768_000])
@pytest.mark.parametrize("size", [0, 6])
def test_written_headers(rate, size):
    """Byte by byte what the standard library writes."""
    file = io.BytesIO()
    by_wave(file, bytes(size), rate=rate)
    assert pack_header(rate, size) == file.getvalue()[:44]


def test_the_largest_file():
    """Its sizes have just room."""
    header = pack_header(16000, MOST_DATA_BYTES)
    assert parse(header).data_bytes == MOST_DATA_BYTES
    assert MOST_DATA_BYTES % 2 == 0
    with pytest.raises(struct.error):
        pack_header(16000, MOST_DATA_BYTES + 2)


def test_a_header_without_sizes():
    """For a pipe: it is read to its end."""
    header = pack_header(8000, None)
    assert parse(header).data_bytes is None
    with wave.open(io.BytesIO(header + b"abcd"), "rb") as file:
        assert file.readframes(9) == b"abcd"
