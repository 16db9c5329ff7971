"""What a mimi client asks for in its upgrade request: headers, or the query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.dialects.mimi import NictOptions
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from voxsync.server import IncomingRequest

__all__ = ["MimiRequest"]


@dataclass(frozen=True, slots=True)
class MimiRequest:
    """The settings of one session.

    A header counts more than the query's parameter, and `X-Mimi-Content-Type` more
    than `Content-Type`; which the real service prefers is not known.

    Attributes:
        engines: As asked for, e.g. ("asr", "nict-asr"); case-sensitive.
        language: Default "ja".
        token: None = none was sent.
        audio: None = it could not be understood; see `problem`.
        nict: v1 where no options were sent.
        problem: Why the audio format or the options make no sense; "" = they do.
    """

    engines: tuple[str, ...]
    language: str
    token: str | None = field(repr=False)
    audio: AudioFormat | None
    nict: NictOptions
    problem: str

    @classmethod
    def read(cls, request: IncomingRequest) -> MimiRequest:
        """Understand a request as far as possible. Never raises."""
        headers, query = request.headers, request.query

        def setting(name: str, default: str) -> str:
            return headers.get(f"x-mimi-{name}", query.get(name, default))

        problem = ""
        audio: AudioFormat | None = None
        content_type = headers.get("x-mimi-content-type") or headers.get("content-type")
        try:
            # Nothing declared: 16 kHz, 16 bit, mono PCM.
            audio = AudioFormat.from_content_type(
                content_type or query.get("content-type") or "audio/x-pcm"
            )
            if audio.encoding not in ("pcm16", "flac"):
                problem = f"{audio.content_type} is not taken: send PCM or FLAC"
                audio = None
        except FormatError as exc:
            problem = str(exc)
        nict = NictOptions(response_format="v1")
        try:
            nict = _nict_options(setting("nict-asr-options", ""))
        except ValueError as exc:
            problem = str(exc)
        names = [name.strip() for name in setting("process", "").split(",")]
        return cls(
            engines=tuple(dict.fromkeys(filter(None, names))),
            language=setting("input-language", "ja").strip(),
            token=_bearer(headers.get("authorization"), query.get("access-token")),
            audio=audio,
            nict=nict,
            problem=problem,
        )


def _bearer(authorization: str | None, parameter: str | None) -> str | None:
    if authorization is None:
        return parameter
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _nict_options(text: str) -> NictOptions:
    """Options as sent, `key=value;...`. Not named is off; unknown is ignored."""
    if not text.strip():
        return NictOptions(response_format="v1")
    pairs = (part.partition("=") for part in text.split(";"))
    found = {key.strip().lower(): value.strip() for key, _, value in pairs}
    interval = found.get("temporary_interval", "1500")
    if not (interval.isascii() and interval.isdigit()):
        raise ValueError(f"temporary_interval must be milliseconds, not {interval!r}")
    return NictOptions(
        response_format=found.get("response_format", "v1"),
        # One official sample writes True, others true.
        progressive=found.get("progressive", "").lower() == "true",
        temporary=found.get("temporary", "").lower() == "true",
        temporary_interval=int(interval),
    )
