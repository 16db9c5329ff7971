"""Pictures for a model that sees: one a second, on a thread of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from voxsync.clocks import Clock
from voxsync.errors import SendQueueFull, SessionClosed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pictures", "Seeing", "VideoSender", "check_pictures"]

logger = logging.getLogger("voxsync.conversation")

Pictures = Iterable[bytes | None] | Callable[[], bytes | None]

# The services take no more than one a second.
_INTERVAL = 1.0
# How long a picture waits for room before the sender asks whether it should go on.
_SLICE = 0.1


class Seeing(Protocol):
    """What is needed of a session whose model sees."""

    def send_video_realtime(
        self, image: bytes, *, block: bool = True, timeout: float | None = None
    ) -> object:
        """Send one picture."""
        ...


def check_pictures(video: object) -> None:
    """Raise the `TypeError` that what gives no pictures deserves."""
    if isinstance(video, (bytes, bytearray, memoryview, str)):
        raise TypeError(
            f"video must give one picture after the other, not {type(video).__name__}: "
            "for a single one use session.send_video_realtime(image)"
        )
    if not callable(video) and not isinstance(video, Iterable):
        raise TypeError(
            "video must be an iterable of JPEG or PNG bytes, or a function that "
            f"returns them, not {type(video).__name__}"
        )


class VideoSender:
    """Sends pictures until they end, fail, or it is stopped.

    Args:
        video: Gives the bytes of a JPEG or PNG picture when asked, or None = no new
            one; `StopIteration` or the end of the iterable is the end.
        session: Where they go.
        name: Of the thread: `voxsync-video-<name>`.
        clock: Whose seconds; None = the machine's.
        tell: Takes what went wrong; never waits.

    Thread: any.
    """

    def __init__(
        self,
        video: Pictures,
        session: Seeing,
        *,
        name: str,
        clock: Clock | None,
        tell: Callable[[BaseException], object],
    ) -> None:
        self._video = video
        self._session = session
        self._clock = clock or Clock()
        self._tell = tell
        self._stopped = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"voxsync-video-{name}", daemon=True
        )

    def start(self) -> None:
        """Begin with the first picture."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; never waits."""
        self._stopped.set()

    def join(self, timeout: float | None) -> bool:
        """Wait for the thread; False if whoever makes the pictures keeps it."""
        return self.runs_here() or self._done.wait(timeout)

    def runs_here(self) -> bool:
        """Whether the caller is what gives the pictures."""
        return self._thread is threading.current_thread()

    def _run(self) -> None:
        try:
            for picture in self._pictures():
                if picture is not None and not self._send(picture):
                    return
                # Since the last was sent, not by the clock: never two in a second.
                if self._clock.wait(self._stopped, _INTERVAL):
                    return
        except SessionClosed as exc:
            logger.info("the session ended before the video: %s", exc)
        except BaseException as exc:  # noqa: BLE001 - whatever user code raises is told
            self._tell(exc)
        finally:
            self._done.set()

    def _pictures(self) -> Iterator[bytes | None]:
        video = self._video
        if not callable(video):
            yield from video
            return
        while True:
            try:
                picture = video()
            except StopIteration:
                return
            yield picture

    def _send(self, picture: bytes) -> bool:
        while not self._stopped.is_set():
            try:
                self._session.send_video_realtime(picture, timeout=_SLICE)
            except SendQueueFull:
                continue
            return True
        return False
