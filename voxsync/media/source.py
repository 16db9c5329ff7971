"""Units that give audio, to any number of links."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.errors import InvalidState
from voxsync.media.sink import sink_of
from voxsync.media.tap import EndOfStream
from voxsync.media.tapped import Tapped
from voxsync.media.unit import check_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link
    from voxsync.media.sink import Sink

__all__ = ["EndOfStream", "MediaTarget", "Source"]

# How long closing waits for the links' threads, seconds.
_JOIN = 1.0


class MediaTarget(Protocol):
    """What `send_media_to` takes: a `Sink`, or a session."""

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """The sink to write to.

        Raises:
            TypeError: A parameter it does not know.
        """
        ...


class Source(Tapped):
    """A unit that gives audio: microphone, file, generator, a stream of a session.

    Each link (and `read`) has a buffer of its own, so one source feeds many sinks.
    """

    def __init__(self, sample_rate: int, name: str | None = None) -> None:
        super().__init__(sample_rate, name)
        self._links_lock = threading.Lock()  # guards changes of the next
        self._links: tuple[Link, ...] = ()

    # Public

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that this source feeds now."""
        return self._links

    def send_media_to(
        self,
        target: MediaTarget,
        parameters: object = None,
        *,
        paced: bool = True,
        **more: Any,
    ) -> Link:
        """Let the audio flow to a sink or session from now on.

        Args:
            target: A `Sink` unit, or an open session.
            parameters: What a session's service offers, as an object of its own.
            paced: False: a file or generator goes out as fast as the far end takes
                it, not as fast as it sounds, but no faster than other links of the
                same source take theirs. Makes no difference where the source is live
                or the sink is a speaker.
            more: The same by name (`tag`, ...).

        Returns:
            The link; `wait()` on it for the end of a file. Where the source feeds
            other links already, it carries what comes from now on.

        Raises:
            InvalidState: It flows there already, the session is not open, or the
                source has an end and is at it.
            DeviceError: A device cannot be opened.
            TypeError: No sink, or a parameter that it does not know.

        Thread: any. Returns once the audio flows.
        """
        self._check_more()
        return self._flow_to(target, parameters, paced, more)

    def _flow_to(
        self, target: MediaTarget, parameters: object, paced: bool, more: dict[str, Any]
    ) -> Link:
        from voxsync.media.link import Link  # noqa: PLC0415 - it knows sources

        if parameters is not None:
            more["parameters"] = parameters
        sink = sink_of(target, more)
        link = Link(self, sink, target, paced=paced)
        with self._links_lock:
            if any(
                other.target is target and other.sink is sink for other in self._links
            ):
                raise InvalidState(
                    f"{self.name} sends to {sink.name} already; stop_media_to() first"
                )
            self._links = (*self._links, link)
        link.start()
        return link

    def stop_media_to(self, target: MediaTarget) -> None:
        """Let no more audio flow to `target`; what is under way is dropped.

        Does nothing where none flows. Thread: any; waits for the link's thread at
        most a second, except on that thread.
        """
        for link in self._links:
            if link.target is target:
                link.stop()

    def clear_media_buffer(self) -> None:
        """Drop what was given and has not been heard yet, on every link.

        Buffers of links and of speakers behind them are empty when this returns; what
        the source gives afterwards is heard whole. Thread: any; never waits.
        """
        for link in self._links:
            link.clear()
        reader = self._reader
        if reader is not None:
            reader.buffer.clear()

    def read(
        self, frames: int, timeout: float | None = None
    ) -> NDArray[np.int16] | None:
        """The next `frames` frames as int16 `(frames,)`.

        The first call opens the source; from there on audio is kept for the next,
        within the source's bound, until `close`.

        Args:
            frames: 1 or more; more than the source's bound are never returned.
            timeout: Seconds to wait for the first frame, and again for the others;
                None = no limit for the first, for the others as long as they sound.

        Returns:
            Fewer frames at the end, or where no more came in time; None if none did.

        Raises:
            EndOfStream: There is no more.
            DeviceError: The device failed.
            TypeError, ValueError: `frames` is no whole number, or below 1.

        Thread: any, one at a time.
        """
        if isinstance(frames, bool) or not isinstance(frames, int):
            raise TypeError(f"frames must be an int, not {frames!r}")
        if frames < 1:
            raise ValueError(f"frames must be 1 or more, not {frames}")
        if timeout is not None:
            check_number("timeout", timeout)
        with self._taps_lock:
            if self._reader is None:
                self._reader = self._make_tap()
            reader = self._reader
        self._attach(reader)
        patience = frames / self.sample_rate if timeout is None else timeout
        block = reader.get(frames, timeout, patience)
        # Others may have the same frames; what is returned here is the caller's own.
        return None if block is None else block.copy()

    def close(self) -> None:
        """End the links, and let go of what the source holds. Idempotent.

        What is under way in the links is dropped. Whoever waits in `read` gets
        `EndOfStream`. Thread: any; waits for the links' threads at most a second.
        """
        links, reader = self._links, self._reader
        for link in links:
            link._halt()  # noqa: SLF001 - all of them first: one wait for all
        end = time.monotonic() + _JOIN
        for link in links:
            link._join(end - time.monotonic())  # noqa: SLF001
        if reader is not None:
            reader.buffer.end()
            self._detach(reader)

    # For subclasses

    def _check_more(self) -> None:
        """Raise `InvalidState` where a new link could never carry anything."""

    # For links

    def _forget(self, link: Link) -> None:
        with self._links_lock:
            self._links = tuple(other for other in self._links if other is not link)
