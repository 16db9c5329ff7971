"""A session of plain messages: what a client of any service, or a server, uses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from voxsync.audio import AudioFormat
from voxsync.dialects.base import SendAudio
from voxsync.dialects.plain import PlainDialect
from voxsync.session.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from voxsync.dialects.base import Dialect
    from voxsync.session.options import SessionOptions

__all__ = ["MessageSession", "check_text", "json_text"]


class MessageSession(Session["str | bytes"]):
    """Sends text, binary and JSON messages; receives `str` and `bytes`.

    Args:
        url: `ws://` or `wss://`.
        options: Limits and timeouts.
        audio: What binary messages hold, both ways, where they are audio: then
            `send_media_to` works with this session as source and as target. They
            are delivered as messages all the same.
    """

    def __init__(
        self,
        url: str,
        options: SessionOptions | None = None,
        *,
        audio: AudioFormat | None = None,
    ) -> None:
        super().__init__(url, options)
        if audio is not None and not isinstance(audio, AudioFormat):
            raise TypeError(
                f'audio must be an AudioFormat, e.g. AudioFormat("ulaw", 8000), not '
                f"{audio!r}"
            )
        self._audio = audio
        self._make_dialect()  # complains about the format now, not at connect()

    @property
    def audio(self) -> AudioFormat | None:
        """What binary messages hold, where they are audio."""
        return self._audio

    def _is_heard(self, message: str | bytes) -> bool:
        units = self._media_units
        return isinstance(message, bytes) and units is not None and units.is_heard

    def _media_format(self) -> AudioFormat | None:
        return self._audio

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        return SendAudio(tag, block.astype("<i2", copy=False).tobytes())

    def _make_dialect(self) -> Dialect[str | bytes]:
        return PlainDialect(self._url, self._audio)

    def send_text(
        self, text: str, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send one text message.

        Args:
            text: Any length; sent as one unfragmented frame.
            block: Wait for room in the send queue; False = raise at once.
            timeout: Seconds to wait for room; None = as long as it takes.

        Raises:
            SendQueueFull: No room; the message was not accepted.
            InvalidState: Not open yet, or finished.
            SessionClosed: Closing or over, also while waiting.
            TypeError: It is no str.

        Thread: any. Returns when the message is accepted; it goes out in order.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, not {type(text).__name__}")
        check_text(text)
        self._send(text, block, timeout)

    def send_binary(
        self, data: Buffer, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send one binary message.

        Args:
            data: Bytes-like, copied unless it is `bytes`.
            block: As for `send_text`.
            timeout: As for `send_text`, seconds.

        Raises:
            TypeError: It is text, or nothing of bytes.

        Other errors and thread: as for `send_text`.
        """
        if type(data) is not bytes:
            if isinstance(data, str):
                raise TypeError("data must be bytes-like; send_text() sends a str")
            data = bytes(memoryview(data).cast("B"))
        self._send(data, block, timeout)

    def send_json(
        self, obj: Any, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send one text message: the object as compact JSON.

        Args:
            obj: dict, list or what else JSON has.
            block: As for `send_text`.
            timeout: As for `send_text`, seconds.

        Raises:
            TypeError, ValueError: It cannot be written as JSON (NaN included).

        Other errors and thread: as for `send_text`.
        """
        self._send(json_text(obj), block, timeout)


def json_text(obj: Any) -> str:
    """The object as compact JSON that can be sent.

    Raises:
        TypeError, ValueError: It cannot be written as JSON, or not as UTF-8.
    """
    text = json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Raise the `ValueError` that a text deserves which UTF-8 cannot carry."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError(
            f"the text holds a lone surrogate at {exc.start}; UTF-8 cannot carry it"
        ) from None
