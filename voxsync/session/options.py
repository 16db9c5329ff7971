"""Every limit and timeout of a session, with its unit and default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from voxsync.redact import redact_headers, redact_url
from voxsync.transport import DialOptions
from voxsync.transport.dial import check_header

if TYPE_CHECKING:
    import ssl

    from voxsync.clocks import Clock
    from voxsync.dialects.base import UpgradeRequest
    from voxsync.events import Dispatcher
    from voxsync.session.tapping import TapRecord
    from voxsync.transport import IOThread

__all__ = [
    "AUTO",
    "Auto",
    "Headers",
    "SessionOptions",
    "check_options",
    "normal_headers",
    "request_options",
    "subprotocol_names",
]

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""HTTP headers: a mapping, or (name, value) pairs, where a name may come twice."""
_HEADERS = "headers must be a mapping or (name, value) pairs"


class Auto(Enum):
    """What the door knows its service to bear."""

    AUTO = "auto"

    def __repr__(self) -> str:
        return "AUTO"


AUTO: Final = Auto.AUTO
"""As the service of the door bears it; see `SessionOptions.ping_interval`."""


def normal_headers(headers: Headers | None) -> tuple[tuple[str, str], ...]:
    """Headers as pairs, whatever they came as.

    Raises:
        TypeError, ValueError: They came as something else.
    """
    if headers is None:
        return ()
    if isinstance(headers, Mapping):
        return tuple(headers.items())
    if isinstance(headers, str | bytes) or not isinstance(headers, Iterable):
        raise TypeError(f"{_HEADERS}, not {type(headers).__name__}")
    pairs = tuple(headers)
    for pair in pairs:
        if not isinstance(pair, tuple | list):
            raise TypeError(f"{_HEADERS}, not of {type(pair).__name__}")
        if len(pair) != 2:
            raise ValueError(f"{_HEADERS}, not {len(pair)} values")
    return tuple((name, value) for name, value in pairs)


def subprotocol_names(name: str, value: Iterable[str]) -> tuple[str, ...]:
    """Subprotocols as a tuple.

    Args:
        name: Of the argument that they came as.
        value: Several names, not one as a str.

    Raises:
        TypeError, ValueError: They came as something else, or one cannot be offered.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f'{name} must be a tuple of names, e.g. ("chat",)')
    found = tuple(value)
    for one in found:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be names, not {one!r}")
        try:
            check_header(one, "")  # which has to be a token as well
        except ValueError:
            raise ValueError(
                f"{name}: {one!r} cannot be offered; a name is of letters, digits and "
                "!#$%&'*+-.^_`|~, and several are given as a tuple"
            ) from None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How a session connects, how long it waits and how much it holds.

    All times are seconds. None means "no limit" where a time may be None.

    Attributes:
        headers: Extra headers of the upgrade request; they override the door's.
        subprotocols: Offered in `Sec-WebSocket-Protocol`, best first.
        ssl_context: For `wss://`; None = the system's authorities, verified.
        proxy: `"http://[user:password@]host:port"`; `""` = never; None = as the
            environment says (`http_proxy`, `https_proxy`, `no_proxy`).
        dispatcher: Where listeners run; None = on the session's events thread.
        open_timeout: From `connect()` until the session is OPEN.
        close_timeout: For `close()`: flushing, closing handshake, end of TCP.
        eof_timeout: After the closing handshake, for the peer to end TCP.
        write_timeout: Output is waiting and the peer takes not one byte.
        ping_interval: Silence before a ping is sent. `AUTO`: 20, or None where
            the service may not answer pings (mimi).
        ping_timeout: After a ping, for any byte to arrive.
        idle_timeout: Without any byte from the peer.
        finish_timeout: After `finish()`, without any byte from the peer.
        linger_timeout: After the service's last word, for it to close; then we do.
        send_queue: Messages accepted but not yet encoded; `send` waits when full.
        write_buffer: Encoded bytes above which no more messages are taken from
            the queue; the kernel is asked to hold no more than this unsent, too.
        send_buffer: The kernel's send buffer (SO_SNDBUF) in bytes: what may be on
            its way, unacknowledged. None = the system's default (Linux: up to 90
            seconds of speech, which makes a queue in front of it pointless).
        max_message_size: Largest message accepted, bytes; larger ones are refused
            on their declared length with close code 1009.
        inbox: Events waiting for listeners; when full the socket is not read.
        receive_queue: Messages waiting for `receive()`.
        io: An `IOThread` that moves the bytes of all sessions that have it, for
            programs with dozens of them. None: each has a thread of its own.
        clock: For tests, a `voxsync.clocks.VirtualClock`: the time-outs of the open
            session, and the pacing of audio to and from it, follow that.
        tap: Sees all that goes over the wire and each event, as a `TapRecord` of
            `voxsync.session.tapping`, unmasked: audio, texts and secrets. It is
            called on the I/O thread and must not wait; one that raises is called no
            more, which an `error` event tells. To write a file of it, use
            `voxsync.trace.record`. Default: nobody.
    """

    headers: Headers = field(default=())
    subprotocols: tuple[str, ...] = ()
    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = None
    dispatcher: Dispatcher | None = None
    open_timeout: float = 10.0
    close_timeout: float = 5.0
    eof_timeout: float = 1.0
    write_timeout: float | None = 10.0
    ping_interval: float | Auto | None = AUTO
    ping_timeout: float | None = 20.0
    idle_timeout: float | None = None
    finish_timeout: float | None = 60.0
    linger_timeout: float = 1.0
    send_queue: int = 16
    write_buffer: int = 16 * 1024
    send_buffer: int | None = 64 * 1024
    max_message_size: int = 16 * 1024 * 1024
    inbox: int = 256
    receive_queue: int = 256
    io: IOThread | None = None
    clock: Clock | None = None
    tap: Callable[[TapRecord], object] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", normal_headers(self.headers))
        names = subprotocol_names("subprotocols", self.subprotocols)
        object.__setattr__(self, "subprotocols", names)
        for name in (
            "open_timeout",
            "close_timeout",
            "eof_timeout",
            "write_timeout",
            "ping_interval",
            "ping_timeout",
            "idle_timeout",
            "finish_timeout",
            "linger_timeout",
        ):
            _check_seconds(name, getattr(self, name), _OPTIONAL)
        for name in (
            "send_queue",
            "write_buffer",
            "send_buffer",
            "max_message_size",
            "inbox",
            "receive_queue",
        ):
            _check_count(name, getattr(self, name))
        _check_proxy(self.proxy)
        _check_dispatcher(self.dispatcher)
        if self.tap is not None and not callable(self.tap):
            raise TypeError(f"tap must be callable, not {type(self.tap).__name__}")
        if self.io is not None and self.clock is not None:
            raise ValueError("io goes by the machine's time: give no clock with it")

    def __repr__(self) -> str:
        shown = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value == f.default:
                continue
            if f.name == "headers":
                value = redact_headers(value)
            elif f.name == "proxy" and value:
                value = redact_url(value)
            shown.append(f"{f.name}={value!r}")
        return f"SessionOptions({', '.join(shown)})"


def _check_dispatcher(given: object) -> None:
    """What is none would be noticed by the first event only, on our own thread."""
    if given is None:
        return
    is_one = all(callable(getattr(given, n, None)) for n in ("dispatch", "runs_here"))
    if isinstance(given, type) or not is_one:
        name = given.__name__ if isinstance(given, type) else type(given).__name__
        raise TypeError(
            "dispatcher must be one, such as TkDispatcher(root) or QueueDispatcher(), "
            f"not {'the class ' * isinstance(given, type)}{name}"
        )


def check_options(options: object) -> None:
    """Raise the `TypeError` that deserves what is neither None nor options."""
    if options is not None and not isinstance(options, SessionOptions):
        raise TypeError(
            f"options must be SessionOptions(...), not {type(options).__name__}"
        )


_OPTIONAL = frozenset(
    {
        "write_timeout",
        "ping_interval",
        "ping_timeout",
        "idle_timeout",
        "finish_timeout",
    }
)


def _check_seconds(name: str, value: object, optional: frozenset[str]) -> None:
    if value is AUTO or (value is None and name in optional):
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be seconds (a number), not {value!r}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number of seconds, not {value}")


def _check_count(name: str, value: object) -> None:
    if value is None and name == "send_buffer":
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def _check_proxy(proxy: str | None) -> None:
    if not proxy:
        return
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"proxy {redact_url(proxy)!r}: use http://[user:password@]host:port"
        )


def request_options(request: UpgradeRequest, options: SessionOptions) -> DialOptions:
    """How to dial for a request: its headers, overridden by the user's of that name.

    Raises:
        ValueError: A header would break the request.
    """
    theirs = normal_headers(options.headers)
    named = {name.lower() for name, _ in theirs}
    ours = tuple(pair for pair in request.headers if pair[0].lower() not in named)
    for name, value in ours + theirs:
        check_header(name, value)
    return DialOptions(
        headers=ours + theirs,
        subprotocols=options.subprotocols or request.subprotocols,
        ssl_context=options.ssl_context,
        proxy=options.proxy,
        send_buffer=options.send_buffer,
        unsent_buffer=options.write_buffer,
        user_timeout=options.write_timeout,
    )
