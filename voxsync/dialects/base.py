"""What every service's translator offers and says.

A dialect belongs to ONE connection. It turns the application's commands into
messages for the wire and the service's messages into the words below. It is
pure: no sockets, threads or clocks; whoever calls it holds it alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from voxsync.redact import redact_headers, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.errors import VoxsyncError

__all__ = [
    "Audio",
    "ClearAudio",
    "CloseStream",
    "Deliver",
    "Dialect",
    "Finished",
    "OpenStream",
    "Output",
    "Ready",
    "Refused",
    "Reply",
    "Report",
    "SendAudio",
    "StreamEnded",
    "StreamStarted",
    "UpgradeRequest",
]

MessageT = TypeVar("MessageT")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """The HTTP upgrade a dialect wants: where to, and with which headers."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}: {value}" for name, value in redact_headers(self.headers)
        )
        return f"<UpgradeRequest {redact_url(self.url)} [{shown}]>"


# Outputs are not frozen: a frozen dataclass costs twice as much to make, and nobody
# but the engine ever holds one.


@dataclass(slots=True)
class Reply:
    """Put this message on the wire: `str` = text frame, `bytes` = binary frame."""

    data: str | bytes


@dataclass(slots=True)
class Ready:
    """The service takes input now: the session is OPEN."""


@dataclass(slots=True)
class Deliver(Generic[MessageT]):
    """Hand this typed message to listeners and to `receive()`."""

    message: MessageT


@dataclass(slots=True)
class Audio:
    """Audio of one incoming stream: mono int16 little-endian bytes."""

    tag: str
    pcm: bytes = field(repr=False)
    sample_rate: int = 16000

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / (2 * self.sample_rate)


@dataclass(slots=True)
class StreamStarted:
    """The far end announces an audio stream."""

    tag: str
    encoding: str
    custom_parameters: object = None


@dataclass(slots=True)
class StreamEnded:
    """The far end ends an audio stream."""

    tag: str
    media_info: object = None


@dataclass(slots=True)
class ClearAudio:
    """Empty the playout at once: the far end was interrupted."""

    tag: str | None = None


@dataclass(slots=True)
class Finished:
    """The service has said its last word; the connection may be closed."""


@dataclass(slots=True)
class Refused:
    """The service refused the session's settings after the upgrade."""

    reason: str


@dataclass(slots=True)
class Report:
    """Something went wrong that ends nothing: it is told as an `error` event."""

    error: VoxsyncError


@dataclass(slots=True)
class OpenStream:
    """A command: a unit begins to send audio to this session.

    Attributes:
        tag: Which of the session's outgoing streams.
        encoding: As the service names it; "" where it has no choice.
        custom_parameters: What the service's announcement of a stream can carry.
    """

    tag: str
    encoding: str = ""
    custom_parameters: object = None


@dataclass(slots=True)
class SendAudio:
    """A command: audio of a unit that is sent to this session.

    Attributes:
        tag: Which of the session's outgoing streams.
        pcm: Mono int16 little-endian bytes, at the rate the door declared.
    """

    tag: str
    pcm: bytes = field(repr=False)


@dataclass(slots=True)
class CloseStream:
    """A command: the unit sends no more; behind its audio, in order."""

    tag: str


Output = (
    Reply
    | Ready
    | Deliver[MessageT]
    | Audio
    | StreamStarted
    | StreamEnded
    | ClearAudio
    | Finished
    | Refused
    | Report
)


class Dialect(ABC, Generic[MessageT]):
    """One service's translator, for one connection.

    The base class is a service with no rules of its own: it is ready at once
    and passes nothing on. Subclasses override what differs.

    Attributes:
        audio_sent: Seconds of audio in the messages made so far, as far as their
            length is known.
        audio_lost: Seconds of incoming audio that never came, as far as the service's
            messages tell.
    """

    audio_sent: float = 0.0
    audio_lost: float = 0.0

    @abstractmethod
    def request(self) -> UpgradeRequest:
        """The HTTP upgrade to ask for. Called once, before anything else."""
        ...

    def opened(self) -> Iterable[Output[MessageT]]:
        """The upgrade succeeded. `Ready` at once, or after a handshake of its own."""
        return (Ready(),)

    @abstractmethod
    def encode(self, command: object) -> Iterable[Output[MessageT]]:
        """Turn one command of the application into messages for the wire."""
        ...

    def finish(self) -> Iterable[Output[MessageT]]:
        """The application has no more input; called once, behind all commands."""
        return ()

    def closing(self) -> Iterable[Output[MessageT]]:
        """We are about to send our Close frame: the last words before it, if any.

        Called at most once; not where the peer closes first, or all is cancelled.
        """
        return ()

    @abstractmethod
    def decode(self, data: str | bytes) -> Iterable[Output[MessageT]]:
        """Turn one message of the service into voxsync's words.

        Raises:
            ProtocolError: This message makes no sense; the session goes on.
        """
        ...

    def is_result(self, message: MessageT) -> bool:  # noqa: ARG002 - for subclasses
        """Whether a message is what people wait for. Default: any is.

        Called at most once for each, right after it was decoded. Audio that is heard
        is a result besides, in a message or not.
        """
        return True

    @abstractmethod
    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """Judge the end: None = the work was done, else what went wrong.

        Args:
            code: Close code, as in `CloseEvent.code`.
            reason: Close reason.
            by_us: The application asked for the end (`close` or `cancel`).
            was_clean: The closing handshake was completed.
        """
        ...
