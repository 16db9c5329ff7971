"""One mimi session: the upgrade, the commands, the results, and how it ended."""

from __future__ import annotations

import enum
import json
import re
from typing import TYPE_CHECKING, Protocol

from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.base import (
    Deliver,
    Dialect,
    Finished,
    Output,
    Reply,
    UpgradeRequest,
)
from voxsync.errors import InvalidState, ProtocolError, SessionClosed
from voxsync.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.audio.format import AudioFormat
    from voxsync.dialects.mimi.messages import NictOptions

__all__ = ["MAX_MESSAGE_BYTES", "AudioEncoder", "MimiDialect", "MimiPhase"]

MAX_MESSAGE_BYTES = 65536  # the service's documented limit per frame

_BREAK = '{"command":"recog-break"}'
_BREAK_OBJECT = {"command": "recog-break"}

# Visible ASCII without the comma, which separates engines.
_NAME = re.compile(r"[!-+\--~]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# CR and LF would add headers of their own; the rest cannot be sent either.
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")

_CLOSES = {
    1000: "the service ended the session",
    1001: "the service is going away (close code 1001)",
    1002: "the service saw a protocol error (close code 1002)",
    1005: "the service ended the session without a close code",
    1006: "the connection was lost without a closing handshake",
    1008: "the service refused to go on (close code 1008): check token and settings",
    1009: "the service found a message too big (close code 1009)",
    1011: "the service had an internal error (close code 1011): try again later",
    1012: "the service restarts (close code 1012): connect again",
    1013: "the service is overloaded (close code 1013): try again later",
    # Seen by a public client; the service's own pages name 30 s without traffic.
    4003: "the service's idle or time limit ended the session (close code 4003): "
    "connect again, and send audio without long gaps",
}


# Without its answer these are what the connection was ended with from here.
_OURS = {
    1002: "the service broke the rules of WebSocket (close code 1002)",
    1007: "the service sent a text that is not UTF-8 (close code 1007)",
    1009: "the service sent a message too big (close code 1009)",
}


class AudioEncoder(Protocol):
    """Turns raw audio into what the service was told it gets."""

    def encode(self, block: NDArray[np.int16]) -> bytes:
        """What is ready of it; b"" = nothing yet."""
        ...

    def flush(self) -> bytes:
        """What was held back."""
        ...


class MimiPhase(enum.Enum):
    """How far the session's work has come."""

    STREAMING = "streaming"  # audio is taken
    DRAINING = "draining"  # recog-break is sent; results still come
    FINISHED = "finished"  # every engine has said its last word


class MimiDialect(Dialect[object]):
    """Translates for one mimi session.

    Attributes:
        transcript: The text so far.
        engines: The engines asked for; each says `recog-finished` once.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str | None,
        process: str,
        language: str,
        audio: AudioFormat,
        nict: NictOptions | None,
        headers: tuple[tuple[str, str], ...] = (),
        converter: Callable[[dict[str, object]], object] | None = None,
        encoder: AudioEncoder | None = None,
    ) -> None:
        """Check the settings.

        Args:
            url: Of the WebSocket endpoint.
            token: Access token, without `Bearer`. None or "": no Authorization.
            process: Engine, e.g. `"asr"`, `"nict-asr"`; case-sensitive. Several are
                separated by commas. Any name is passed on.
            language: Input language, e.g. `"ja"`.
            audio: Format of the audio to come.
            nict: Sent to `nict-asr` only. None: no options are sent, which asks for
                v1 results (what the official SDK does for v1).
            headers: Sent too; they replace ours of the same name, in any case. With
                an `X-Mimi-Content-Type` there is no `Content-Type` of ours: which
                of the two the service prefers is not known.
            converter: Makes the application's own message of a JSON object. Text
                and end of the session are read from the object before that.
            encoder: Makes `audio` of the commands' audio on its way out. Encoders
                have a state; here they see the audio in wire order.

        Raises:
            ValueError: A setting cannot be sent as a header.
        """
        self._extra = tuple(headers)
        given = {name.lower(): value for name, value in self._extra}
        language = given.get("x-mimi-input-language", language)
        process = given.get("x-mimi-process", process)
        self.engines = tuple(dict.fromkeys(_engines(process)))
        if not _NAME.fullmatch(language):
            raise ValueError(
                f"language must be a tag such as 'ja' or 'zh-TW', not {language!r}"
            )
        ours = [
            ("x-mimi-process", ",".join(self.engines)),
            ("x-mimi-input-language", language),
        ]
        if token:
            ours.insert(0, ("Authorization", f"Bearer {token}"))
        if "x-mimi-content-type" not in given:
            ours.append(("Content-Type", audio.content_type))
        if nict is not None and "nict-asr" in self.engines:
            ours.append(("x-mimi-nict-asr-options", nict.header_value))
        kept = (pair for pair in ours if pair[0].lower() not in given)
        self._headers = (*kept, *self._extra)
        for name, value in self._headers:
            _check_header(name, value)
        self._url = url
        self._converter = converter
        self._encoder = encoder
        # Here and not above: the result classes are half of the time that importing
        # voxsync.mimi would take.
        from voxsync.dialects.mimi.messages import parse_result  # noqa: PLC0415
        from voxsync.dialects.mimi.transcript import Transcript  # noqa: PLC0415

        self._parse = parse_result
        self.transcript = Transcript(language)
        self._language = language
        self._phase = MimiPhase.STREAMING
        self._has_audio = False
        # 0 = it is FLAC already, of which nobody knows how long it sounds.
        self._seconds_per_byte = 0.0
        if encoder is not None:  # of what it is given: 16 bits, mono
            self._seconds_per_byte = 1 / (2 * audio.sample_rate)
        elif audio.encoding != "flac":
            self._seconds_per_byte = audio.seconds(1)
        # Types, not a count: a repeated recog-finished must not stand in for
        # another engine's, or that engine's result would be lost without a word.
        self._finals: set[str] = set()

    @property
    def phase(self) -> MimiPhase:
        """How far the session's work has come."""
        return self._phase

    def request(self) -> UpgradeRequest:
        """The upgrade with all settings in its headers."""
        return UpgradeRequest(url=self._url, headers=self._headers)

    def encode(self, command: object) -> Iterable[Output[object]]:
        """Turn audio (`bytes`) or a JSON text (`str`) into one message.

        Raises:
            TypeError: Neither of them.
            ValueError: Audio of more than 64 KiB.
            InvalidState: After recog-break, behind which the service takes nothing.
        """
        if self._phase is MimiPhase.DRAINING:
            raise InvalidState(
                "recog-break is sent, the service takes no more: open a new session"
            )
        if isinstance(command, str):
            # Sent by hand it is the one break there may be; finish() adds none.
            if _is_break(command):
                return self.finish()
            return (Reply(command),)
        if not isinstance(command, bytes):
            raise TypeError(
                f"a command is bytes (audio) or str (JSON), not "
                f"{type(command).__name__}"
            )
        if len(command) > MAX_MESSAGE_BYTES:
            raise ValueError(
                f"{len(command)} bytes of audio in one message: the service takes "
                f"{MAX_MESSAGE_BYTES}; split them"
            )
        # An empty frame is no audio, and at least one official client chokes on it.
        if not command:
            return ()
        self._has_audio = True
        self.audio_sent += len(command) * self._seconds_per_byte
        if self._encoder is not None:
            command = self._encoder.encode(bytes_to_int16(command))
        return (Reply(command),) if command else ()  # what is held back comes later

    def finish(self) -> Iterable[Output[object]]:
        """End the audio: exactly one recog-break, or none where none is allowed.

        The service takes it only behind at least one audio frame. Without audio
        there is nothing to recognise, and the session is `Finished` at once.
        """
        if self._phase is MimiPhase.DRAINING:
            return ()
        if self._phase is MimiPhase.FINISHED or not self._has_audio:
            self._phase = MimiPhase.FINISHED
            return (Finished(),)
        self._phase = MimiPhase.DRAINING
        rest = b"" if self._encoder is None else self._encoder.flush()
        return (Reply(rest), Reply(_BREAK)) if rest else (Reply(_BREAK),)

    def decode(self, data: str | bytes) -> Iterable[Output[object]]:
        """Turn one result into a message, and the last of them into the end.

        Raises:
            ProtocolError: Not a JSON object, or the converter failed on it (its
                exception is the cause). If it was the last result, that still
                counts for `phase` and `verdict`; the service then closes.
        """
        obj = _json_object(data)
        result = self._parse(obj, self._language)
        self.transcript.add(result)
        outputs: list[Output[object]] = []
        if result.is_final:
            self._finals.add(result.type)
            ended = len(self._finals) >= len(self.engines)
            if ended and self._phase is not MimiPhase.FINISHED:
                self._phase = MimiPhase.FINISHED
                outputs.append(Finished())
        if self._converter is None:
            return (Deliver(result), *outputs)
        try:
            message = self._converter(obj)
        except Exception as exc:
            raise ProtocolError(
                f"the converter failed on a result of type {result.type!r} with "
                f"{type(exc).__name__}",
                raw=data,
            ) from exc
        return (Deliver(message), *outputs)

    def is_result(self, message: object) -> bool:  # noqa: ARG002 - it may be anybody's
        """From the first word on; what came before it had no text."""
        return bool(self.transcript.text)

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> SessionClosed | None:
        """Judge the end: see `Dialect.verdict`.

        After every `recog-finished` the work is done, however the closing handshake
        went. Other ends are an error with the text so far, except that of a session
        that the application closed itself, or that had no audio.
        """
        finished = self._phase is MimiPhase.FINISHED
        if finished and code in (1000, 1005, 1006):
            return None
        if code == 1000 and (by_us or not self._has_audio):
            return None
        # A service may repeat a token in its reason.
        reason = Redactor(self._url, self._headers).text(reason)
        what = _what(code, reason, by_us=by_us, was_clean=was_clean)
        return SessionClosed(
            f"{what}; {self._when(finished=finished)}",
            code=code,
            reason=reason,
            was_clean=was_clean,
            text=self.transcript.text,
        )

    def _when(self, *, finished: bool) -> str:
        if finished:
            return "all final results had come"
        if not self._has_audio:
            return "no audio had been sent"
        if len(self.engines) == 1:
            return "the final result had not come (.text is what there was)"
        return (
            f"{len(self._finals)} of {len(self.engines)} final results had come "
            "(.text is what there was)"
        )


def _what(code: int, reason: str, *, by_us: bool, was_clean: bool) -> str:
    if by_us:
        return f"the application ended the session (close code {code})"
    ours = code in _OURS and not was_clean
    what = (_OURS if ours else _CLOSES).get(code) or (
        f"the service reported an error of its own (close code {code})"
        if code >= 4000
        else f"the service closed with close code {code}"
    )
    return f"{what}: {reason!r}" if reason else what


def _engines(process: str) -> list[str]:
    names = [name.strip() for name in process.split(",")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"process must be an engine such as 'asr' or 'nict-asr', or several "
                f"separated by commas, not {process!r}"
            )
    return names


def _check_header(name: str, value: str) -> None:
    # The value stays out of the message: it may be a token.
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"header name {name!r} holds characters that are not allowed")
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(
            f"the value of header {name} holds a line break or another character "
            "that cannot be sent: strip it"
        )


def _is_break(text: str) -> bool:
    if "recog-break" not in text:
        return False
    try:
        return bool(_json_object(text) == _BREAK_OBJECT)
    except ProtocolError:
        return False


def _json_object(data: str | bytes) -> dict[str, object]:
    try:
        # Binary is taken like text: one of the official clients does so too.
        obj = json.loads(data if isinstance(data, str) else data.decode())
    # ValueError: not UTF-8, not JSON, or a number of thousands of digits.
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(
            f"the service sent something that is not JSON ({type(exc).__name__})",
            raw=data,
        ) from exc
    if not isinstance(obj, dict):
        raise ProtocolError(
            f"the service sent JSON that is not an object ({type(obj).__name__})",
            raw=data,
        )
    return obj
