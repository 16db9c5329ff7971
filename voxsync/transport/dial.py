"""From a URL to a connected socket after the HTTP upgrade.

websocket-client does what it does well: proxies, TLS, the upgrade's request and
the check of its answer. It reads the answer through `_Upgrade`, which

* reads in large pieces and keeps what came behind the answer,
* holds every step to ONE deadline, so that a peer that drips bytes gains nothing,
* bounds the answer's size, and keeps a refusal's status, headers and body,
* shows the library only the headers it has to judge, so that its process-wide
  cookie jar cannot carry one session's cookies into another's request.
"""

from __future__ import annotations

import functools
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import websocket
from websocket import _http, _socket

from voxsync.errors import ConnectError, HandshakeError, OpenTimeout, VoxsyncError
from voxsync.redact import Redactor, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DialOptions", "Dialled", "check_header", "check_url", "dial"]

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024
# What websocket-client has to judge. The rest it does not get to see: it would keep
# Set-Cookie in a jar of the whole process.
_UPGRADE_HEADERS = (
    "upgrade",
    "connection",
    "sec-websocket-accept",
    "sec-websocket-protocol",
)
# A proxy or peer may take long with the rest of a refusal's body; its status is
# what matters, so the body gets at most this much of the deadline (seconds).
_BODY_PATIENCE = 2.0


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
    """A connected, non-blocking socket and what the upgrade brought.

    Attributes:
        sock: A `socket.socket` or `ssl.SSLSocket`.
        rest: Bytes that came behind the answer: the first frames.
        subprotocol: The one the server chose, or None.
        headers: The answer's headers, names in lower case.
    """

    sock: socket.socket
    rest: bytes
    subprotocol: str | None
    headers: dict[str, str]


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


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """One context for all sessions with default trust: loading it takes 20 ms."""
    return ssl.create_default_context()


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
        on_socket: Told of the socket as soon as it is connected.

    Raises:
        HandshakeError: The answer was not a valid 101.
        OpenTimeout: Not done in time.
        ConnectError: Anything else: name, TCP, TLS, proxy.

    Thread: blocks; called on a session's I/O thread.
    """
    deadline = time.monotonic() + timeout
    sock: socket.socket | None = None
    try:
        sock = _connect(url, options, timeout)
        if on_socket is not None:
            on_socket(sock)
        upgrade = _Upgrade(sock, deadline, lambda: Redactor(url, options.headers))
        ws: Any = websocket.WebSocket(
            enable_multithread=False, skip_utf8_validation=True
        )
        ws.connect(
            url,
            socket=upgrade,
            header=[f"{name}: {value}" for name, value in options.headers],
            subprotocols=list(options.subprotocols) or None,
            suppress_origin=True,
            redirect_limit=0,
        )
        sock.setblocking(False)
        return Dialled(sock, upgrade.rest(), ws.subprotocol, upgrade.headers)
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


def _connect(url: str, options: DialOptions, timeout: float) -> Any:
    """TCP (through a proxy if so) and TLS, by websocket-client."""
    context = options.ssl_context or (
        shared_ssl_context() if url.startswith("wss:") else None
    )
    how = _socket.sock_opt(_socket_options(options), {"context": context})
    how.timeout = timeout
    sock, _address = _http.connect(url, how, _proxy(options.proxy), None)
    return sock


def _socket_options(options: DialOptions) -> list[tuple[int, int, int]]:
    found = []
    if options.send_buffer is not None:
        found.append((socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer))
    patience = options.user_timeout
    for name, value in (
        ("TCP_NOTSENT_LOWAT", options.unsent_buffer),
        ("TCP_USER_TIMEOUT", None if patience is None else int(patience * 1000)),
    ):
        number = getattr(socket, name, None)
        if number is not None and value is not None:
            found.append((socket.IPPROTO_TCP, number, value))
    return found


def _proxy(proxy: str | None) -> Any:
    proxy_info: Any = _http.proxy_info
    if proxy is None:
        return proxy_info()
    if not proxy:
        # A host that is never asked, because every target is exempt from it.
        return proxy_info(
            http_proxy_host="none", http_proxy_port=1, http_no_proxy=["*"]
        )
    parts = urlsplit(proxy)
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return proxy_info(
        http_proxy_host=parts.hostname,
        http_proxy_port=parts.port or 80,
        http_proxy_auth=auth,
        proxy_type="http",
    )


def _translate(
    exc: Exception, where: str, timeout: float, redactor: Redactor
) -> ConnectError:
    """One of our errors for whatever the layers below raised."""
    said = redactor.text(str(exc)) or type(exc).__name__
    if isinstance(exc, (TimeoutError, websocket.WebSocketTimeoutException)):
        return OpenTimeout(f"{where} was not open within {timeout:g} s")
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ConnectError(
            f"the certificate of {where} was refused: {exc.verify_message or said}; "
            "pass SessionOptions(ssl_context=...) to trust another authority"
        )
    if isinstance(exc, ssl.SSLError):
        return ConnectError(f"TLS with {where} failed: {said}")
    if isinstance(exc, (websocket.WebSocketAddressException, socket.gaierror)):
        return ConnectError(f"the host of {where} could not be resolved: {said}")
    if isinstance(exc, websocket.WebSocketProxyException):
        return ConnectError(f"the proxy did not connect to {where}: {said}")
    if isinstance(exc, websocket.WebSocketConnectionClosedException):
        return ConnectError(f"{where} closed the connection instead of answering")
    if isinstance(exc, OSError):
        return ConnectError(f"could not connect to {where}: {said}")
    return ConnectError(f"{where} could not be opened: {said}")


def _may_hold_secrets(exc: Exception, redactor: Redactor) -> bool:
    return redactor.text(repr(exc)) != repr(exc)


class _Upgrade:
    """What websocket-client takes for a socket while it performs the upgrade."""

    _closed = False  # read by WebSocket.shutdown()

    def __init__(
        self, sock: socket.socket, deadline: float, redactor: Callable[[], Redactor]
    ) -> None:
        self._sock = sock
        self._deadline = deadline
        self._redactor = redactor
        self._lines: Iterator[bytes] | None = None  # the answer, for websocket-client
        self._rest = b""
        self.headers: dict[str, str] = {}
        self.gettimeout = sock.gettimeout
        self.settimeout = sock.settimeout
        self.fileno = sock.fileno
        self.close = sock.close
        self.shutdown = sock.shutdown

    def rest(self) -> bytes:
        return self._rest

    def send(self, data: bytes) -> int:
        # All of it: the library does not look at what `send` returns.
        self._sock.settimeout(self._left())
        self._sock.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:  # noqa: ARG002 - see below
        # The library asks for one byte at a time until it sees a line feed. It gets
        # the line as its first byte and the line feed as its second: 10 calls
        # instead of 130, half the cost of opening a connection. A contract test
        # pins that it joins whatever it gets.
        if self._lines is None:
            self._lines = iter(self._read_head())
        return next(self._lines, b"")

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _more(self) -> bytes:
        self._sock.settimeout(self._left())
        return self._sock.recv(16 * 1024)

    def _read_head(self) -> list[bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._more()
            if not more:
                raise ConnectError(
                    "the server closed the connection instead of answering the upgrade"
                    if not data
                    else "the server closed the connection within its answer"
                )
            data += more
            if len(data) > _MAX_HEAD or not b"HTTP/".startswith(data[:5]):
                raise HandshakeError(
                    "the answer to the upgrade is not HTTP, or its head is too large",
                    status=0,
                    headers={},
                    body=self._redactor().data(data[:1024]),
                )
        head, _, rest = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        words = line.split(None, 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        for field_line in fields:
            name, colon, value = field_line.partition(":")
            if not colon or name != name.strip():
                raise HandshakeError(
                    "the answer's headers make no sense",
                    status=status,
                    headers={},
                    body=b"",
                )
            self.headers[name.lower()] = value.strip()
        if status != 101:
            self._refused(status, words[2] if len(words) > 2 else "", rest)
        self._rest = rest
        lines = [line.encode("latin-1"), b"\n"]
        for name in _UPGRADE_HEADERS:
            if name in self.headers:
                lines += [f"{name}: {self.headers[name]}".encode("latin-1"), b"\n"]
        return [*lines, b"\r", b"\n"]

    def _refused(self, status: int, reason: str, body: bytes) -> None:
        """Read what there is of the refusal's body, then raise it."""
        expected = self.headers.get("content-length", "")
        size = min(int(expected), _MAX_BODY) if expected.isdigit() else _MAX_BODY
        self._deadline = min(self._deadline, time.monotonic() + _BODY_PATIENCE)
        try:
            while len(body) < size and (more := self._more()):
                body += more
        except OSError:
            pass  # the status is known; part of a body is better than no error
        redactor = self._redactor()
        body = redactor.data(body[:size])
        words = " ".join(body.decode("utf-8", "replace").split())
        shown = redactor.text(f"{status} {reason}".strip())
        hint = ""
        if status in (401, 403):
            hint = "; check the token: expired, wrong scope, or not for this service"
        elif 300 <= status < 400:
            hint = "; redirects are not followed, or a token could go astray"
        raise HandshakeError(
            f"the service answered {shown}{f': {words[:200]}' if words else ''}{hint}",
            status=status,
            headers={k: redactor.text(v) for k, v in self.headers.items()},
            body=body,
        )
