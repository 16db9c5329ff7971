"""The session of `voxsync.gemini`: what is said to a model, and what it says."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from voxsync.audio import AudioFormat
from voxsync.dialects.base import SendAudio
from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.blob import Blob
from voxsync.dialects.gemini.messages import ServerContent
from voxsync.errors import InvalidState
from voxsync.live_plan import Plan, resumption
from voxsync.session import Session, SessionOptions
from voxsync.session.resumption import resume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.pcm import AudioData
    from voxsync.audio.resample import Resampler
    from voxsync.dialects.base import Dialect
    from voxsync.dialects.gemini.codec import GeminiDialect
    from voxsync.dialects.gemini.config import SessionResumptionConfig
    from voxsync.dialects.gemini.messages import LiveServerMessage, UsageMetadata
    from voxsync.dialects.gemini.parts import FunctionResponse

__all__ = ["LiveSession"]

_INPUT_RATE = 16_000  # Gemini notes, 2.5: its native one
_MOST_SECONDS = 0.1  # of audio in one message: 20 to 100 ms are typical
# The model speaks faster than it sounds; what is more than this ahead is refused.
_PLAYOUT_SECONDS = 120.0
_OPTIONS = SessionOptions()


class LiveSession(Session["LiveServerMessage"]):
    """A conversation with a model. Made by `LiveGenerativeModel`.

    Messages come to `message` listeners and by `receive()`, typed. The model's audio
    is in them, and flows to whatever `send_media_to` named, 120 s ahead at most.

    Thread: any; see `Session`.
    """

    _playout_seconds = _PLAYOUT_SECONDS

    def __init__(self, plan: Plan, options: SessionOptions | None = None) -> None:
        super().__init__(plan.backend.url(plan.base_url, None), options or _OPTIONS)
        self._plan = plan
        self._gemini: GeminiDialect | None = None
        self._resampler: Resampler | None = None
        self._last_image = -float("inf")
        self.images_dropped = 0

    # What is known of it

    @property
    def resumption_handle(self) -> str | None:
        """The latest handle by which the service would let this session go on."""
        given = self._plan.resumption
        known = None if self._gemini is None else self._gemini.resumption_handle
        return known or (None if given is None else given.handle)

    @property
    def usage(self) -> UsageMetadata | None:
        """The latest count of tokens."""
        return None if self._gemini is None else self._gemini.usage

    @property
    def session_id(self) -> str | None:
        """The service's name for this session, where it has one."""
        return None if self._gemini is None else self._gemini.session_id

    # Turns

    def send(
        self,
        request: object,
        turn_complete: bool = True,
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Send what belongs into the conversation's history, in order.

        Args:
            request: Text, `Part`, `Content`, `Blob`, or a list of texts and parts.
            turn_complete: The model may answer. False: more is to come.
            block: Wait for room in the send queue; False = raise at once.
            timeout: Seconds to wait for room; None = as long as it takes.

        Raises:
            ValueError: An empty list, or function responses: for those there is
                `send_function_responses`.
            SendQueueFull, InvalidState, SessionClosed: As all sends.
        """
        text = requests.client_content(request, turn_complete)
        self._send(text, block, timeout)

    def send_function_responses(
        self,
        responses: Iterable[FunctionResponse | Mapping[str, Any]],
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Answer calls of a `ToolCall` message, each by its `id`, in one message."""
        self._send(requests.tool_response(responses), block, timeout)

    def send_context_update(
        self,
        *,
        system_instruction: object = None,
        tools: Sequence[object] | None = None,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Change instruction or tools while the session goes on; `tools=[]` clears."""
        text = requests.context_update(system_instruction, tools)
        self._send(text, block, timeout)

    # Real time

    def send_text_realtime(
        self, text: str, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send text as it is typed; the service decides when a turn is over."""
        self._send(requests.realtime_text(text), block, timeout)

    def send_audio_realtime(
        self,
        audio: AudioData | Blob | Mapping[str, Any],
        sample_rate: int = _INPUT_RATE,
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Send audio as it sounds.

        Args:
            audio: int16 numpy `(frames,)` or bytes of 16-bit little-endian mono PCM,
                of any length; or a `Blob` (or its dict) that is ready, sent as it is.
            sample_rate: Of PCM. Other rates than 16000 are resampled, from call to
                call without a seam, as long as the rate stays.
            block: As in `send`.
            timeout: As in `send`.

        Raises:
            FormatError: Half a sample, another dtype or shape.

        Thread: any, but one at a time, for the order of the audio is that of calls.
        """
        if isinstance(audio, Blob | Mapping):
            self._send(requests.realtime_audio(audio), block, timeout)
            return
        pieces = self._pieces(audio, sample_rate)
        if pieces:
            self._send_all(pieces, block, timeout)

    def send_video_realtime(
        self,
        image: bytes | Blob | Mapping[str, Any],
        *,
        mime_type: str | None = None,
        excess: Literal["refuse", "drop"] = "refuse",
        block: bool = True,
        timeout: float | None = None,
    ) -> bool:
        """Send what is seen: one image a second at most (Gemini notes, 2.5).

        Args:
            image: JPEG or PNG bytes, or a `Blob`.
            mime_type: Default: by the image's first bytes.
            excess: What becomes of an image less than a second after the last one:
                "refuse" = `InvalidState`; "drop" = it is not sent, counted in
                `images_dropped`, and False is returned.
            block: As in `send`.
            timeout: As in `send`.

        Returns:
            Whether it was sent.
        """
        text = requests.realtime_video(_image(image, mime_type))
        now = time.monotonic()
        if now - self._last_image < 1.0:
            if excess == "drop":
                self.images_dropped += 1
                return False
            raise InvalidState(
                "the service takes one image a second; the last one was "
                f"{now - self._last_image:.2f} s ago (excess='drop' thins them out)"
            )
        self._send(text, block, timeout)
        self._last_image = now
        return True

    def send_audio_stream_end(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Say that the microphone pauses, so that what was said is answered now."""
        self._send(requests.audio_stream_end(), block, timeout)

    def send_activity_start(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Say that the user begins to speak; only without automatic detection."""
        self._send(requests.activity_start(), block, timeout)

    def send_activity_end(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Say that the user has spoken; only without automatic detection."""
        self._send(requests.activity_end(), block, timeout)

    def send_media_chunks(self, chunks: Iterable[Blob | Mapping[str, Any]]) -> None:
        """Firebase's obsolete form: one message for each chunk."""
        warnings.warn(
            "send_media_chunks is obsolete: use send_audio_realtime or "
            "send_video_realtime",
            DeprecationWarning,
            stacklevel=2,
        )
        self._send_chunks(chunks)

    def send_media_stream(self, stream: Iterable[Blob | Mapping[str, Any]]) -> None:
        """Firebase's obsolete form: each chunk as it comes, until there is none."""
        warnings.warn(
            "send_media_stream is obsolete: use send_audio_realtime, or "
            "unit.send_media_to(session)",
            DeprecationWarning,
            stacklevel=2,
        )
        self._send_chunks(stream)

    # Receiving

    def receive_turn(self, timeout: float | None = None) -> Iterator[LiveServerMessage]:
        """As `receive`, until the model's turn is over.

        Where the model says how far an interaction is (`interaction_status`), until
        it is idle.

        Args:
            timeout: Seconds to wait for each message; None = no limit.

        Raises (while iterating): As `receive`.
        """
        for message in self.receive(timeout):
            yield message
            if _ends_turn(message):
                return

    # Another connection

    def resume(
        self,
        session_resumption: SessionResumptionConfig | Mapping[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
    ) -> None:
        """Go on by a new connection, such as when a `GoAway` came.

        The new one is opened first, with the same setup and the latest handle; then
        the old one is closed. `receive()` goes on, what is queued goes out on the new
        one, and neither `close` nor `open` is told.

        Args:
            session_resumption: Default: the latest handle.
            timeout: Seconds for connection and setup together.

        Raises:
            InvalidState: The session was opened without `session_resumption`, or the
                service has sent no handle yet.
            SetupError, ConnectError, OpenTimeout: As `connect`; the session goes on
                as it was.
            SessionClosed: It is over: connect anew with `resumption_handle`.

        Thread: any but that of listeners.
        """
        if self._plan.resumption is None:
            raise InvalidState(
                "Cannot resume session: it was opened without session_resumption={}"
            )
        config = resumption(session_resumption)
        if config is None:
            handle = self.resumption_handle
            if handle is None:
                raise InvalidState("the service has sent no resumption handle yet")
            config = replace(self._plan.resumption, handle=handle)
        plan = replace(self._plan, resumption=config)
        dialect = plan.dialect()
        resume(self, dialect, timeout)
        self._plan, self._gemini = plan, dialect

    # For the session

    def _make_dialect(self) -> Dialect[LiveServerMessage]:
        self._gemini = self._plan.dialect()
        return self._gemini

    def _media_format(self) -> AudioFormat:
        return AudioFormat("pcm16", _INPUT_RATE)  # ours; the model's says its own rate

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        return SendAudio(tag, block.astype("<i2", copy=False).tobytes())

    def _pieces(self, audio: AudioData, sample_rate: int) -> list[SendAudio]:
        from voxsync.audio.pcm import split, to_bytes  # noqa: PLC0415 - numpy

        form = AudioFormat("pcm16", sample_rate)
        data = to_bytes(audio, form)
        if sample_rate != _INPUT_RATE:
            data = self._resampled(data, sample_rate)
        most = round(_MOST_SECONDS * _INPUT_RATE) * form.bytes_per_frame
        return [SendAudio("", p) for p in split(data, most, form.bytes_per_frame)]

    def _resampled(self, data: bytes, sample_rate: int) -> bytes:
        from voxsync.audio.pcm import bytes_to_int16  # noqa: PLC0415 - numpy
        from voxsync.audio.resample import Resampler  # noqa: PLC0415 - numpy

        resampler = self._resampler
        if resampler is None or resampler.source_rate != sample_rate:
            resampler = self._resampler = Resampler(sample_rate, _INPUT_RATE)
        found: NDArray[np.int16] = resampler.process(bytes_to_int16(data))
        return found.astype("<i2", copy=False).tobytes()

    def _send_chunks(self, chunks: Iterable[Blob | Mapping[str, Any]]) -> None:
        for chunk in chunks:
            self._send(requests.media_chunk(chunk), True, None)


def _ends_turn(message: LiveServerMessage) -> bool:
    """Whether the model waits for us now (Gemini notes, 1.7 and 2.4)."""
    if not isinstance(message, ServerContent):
        return False
    status = message.interaction_status
    if status and not status.endswith("UNSPECIFIED"):
        return status.endswith("IDLE")
    return message.turn_complete


def _image(
    image: bytes | Blob | Mapping[str, Any], mime_type: str | None
) -> Blob | Mapping[str, Any]:
    """A blob that says what it is."""
    if isinstance(image, Blob | Mapping):
        return image
    data = bytes(image)
    if mime_type is None:
        if data.startswith(b"\xff\xd8\xff"):
            mime_type = "image/jpeg"
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            mime_type = "image/png"
        else:
            raise ValueError("neither JPEG nor PNG: say mime_type='image/...'")
    return Blob(mime_type, data)
