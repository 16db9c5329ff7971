"""A unit that writes a sound file."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
import weakref
from typing import TYPE_CHECKING

from voxsync.audio.pcm import int16_to_bytes
from voxsync.audio.wav import MOST_DATA_BYTES, pack_header
from voxsync.errors import FormatError, InvalidState, MediaError
from voxsync.media.samplefile import (
    ending,
    file_name,
    has_header,
    is_path,
    open_binary,
    seekable,
)
from voxsync.media.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.media.samplefile import PathOrFile

__all__ = ["WavWriter"]

# Names of what is not written here; no name at all is WAV.
_OTHERS = frozenset({".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".webm"})
# How long closing waits for a file that does not take what was written, seconds.
_PATIENCE = 1.0
# What is on its way from a microphone at any moment, seconds.
_LIVE_TAIL = 0.1

logger = logging.getLogger("voxsync.media")


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
        sample_rate: Hz, of the file; the audio of links is resampled to it. Default
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
