"""The HTTP upgrade of an incoming connection.

The rules are websockets' `ServerProtocol`, which does no I/O of its own; reading
against one deadline and within one size is ours.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from voxsync.errors import HandshakeError, MissingExtra, OpenTimeout, ProtocolError
from voxsync.redact import redact_headers, redact_url

try:
    from websockets.http11 import Request
    from websockets.server import ServerProtocol
except ImportError as exc:
    raise MissingExtra(
        "incoming connections need the websockets package: "
        "pip install 'voxsync[server]'"
    ) from exc

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from websockets.http11 import Response

__all__ = ["IncomingRequest", "Refusal", "Upgrade"]

_MAX_HEAD = 32 * 1024
_LATE = "the peer did not complete its upgrade in time"
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
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
        return f"<IncomingRequest {self.path} from {host}:{port} [{names}]>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that is not welcome: an HTTP status and a text."""

    status: int
    text: str = ""


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
) -> Upgrade:
    """Read the request, judge it and answer it, all within `timeout` seconds.

    Args:
        sock: Blocking; left blocking.
        address: The peer's.
        timeout: Seconds.
        subprotocols: Those we speak, best first; if any, one must be offered.
        check: Says why the request is refused, or None.
        answer: Sees the answer's bytes last and may change them.

    Raises:
        HandshakeError: Refused; the refusal was sent.
        OpenTimeout: The request was not there in time.
        ProtocolError: What came was no request.
        OSError: The connection broke.
    """
    deadline = time.monotonic() + timeout
    head, rest = _read_head(sock, deadline)
    protocol = ServerProtocol(
        subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
        logger=_silent,
    )
    protocol.receive_data(head)
    found = protocol.events_received()
    if not found or not isinstance(found[0], Request):
        said = protocol.handshake_exc or protocol.parser_exc
        _send(sock, _BAD_REQUEST, deadline)
        raise ProtocolError(f"not a WebSocket request: {said}")
    raw = found[0]
    try:
        request = _describe(raw.path, list(raw.headers.raw_items()), address)
    except ValueError as exc:
        _send(sock, _BAD_REQUEST, deadline)
        raise ProtocolError("the request's target makes no sense") from exc
    refusal = check(request)
    response: Response
    if refusal is None:
        response = protocol.accept(raw)
    else:
        response = protocol.reject(refusal.status, refusal.text + "\n")
    protocol.send_response(response)
    # b"" stands for half-closing; the owner closes the socket anyway.
    _send(sock, answer(b"".join(protocol.data_to_send())), deadline)
    if response.status_code != 101:
        raise HandshakeError(
            f"refused {redact_url(request.path)} with {response.status_code}",
            status=response.status_code,
            headers={},
            body=bytes(response.body or b""),
        )
    chosen = protocol.subprotocol
    return Upgrade(request, None if chosen is None else str(chosen), rest)


def _read_head(sock: socket.socket, deadline: float) -> tuple[bytes, bytes]:
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > _MAX_HEAD:
            head = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
            _send(sock, head + b"Connection: close\r\n\r\n", deadline)
            raise ProtocolError(f"the request's head is over {_MAX_HEAD} bytes")
        sock.settimeout(_left(deadline))
        try:
            more = sock.recv(16 * 1024)
        except TimeoutError:
            raise OpenTimeout(_LATE) from None
        if not more:
            raise ProtocolError("the peer left before its request was complete")
        data += more
    return bytes(data[: end + 4]), bytes(data[end + 4 :])


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
