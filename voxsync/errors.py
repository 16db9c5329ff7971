"""Every exception voxsync raises by name.

    VoxsyncError
    ├─ ConnectError (+ ConnectionError)     could not be opened: DNS, TCP, TLS, proxy
    │   ├─ HandshakeError                   the answer to the HTTP upgrade was not 101
    │   ├─ SetupError                       refused, or broken off, after the upgrade
    │   └─ OpenTimeout (+ TimeoutError)     not open in time
    ├─ SessionClosed (+ ConnectionError)    used after its end, or ended too early
    ├─ AnswerCutOff                         resume() switched in mid-answer
    ├─ InvalidState                         misuse: send before open, after finish()
    ├─ ProtocolError                        the other side broke the rules
    ├─ SendQueueFull (+ queue.Full)         block=False, or the timeout is over
    ├─ ReceiveTimeout (+ TimeoutError)      receive(timeout=…) saw nothing in time
    ├─ ConcurrencyError                     a second consumer of receive()
    ├─ MissingExtra (+ ImportError)         an optional package is not installed
    ├─ TraceError (+ OSError)               a trace cannot be written, or read
    └─ MediaError
        ├─ DeviceError                      a sound device failed
        └─ FormatError (+ ValueError)       samples are not what they were said to be

Local misuse and remote fault never share a class. Wrong arguments are plain
`TypeError` or `ValueError`. No message holds a token or audio.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AnswerCutOff",
    "ConcurrencyError",
    "ConnectError",
    "DeviceError",
    "FormatError",
    "HandshakeError",
    "InvalidState",
    "MediaError",
    "MissingExtra",
    "OpenTimeout",
    "ProtocolError",
    "ReceiveTimeout",
    "SendQueueFull",
    "SessionClosed",
    "SetupError",
    "TraceError",
    "VoxsyncError",
]


class VoxsyncError(Exception):
    """The root: `except VoxsyncError` catches all that is particular to voxsync.

    Its text, the `message` it is made with, says what happened, what was expected and
    what to do; it never holds a secret.
    """


class ConnectError(VoxsyncError, ConnectionError):
    """The session could not be opened."""


class HandshakeError(ConnectError):
    """The service answered the HTTP upgrade with something other than 101.

    Attributes:
        status: HTTP status code, e.g. 401.
        headers: Response headers, names in lower case.
        body: Response body, at most 64 KiB of it, secrets of the request masked.
    """

    def __init__(
        self, message: str, *, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers)
        self.body = body

    @property
    def is_auth(self) -> bool:
        """Whether the refusal is about credentials (401 or 403)."""
        return self.status in (401, 403)


class SetupError(ConnectError):
    """The service took the connection, but the session was not set up.

    It refused the settings, gave no answer that makes sense, or broke off; the text
    says which.

    Attributes:
        code: The close code, e.g. 1007; None where the service answered instead. 1006 =
            the connection broke.
        reason: The service's words, or what happened.
    """

    def __init__(
        self, message: str, *, code: int | None = None, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class OpenTimeout(ConnectError, TimeoutError):
    """The session was not open when the time was over."""


class SessionClosed(VoxsyncError, ConnectionError):
    """The session has ended; `__cause__` tells why where that is known.

    Attributes:
        code: RFC 6455 close code; 1005 = the peer gave none, 1006 = no closing
            handshake took place.
        reason: The peer's words, or ours where the peer had none.
        was_clean: Whether the closing handshake was completed.
        unsent: Accepted messages that never reached the socket.
        text: What the service had recognised until then ("" where that has no
            meaning).
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 1006,
        reason: str = "",
        was_clean: bool = False,
        unsent: int = 0,
        text: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.was_clean = was_clean
        self.unsent = unsent
        self.text = text


class AnswerCutOff(VoxsyncError):
    """What was still to come was lost when `resume()` switched connections.

    The session goes on; what was asked has to be asked again.
    """


class InvalidState(VoxsyncError):
    """The call is not allowed in the session's present state."""


class ProtocolError(VoxsyncError):
    """The other side broke the rules of RFC 6455 or of its own service.

    Attributes:
        raw: The offending message, where one message is to blame.
        code: The close code it earned (1002, 1007, 1009), or None where the
            session goes on.
    """

    def __init__(
        self, message: str, *, raw: str | bytes | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.raw = raw
        self.code = code


class SendQueueFull(VoxsyncError, queue.Full):
    """The send queue had no room (`block=False`) or got none in `timeout` seconds."""


class ReceiveTimeout(VoxsyncError, TimeoutError):
    """No message came within the timeout of `receive()`; the session goes on."""


class ConcurrencyError(VoxsyncError):
    """`receive()` has one consumer; another thread is using it."""


class MissingExtra(VoxsyncError, ImportError):
    """An optional package is missing; the message names the extra that brings it."""


class TraceError(VoxsyncError, OSError):
    """A trace cannot be written, or read, or is none; the message names the file.

    Attributes:
        path: Of the file.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class MediaError(VoxsyncError):
    """Audio could not be taken in, moved or played."""


class DeviceError(MediaError):
    """A sound device failed.

    Attributes:
        portaudio_code: PortAudio's error number, or None.
    """

    def __init__(self, message: str, *, portaudio_code: int | None = None) -> None:
        super().__init__(message)
        self.portaudio_code = portaudio_code


class FormatError(MediaError, ValueError):
    """The audio is not in the format that was declared."""
