"""The words of RFC 6455: roles, opcodes, close codes, and what a `Wire` gives out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Binary",
    "Close",
    "Fault",
    "Message",
    "Opcode",
    "Ping",
    "Pong",
    "Role",
    "Text",
    "WireTaps",
    "is_sendable_close_code",
]

NO_STATUS = 1005
"""What `Close.code` says where the peer's Close frame was empty (RFC 6455, 7.1.5)."""

MAX_CONTROL = 125
"""The most bytes a control frame carries (RFC 6455, 5.5)."""


class Role(enum.Enum):
    """Which side of the connection this is; it decides who masks (RFC 6455, 5.1)."""

    CLIENT = "client"
    SERVER = "server"


class Opcode(enum.IntEnum):
    """What a frame is (RFC 6455, 5.2). Numbers that are not here are reserved."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


# Not frozen: a frozen dataclass sets its fields through object.__setattr__, which
# costs more than parsing the frame. Nobody but the receiver ever holds one.


@dataclass(slots=True)
class Text:
    """A whole text message; its UTF-8 was valid."""

    data: str


@dataclass(slots=True)
class Binary:
    """A whole binary message."""

    data: bytes


@dataclass(slots=True)
class Ping:
    """The peer asked for a sign of life; the wire answers it by itself."""

    data: bytes


@dataclass(slots=True)
class Pong:
    """The peer's sign of life, asked for or not."""

    data: bytes


@dataclass(slots=True)
class Close:
    """The peer's Close frame; the wire answers it by itself. Nothing follows.

    Attributes:
        code: As received; 1005 where the frame was empty.
        reason: The peer's words, at most 123 bytes of UTF-8.
    """

    code: int
    reason: str


@dataclass(slots=True)
class Fault:
    """The peer broke the rules; the wire sends the Close by itself. Nothing follows.

    Attributes:
        code: The close code it earned: 1002 protocol, 1007 not UTF-8, 1009 too big.
        message: What it did.
    """

    code: int
    message: str


Message = Text | Binary | Ping | Pong | Close | Fault


class WireTaps(Protocol):
    """Who watches a wire; asked whether it is true (has anybody) before each call."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def sent(self, head: int, data: bytes) -> None:
        """A frame is put on the wire: its first byte, its payload unmasked."""
        ...

    def received(self, messages: Iterable[Message]) -> None:
        """These came, and nothing of them was answered yet."""
        ...


def is_sendable_close_code(code: int) -> bool:
    """Say whether `code` may stand in a Close frame (RFC 6455, 7.4, and IANA's list).

    1004, 1005, 1006 and 1015 are reserved for local use or not given out at all;
    1012 to 1014 came later by registration; 3000 to 4999 belong to libraries and
    applications.
    """
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
