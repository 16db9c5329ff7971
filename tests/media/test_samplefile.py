"""Files of samples: how much of them is read, and what of it is samples."""

import io
import os
import random
import threading
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.wav_files import chunk, layout, riff, wav
from voxsync.audio.wav import HEADER_LIMIT, WavHeader
from voxsync.errors import FormatError
from voxsync.media.samplefile import (
    SampleFile,
    file_name,
    has_header,
    is_path,
    open_binary,
    raw_header,
    seekable,
)

FMT = chunk(b"fmt ", layout())
RAW = WavHeader(encoding="pcm16", sample_rate=8000, channels=1, bits=16)


class Pipe(io.RawIOBase):
    """A file that is read once, in pieces as they come."""

    def __init__(self, data, pieces=(1_000_000,)):
        self.left = data
        self.pieces = list(pieces)
        self.count = 0

    def readable(self):
        return True

    def read(self, size=-1):
        most = self.pieces[0] if len(self.pieces) == 1 else self.pieces.pop(0)
        if most is None:
            return None
        given, self.left = self.left[: min(size, most)], self.left[min(size, most) :]
        self.count += len(given)
        return given


class Endless:
    """A file that begins somehow and goes on for ever; counts what is read."""

    def __init__(self, begin, filler):
        self.begin = begin
        self.filler = filler
        self.count = 0

    def read(self, size):
        end = self.count + size
        need = max(0, end - len(self.begin)) // len(self.filler) + 1
        data = (self.begin + self.filler * need)[self.count : end]
        self.count = end
        assert self.count <= HEADER_LIMIT
        return data


def all_of(file, frames=100):
    """Every byte that comes before the end."""
    found = b""
    while (data := file.read(frames)) != b"":
        assert data is None or len(data) <= frames * file.header.frame_bytes
        found += data or b""
    return found


def opened(data, raw=None):
    """A file in memory."""
    return SampleFile(io.BytesIO(data), raw, "it.wav")


def test_a_file(tmp_path):
    """Its header is read, then its frames, whole."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(bytes(range(20)), channels=2))
    file = SampleFile(path, None, "a.wav")
    assert file.header.channels == 2
    assert file.frames_total == 5
    assert file.can_rewind
    assert not file.has_given
    assert file.read(2) == bytes(range(8))
    assert file.has_given
    assert file.read(100) == bytes(range(8, 20))
    assert file.read(100) == b""
    assert file.missing == ""
    file.close()
    assert file.read(1) == b""


def test_again(tmp_path):
    """It can be played again in the middle, at the end, and when it was released."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(b"abcdef"))
    file = SampleFile(str(path), None, "a.wav")
    assert file.read(1) == b"ab"
    file.rewind()
    assert not file.has_given
    assert all_of(file) == b"abcdef"
    file.rewind()
    assert all_of(file) == b"abcdef"
    file.release()
    file.release()
    assert file.read(1) == b""
    file.rewind()
    assert all_of(file) == b"abcdef"
    file.close()


def test_a_file_that_changed(tmp_path):
    """Another rate in the middle of a stream would be noise."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(b"abcdef"))
    file = SampleFile(path, None, "a.wav")
    file.release()
    path.write_bytes(wav(b"abcdef", rate=8000))
    with pytest.raises(FormatError, match=r"a\.wav: it has changed since"):
        file.rewind()
    path.write_bytes(b"")
    with pytest.raises(FormatError, match=r"a\.wav: it is empty"):
        file.rewind()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        file.rewind()
    file.close()


def test_closed_while_it_is_opened_again(tmp_path):
    """Nothing is left open by two threads that cross each other."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(b"abcdef"))
    file = SampleFile(path, None, "a.wav")
    file.close()
    file.rewind()  # was under way
    assert file.read(1) == b""


def test_file_objects_stay_open():
    """Who opened it closes it; it is read from where it stood."""
    inner = io.BytesIO(b"before" + wav(b"abcdef") + b"behind")
    inner.seek(6)
    file = SampleFile(inner, None, "it")
    assert all_of(file) == b"abcdef"
    file.release()
    file.rewind()
    assert all_of(file) == b"abcdef"
    file.close()
    assert not inner.closed


@pytest.mark.parametrize(
    ("told", "there", "read", "missing"),
    [
        (8, 8, 8, ""),
        (6, 8, 6, ""),
        (0, 8, 8, ""),
        (0xFFFFFFFF, 8, 8, ""),
        (0x7FFFF000, 8, 8, ""),
        (0x80000000, 8, 8, ""),
        (100, 8, 8, "after 4 frames of the 50"),
        (100, 9, 8, "after 4 frames of the 50"),
        (7, 8, 6, "last frame is incomplete"),
        (0, 7, 6, "last frame is incomplete"),
        (100, 0, 0, "after 0 frames of the 50"),
        (0, 0, 0, ""),
        (1, 1, 0, "last frame is incomplete"),
    ],
)
@pytest.mark.parametrize("pipe", [False, True])
def test_sizes_that_lie(told, there, read, missing, pipe):
    """What is there is played; what is missing is told."""
    data = riff(FMT, chunk(b"data", bytes(range(there)), told, pad=False), size=0)
    file = SampleFile(Pipe(data) if pipe else io.BytesIO(data), None, "it")
    assert file.can_rewind is not pipe
    if not pipe:
        assert file.frames_total == read // 2
    assert all_of(file) == bytes(range(read))
    assert missing in file.missing
    assert bool(missing) == bool(file.missing)


def test_a_pipe():
    """It is read as it comes, the frames put together, no byte too far."""
    pipe = Pipe(wav(b"abcdefgh", channels=2) + b"more", [5])
    file = SampleFile(pipe, None, "it")
    assert file.frames_total == 2
    assert not file.can_rewind
    pipe.pieces = [3, None, 2, 1, 9]
    assert file.read(9) is None  # 3 bytes of 4
    assert file.read(9) is None  # nothing came
    assert file.read(9) == b"abcd"
    assert file.read(9) is None  # 2 bytes of the next
    assert file.read(9) == b"efgh"
    assert file.read(9) == b""
    assert pipe.left == b"more"


def test_a_pipe_of_bare_samples():
    """It is looked at first whether it is a WAV file; nothing is lost by that."""
    data = bytes(range(41))
    file = SampleFile(Pipe(data), RAW, "it")
    assert file.frames_total is None
    assert file.read(1) == data[:2]
    assert file.read(3) == data[2:8]
    assert all_of(file, 7) == data[8:40]
    assert "last frame is incomplete" in file.missing
    assert all_of(SampleFile(Pipe(b"abc"), RAW, "it")) == b"ab"
    assert all_of(SampleFile(Pipe(b""), RAW, "it")) == b""


def test_bare_samples():
    """All of the file is samples."""
    file = opened(b"abcde", RAW)
    assert file.frames_total == 2
    assert all_of(file) == b"abcd"
    file.rewind()
    assert all_of(file) == b"abcd"


@pytest.mark.parametrize("wrap", [io.BytesIO, Pipe])
def test_bare_samples_that_are_none(wrap):
    """The header of a WAV file would be heard as a click."""
    with pytest.raises(FormatError, match="it: it is a WAV file, which says itself"):
        SampleFile(wrap(wav(b"abcd")), RAW, "it")


def test_little_is_read_at_once():
    """However large a frame and however much is asked for."""
    most = []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            most.append(size)
            return super().read(size)

    raw = WavHeader(encoding="pcm8", sample_rate=8000, channels=60_000, bits=8)
    file = SampleFile(Watched(bytes(180_000)), raw, "it")
    assert len(file.read(1_000_000)) == 60_000
    mono = SampleFile(Watched(bytes(180_000)), RAW, "it")
    assert len(mono.read(1_000_000)) == 65536
    assert max(most) <= 65536


@pytest.mark.parametrize(
    ("begin", "filler"),
    [
        (b"", b"\0"),
        (b"RIFF\0\0\0\0WAVE", b"\0"),
        (b"RIFF\0\0\0\0WAVE", chunk(b"LIST", bytes(100))),
        (b"RIFF\0\0\0\0WAVE", b"\xff"),
        (b"RF64\xff\xff\xff\xffWAVE" + FMT, b"RIFF"),
    ],
)
def test_headers_without_end(begin, filler):
    """At most 64 KiB are read of a file that goes on for ever."""
    with pytest.raises(FormatError):
        SampleFile(Endless(begin, filler), None, "it")


def test_folders_and_pipes_are_no_files(tmp_path):
    """A pipe that nobody writes to is refused, not waited for."""
    fifo = tmp_path / "pipe.wav"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo, "/dev/zero"):
        with pytest.raises(FormatError, match="it: it is a folder, a pipe or a dev"):
            SampleFile(path, None, "it")


def test_a_pipe_of_the_system():
    """Opened by the caller, it is read as its writer writes."""
    out, into = os.pipe()

    def write():
        with os.fdopen(into, "wb") as file:
            file.write(riff(FMT, chunk(b"data", b"", 0xFFFFFFFF)))
            file.flush()
            file.writelines(bytes(range(250)) for _ in range(100))

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(out, "rb") as file:
        assert all_of(SampleFile(file, None, "it")) == bytes(range(250)) * 100
    thread.join()


def test_files_that_are_none():
    """What is no binary file is refused by type; what blocks not, as an OSError."""
    with pytest.raises(TypeError, match="gives str, not bytes: open it in binary"):
        SampleFile(io.StringIO("RIFF"), None, "it")
    with pytest.raises(TypeError, match="a path or a binary file is needed, not int"):
        SampleFile(3, None, "it")
    with pytest.raises(TypeError, match="not int"):
        open_binary(3, "wb")
    with pytest.raises(BlockingIOError, match="make it block"):
        SampleFile(Pipe(b"", [None]), None, "it")


def test_what_is_not_there(tmp_path):
    """The system's own words."""
    with pytest.raises(FileNotFoundError):
        SampleFile(tmp_path / "none.wav", None, "it")


def test_a_refused_file_is_closed(tmp_path):
    """No warning about an unclosed file follows (warnings fail tests)."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"no")
    with pytest.raises(FormatError, match=r"^it: not a WAV file"):
        SampleFile(path, None, "it")


def test_names(tmp_path):
    """What files are called, and what their names say."""
    assert is_path("a") and is_path(tmp_path) and not is_path(io.BytesIO())
    assert file_name(tmp_path / "a.wav") == "a.wav"
    assert file_name(io.BytesIO()) is None
    with (tmp_path / "b.wav").open("wb") as file:
        assert file_name(file) == "b.wav"
    out, into = os.pipe()
    os.close(into)
    with os.fdopen(out, "rb") as file:
        assert file_name(file) is None
    assert has_header("x.wav") and has_header("x") and has_header(io.BytesIO())
    assert not has_header("x.RAW") and not has_header(tmp_path / "x.pcm")
    assert seekable(io.BytesIO()) and not seekable(Pipe(b""))
    assert not seekable(Endless(b"", b"x"))


def test_headers_from_arguments():
    """Of bare samples the arguments say what a header would."""
    assert raw_header("x.wav", None, None, None) is None
    assert raw_header("x.raw", 8000, None, None) == RAW
    assert raw_header("x.wav", 8000, None, "pcm16") == RAW
    made = raw_header(io.BytesIO(), 44100, 2, "float64")
    assert (made.frame_bytes, made.bits, made.data_bytes) == (16, 64, None)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("x.wav", 8000, None, None), ValueError, "leave them out, or give encoding"),
        (("x.wav", None, 2, None), ValueError, "leave them out, or give encoding"),
        (("x.raw", None, None, None), ValueError, "need sample_rate"),
        (("x.raw", 8000, None, "mp3"), ValueError, "'mp3' is not known: use one of"),
        (("x.raw", 8000, 0, None), ValueError, "1 to 65535, not 0"),
        (("x.raw", 8000, 65536, None), ValueError, "1 to 65535, not 65536"),
        (("x.raw", 8000, True, None), TypeError, "channels must be an int"),
        (("x.raw", 8000, 1.0, None), TypeError, "channels must be an int"),
    ],
)
def test_arguments_that_are_wrong(arguments, error, words):
    """The message says which and what to do."""
    with pytest.raises(error, match=words):
        raw_header(*arguments)


JUNK = st.lists(
    st.builds(
        chunk,
        st.sampled_from([b"LIST", b"JUNK", b"fact", b"bext", b"\0\0\0\0", b"id3 "]),
        st.binary(max_size=40),
    ),
    max_size=4,
)


@given(
    JUNK,
    JUNK,
    st.binary(max_size=300),
    st.one_of(st.none(), st.integers(0, 400), st.integers(0, 0xFFFFFFFF)),
    st.sampled_from([None, 0, 0xFFFFFFFF]),
    JUNK,
    st.sampled_from([(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (7, 8)]),
    st.integers(1, 7),
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
)
def test_any_good_file(before, between, samples, lie, size, behind, kind, channels, by):
    """Whatever stands around them, and whatever the size says: those samples."""
    tag, bits = kind
    fmt = chunk(b"fmt ", layout(tag=tag, bits=bits, channels=channels))
    rest = samples + b"\0" * (len(samples) % 2) + b"".join(behind)
    told = len(samples) if lie is None else lie
    data = riff(*before, fmt, *between, chunk(b"data", b"", told), rest, size=size)
    frame = channels * bits // 8
    end = len(rest)
    if told and told != 0xFFFFFFFF:
        end = min(end, told)
    elif told == 0 and size is None and rest:
        end = 0
    expected = rest[: end - end % frame]
    for file in (opened(data), SampleFile(Pipe(data, [7]), None, "it")):
        found = b""
        turn = 0
        while (block := file.read(by[turn % len(by)])) != b"":
            found += block or b""
            turn += 1
        assert found == expected


def by_the_standard_library(data):
    """The samples, or None where `wave` knows no better than we."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            if file.getnframes():
                return file.readframes(file.getnframes()), file.getparams()
    except (wave.Error, EOFError, RuntimeError, ZeroDivisionError):
        pass
    return None


@given(st.integers(0, 2**32), st.sampled_from([1, 2]), st.sampled_from([1, 2, 3, 4]))
def test_any_damaged_file(seed, channels, width):
    """Refused in one line; or what the standard library reads, where it does."""
    dice = random.Random(seed)
    good = riff(
        chunk(b"LIST", b"abc"),
        chunk(b"fmt ", layout(channels=channels, bits=width * 8)),
        chunk(b"fact", b"1234"),
        chunk(b"data", dice.randbytes(48)),
    )
    data = bytearray(good)
    for _ in range(dice.randint(1, 3)):
        data[dice.randrange(8, len(data))] = dice.choice([0, 1, 2, 255, *range(8, 40)])
    data = bytes(data[: dice.choice([len(data), dice.randint(0, len(data))])])
    try:
        file = opened(data)
    except FormatError as exc:
        assert "\n" not in str(exc)
        return
    found = all_of(file)
    other = by_the_standard_library(data)
    if other is not None:
        samples, params = other
        assert file.header.channels == params.nchannels
        assert file.header.sample_rate == params.framerate
        frame = file.header.frame_bytes
        assert found == samples[: len(samples) - len(samples) % frame]
