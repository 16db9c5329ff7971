"""VoxEngine's own names: events, states, codes, encodings, parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from voxsync.redact import redact_headers

__all__ = [
    "ClearMediaBufferParameters",
    "SendMediaParameters",
    "WebSocketAudioEncoding",
    "WebSocketCloseCode",
    "WebSocketEvents",
    "WebSocketParameters",
    "WebSocketReadyState",
]


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADERS = "headers must be a mapping or (name, value) pairs"


class WebSocketEvents(StrEnum):
    """The events of a `WebSocket`.

    Each is equal to VoxEngine's string, to the one it had until 2024, and to ours:
    `WebSocketEvents.OPEN == "WebSocket.Open" == ...`, `== "open"`, `== EventType.OPEN`.
    As a key of a dict or set it is ours (`event.type` finds it).
    """

    CREATED = "WebSocket.Created"
    OPEN = "WebSocket.Open"
    MESSAGE = "WebSocket.Message"
    ERROR = "WebSocket.Error"
    CLOSE = "WebSocket.Close"
    MEDIA_STARTED = "WebSocket.MediaEventStarted"
    MEDIA_ENDED = "WebSocket.MediaEventEnded"

    @property
    def own(self) -> str:
        """What voxsync calls it, e.g. `"media-started"`."""
        return self.name.lower().replace("_", "-")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        text = str.__str__(other)
        return text in (self.value, self.own, f"WebSocket.{self.name}")

    def __ne__(self, other: object) -> bool:
        return not self == other  # str's own != knows one name only

    def __hash__(self) -> int:
        return hash(self.own)

    def __str__(self) -> str:
        return self.value

    @classmethod
    def find(  # type: ignore[override]  # str.find is of no use to a name
        cls, name: str
    ) -> WebSocketEvents | None:
        """The event called `name`, whosever it is; None = there is none."""
        return next((event for event in cls if event == name), None)


class WebSocketReadyState(StrEnum):
    """VoxEngine's states; each is equal to the `ReadyState` of that name, too."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, IntEnum):
            return self.name == other.name
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other  # str's own != knows no numbers

    def __hash__(self) -> int:
        return str.__hash__(self)


class WebSocketCloseCode(IntEnum):
    """The close codes VoxEngine names; peers use 4000 to 4999 besides."""

    CLOSE_NORMAL = 1000
    CLOSE_GOING_AWAY = 1001
    CLOSE_PROTOCOL_ERROR = 1002
    CLOSE_UNSUPPORTED = 1003
    CLOSED_NO_STATUS = 1005
    CLOSE_ABNORMAL = 1006
    CLOSE_UNSUPPORTED_PAYLOAD = 1007
    CLOSE_POLICY_VIOLATION = 1008
    CLOSE_TOO_LARGE = 1009
    CLOSE_MANDATORY_EXTENSION = 1010
    CLOSE_SERVER_ERROR = 1011
    CLOSE_SERVICE_RESTART = 1012
    CLOSE_TRY_AGAIN_LATER = 1013
    CLOSE_BAD_GATEWAY = 1014
    CLOSE_TLS_FAIL = 1015


class WebSocketAudioEncoding(StrEnum):
    """What audio is on the wire (Voximplant notes, 1.6); all of it mono.

    The 8 of PCM8 is the rate in kHz: all PCM is 16 bits, little-endian.
    """

    PCM16_8KHZ = "PCM8"
    PCM16_16KHZ = "PCM16"
    ALAW = "ALAW"
    ULAW = "ULAW"
    OPUS = "OPUS"
    # Until 2025.
    PCM8 = "PCM8"
    PCM16 = "PCM16"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketParameters:
    """How an outgoing connection is made (Voximplant notes, 1.2).

    Attributes:
        protocols: Subprotocols to offer, best first: a str or several. Default
            `"chat"`, as VoxEngine does; () = none.
        headers: Extra headers of the upgrade: a mapping, (name, value) pairs, or
            VoxEngine's `{"name": ..., "value": ...}`.
        privacy: True: nothing of this connection is logged, its URL least of all.
        trace: True: every text message is logged, at INFO, by the logger
            `voxsync.trace`; media with the length of its payload in place of it.
        statistics: True: what was sent, received and lost per stream is logged at
            the end, at INFO. It can be read at any time in `media_statistics`.

    Raises:
        TypeError, ValueError: Something else; privacy together with trace or
            statistics.
    """

    protocols: str | tuple[str, ...] = "chat"
    headers: Any = field(default=())
    privacy: bool = False
    trace: bool = False
    statistics: bool = False

    def __post_init__(self) -> None:
        names = (self.protocols,) if isinstance(self.protocols, str) else self.protocols
        if names is not None and not isinstance(names, Iterable):
            raise TypeError(f"protocols must be a name or several, not {names!r}")
        names = tuple(names or ())
        if not all(isinstance(name, str) and name for name in names):
            raise TypeError(f"protocols must be names, not {self.protocols!r}")
        for name in names:
            if not _TOKEN.fullmatch(name):
                raise ValueError(
                    f"protocols: {name!r} cannot be offered; a name is of letters, "
                    "digits and !#$%&'*+-.^_`|~, and several are given as a tuple"
                )
        object.__setattr__(self, "protocols", names)
        object.__setattr__(self, "headers", _pairs(self.headers))
        for name in ("privacy", "trace", "statistics"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False")
        if self.privacy and (self.trace or self.statistics):
            raise ValueError("privacy forbids trace and statistics: they are logged")

    def __repr__(self) -> str:
        headers = redact_headers(self.headers)
        flags = "".join(
            f", {name}=True"
            for name in ("privacy", "trace", "statistics")
            if getattr(self, name)
        )
        return (
            f"WebSocketParameters(protocols={self.protocols!r}, headers={headers!r}"
            f"{flags})"
        )


@dataclass(frozen=True, slots=True)
class SendMediaParameters:
    """How a unit's audio goes out over a WebSocket (Voximplant notes, 1.6).

    Attributes:
        tag: Names the stream; several at a time need one each. Default "".
        encoding: A `WebSocketAudioEncoding` or its string. Default PCM16_8KHZ.
        custom_parameters: A mapping of str to str that the stream's start carries.

    Raises:
        TypeError, ValueError: Something else; the encoding is not one of the five.
    """

    tag: str = ""
    encoding: str = WebSocketAudioEncoding.PCM16_8KHZ
    custom_parameters: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.tag, str):
            raise TypeError(f"tag must be a str, not {type(self.tag).__name__}")
        try:
            encoding = WebSocketAudioEncoding(self.encoding)
        except ValueError:
            known = ", ".join(WebSocketAudioEncoding)
            raise ValueError(
                f"encoding {self.encoding!r} is not VoxEngine's: use one of {known}"
            ) from None
        object.__setattr__(self, "encoding", encoding)
        if self.custom_parameters is not None:
            object.__setattr__(
                self, "custom_parameters", _strings(self.custom_parameters)
            )


@dataclass(frozen=True, slots=True)
class ClearMediaBufferParameters:
    """Which stream's received audio is dropped: `tag`; None = that of all."""

    tag: str | None = None

    def __post_init__(self) -> None:
        if self.tag is not None and not isinstance(self.tag, str):
            raise TypeError(f"tag must be a str, not {type(self.tag).__name__}")


def _pairs(headers: Any) -> tuple[tuple[str, str], ...]:
    """Headers as pairs, whatever they came as."""
    if headers is None:
        return ()
    if isinstance(headers, Mapping):
        return tuple(headers.items())
    if isinstance(headers, str | bytes) or not isinstance(headers, Iterable):
        raise TypeError(f"{_HEADERS}, not {type(headers).__name__}")
    pairs = []
    for header in headers:
        if isinstance(header, Mapping):
            if set(header) != {"name", "value"}:
                raise ValueError("a header is written {'name': ..., 'value': ...}")
            pairs.append((header["name"], header["value"]))
        elif isinstance(header, tuple | list) and len(header) == 2:
            pairs.append((header[0], header[1]))
        else:
            raise TypeError(f"{_HEADERS}, not of {type(header).__name__}")
    return tuple(pairs)


def _strings(parameters: Mapping[str, str]) -> dict[str, str]:
    """A copy of custom parameters; VoxEngine's are strings."""
    if not isinstance(parameters, Mapping):
        raise TypeError(
            f"custom_parameters must be a mapping, not {type(parameters).__name__}"
        )
    for name, value in parameters.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"custom_parameters: {name!r} has to be a str, and its value too"
            )
    return dict(parameters)
