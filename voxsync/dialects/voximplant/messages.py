"""VoxEngine's three media messages: read with patience, written strictly.

Voximplant notes, 2. `read_strict` is the short way for media as strict senders write
it; it says the same as `parse` and `read_payload`, at a third of the price.
"""

from __future__ import annotations

import json
import re
from binascii import Error, a2b_base64, b2a_base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxsync.errors import FormatError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Init",
    "Media",
    "Start",
    "Stop",
    "format_media",
    "format_message",
    "parse",
    "read_parameters",
    "read_payload",
    "read_strict",
    "tag_member",
]

_MOST = 2**64 - 1
_RATES = (1, 384_000)
# Bounded: int() of thousands of digits is refused by Python in words of its own.
_DIGITS = re.compile(r"[0-9]{1,20}")
_SPACE = " \t\n\r"  # JSON's own; str.strip() would take more
_REMOVE_SPACE = str.maketrans("", "", _SPACE)
_UINT = "(0|[1-9][0-9]{0,17})"
# Our own form, and that of json.dumps. A tag with an escape takes the long way.
_STRICT = re.compile(
    rf'\{{"event": ?"media", ?"sequenceNumber": ?{_UINT}, ?"media": ?\{{'
    rf'(?:"tag": ?"([^"\\\x00-\x1f]*)", ?)?"chunk": ?{_UINT}, ?'
    rf'"timestamp": ?{_UINT}, ?"payload": ?"'
).match


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A stream begins.

    Attributes:
        tag: Names the stream; "" = the one without a name.
        encoding: As it is declared, under whatever name.
        sample_rate: As it is declared, in Hz; None = it is not.
        channels: 1, but for senders of their own mind.
        custom_parameters: As it came: a mapping, a JSON text, None; see
            `read_parameters`.
        sequence_number: Counts the stream's messages; None = it was not given.
    """

    tag: str = ""
    encoding: str
    sample_rate: int | None
    channels: int = 1
    custom_parameters: object = None
    sequence_number: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A piece of a stream.

    Attributes:
        tag: As in `Start`.
        payload: base64.
        chunk: Counts the stream's pieces; None = it was not given.
        timestamp: Where the piece begins, in samples; None = it was not given.
        sequence_number: As in `Start`.
    """

    tag: str = ""
    payload: str = field(repr=False)
    chunk: int | None = None
    timestamp: int | None = None
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stream ends.

    Attributes:
        tag: As in `Start`.
        bytes_sent: Bytes of encoded audio, says the sender; None = it does not say.
        duration: Milliseconds, says the sender; None = it does not say.
        sequence_number: As in `Start`.
    """

    tag: str = ""
    bytes_sent: int | None = None
    duration: int | None = None
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Init:
    """A greeting of old that means nothing (Voximplant notes, 2.5)."""


def parse(text: str) -> Start | Media | Stop | Init | None:
    """Read a text message; None = it is the application's, not the protocol's.

    Raises:
        ProtocolError: It is a message of the protocol, but malformed; or JSON of a
            depth or with a number that nobody sends in earnest.
    """
    if text.lstrip(_SPACE)[:1] != "{":
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(
            "a message is nested too deeply, or holds a number of too many digits",
            raw=text,
        ) from exc
    try:
        return _message(found)
    except ProtocolError as exc:
        exc.raw = text
        raise


def _message(found: Mapping[str, object]) -> Start | Media | Stop | Init | None:
    event = found.get("event")
    if event == "media":
        inner = _inner(found, event)
        payload = inner.get("payload")
        if not isinstance(payload, str):
            raise ProtocolError("a media message has no payload that is a string")
        return Media(
            tag=_tag(inner, event),
            payload=payload,
            chunk=_number(inner, "chunk", event),
            timestamp=_number(inner, "timestamp", event),
            sequence_number=_number(found, "sequenceNumber", event),
        )
    if event == "start":
        return _start(found, event)
    if event == "stop":
        # Without the inner object it has been sent, and understood (2.5).
        inner = {} if found.get(event) is None else _inner(found, event)
        info = inner.get("mediaInfo")
        if info is None:
            info = {}
        if not isinstance(info, dict):
            raise ProtocolError("mediaInfo of a stop message is not an object")
        return Stop(
            tag=_tag(inner, event),
            bytes_sent=_number(info, "bytesSent", event),
            duration=_number(info, "duration", event),
            sequence_number=_number(found, "sequenceNumber", event),
        )
    return Init() if event == "init" else None


def _start(found: Mapping[str, object], event: str) -> Start:
    inner = _inner(found, event)
    form = inner.get("mediaFormat")
    if not isinstance(form, dict) or not isinstance(form.get("encoding"), str):
        raise ProtocolError(
            "a start message has no mediaFormat with an encoding that is a string"
        )
    rate = _number(form, "sampleRate", event)
    least, most = _RATES
    if rate is not None and not least <= rate <= most:
        raise ProtocolError(
            f"sampleRate of a start message is {rate}: it must be {least} to {most} Hz"
        )
    channels = _number(form, "channels", event)
    return Start(
        tag=_tag(inner, event),
        encoding=form["encoding"],
        sample_rate=rate,
        channels=1 if channels is None else channels,
        custom_parameters=inner.get("customParameters"),
        sequence_number=_number(found, "sequenceNumber", event),
    )


def _inner(found: Mapping[str, object], event: str) -> Mapping[str, object]:
    inner = found.get(event)
    if not isinstance(inner, dict):
        raise ProtocolError(f"a {event} message has no object {event!r} inside")
    return inner


def _tag(inner: Mapping[str, object], event: str) -> str:
    tag = inner.get("tag")
    if tag is None:
        return ""
    if not isinstance(tag, str):
        raise ProtocolError(
            f"tag of a {event} message must be a string, not {type(tag).__name__}"
        )
    return tag


def _number(inner: Mapping[str, object], name: str, event: str) -> int | None:
    """An unsigned number of 64 bits, as a number or as a string (2.2)."""
    value = inner.get(name)
    if value is None:
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    # True is an int to Python, and a float has lost digits on its way.
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ProtocolError(
            f"{name} of a {event} message must be a whole number from 0 to 2**64 - 1"
        )
    return value


def read_parameters(found: object) -> dict[str, object]:
    """The custom parameters of a `Start`, which may be an object or JSON in a string.

    Raises:
        ProtocolError: They are something else.
    """
    if isinstance(found, str):
        try:
            found = json.loads(found) if found.strip(_SPACE) else None
        # ValueError: not JSON, or a number of thousands of digits.
        except (ValueError, RecursionError) as exc:
            raise ProtocolError("customParameters are a string without JSON") from exc
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ProtocolError(
            f"customParameters are no object, but {type(found).__name__}"
        )
    return found


def read_strict(text: str) -> tuple[str, int, int, bytes] | None:
    """Media as strict senders write it: tag, chunk, timestamp, audio.

    None = it is something else, or malformed: `parse` tells.
    """
    match = _STRICT(text)
    # Behind the payload's first quote: its last one is another.
    if match is None or not text.endswith('"}}', match.end()):
        return None
    audio = _exact(text[match.end() : -3])
    if audio is None:
        return None
    return match[2] or "", int(match[3]), int(match[4]), audio


def read_payload(payload: str) -> bytes:
    """The bytes of a payload; missing padding and line breaks are forgiven.

    Raises:
        FormatError: There is something else between, or not the whole of it.
    """
    audio = _exact(payload)
    if audio is None:
        bare = payload.translate(_REMOVE_SPACE)
        audio = _exact(bare + "=" * (-len(bare) % 4))
    if audio is None:
        raise FormatError(
            "the payload is not base64 of the standard alphabet: it must be A-Z, a-z, "
            "0-9, + and /, padded with ="
        )
    return audio


def _exact(payload: str) -> bytes | None:
    """The bytes of base64 without a flaw, else None.

    The decoder passes over what is not of its alphabet, also over the other alphabet's
    characters: then fewer bytes come out than the length of the text stands for.
    """
    length = len(payload)
    if length % 4:
        return None
    try:
        audio = a2b_base64(payload)
    except (Error, ValueError):  # ValueError: not ASCII
        return None
    padding = 2 if payload.endswith("==") else payload.endswith("=")
    return audio if len(audio) == length // 4 * 3 - padding else None


def tag_member(tag: str) -> str:
    """How a tag stands in a message, once for a stream: `'"tag":"voice",'`, or ""."""
    return f'"tag":{json.dumps(tag)},' if tag else ""


def format_media(
    member: str, sequence_number: int, chunk: int, timestamp: int, audio: bytes
) -> str:
    """A media message, its tag already made by `tag_member`."""
    return (
        f'{{"event":"media","sequenceNumber":{sequence_number},"media":{{{member}'
        f'"chunk":{chunk},"timestamp":{timestamp},"payload":"'
        f'{b2a_base64(audio, newline=False).decode("ascii")}"}}}}'
    )


def format_message(message: Start | Stop) -> str:
    """A start or stop message, with what is None, "" or 1 channel left out.

    Raises:
        TypeError, ValueError: The custom parameters are nothing that JSON can hold.
    """
    inner: dict[str, object] = {"tag": message.tag} if message.tag else {}
    if isinstance(message, Start):
        event = "start"
        form: dict[str, object] = {"encoding": message.encoding}
        if message.sample_rate is not None:
            form["sampleRate"] = message.sample_rate
        if message.channels != 1:
            form["channels"] = message.channels
        inner["mediaFormat"] = form
        if message.custom_parameters is not None:
            inner["customParameters"] = message.custom_parameters
    else:
        event = "stop"
        info = {"bytesSent": message.bytes_sent, "duration": message.duration}
        known = {name: value for name, value in info.items() if value is not None}
        if known:
            inner["mediaInfo"] = known
    found: dict[str, object] = {"event": event}
    if message.sequence_number is not None:
        found["sequenceNumber"] = message.sequence_number
    return json.dumps({**found, event: inner}, separators=(",", ":"))
