"""Door: mimi WebSocket sessions (speech recognition, typed results).

    from voxsync.mimi import MimiSession

    with MimiSession(token, process="nict-asr", language="en") as session:
        for block in blocks:                 # bytes or int16 arrays, any size
            session.send_binary(block)       # waits while the queue is full
        session.stop_recognition()
        for result in session.receive():     # ends when the service has closed
            print(result.text, result.is_final)

One session is one utterance or recording; make a new one for the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from voxsync.audio import AudioFormat
from voxsync.audio.pcm import split, to_bytes
from voxsync.dialects import mimi
from voxsync.errors import FormatError
from voxsync.session import Headers, Session, SessionOptions
from voxsync.session.messages import json_text
from voxsync.session.options import normal_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.pcm import AudioData
    from voxsync.dialects.base import Dialect
    from voxsync.dialects.mimi import (
        AsrResult,
        AsrWord,
        NictOptions,
        NictV1Item,
        NictV1Result,
        NictV2Result,
        NictV2Segment,
        Segment,
        Transcript,
        UnknownResult,
    )
    from voxsync.dialects.mimi.codec import AudioEncoder

__all__ = [
    "AsrResult",
    "AsrWord",
    "AudioFormat",
    "MimiSession",
    "NictOptions",
    "NictV1Item",
    "NictV1Result",
    "NictV2Result",
    "NictV2Segment",
    "Segment",
    "Transcript",
    "UnknownResult",
]

# The service takes up to 64 KiB in a frame; half of that is what its own
# documents agree on (mimi protocol notes, 2.4).
_MAX_BLOCK = 32 * 1024
_BREAK = {"command": "recog-break"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'voxsync.mimi' has no attribute {name!r}")
    return getattr(mimi, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class MimiSession(Session[Any]):
    """One streaming recognition.

    Args:
        token: The access token, or a callable that is asked for it at `connect()`
            on the calling thread; None = send no `Authorization` header.
        process: The engine, `x-mimi-process`: "asr", "nict-asr", ...; several
            separated by commas.
        language: `x-mimi-input-language`, e.g. "ja", "en", "zh-TW".
        audio: What the bytes are; default 16 kHz, 16 bit, mono PCM.
        nict: Options of "nict-asr"; ignored by other engines.
        url: The service.
        headers: Extra request headers (`x-mimi-lid-options`, ...).
        encode: `"flac"`: the audio goes out as FLAC, one frame for each 20 ms, which
            halves the bytes and loses nothing; `audio` stays what you hand over
            (16-bit PCM, mono). None: it goes out as it is. Default None.
        converter: Turns each JSON object into the type of your own that
            `message` listeners and `receive()` get, instead of the result classes.
        options: Limits and timeouts. Pings are off unless `ping_interval` is set,
            since the service may not answer them.

    Raises:
        TypeError, ValueError: An argument makes no sense.
    """

    _default_ping_interval = None
    _gives_audio = False

    def __init__(
        self,
        token: str | Callable[[], str] | None,
        *,
        process: str = "asr",
        language: str = "ja",
        audio: AudioFormat | None = None,
        nict: NictOptions | None = None,
        url: str = "wss://service.mimi.fd.ai/",
        headers: Headers | None = None,
        encode: Literal["flac"] | None = None,
        converter: Callable[[dict[str, Any]], object] | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        super().__init__(url, options)
        if not (token is None or isinstance(token, str) or callable(token)):
            raise TypeError(
                f"token must be a str, a callable or None, not {type(token).__name__}"
            )
        self._token = token
        self._audio = audio or AudioFormat()
        if self._audio.encoding not in ("pcm16", "flac"):
            raise ValueError(
                f"mimi takes pcm16 and flac, not {self._audio.encoding}: decode it "
                "first (voxsync.audio.Decoder)"
            )
        self._declared = self._audio  # what the service is told
        if encode is not None:
            if encode != "flac":
                raise ValueError(f'encode must be "flac" or None, not {encode!r}')
            if self._audio.encoding != "pcm16" or self._audio.channels != 1:
                raise ValueError(
                    'encode="flac" takes 16-bit mono PCM; audio says '
                    f"{self._audio.content_type}"
                )
            self._declared = AudioFormat("flac", self._audio.sample_rate)
        self._settings: dict[str, Any] = {
            "process": process,
            "language": language,
            "nict": nict or mimi.NictOptions(),
            "headers": normal_headers(headers),
            "converter": converter,
        }
        self._heard = False  # whether audio was accepted
        self._translator(token=None)  # complains about the settings now, not later

    @property
    def audio(self) -> AudioFormat:
        """What the bytes are that `send_binary` takes."""
        return self._audio

    def _media_format(self) -> AudioFormat:
        if self._audio.encoding != "pcm16" or self._audio.channels != 1:
            raise FormatError(
                f"audio can flow to a session of 16-bit mono PCM, not of "
                f'{self._audio.content_type}; encode="flac" compresses it on its way'
            )
        return self._audio

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        del tag  # one session is one stream
        self._heard = True
        return to_bytes(block, self._audio)

    def _make_dialect(self) -> Dialect[Any]:
        token = self._token() if callable(self._token) else self._token
        if not (token is None or isinstance(token, str)):
            raise TypeError(
                f"the token callable must return a str, not {type(token).__name__}"
            )
        return self._translator(token)

    def _translator(self, token: str | None) -> mimi.MimiDialect:
        encoder: AudioEncoder | None = None
        if self._declared is not self._audio:
            from voxsync.audio.flac import FlacEncoder  # noqa: PLC0415 - numpy

            encoder = FlacEncoder(self._audio.sample_rate)
        return mimi.MimiDialect(
            url=self._url,
            token=token,
            audio=self._declared,
            encoder=encoder,
            **self._settings,
        )

    def send_binary(
        self,
        data: AudioData,
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Send audio; it is recognised in the order of the calls.

        Args:
            data: Bytes-like in the session's format, or int16 numpy `(frames,)`.
                Copied, so the buffer may be used again. Split at 32 KiB.
            block: Wait for room in the send queue; False = raise at once.
            timeout: Seconds to wait for room; None = as long as it takes.

        Raises:
            SendQueueFull: No room; nothing of `data` was accepted.
            FormatError: Half a sample, another dtype or shape, a WAV header.
            InvalidState: Not open yet, or after `stop_recognition()`.
            SessionClosed: Closing or over, also while waiting.

        Thread: any. Returns when all is accepted.
        """
        audio = to_bytes(data, self._audio, first=not self._heard)
        if not audio:
            return
        pieces = split(audio, _MAX_BLOCK, self._audio.bytes_per_frame)
        self._send_all(pieces, block, timeout)
        self._heard = True

    def send_binary_blocking(self, data: AudioData) -> None:
        """Send audio, by the Kotlin SDK's name; see `send_binary`."""
        self.send_binary(data)

    def send_json(
        self, obj: Any, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send a JSON text message: a command of a service beyond this door.

        The one command of the service itself, recog-break, is `stop_recognition()`
        whichever way it is given.

        Args:
            obj: dict, list or what else JSON has.
            block: As for `send_binary`.
            timeout: As for `send_binary`, seconds.

        Raises:
            TypeError, ValueError: It cannot be written as JSON, or not as UTF-8.

        Other errors and thread: as for `send_binary`.
        """
        if obj == _BREAK:
            self.stop_recognition()
            return
        self._send(json_text(obj), block, timeout)

    def stop_recognition(self) -> None:
        """Say that the audio is complete; results go on until the service closes.

        Puts exactly one recog-break behind the audio that was accepted. The same
        as `finish()`. Without any audio there is nothing to recognise: the session
        is then closed, since the service takes a break only behind audio.
        """
        self.finish()
