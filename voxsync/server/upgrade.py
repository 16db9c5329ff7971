"""The HTTP upgrade of an incoming connection.

The rules are websockets' `ServerProtocol`, which does no I/O of its own; reading
against one deadline and within one size is ours.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from voxsync.errors import HandshakeError, MissingExtra, OpenTimeout, ProtocolError
from voxsync.redact import redact_headers, redact_url
from voxsync.transport.dial import check_header

try:
    from websockets.datastructures import Headers
    from websockets.http11 import Request, Response
    from websockets.server import ServerProtocol
except ImportError as exc:
    raise MissingExtra(
        "incoming connections need the websockets package: "
        "pip install 'voxsync[server]'"
    ) from exc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["IncomingRequest", "Refusal", "Upgrade"]

_MAX_HEAD = 32 * 1024
_MAX_LINE = 8 * 1024
_MAX_HEADERS = 100
_LATE = "the peer did not complete its upgrade in time"
# websockets writes every header into its debug log, tokens included.
_silent = logging.getLogger("voxsync.server.upgrade")
_silent.disabled = True


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """Who wants to connect, and with what.

    Attributes:
        path: Without the query, e.g. "/agent".
        query: The query's parameters; of repeated ones the last.
        headers: Names in lower case; repeated ones joined by ", ".
        address: The peer's address, e.g. ("127.0.0.1", 54321).
    """

    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    address: tuple[str, int]

    def __repr__(self) -> str:
        host, port = self.address
        names = ", ".join(f"{n}: {v}" for n, v in redact_headers(self.headers.items()))
        path = redact_url(self.path)
        return f"<IncomingRequest {path} from {host}:{port} [{names}]>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that is not welcome.

    Attributes:
        status: HTTP status, 300 to 599.
        text: The body, for people.
        headers: More headers of the answer, e.g. {"Retry-After": "5"}.

    Raises:
        TypeError, ValueError: A status or header that cannot be sent.
    """

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.status, bool) or not isinstance(self.status, int):
            raise TypeError(f"a refusal's status must be an int, not {self.status!r}")
        if not 300 <= self.status <= 599:
            raise ValueError(f"a refusal's status is 300 to 599, not {self.status}")
        for name, value in self.headers.items():
            check_header(name, value)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgraded connection.

    Attributes:
        request: What was asked.
        subprotocol: The one agreed on, or None.
        rest: Bytes read behind the request: the first frames.
    """

    request: IncomingRequest
    subprotocol: str | None
    rest: bytes = field(repr=False)


def upgrade(
    sock: socket.socket,
    address: tuple[str, int],
    *,
    timeout: float,
    subprotocols: Sequence[str],
    check: Callable[[IncomingRequest], Refusal | None],
    answer: Callable[[bytes], bytes],
    strict: bool = True,
) -> Upgrade:
    """Read the request, judge it and answer it, within `timeout` seconds.

    Args:
        sock: Blocking; left blocking.
        address: The peer's.
        timeout: Seconds that the peer may take; what `check` takes is not counted.
        subprotocols: Those we speak, best first.
        check: Says why a request that is otherwise right is refused, or None.
        answer: Sees the answer's bytes last and may change them.
        strict: Refuse who offers none of `subprotocols`, if there are any; False:
            take him without one.

    Raises:
        HandshakeError: Refused; the refusal was sent.
        OpenTimeout: The request was not there in time.
        ProtocolError: What came was no request; that was answered, too.
        OSError: The connection broke.
    """
    deadline = time.monotonic() + timeout
    head, rest = _read_head(sock, deadline)
    protocol = ServerProtocol(
        subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
        select_subprotocol=None if strict else _select,  # type: ignore[arg-type]
        logger=_silent,
    )
    protocol.receive_data(head)
    found = protocol.events_received()
    if not found or not isinstance(found[0], Request):
        said = protocol.handshake_exc or protocol.parser_exc
        _refuse(sock, Refusal(400, "this is no request"), deadline)
        raise ProtocolError(f"not a WebSocket request: {said}")
    raw = found[0]
    try:
        request = _describe(raw.path, list(raw.headers.raw_items()), address)
    except ValueError as exc:
        _refuse(sock, Refusal(400, "the target makes no sense"), deadline)
        raise ProtocolError("the request's target makes no sense") from exc
    response = protocol.accept(raw)
    if response.status_code == 101:
        began = time.monotonic()
        refusal = check(request)
        deadline += time.monotonic() - began
        if refusal is not None:
            response = _response(refusal)
    _send(sock, answer(response.serialize()), deadline)
    if response.status_code != 101:
        raise HandshakeError(
            f"refused {redact_url(request.path)} with {response.status_code}",
            status=response.status_code,
            headers={},
            body=bytes(response.body or b""),
        )
    chosen = protocol.subprotocol
    return Upgrade(request, None if chosen is None else str(chosen), rest)


def linger(sock: socket.socket, seconds: float = 1.0, most: int = 256 * 1024) -> None:
    """End our side, and read on until the peer has ended its own.

    If we just closed while bytes of the peer are unread or on their way, it would
    get a reset, which can overtake and swallow our last words.

    Args:
        sock: Blocking; may carry TLS, whose bytes are not looked at.
        seconds: After that it is over.
        most: Bytes after which it is over.
    """
    # An SSLSocket's own methods would have the bytes decrypted.
    plain = socket.socket
    end = time.monotonic() + seconds
    with contextlib.suppress(OSError):  # gone already, or a second is over
        plain.shutdown(sock, socket.SHUT_WR)
        while most > 0 and (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            data = plain.recv(sock, 16 * 1024)
            if not data:
                return
            most -= len(data)


def _select(protocol: ServerProtocol, offered: Sequence[str]) -> str | None:
    """The best of ours that the peer speaks, or none."""
    ours = protocol.available_subprotocols or ()
    return next((name for name in ours if name in offered), None)


def _read_head(sock: socket.socket, deadline: float) -> tuple[bytes, bytes]:
    data = bytearray()
    seen = 0
    while (end := data.find(b"\r\n\r\n", seen)) < 0 and len(data) <= _MAX_HEAD:
        seen = max(0, len(data) - 3)
        sock.settimeout(_left(deadline))
        try:
            more = sock.recv(16 * 1024)
        except TimeoutError:
            raise OpenTimeout(_LATE) from None
        if not more:
            raise ProtocolError("the peer left before its request was complete")
        data += more
    lines = data[: end + 2].split(b"\r\n") if 0 <= end <= _MAX_HEAD else []
    if not lines or len(lines) - 2 > _MAX_HEADERS or max(map(len, lines)) > _MAX_LINE:
        _refuse(sock, Refusal(431, "the head is too large"), deadline)
        raise ProtocolError(
            f"the request's head is over {_MAX_HEAD} bytes, {_MAX_HEADERS} headers "
            f"or {_MAX_LINE} bytes in a line"
        )
    return bytes(data[: end + 4]), bytes(data[end + 4 :])


def _response(refusal: Refusal) -> Response:
    try:
        phrase = HTTPStatus(refusal.status).phrase
    except ValueError:  # a number that nobody has registered
        phrase = "Refused"
    body = (refusal.text + "\n").encode(errors="replace")
    headers = Headers(
        [
            ("Date", formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", "text/plain; charset=utf-8"),
            *refusal.headers.items(),
        ]
    )
    return Response(refusal.status, phrase, headers, body)


def _refuse(sock: socket.socket, refusal: Refusal, deadline: float) -> None:
    _send(sock, _response(refusal).serialize(), deadline)


def _send(sock: socket.socket, data: bytes, deadline: float) -> None:
    sock.settimeout(_left(deadline))
    try:
        sock.sendall(data)
    except TimeoutError:
        raise OpenTimeout(_LATE) from None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise OpenTimeout(_LATE)
    return left


def _describe(
    target: str, headers: list[tuple[str, str]], address: tuple[str, int]
) -> IncomingRequest:
    path, _, query = target.partition("#")[0].partition("?")
    if not path.startswith("/"):  # then it is a whole URL (RFC 9112, 3.2.2)
        parts = urlsplit(target)
        path, query = parts.path or "/", parts.query
        if not parts.netloc:
            raise ValueError("neither a path nor a URL")
    if any(c <= " " or c == "\x7f" for c in path):
        raise ValueError("control characters")
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    return IncomingRequest(path, parameters, joined, address)
