"""From a URL to a connected socket after the HTTP upgrade.

Errors of all the layers below become ours here, without the request's secrets.
"""

from __future__ import annotations

import functools
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from voxsync.errors import ConnectError, OpenTimeout, VoxsyncError
from voxsync.redact import Redactor, redact_url
from voxsync.transport.connect import connect
from voxsync.transport.upgrade import Upgraded, upgrade

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["DialOptions", "Dialled", "check_header", "check_url", "dial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DialOptions:
    """How to connect.

    Attributes:
        headers: Extra request headers, in order.
        subprotocols: Offered in `Sec-WebSocket-Protocol`.
        ssl_context: For `wss://`; None = one shared context with the system's
            certificate authorities.
        proxy: `http://[user:password@]host:port`; "" = none; None = as the
            environment says (`http_proxy`, `https_proxy`, `no_proxy`).
        send_buffer: SO_SNDBUF in bytes; None = the system's default.
        unsent_buffer: TCP_NOTSENT_LOWAT in bytes, where the system has it: what
            the kernel may hold that is not even on its way.
        user_timeout: TCP_USER_TIMEOUT in seconds, where the system has it.
    """

    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    ssl_context: ssl.SSLContext | None = None
    proxy: str | None = field(default=None, repr=False)
    send_buffer: int | None = None
    unsent_buffer: int | None = None
    user_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connected, non-blocking socket (`ssl.SSLSocket` for wss) and its upgrade."""

    sock: socket.socket
    upgraded: Upgraded


@functools.lru_cache(maxsize=64)
def check_url(url: str) -> None:
    """Refuse a URL that no WebSocket can be opened to (RFC 6455, section 3).

    Raises:
        TypeError, ValueError: What is wrong and what is expected.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as exc:
        raise ValueError(f"{redact_url(url)!r} is not a URL: {exc}") from None
    if parts.scheme not in ("ws", "wss"):
        raise ValueError(f"{redact_url(url)!r}: the scheme must be ws:// or wss://")
    if not parts.hostname or not port_fits:
        raise ValueError(
            f"{redact_url(url)!r}: a host, and a port above 0 if any, are needed"
        )
    if "#" in url:
        raise ValueError(f"{redact_url(url)!r}: a WebSocket URL has no fragment (#)")
    if any(c <= " " or c == "\x7f" for c in url):
        raise ValueError(
            f"{redact_url(url)!r}: white space or control characters in the URL"
        )


def check_header(name: str, value: str) -> None:
    """Refuse a header that would break, or break into, the request.

    Raises:
        TypeError, ValueError: Which header; never its value, which may be a secret.
    """
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"header {name!r}: name and value must be str")
    if not name or any(
        c <= " " or c >= "\x7f" or c in '()<>@,;:\\"/[]?={}' for c in name
    ):
        raise ValueError(f"header name {name!r} is not a token (RFC 9110)")
    if any(c in "\r\n\0" for c in value):
        raise ValueError(f"the value of header {name!r} holds a line break or NUL")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(
            f"the value of header {name!r} holds characters beyond ISO 8859-1"
        ) from None


def dial(
    url: str,
    options: DialOptions,
    timeout: float,
    on_socket: Callable[[socket.socket], None] | None = None,
) -> Dialled:
    """Connect, and perform the HTTP upgrade.

    Args:
        url: `ws://` or `wss://`; see `check_url`.
        options: How.
        timeout: Seconds for all steps together (resolving the name excepted:
            the system's resolver cannot be interrupted).
        on_socket: Told of the socket once it is connected, and of the TLS socket
            before its handshake: shutting it down ends this call.

    Raises:
        HandshakeError: The answer was not a valid 101.
        OpenTimeout: Not done in time.
        ConnectError: Anything else: name, TCP, TLS, proxy.

    Thread: blocks; called on a session's I/O thread.
    """
    deadline = time.monotonic() + timeout
    sock: socket.socket | None = None
    try:
        sock = connect(url, options, deadline, on_socket or (lambda _: None))
        upgraded = upgrade(sock, url, options.headers, options.subprotocols, deadline)
        sock.setblocking(False)
        return Dialled(sock, upgraded)
    except BaseException as exc:
        if sock is not None:
            sock.close()
        if isinstance(exc, VoxsyncError) or not isinstance(exc, Exception):
            raise
        redactor = Redactor(url, options.headers)
        error = _translate(exc, redact_url(url), timeout, redactor)
        if _may_hold_secrets(exc, redactor):
            raise error from None
        raise error from exc


def _translate(
    exc: Exception, where: str, timeout: float, redactor: Redactor
) -> ConnectError:
    """One of our errors for whatever the layers below raised."""
    import ssl  # noqa: PLC0415 - sessions without TLS do without

    said = redactor.text(str(exc)) or type(exc).__name__
    if isinstance(exc, TimeoutError):
        return OpenTimeout(f"{where} was not open within {timeout:g} s")
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ConnectError(
            f"the certificate of {where} was refused: {exc.verify_message or said}; "
            "pass SessionOptions(ssl_context=...) to trust another authority"
        )
    if isinstance(exc, ssl.SSLError):
        return ConnectError(f"TLS with {where} failed: {said}")
    if isinstance(exc, socket.gaierror):
        return ConnectError(f"the host of {where} could not be resolved: {said}")
    if isinstance(exc, OSError):
        return ConnectError(f"could not connect to {where}: {said}")
    return ConnectError(f"{where} could not be opened: {said}")


def _may_hold_secrets(exc: Exception, redactor: Redactor) -> bool:
    return redactor.text(repr(exc)) != repr(exc)
