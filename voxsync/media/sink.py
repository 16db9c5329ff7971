"""Units that take audio."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from voxsync.audio.pcm import bytes_to_int16, check_block
from voxsync.errors import InvalidState
from voxsync.media.unit import MediaUnit

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.link import Link

__all__ = ["Sink", "sink_of"]


def _always() -> bool:
    return True


def sink_of(target: object, parameters: dict[str, Any]) -> Sink:
    """The sink behind what `send_media_to` was called with.

    Raises:
        TypeError: It takes no audio; the message says what to give instead.
    """
    find = getattr(target, "_media_sink", None)
    if isinstance(target, type):
        wanted = target.__name__ if find else "Speaker"
        raise TypeError(
            f"the class {target.__name__} was given; audio goes to an instance: "
            f"{wanted}()"
        )
    if find is None:
        raise TypeError(
            f"{_named(target)} takes no audio; send it to an instance of a sink of "
            "voxsync.media (Speaker(), WavWriter(path), CallbackSink(function)) or to "
            "a session"
        )
    sink: Sink = find(parameters)
    return sink


def _named(target: object) -> str:
    name = type(target).__name__
    return f"{name} gives audio and" if hasattr(target, "send_media_to") else name


class Sink(MediaUnit):
    """A unit that takes audio: speaker, file, callback, one direction of a session.

    It takes the audio of one source at a time; there is no mixing.

    See `MediaUnit`.
    """

    is_clock: ClassVar[bool] = False
    """Whether `write` waits until there is room, as fast as audio is heard: then it
    is the clock of a link."""
    most_ahead: float | None = None
    """Seconds of audio that the far end can hold: an unpaced link gets no further
    ahead. None: it says when it has enough, or has room for all."""

    def __init__(self, sample_rate: int, name: str | None = None) -> None:
        super().__init__(sample_rate, name)
        self._link_lock = threading.Lock()  # guards the next
        self._link: Link | None = None

    def write(self, block: NDArray[np.int16] | bytes | bytearray | memoryview) -> None:
        """Take one block of mono int16 audio at the sink's rate.

        Args:
            block: numpy int16 `(frames,)`, copied where it is kept; or bytes of
                16-bit little-endian samples.

        Raises:
            FormatError: Another dtype or shape, or an odd number of bytes.
            DeviceError: The device failed.

        Thread: any. Waits where the sink is the clock (a speaker), or its far end
        is behind (a session).
        """
        if isinstance(block, (bytes, bytearray, memoryview)):
            samples = bytes_to_int16(block)
        else:
            samples = check_block(block).copy()
        self._begin()
        self._put(samples, _always)

    def clear(self) -> None:
        """Drop what was taken and is not heard yet. Thread: any; never waits."""

    def close(self) -> None:
        """End the link, and let go of what the sink holds. Idempotent.

        Thread: any; waits for the link's thread at most a second.
        """
        link = self._link
        if link is not None:
            link.stop()

    # For subclasses

    def _begin(self) -> None:
        """Make ready to take audio; called before each link and each `write`."""

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        """Take the block, which nobody changes any more.

        May wait for room while `wanted()`; False = it was not wanted any more.
        """
        raise NotImplementedError

    def _waiting(self) -> float:
        """Seconds of audio that were taken and are not heard yet; asked often."""
        return 0.0

    def _finish(self, wanted: Callable[[], bool]) -> None:
        """A link has given all it had: wait, while wanted, until that is heard."""

    def _pausing(self) -> None:
        """The source has paused; what was left of it in resamplers comes next."""

    def _release(self) -> None:
        """A link is going; no other has come yet. Thread: the link's."""

    def _wake(self) -> None:
        """What `wanted` says may have changed: who waits in `_put` is to look."""

    # For links

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """See `MediaTarget`."""
        if parameters:
            names = ", ".join(sorted(parameters))
            raise TypeError(f"{type(self).__name__} takes no parameters ({names})")
        return self

    def _claim(self, link: Link) -> None:
        """Let this link write, and no other.

        Raises:
            InvalidState: Another one does.
            DeviceError, ...: The sink cannot be made ready.
        """
        with self._link_lock:
            if self._link is not None:
                raise InvalidState(
                    f"{self.name} takes the audio of {self._link.source.name} already; "
                    "there is no mixing: stop_media_to() there first"
                )
            self._link = link
        try:
            self._begin()
        except BaseException:
            with self._link_lock:
                self._link = None
            raise

    def _unclaim(self, link: Link) -> None:
        """Let other links write, if this one did. Thread: the link's."""
        if self._link is not link:
            return
        try:
            self._release()
        finally:
            with self._link_lock:
                self._link = None
