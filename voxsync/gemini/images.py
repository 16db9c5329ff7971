"""What a model is to see: JPEG or PNG, and one a second at most."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.blob import Blob
from voxsync.errors import InvalidState

if TYPE_CHECKING:
    from voxsync.clocks import Clock

__all__ = ["ImagePace", "as_blob"]

_INTERVAL = 1.0  # seconds (Gemini notes, 2.5)
_STARTS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


class ImagePace:
    """Says of each image whether it may be sent now.

    Attributes:
        dropped: Images that were left out.

    Thread: any.
    """

    def __init__(self, clock: Clock) -> None:
        self.dropped = 0
        self._clock = clock
        self._lock = threading.Lock()  # guards the next, and dropped
        self._last = -float("inf")

    def admit(self, excess: str) -> float | None:
        """Count an image as the last one.

        Args:
            excess: What becomes of one that comes too soon: "drop" or "refuse".

        Returns:
            For `take_back`; None = it is dropped.

        Raises:
            InvalidState: It is refused.
        """
        now = self._clock.now()
        with self._lock:
            before = self._last
            if now - before >= _INTERVAL:
                self._last = now
                return before
            if excess == "drop":
                self.dropped += 1
                return None
        raise InvalidState(
            "the service takes one image a second; the last one was "
            f"{now - before:.2f} s ago (excess='drop' thins them out)"
        )

    def take_back(self, before: float) -> None:
        """What was admitted was not sent: the next one may be."""
        self._last = before


def as_blob(
    image: bytes | Blob | Mapping[str, Any], mime_type: str | None
) -> Blob | Mapping[str, Any]:
    """The image with its type, by its first bytes where that is not given.

    Raises:
        TypeError: It is no image.
        ValueError: It is neither JPEG nor PNG, and `mime_type` is None.
    """
    if isinstance(image, Blob | Mapping):
        return image
    if not isinstance(image, bytes | bytearray | memoryview):
        raise TypeError(f"image must be bytes or a Blob, not {type(image).__name__}")
    data = bytes(image)
    if mime_type is None:
        known = [each for start, each in _STARTS if data.startswith(start)]
        if not known:
            raise ValueError("neither JPEG nor PNG: say mime_type='image/...'")
        mime_type = known[0]
    return Blob(mime_type, data)
