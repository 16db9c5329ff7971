"""One connection of a Live session: the handshake, audio both ways, and its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from voxsync.dialects.base import (
    Audio,
    ClearAudio,
    CloseStream,
    Deliver,
    Dialect,
    OpenStream,
    Ready,
    Refused,
    Reply,
    Report,
    SendAudio,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.dialects.gemini.blob import encode_base64
from voxsync.dialects.gemini.likeness import Likeness
from voxsync.dialects.gemini.messages import (
    LiveServerMessage,
    ServerContent,
    ServerError,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
)
from voxsync.dialects.gemini.parsing import parse
from voxsync.dialects.gemini.reading import pcm_rate
from voxsync.errors import FormatError, ProtocolError, SessionClosed, SetupError
from voxsync.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.dialects.base import Output
    from voxsync.dialects.gemini.messages import UsageMetadata
    from voxsync.errors import VoxsyncError

__all__ = ["GeminiDialect"]

_AUDIO = '{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"'
_INPUT_RATE = 16_000
_ANY_AUDIO = '{"realtimeInput":{"audio":'
_AUDIO_END = '{"realtimeInput":{"audioStreamEnd":true}}'

# 1005: the peer closed properly and gave no code (RFC 6455, 7.1.5).
_GOOD_CODES = frozenset({1000, 1001, 1005})
_NO_CLOSE = 1006  # without a closing handshake; other codes are our own then
_MOST_REASON = 123  # bytes of a Close frame's reason (RFC 6455, 5.5)
_TELL_EVERY = 50  # audio parts that cannot be played as they came
_SHOWN = 200  # characters of the service's that a message of ours repeats
_HINTS = {
    # Gemini notes, 2.7
    1007: "check the key, the fields of the config, the resumption handle and the "
    "answers to tool calls",
    1008: "check that this model exists and can talk live in this API version",
    1009: "a message was too big: send smaller pieces",
    1011: "an error or a deadline of the service's own: connect again, with the "
    "resumption handle if there is one",
}
_QUOTA = (
    "wait until there is quota again, or get more: to connect at once does not help"
)


class GeminiDialect(Dialect[LiveServerMessage]):
    """Translates for one connection of a Live session.

    Args:
        url: Where to.
        headers: Of the upgrade: key or token among them.
        setup_text: The message that asks for the session, as JSON.
        automatic_activity: The service finds out itself who speaks when, so it must be
            told when audio pauses. Default True, as without a setting.

    Attributes:
        setup_complete: The answer to the setup; None = it has not come yet.
        usage: What the service said last of the tokens used; None = nothing yet.
        resumption_handle: The last one by which the session could go on; None = there
            was none yet.
        client_messages: Index of the message sent last; 0 = the setup. It is what
            `SessionResumptionUpdate.last_consumed_client_message_index` counts.
    """

    def __init__(
        self,
        url: str,
        headers: Iterable[tuple[str, str]],
        setup_text: str,
        *,
        automatic_activity: bool = True,
    ) -> None:
        self._url = url
        self._headers = tuple(headers)
        self._setup_text = setup_text
        self._automatic_activity = automatic_activity
        # Replaced, never changed: any thread may look at them.
        self.setup_complete: SetupComplete | None = None
        self.usage: UsageMetadata | None = None
        self.resumption_handle: str | None = None
        self.client_messages = 0
        self._refused = False
        self._sending = False  # audio was sent, or will be, behind the last end of it
        self._sounding_at: int | None = None  # the rate of the model's turn
        self._flawed = 0  # audio parts
        self._likeness = Likeness()

    @property
    def session_id(self) -> str | None:
        """As the service named the session; None = it has not, or not yet."""
        return None if self.setup_complete is None else self.setup_complete.session_id

    def request(self) -> UpgradeRequest:
        """The upgrade with the given headers."""
        return UpgradeRequest(url=self._url, headers=self._headers)

    def opened(self) -> Iterable[Output[LiveServerMessage]]:
        """The setup; the session is ready when it was answered."""
        return (Reply(self._setup_text),)

    # Out

    def encode(self, command: object) -> Iterable[Output[LiveServerMessage]]:
        """Turn audio, the end of it, or a ready JSON text into one message.

        Audio is mono int16 at 16 kHz.

        Raises:
            TypeError: The command is nothing of that.
            FormatError: The audio is not whole samples.
        """
        if isinstance(command, SendAudio):
            pcm = command.pcm
            if len(pcm) % 2:
                raise FormatError(
                    f"{len(pcm)} bytes are not whole 16-bit samples: keep the rest "
                    "for the next block"
                )
            if not pcm:
                return ()
            self._sending = True
            self.client_messages += 1
            self.audio_sent += len(pcm) / (2 * _INPUT_RATE)
            return (Reply(f'{_AUDIO}{encode_base64(pcm)}"}}}}}}'),)
        if isinstance(command, str):
            if command.startswith(_ANY_AUDIO):
                self._sending = True
                self.audio_sent += _seconds_of_blob(command)
            elif command == _AUDIO_END:
                self._sending = False
            self.client_messages += 1
            return (Reply(command),)
        if isinstance(command, OpenStream):
            self._sending = True
            return ()
        if isinstance(command, CloseStream):
            return self.finish()
        raise TypeError(f"a {type(command).__name__} cannot be sent: give a str")

    def is_result(self, message: LiveServerMessage) -> bool:
        """The model speaks, writes or wants a function called."""
        if isinstance(message, ServerContent):
            said = message.output_transcription
            return bool(message.inline or message.text or (said and said.text))
        return isinstance(message, ToolCall)

    def finish(self) -> Iterable[Output[LiveServerMessage]]:
        """Tell that no audio comes now, where the service listens for itself."""
        was_sending, self._sending = self._sending, False
        if not (was_sending and self._automatic_activity):
            return ()
        self.client_messages += 1
        return (Reply(_AUDIO_END),)

    # In

    def decode(self, data: str | bytes) -> Iterable[Output[LiveServerMessage]]:
        """Turn one message into audio, what becomes of it, and a typed message.

        The first must be the answer to the setup. It is not delivered: see
        `setup_complete`.

        Raises:
            ProtocolError: It makes no sense.
        """
        if self.setup_complete is None:
            return self._handshake(data)
        outputs: list[Output[LiveServerMessage]] = []
        for message in parse(data, self._likeness):
            self._take(message, data, outputs)
        return outputs

    def _handshake(self, data: str | bytes) -> Iterable[Output[LiveServerMessage]]:
        if self._refused:
            return ()
        try:
            messages = parse(data)
        except ProtocolError as exc:
            return self._refuse(f"the answer to the setup makes no sense: {exc}")
        for message in messages:
            if isinstance(message, SetupComplete):
                self.setup_complete = message
                break
        else:
            return self._refuse(_why_refused(messages[0]))
        outputs: list[Output[LiveServerMessage]] = [Ready()]
        for other in messages:
            if other is message:
                self._note(other)
            else:
                self._take(other, data, outputs)
        return outputs

    def _refuse(self, why: str) -> Iterable[Output[LiveServerMessage]]:
        self._refused = True
        return (Refused(self._clean(why)),)

    def _take(
        self,
        message: LiveServerMessage,
        data: str | bytes,
        outputs: list[Output[LiveServerMessage]],
    ) -> None:
        self._note(message)
        if type(message) is ServerContent:
            if message.interrupted:
                outputs.append(ClearAudio(""))
                # What comes along is a new turn's.
                self._end_stream(outputs)
            for mime_type, pcm in message.inline:
                self._sound(mime_type, pcm, data, outputs)
            if message.generation_complete or message.turn_complete:
                self._end_stream(outputs)
        outputs.append(Deliver(message))

    def _note(self, message: LiveServerMessage) -> None:
        if message.usage_metadata is not None:
            self.usage = message.usage_metadata
        if (
            type(message) is SessionResumptionUpdate
            and message.resumable
            and message.new_handle
        ):
            self.resumption_handle = message.new_handle

    def _sound(
        self,
        mime_type: str,
        pcm: bytes,
        data: str | bytes,
        outputs: list[Output[LiveServerMessage]],
    ) -> None:
        rate = pcm_rate(mime_type)
        if rate is None:
            if mime_type[:6].lower() == "audio/":
                what = f"audio of type {mime_type[:_SHOWN]!r} cannot be played"
                self._flaw(what, data, outputs)
            return
        if len(pcm) % 2:
            what = f"an audio part has {len(pcm)} bytes, no whole 16-bit samples"
            self._flaw(what, data, outputs)
            pcm = pcm[:-1]
        if not pcm:
            return
        if rate != self._sounding_at:
            self._end_stream(outputs)
            self._sounding_at = rate
            outputs.append(StreamStarted("", mime_type))
        outputs.append(Audio("", pcm, rate))

    def _end_stream(self, outputs: list[Output[LiveServerMessage]]) -> None:
        if self._sounding_at is not None:
            self._sounding_at = None
            outputs.append(StreamEnded(""))

    def _flaw(
        self, what: str, data: str | bytes, outputs: list[Output[LiveServerMessage]]
    ) -> None:
        self._flawed += 1
        if self._flawed % _TELL_EVERY == 1:
            error = ProtocolError(
                f"{what}; that is flawed part {self._flawed} of this connection, told "
                f"for every {_TELL_EVERY}th",
                raw=data,
            )
            outputs.append(Report(error))

    # The end

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """Judge the end: see `Dialect.verdict`.

        Good is our own doing, or a proper close with 1000, 1001 or no code, but not
        before the setup was answered: that is a `SetupError`.
        """
        is_set_up = self.setup_complete is not None
        if by_us or (is_set_up and was_clean and code in _GOOD_CODES):
            return None
        reason = self._clean(reason)
        words = f": {reason}" if reason else ""
        if len(reason.encode()) >= _MOST_REASON - 3:  # never cut through a character
            words += " (the service's words may be cut off here)"
        hint = _hint(code, reason) if was_clean else ""  # else it did not say so
        if hint and words.endswith("."):
            words += f" {hint[0].upper()}{hint[1:]}"
        elif hint:
            words += f"; {hint}"
        if not is_set_up:
            return SetupError(
                f"{_unanswered(code, was_clean=was_clean)}{words}",
                code=code,
                reason=reason,
            )
        return SessionClosed(
            f"the session ended with close code {code}{words}",
            code=code,
            reason=reason,
            was_clean=was_clean,
        )

    def _clean(self, text: str) -> str:
        """The service's words without what it repeats of our secrets."""
        # JSON can name halves of characters, which cannot be printed.
        text = text.encode(errors="replace").decode()
        return Redactor(self._url, self._headers).text(text)


def _hint(code: int, reason: str) -> str:
    """What to do about a close of the service's."""
    if "quota" in reason.lower() or "RESOURCE_EXHAUSTED" in reason:
        return _QUOTA
    return _HINTS.get(code, "")


def _unanswered(code: int, *, was_clean: bool) -> str:
    """How a session ended whose setup was not answered."""
    if was_clean:
        return f"the service refused the session with close code {code}"
    if code == _NO_CLOSE:
        return "the connection broke before the service answered the setup"
    return (
        "the service broke the rules of WebSocket before it answered the setup, so "
        f"the connection was ended with close code {code}"
    )


def _why_refused(message: LiveServerMessage) -> str:
    if isinstance(message, ServerError):
        named = [str(name) for name in (message.code, message.status) if name]
        words = [" ".join(named), message.message]
        said = ": ".join(filter(None, words))[:_SHOWN] or "it gave no reason"
        return f"the service refused it: {said}"
    came = repr(message.raw)[:_SHOWN]  # json.dumps would show a handle
    return (
        f"the service's first message was {message.type!r}, not the answer to the "
        f"setup: {came}"
    )


def _seconds_of_blob(text: str) -> float:
    """How long the audio in a ready message sounds; 0.0 = nobody knows."""
    audio = json.loads(text)["realtimeInput"]["audio"]
    mime_type = audio["mimeType"]
    # Without a rate it is 16 kHz this way, and 24 kHz on the way back.
    rate = pcm_rate(mime_type) if "rate=" in mime_type.lower() else _INPUT_RATE
    if rate is None or pcm_rate(mime_type) is None:
        return 0.0
    data: str = audio["data"]
    return (len(data) * 3 // 4 - data.count("=", -2)) / (2 * rate)
