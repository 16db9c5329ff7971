"""Sound files: a unit that plays one and a unit that writes one."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
import weakref
from typing import TYPE_CHECKING

from voxsync.audio.pcm import int16_to_bytes
from voxsync.audio.wav import MOST_DATA_BYTES, decode, pack_header
from voxsync.errors import FormatError, InvalidState, MediaError
from voxsync.media.samplefile import (
    SampleFile,
    ending,
    file_name,
    has_header,
    is_path,
    open_binary,
    raw_header,
    seekable,
)
from voxsync.media.sink import Sink
from voxsync.media.source import EndOfStream, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.media.samplefile import PathOrFile

__all__ = ["WavReader", "WavWriter"]

# Names of what is not written here; no name at all is WAV.
_OTHERS = frozenset({".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".webm"})
# How long closing waits for a file that does not take what was written, seconds.
_PATIENCE = 1.0
# What is on its way from a microphone at any moment, seconds.
_LIVE_TAIL = 0.1

logger = logging.getLogger("voxsync.media")


class WavReader(Source):
    """Plays a sound file: any WAV of PCM, floats or G.711, or samples without header.

    It has the file's own rate, all channels mixed to one; links resample. The file is
    read as it is played. A file that is shorter than its header says plays as far as
    it goes, then an `error` event tells what is missing. Only the first of several
    data chunks is played.

    Consumers share one position; a link carries what comes from where that is. After
    the end they get nothing more until `rewind`, and no link can be made.

    Args:
        path_or_file: A path to a regular file, or a binary file object (a pipe, too),
            which is read from where it is and never closed.
        sample_rate: Only, and always, where there is no header: in files with names
            ending in .raw or .pcm, or if `encoding` is given.
        channels: Likewise, 1 to 65535. Default 1.
        encoding: Of samples without a header, one of `voxsync.audio.wav.ENCODINGS`.
            Default "pcm16", if the name says that there is no header.
        loop: Begin again at the end, for ever. Default False.
        name: For messages. Default: the file's.

    Raises:
        FormatError: Not a file that can be played; the message says why.
        OSError: It cannot be opened or read.
        ValueError, TypeError: Arguments that contradict each other or the file.

    Thread: any. Reading a pipe waits for its writer, on the thread of a link or in
    `read`, and also in the constructor, for the header.
    """

    def __init__(
        self,
        path_or_file: PathOrFile,
        *,
        sample_rate: int | None = None,
        channels: int | None = None,
        encoding: str | None = None,
        loop: bool = False,
        name: str | None = None,
    ) -> None:
        name = name or file_name(path_or_file)
        raw = raw_header(path_or_file, sample_rate, channels, encoding)
        self._file = SampleFile(path_or_file, raw, name or "the file")
        try:
            super().__init__(self._file.header.sample_rate, name)
        except BaseException:
            self._file.close()
            raise
        if loop and not self._file.can_rewind:
            self._file.close()
            raise ValueError(f"{self.name} is a pipe, which plays once: leave loop out")
        self._loop = loop
        self._rewound = False  # to be done by whoever makes audio next
        self._ended = False  # `_produce` has found the end since then
        self._closed = False

    @property
    def channels(self) -> int:
        """How many the file has; they are mixed to one."""
        return self._file.header.channels

    @property
    def bits(self) -> int:
        """Bits per sample in the file."""
        return self._file.header.bits

    @property
    def frames_total(self) -> int | None:
        """Frames in the file; None = not known before its end (a pipe)."""
        return self._file.frames_total

    @property
    def duration(self) -> float | None:
        """Seconds that it plays; None = not known before its end (a pipe)."""
        total = self.frames_total
        return None if total is None else total / self.sample_rate

    def rewind(self) -> None:
        """Go back to the first frame.

        Links that run go on from there; those that are at their end still end, so
        wait for them first. What `read` has not given yet is dropped.

        Raises:
            InvalidState: It is closed, or is a pipe.

        Thread: any; never waits. A file that is gone is noticed by who reads next.
        """
        self._begin()
        if not self._file.can_rewind:
            raise InvalidState(f"{self.name} is a pipe: it cannot be rewound")
        with self._links_lock:
            self._over = None
            reader = self._reader
        if reader is not None:  # it is at the end for ever; `read` makes another
            reader.buffer.clear()
            reader.buffer.end()
            self._detach(reader)
        self._rewound = True

    def close(self) -> None:
        """End the links and close the file, if its path was given. Idempotent.

        Thread: any; waits for the links' threads at most a second.
        """
        self._closed = True
        super().close()
        self._file.close()

    def _begin(self) -> None:
        if self._closed:
            raise InvalidState(f"{self.name} is closed: make a new WavReader")

    def _check_more(self) -> None:
        if self._rewound or self._loop or self._closed:  # closed: `_begin` tells
            return
        if self._ended or self._file.is_through:
            way = "rewind() it, or " if self._file.can_rewind else ""
            raise InvalidState(
                f"{self.name} was read to its end: {way}open the file again"
            )

    def _produce(self, frames: int) -> NDArray[np.int16] | None:
        file = self._file
        try:
            if self._rewound:
                self._ended = self._rewound = False
                file.rewind()
            data = file.read(frames)
            if data == b"":
                self._tell_missing()
                if not self._loop or not file.has_given:
                    file.release()
                    self._ended = True
                    raise EndOfStream
                file.rewind()
                data = file.read(frames)
        except ValueError:
            if self._closed:  # while we were reading
                raise EndOfStream from None
            raise
        return decode(data, file.header) if data else None

    def _tell_missing(self) -> None:
        missing = self._file.missing
        if missing:
            self._tell_once("missing", FormatError(f"{self.name}: {missing}"))


class WavWriter(Sink):
    """Writes a WAV file: 16 bits, mono; or bare samples if it is named .raw or .pcm.

    Once a second what came is handed to the system and the sizes in the header are
    put right: a program that is killed leaves a file that plays up to there. Where
    nothing can be put right (a pipe) the header says "up to the end".

    Links deliver as fast as the audio sounds: `link.wait()` (or `link.stop()`, for what
    has no end) before `close`, which drops what still waits in the link.

    Args:
        path_or_file: A path; an existing file is overwritten at once. Or a binary
            file object, which is written from where it is and never closed.
        sample_rate: Of the file; the audio of links is resampled to it. Default
            16000.
        name: For messages. Default: the file's.

    Raises:
        FormatError: The name is that of another format (.mp3, .flac, ...).
        OSError: It cannot be opened or written.

    Thread: any.
    """

    def __init__(
        self,
        path_or_file: PathOrFile,
        sample_rate: int = 16000,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(sample_rate, name or file_name(path_or_file))
        if is_path(path_or_file) and ending(path_or_file) in _OTHERS:
            raise FormatError(
                f"{self.name} would hold WAV by the name of another format: call it "
                ".wav, or .raw for bare samples"
            )
        # Guards all below. It is held while writing, for what it guards is the file's
        # position; nothing else is locked or called within.
        self._lock = threading.Lock()
        self._closed = False
        self._broken = False
        self._data_bytes = 0
        self._unsaved = 0  # frames
        self._start: int | None = None  # of a header that can be put right
        self._opened = is_path(path_or_file)
        self._file = open_binary(path_or_file, "wb")
        try:
            if has_header(path_or_file):
                if seekable(self._file):
                    self._start = self._file.tell()
                self._write(self._header())
                self._file.flush()
        except BaseException:
            if self._opened:
                self._file.close()
            raise
        _open_writers.add(self)

    def close(self) -> None:
        """End the link, put the sizes right, close the file. Idempotent.

        What still waits in the link is dropped, and a warning logged: `wait()` for the
        link first, or `stop` it. (No warning of the last 0.1 s of a microphone, where
        closing is the cut.) A file object that was given is flushed and left open.

        Raises:
            OSError: What was written last could not be stored.
            MediaError: A pipe takes nothing any more; it is left as it is.

        Thread: any; waits for the link's thread at most a second.
        """
        link = self._link
        before = 0 if link is None else link.stats.cleared
        super().close()
        if link is not None:
            self._tell_dropped(link, link.stats.cleared - before)
        if not self._lock.acquire(timeout=_PATIENCE):
            self._closed = True
            raise MediaError(
                f"{self.name} does not take what is being written: close its other end"
            )
        try:
            if self._closed:
                return
            self._closed = True
            _open_writers.discard(self)
            try:
                self._save()
            finally:
                if self._opened:
                    self._file.close()
        finally:
            self._lock.release()

    def _tell_dropped(self, link: Link, frames: int) -> None:
        """Log what closing has dropped."""
        source = link.source
        seconds = frames / source.sample_rate
        if seconds > (_LIVE_TAIL if source.is_clock else 0.0):
            logger.warning(
                "%s was closed while audio of %s waited: %.3f s of it are dropped; "
                "wait() for the link, or stop() it, before close()",
                self.name,
                source.name,
                seconds,
            )

    def _complete(self) -> None:
        """At the end of the program, where nobody closed it: store what there is."""
        if self._lock.acquire(timeout=0.1):
            try:
                if not self._closed and not self._broken:
                    self._save()
            finally:
                self._lock.release()

    def _begin(self) -> None:
        if self._closed:
            raise InvalidState(f"{self.name} is closed: make a new WavWriter")
        if self._broken:
            raise InvalidState(
                f"{self.name} has failed ({self.error}): close it and write to another"
            )

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        try:
            with self._lock:
                self._begin()
                if not wanted():
                    return False
                self._append(int16_to_bytes(block))
        except Exception as exc:
            self._failed(exc)
            raise
        self._passed(block)
        return True

    def _finish(self, wanted: Callable[[], bool]) -> None:
        """A file that was played into it to the end is complete without `close`."""
        del wanted
        try:
            with self._lock:
                if not self._closed:
                    self._save()
        except Exception as exc:
            self._failed(exc)
            raise

    # The lock is held

    def _append(self, data: bytes) -> None:
        if self._start is not None and self._data_bytes + len(data) > MOST_DATA_BYTES:
            raise MediaError(
                f"{self.name} is full: a WAV file holds 4 GiB; close it and write to "
                "another, or to one named .raw"
            )
        try:
            self._write(data)
            self._data_bytes += len(data)
            self._unsaved += len(data) // 2
            if self._unsaved >= self.sample_rate:
                self._save()
        except BaseException:
            self._broken = True  # nobody knows how much was written
            raise

    def _save(self) -> None:
        """Have all that was written stored, and its size."""
        self._unsaved = 0
        self._file.flush()  # first: no header is to tell of what is not there
        if self._start is None:
            return
        self._file.seek(self._start)
        header = self._header()
        self._write(header)
        self._file.seek(self._start + len(header) + self._data_bytes)
        self._file.flush()

    def _header(self) -> bytes:
        size = None if self._start is None else self._data_bytes
        return pack_header(self.sample_rate, size)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = self._file.write(rest)
            if written is None:
                raise BlockingIOError(f"{self.name} takes nothing now: make it block")
            rest = rest[written:]


_open_writers: weakref.WeakSet[WavWriter] = weakref.WeakSet()


@atexit.register
def _complete_all() -> None:
    """As Python does for its own files: what was written is stored at the end."""
    for writer in list(_open_writers):
        with contextlib.suppress(OSError, ValueError):  # nobody is left to be told
            writer._complete()  # noqa: SLF001 - it is ours
