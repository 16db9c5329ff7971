"""A unit that plays a sound file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.audio.wav import decode
from voxsync.errors import FormatError, InvalidState
from voxsync.media.samplefile import SampleFile, file_name, raw_header
from voxsync.media.source import EndOfStream, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.samplefile import PathOrFile

__all__ = ["WavReader"]


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
        sample_rate: Hz. Only, and always, where there is no header: in files with
            names ending in .raw or .pcm, or if `encoding` is given.
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
        with self._taps_lock:
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
