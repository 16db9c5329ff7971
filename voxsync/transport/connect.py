"""TCP, through a proxy where there is one, and TLS; all against one deadline.

The standard library connects and encrypts. websocket-client knows about proxies:
which one the environment means for a host, and how to ask it for a tunnel.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from voxsync.errors import ConnectError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from voxsync.transport.dial import DialOptions

__all__ = ["connect", "left", "shared_ssl_context"]

_PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")
_MAX_PROXY_ANSWER = 64 * 1024


def left(deadline: float) -> float:
    """Seconds until `deadline` (monotonic).

    Raises:
        TimeoutError: None.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """One context for all sessions with default trust: loading it takes 20 ms."""
    import ssl  # noqa: PLC0415 - sessions without TLS do without

    return ssl.create_default_context()


def connect(
    url: str,
    options: DialOptions,
    deadline: float,
    on_socket: Callable[[socket.socket], None],
) -> socket.socket:
    """A connected socket, or `ssl.SSLSocket`, for the URL.

    Args:
        url: Checked.
        options: Proxy, TLS and socket options.
        deadline: For all steps; resolving a name cannot be interrupted.
        on_socket: Told of every socket before something is waited for on it.

    Raises:
        ConnectError: The proxy refused.
        OSError: Everything else, `ssl.SSLError` and TimeoutError included.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    proxy_host, proxy_port, auth = _proxy(options.proxy, host, secure)
    sock = socket.create_connection(
        (proxy_host or host, proxy_port if proxy_host else port),
        timeout=left(deadline),
    )
    try:
        on_socket(sock)
        for level, name, value in _socket_options(options):
            sock.setsockopt(level, name, value)
        if proxy_host:
            _tunnel(sock, host, port, auth, deadline)
        if secure:
            context = options.ssl_context or shared_ssl_context()
            sock.settimeout(left(deadline))
            sock = context.wrap_socket(
                sock, server_hostname=host, do_handshake_on_connect=False
            )
            on_socket(sock)
            sock.do_handshake()
    except BaseException:
        sock.close()
        raise
    return sock


def _proxy(given: str | None, host: str, secure: bool) -> tuple[str | None, int, Any]:
    """Host, port and credentials of the proxy for a host; None = there is none."""
    if given:
        parts = urlsplit(given)
        auth = None
        if parts.username is not None:
            auth = (unquote(parts.username), unquote(parts.password or ""))
        return parts.hostname, parts.port or 80, auth
    # Asked here first: importing websocket-client costs a program's start as much as
    # all of voxsync does, and most programs have no proxy.
    if given == "" or not any(os.environ.get(name) for name in _PROXY_VARIABLES):
        return None, 0, None
    from websocket._url import get_proxy_info  # noqa: PLC0415

    found_host, found_port, auth = get_proxy_info(host, secure)
    return found_host, found_port or 80, auth


def _tunnel(
    sock: socket.socket, host: str, port: int, auth: Any, deadline: float
) -> None:
    from websocket import (  # noqa: PLC0415
        WebSocketException,
        WebSocketTimeoutException,
        _http,
    )

    try:
        _http._tunnel(_Deadlined(sock, deadline), host, port, auth)  # type: ignore[arg-type]  # noqa: SLF001 - pinned by a contract test
    except WebSocketException as exc:
        if isinstance(exc.__context__, WebSocketTimeoutException):
            raise TimeoutError from None
        # What the library says holds the status, and no credentials.
        raise ConnectError(f"the proxy did not connect to {host}: {exc}") from None


class _Deadlined:
    """What websocket-client takes for a socket while it asks a proxy.

    It reads byte by byte with a timeout for each, so a proxy that drips could hold
    it for ever; here every read is held to the one deadline, and all to a size.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._room = _MAX_PROXY_ANSWER
        self.gettimeout = sock.gettimeout
        self.fileno = sock.fileno

    def send(self, data: bytes) -> int:
        self._sock.settimeout(left(self._deadline))
        self._sock.sendall(data)  # the library does not look at what `send` returns
        return len(data)

    def recv(self, size: int) -> bytes:
        self._sock.settimeout(left(self._deadline))
        data = self._sock.recv(size)
        self._room -= len(data)
        if self._room < 0:
            raise ConnectError(f"the proxy's answer has over {_MAX_PROXY_ANSWER} bytes")
        return data


def _socket_options(options: DialOptions) -> list[tuple[int, int, int]]:
    tcp, patience = socket.IPPROTO_TCP, options.user_timeout
    found = [
        (tcp, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]
    if options.send_buffer is not None:
        found.append((socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer))
    for name, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_NOTSENT_LOWAT", options.unsent_buffer),
        ("TCP_USER_TIMEOUT", None if patience is None else int(patience * 1000)),
    ):
        number = getattr(socket, name, None)  # not every system has every one
        if number is not None and value is not None:
            found.append((tcp, number, value))
    return found
