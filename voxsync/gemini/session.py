"""The session of `voxsync.gemini`: what is said to a model, and what it says."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from voxsync.audio.pcm import split
from voxsync.clocks import Clock
from voxsync.dialects.base import OpenStream, SendAudio
from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.blob import Blob
from voxsync.errors import AnswerCutOff, InvalidState
from voxsync.events import ErrorEvent, MessageEvent
from voxsync.gemini.images import ImagePace, as_blob
from voxsync.gemini.speech import INPUT_RATE, Speech, pcm
from voxsync.gemini.turns import ends_turn
from voxsync.session import Session, SessionOptions
from voxsync.session.resumption import resume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio import AudioFormat
    from voxsync.audio.pcm import AudioData
    from voxsync.dialects.base import Dialect
    from voxsync.dialects.gemini.config import SessionResumptionConfig
    from voxsync.dialects.gemini.messages import LiveServerMessage, UsageMetadata
    from voxsync.dialects.gemini.parts import FunctionResponse
    from voxsync.events import Event
    from voxsync.gemini.plan import Plan
    from voxsync.gemini.turns import TurnsDialect
    from voxsync.media import Sink

__all__ = ["LiveSession"]

logger = logging.getLogger("voxsync.session")

_MOST_BYTES = 3200  # of audio in one message: 100 ms; 20 to 100 are typical
# The model speaks faster than it sounds; what is more than this ahead is refused.
_PLAYOUT_SECONDS = 120.0


class LiveSession(Session["LiveServerMessage"]):
    """A conversation with a model. Made by `LiveGenerativeModel`.

    Messages come to `message` listeners and by `receive()`, typed. The model's audio
    is in them, and flows to whatever `send_media_to` named, 120 s ahead at most.

    Thread: any; see `Session`.
    """

    _playout_seconds = _PLAYOUT_SECONDS

    def __init__(self, plan: Plan, options: SessionOptions | None = None) -> None:
        super().__init__(plan.backend.url(plan.base_url, None), options)
        self._plan = plan
        self._gemini: TurnsDialect | None = None
        self._came = 0  # messages, on all connections; the I/O thread's
        self._speech = Speech()  # its user's: see send_audio_realtime
        self._images = ImagePace(self.options.clock or Clock())

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

    @property
    def images_dropped(self) -> int:
        """Images that `send_video_realtime(..., excess="drop")` left out."""
        return self._images.dropped

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
        """Answer calls, each by its `id`, in one message of `responses`; as `send`."""
        ids_required = self._plan.calls_have_ids
        text = requests.tool_response(responses, ids_required=ids_required)
        self._send(text, block, timeout)

    def send_context_update(
        self,
        *,
        system_instruction: object = None,
        tools: Sequence[object] | None = None,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Change `system_instruction` or `tools`, `[]` clears; otherwise as `send`."""
        text = requests.context_update(system_instruction, tools)
        self._send(text, block, timeout)

    # Real time

    def send_text_realtime(
        self, text: str, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send `text` as it is typed; the service ends the turn; else as `send`."""
        self._send(requests.realtime_text(text), block, timeout)

    def send_audio_realtime(
        self,
        audio: AudioData | Blob | Mapping[str, Any],
        sample_rate: int = INPUT_RATE,
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Send audio as it sounds.

        Args:
            audio: int16 numpy `(frames,)` or bytes of 16-bit little-endian mono PCM,
                of any length; or a `Blob` (or its dict) that is ready, sent as it is.
            sample_rate: Of PCM, Hz. Other rates than 16000 are resampled, from call to
                call without a seam, as long as the rate stays.
            block: As in `send`.
            timeout: As in `send`.

        Raises:
            FormatError: Half a sample, another dtype or shape.
            ValueError: A rate that cannot be resampled.
            SendQueueFull, InvalidState, SessionClosed: As all sends. None of it was
                sent then; audio that is resampled begins anew with the next call.

        Thread: any, but one at a time, for the order of the audio is that of calls.
        """
        if isinstance(audio, (Blob, Mapping)):
            self._send(requests.realtime_audio(audio), block, timeout)
            return
        self._opened()  # complains before the resampler has taken it
        self._send_audio(self._speech.converted(audio, sample_rate), block, timeout)

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
                `images_dropped`, and False is returned; else `ValueError`.
            block: As in `send`.
            timeout: As in `send`.

        Returns:
            Whether it was sent.
        """
        if excess not in ("refuse", "drop"):
            raise ValueError(f'excess must be "refuse" or "drop", not {excess!r}')
        text = requests.realtime_video(as_blob(image, mime_type))
        before = self._images.admit(excess)
        if before is None:
            return False
        try:
            self._send(text, block, timeout)
        except BaseException:
            self._images.take_back(before)
            raise
        return True

    def send_audio_stream_end(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """The microphone pauses: what was said is answered now; else as `send`."""
        self._send_behind_audio(requests.audio_stream_end(), block, timeout)

    def send_activity_start(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """The user begins to speak; only without automatic detection; as `send`."""
        self._send(requests.activity_start(), block, timeout)

    def send_activity_end(
        self, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """The user has spoken; only without automatic detection; as `send`."""
        self._send_behind_audio(requests.activity_end(), block, timeout)

    def finish(self) -> None:
        """Say that there is no more input; what the model has to say still arrives.

        Then the session ends, with 1000: `linger_timeout` (1 s) after the model's last
        turn, or after this where nothing is to be answered. Where that cannot be known,
        such as after audio that may hold no speech, it ends badly, once the service was
        silent for `finish_timeout`. Answer calls of functions before.
        Raises, thread: as `Session.finish`.
        """
        super().finish()

    def send_media_chunks(self, chunks: Iterable[Blob | Mapping[str, Any]]) -> None:
        """Firebase's obsolete form: one message for each of the `chunks`."""
        self._send_chunks("send_media_chunks", chunks)

    def send_media_stream(self, stream: Iterable[Blob | Mapping[str, Any]]) -> None:
        """Firebase's obsolete form: each chunk of the `stream` as it comes."""
        self._send_chunks("send_media_stream", stream)

    # Receiving

    def receive_turn(self, timeout: float | None = None) -> Iterator[LiveServerMessage]:
        """As `receive`, until the model's turn is over.

        Where the model says how far an interaction is (`interaction_status`), until
        it is idle. What came before the first call and did not fit is gone, as with
        `receive`.

        Args:
            timeout: Seconds to wait for each message; None = no limit.

        Raises (while iterating):
            AnswerCutOff: What was to come was lost with a connection, see `resume`;
                behind the messages that had come. The session goes on.
            ReceiveTimeout, SessionClosed, ...: As `receive`.
        """
        messages = self.receive(timeout)
        messages.by_turns = True
        for message in messages:
            yield message
            if ends_turn(message):
                return

    # Another connection

    def resume(
        self,
        session_resumption: SessionResumptionConfig | Mapping[str, Any] | None = None,
        *,
        timeout: float | None = 10.0,
    ) -> None:
        """Go on by a new connection, such as when a `GoAway` came.

        The new one is opened first, with the same setup and the latest handle. The old
        one goes on until the model owes nothing, as long as `timeout` and the
        `time_left` of a `GoAway` allow; then it is closed. What is sent meanwhile goes
        out on the new one, but for audio, images and answers to calls, which belong to
        the turn. `receive()` goes on, and neither `close` nor `open` is told. The model
        remembers what the handle stands for: all up to the turn that it came behind.

        If an answer is still on or expected then, it is lost: an `error` event with an
        `AnswerCutOff` tells, and `receive_turn()` raises it. Audio that was sent last
        is not waited for, as nobody knows whether it holds a question.

        Args:
            session_resumption: With a handle, if not the latest is wanted.
            timeout: Seconds for connection, setup and the rest of the turn together;
                None = `options.open_timeout`.

        Raises:
            InvalidState: The session was opened without `session_resumption`, or the
                service has sent no handle yet: it sends one behind each turn.
            SetupError, ConnectError, OpenTimeout: As `connect`; the session goes on
                as it was.
            SessionClosed: It is over, or closed meanwhile: connect anew with
                `resumption_handle`.

        Thread: any but that of listeners, who get `InvalidState`: a listener starts a
        thread that calls this.
        """
        if self._delivery.runs_here():
            raise InvalidState(
                "resume() waits, and a listener must not: let it start a thread, as in "
                "threading.Thread(target=session.resume).start()"
            )
        if self._is_over():
            raise self._closed_error()
        plan = self._plan.resumed(session_resumption, self.resumption_handle)
        dialect = plan.dialect()
        dialect.usage = self.usage  # until the service counts again
        dialect.expect_more()
        try:
            resume(self, dialect, timeout, self._gemini)
        finally:  # Ctrl-C may come when it is done
            leading = self._connection
            if leading is not None and leading.engine.dialect is dialect:
                self._plan, self._gemini = plan, dialect

    # For the session

    def _arrived(self, events: Sequence[Event]) -> None:
        super()._arrived(events)
        for event in events:
            if type(event) is MessageEvent:
                self._came += 1
            elif type(event) is ErrorEvent and isinstance(event.error, AnswerCutOff):
                self._receiver.cut(self._came, event.error)
                if not self._has_listeners("error"):
                    logger.warning("session %s: %s", self.id, event.error)

    def _make_dialect(self) -> Dialect[LiveServerMessage]:
        self._gemini = self._plan.dialect()
        return self._gemini

    def _secrets(self) -> tuple[str, ...]:
        return (self.resumption_handle or "",)  # who has it can take us over

    def _media_format(self) -> AudioFormat:
        return pcm(INPUT_RATE)  # ours; the model's says its own rate

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        super()._media_sink(parameters)  # there are none
        # So that the end of the audio is told where that is needed.
        return self._units().sink("", opening=OpenStream(""))

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        return SendAudio(tag, block.astype("<i2", copy=False).tobytes())

    def _is_heard(self, message: LiveServerMessage) -> bool:  # noqa: ARG002 - any one
        # Each turn has messages without audio, such as its end; who only plays what
        # the model says has no use for them.
        units = self._media_units
        return units is not None and units.is_heard

    def _send_behind_audio(self, text: str, block: bool, timeout: float | None) -> None:
        self._opened()
        self._send_audio(self._speech.rest(), block, timeout)
        self._send(text, block, timeout)

    def _send_audio(self, data: bytes, block: bool, timeout: float | None) -> None:
        pieces = [SendAudio("", piece) for piece in split(data, _MOST_BYTES)]
        try:
            self._send_all(pieces, block, timeout)
        except BaseException:
            self._speech.forget()  # it would go on behind what was never sent
            raise

    def _send_chunks(
        self, verb: str, chunks: Iterable[Blob | Mapping[str, Any]]
    ) -> None:
        words = "is obsolete: use send_audio_realtime or send_video_realtime"
        warnings.warn(f"{verb} {words}", DeprecationWarning, stacklevel=3)
        for chunk in chunks:
            self._send(requests.media_chunk(chunk), True, None)
