"""An open file of samples, read from the first to the last and again; for units."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from voxsync.audio.pcm import looks_like_wav
from voxsync.audio.wav import ENCODINGS, WavHeader, parse_header
from voxsync.errors import FormatError

if TYPE_CHECKING:
    PathOrFile: TypeAlias = str | os.PathLike[str] | IO[bytes]

__all__ = [
    "SampleFile",
    "ending",
    "file_name",
    "has_header",
    "is_path",
    "open_binary",
    "raw_header",
    "seekable",
]

_RAW = (".raw", ".pcm")
# Read at once, at most: no file needs more memory than this, whatever it says.
_READ_BYTES = 65536
# Programs that do not know the size yet write one from here on (SoX 0x7FFFF000,
# arecord 0x80000000): that such a file ends earlier is no news.
_VAGUE = 0x7FFFF000
# As much as a WAV header can tell.
_CHANNELS = range(1, 65536)


class SampleFile:
    """A file of samples, opened and its header read.

    Args:
        target: A path, or a file object, which is read from where it is.
        raw: What the samples are, if there is no header.
        name: For messages.

    Attributes:
        header: What its samples are.
        frames_total: How many frames there are; None = not known.
        can_rewind: Whether it can be played again.
        missing: What is wrong at its end, once that was reached; "" = nothing.

    Raises:
        FormatError: It holds no samples that can be read.
        OSError: It cannot be opened or read.

    Thread: one at a time, but `close` from any.
    """

    def __init__(self, target: PathOrFile, raw: WavHeader | None, name: str) -> None:
        self._target = target
        self._raw = raw
        self._name = name
        self._opened = is_path(target)
        self._lock = threading.Lock()  # guards changes of the next two
        self._closed = False
        self._file: IO[bytes] | None = None
        self._first = 0  # place of the first sample
        self._data_bytes: int | None = None  # as it says, or as there are
        self._left: int | None = None  # of them, to be read
        self._rest = b""  # what was read and is not a whole frame yet
        self._given = 0  # bytes
        self.frames_total: int | None = None
        self.can_rewind = False
        self.missing = ""
        self.header = self._open()

    def read(self, frames: int) -> bytes | None:
        """Whole frames, at most so many; None = nothing yet, no bytes = the end.

        Raises:
            ValueError: It was closed meanwhile.
        """
        file, size = self._file, self.header.frame_bytes
        if file is None:
            return b""
        most = min(frames, max(1, _READ_BYTES // size)) * size
        want = most - len(self._rest)
        if self._left is not None:
            want = min(want, self._left)
        data = _read(file, want) if want > 0 else b""
        if data is None:
            return None
        if self._left is not None:
            self._left -= len(data)
        held = self._rest + data
        whole = min(most, len(held) - len(held) % size)
        self._given += whole
        self._rest = held[whole:]
        if whole:
            return held[:whole]
        if data:
            return None
        self._note_missing()
        return b""

    @property
    def is_through(self) -> bool:
        """Whether all that it says it holds was given."""
        left = self._left
        return left is not None and left < 1 and self._given > 0

    @property
    def has_given(self) -> bool:
        """Whether frames came since it was opened or rewound."""
        return self._given > 0

    def rewind(self) -> None:
        """Go back to the first sample; a file that was released is opened again.

        Raises:
            FormatError: It is another file now.
            OSError: It is gone.
        """
        if self._file is not None:
            self._file.seek(self._first)
            self._begin()
        elif self._open() != self.header:
            self.release()
            raise FormatError(
                f"{self._name}: it has changed since it was opened: make a new "
                "WavReader"
            )

    def release(self) -> None:
        """Let go of the file until it is rewound, if it was opened here."""
        if self._opened:
            self._let_go()

    def close(self) -> None:
        """Let go of the file for good; it is closed if it was opened here."""
        with self._lock:
            self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            file, self._file = self._file, None
        if self._opened and file is not None:
            file.close()  # waits for a read under way: a regular file's is short

    def _open(self) -> WavHeader:
        try:
            file = open_binary(self._target, "rb")
            try:
                header = self._look(file)
            except BaseException:
                if self._opened:
                    file.close()
                raise
        except FormatError as exc:
            raise FormatError(f"{self._name}: {exc}") from None
        with self._lock:
            self._file = file
            closed = self._closed
        if closed:  # while it was opened
            self._let_go()
        return header

    def _look(self, file: IO[bytes]) -> WavHeader:
        """Read the header and find out how much there is."""
        self.can_rewind = seekable(file)
        start = file.tell() if self.can_rewind else 0
        head = b""
        if self._raw is None:
            header = parse_header(lambda size: _read_whole(file, size))
        else:
            header = self._raw
            head = _read_whole(file, 12)
            if looks_like_wav(head):
                raise FormatError(
                    "it is a WAV file, which says itself what its samples are: leave "
                    "out sample_rate, channels and encoding, and name it .wav"
                )
        self._first = start + header.data_offset
        there: int | None = None
        if self.can_rewind:
            there = file.seek(0, os.SEEK_END) - self._first
            file.seek(self._first)
            head = b""
        self._data_bytes = there if header.data_bytes is None else header.data_bytes
        known = [size for size in (self._data_bytes, there) if size is not None]
        self.frames_total = min(known) // header.frame_bytes if known else None
        self._begin(head)
        return header

    def _begin(self, head: bytes = b"") -> None:
        self._rest = head
        self._left = self._data_bytes
        self._given = 0

    def _note_missing(self) -> None:
        size, told = self.header.frame_bytes, self._data_bytes
        if self._left and told is not None and told < _VAGUE:
            self.missing = (
                f"it ends after {self._given // size} frames of the {told // size} "
                "that its header tells: the rest is missing"
            )
        elif self._rest:
            self.missing = "its last frame is incomplete and was left out"


def is_path(target: PathOrFile) -> bool:
    """Whether it is a path, not a file object."""
    return isinstance(target, (str, os.PathLike))


def file_name(target: PathOrFile) -> str | None:
    """The name without folders; None if it has none."""
    found = target if is_path(target) else getattr(target, "name", None)
    # The name of a pipe that was opened by its number is that number.
    return Path(found).name if isinstance(found, (str, os.PathLike)) else None


def has_header(target: PathOrFile) -> bool:
    """Whether its name says so; a file object has one whatever its name."""
    return not is_path(target) or ending(target) not in _RAW


def ending(path: PathOrFile) -> str:
    """The ending of a path's name, in lower case, e.g. ".wav"."""
    return Path(cast("str", path)).suffix.lower()


def seekable(file: IO[bytes]) -> bool:
    """Whether a place in the file can be gone back to."""
    asks = getattr(file, "seekable", None)
    return asks is not None and asks()


def open_binary(target: PathOrFile, mode: str) -> IO[bytes]:
    """The file object itself, or one for the path.

    Raises:
        FormatError: To be read, and no regular file. (A pipe that nobody writes to
            could not even be opened without waiting for ever.)
        TypeError: Neither path nor file.
        OSError: As of `open`.
    """
    if not is_path(target):
        if not hasattr(target, "read" if mode == "rb" else "write"):
            raise TypeError(
                f"a path or a binary file is needed, not {type(target).__name__}"
            )
        return cast("IO[bytes]", target)
    path = Path(cast("str", target))
    if mode == "rb" and not stat.S_ISREG(path.stat().st_mode):
        raise FormatError(
            "it is a folder, a pipe or a device, not a file: open a pipe yourself and "
            "give the file object"
        )
    return cast("IO[bytes]", path.open(mode))


def raw_header(
    target: PathOrFile,
    sample_rate: int | None,
    channels: int | None,
    encoding: str | None,
) -> WavHeader | None:
    """What the samples of a file without header are; None = it has a header.

    Raises:
        ValueError, TypeError: The arguments do not go together, or one is missing.
    """
    if encoding is None:
        if has_header(target):
            if sample_rate is not None or channels is not None:
                raise ValueError(
                    "sample_rate and channels are for samples without a header: leave "
                    'them out, or give encoding="pcm16" too'
                )
            return None
        encoding = "pcm16"
    if encoding not in ENCODINGS:
        raise ValueError(
            f"encoding {encoding!r} is not known: use one of {', '.join(ENCODINGS)}"
        )
    if sample_rate is None:
        raise ValueError("samples without a header need sample_rate, e.g. 16000")
    channels = 1 if channels is None else channels
    if isinstance(channels, bool) or not isinstance(channels, int):
        raise TypeError(f"channels must be an int, not {channels!r}")
    if channels not in _CHANNELS:
        raise ValueError(f"channels must be 1 to 65535, not {channels}")
    return WavHeader(
        encoding=encoding,
        sample_rate=sample_rate,
        channels=channels,
        bits=ENCODINGS[encoding] * 8,
    )


def _read(file: IO[bytes], size: int) -> bytes | None:
    data: object = file.read(size)
    if data is not None and not isinstance(data, bytes):
        raise TypeError(
            f"the file gives {type(data).__name__}, not bytes: open it in binary mode"
        )
    return data


def _read_whole(file: IO[bytes], size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    found = b""
    while len(found) < size:
        data = _read(file, size - len(found))
        if data is None:
            raise BlockingIOError("the file has nothing yet: make it block")
        if not data:
            break
        found += data
    return found
