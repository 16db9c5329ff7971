"""The HTTP upgrade of a connection that we open (RFC 6455, section 4.1).

Ours and not websocket-client's, because there it is tied to a cookie jar of the
whole process, to reading one byte at a time and to errors that repeat all headers;
what was left of it after working around these was less than what stands here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from voxsync.errors import ConnectError, HandshakeError
from voxsync.redact import Redactor, redact_headers, redact_url
from voxsync.transport.connect import left

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

__all__ = ["Upgraded", "upgrade"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024
# A refusal's status is what matters; its body gets at most so much of the deadline.
_BODY_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What a 101 brought.

    Attributes:
        subprotocol: The one the server chose, or None.
        headers: The answer's, names in lower case; repeated ones joined by ", ".
        rest: Bytes that came behind the answer: the first frames.
    """

    subprotocol: str | None
    headers: dict[str, str]
    rest: bytes


def upgrade(
    sock: socket.socket,
    url: str,
    headers: Sequence[tuple[str, str]],
    subprotocols: Sequence[str],
    deadline: float,
) -> Upgraded:
    """Send the request and read the answer, all before `deadline`.

    Args:
        sock: Connected, with a timeout; that is changed.
        url: Where it is connected to.
        headers: Checked by `check_header`. They override ours of the same name.
        subprotocols: Offered, best first.
        deadline: `time.monotonic()` at which it must be done.

    Raises:
        HandshakeError: The answer is not a valid 101.
        ConnectError: The server left.
        OSError: The connection broke, or (TimeoutError) it took too long.
    """
    key = base64.b64encode(os.urandom(16))
    sock.settimeout(left(deadline))
    sock.sendall(_request(url, key, headers, subprotocols))
    answer = _Answer(sock, deadline, url, headers)
    status, reason = answer.read_head()
    if status != 101:
        raise answer.refusal(status, reason)
    found = answer.headers
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324 - RFC 6455 says SHA-1
    if "websocket" not in _tokens(found.get("upgrade", "")):
        raise answer.invalid("it does not upgrade to websocket")
    if "upgrade" not in _tokens(found.get("connection", "")):
        raise answer.invalid("it does not upgrade the connection")
    if found.get("sec-websocket-accept") != accept:
        raise answer.invalid("Sec-WebSocket-Accept does not answer our key")
    if "sec-websocket-extensions" in found:
        raise answer.invalid("it uses an extension that was not offered")
    chosen = found.get("sec-websocket-protocol")
    if chosen is not None and chosen not in subprotocols:
        raise answer.invalid("it chose a subprotocol that was not offered")
    return Upgraded(chosen, found, answer.rest)


def _request(
    url: str,
    key: bytes,
    headers: Sequence[tuple[str, str]],
    subprotocols: Sequence[str],
) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    default = ":443" if parts.scheme == "wss" else ":80"
    fields = {
        "host": ("Host", host.removesuffix(default)),
        "upgrade": ("Upgrade", "websocket"),
        "connection": ("Connection", "Upgrade"),
        "sec-websocket-key": ("Sec-WebSocket-Key", key.decode()),
        "sec-websocket-version": ("Sec-WebSocket-Version", "13"),
    }
    if subprotocols:
        name = "Sec-WebSocket-Protocol"
        fields[name.lower()] = (name, ", ".join(subprotocols))
    given = {name.lower() for name, _ in headers}
    lines = [f"GET {target} HTTP/1.1"]
    lines += [f"{n}: {v}" for k, (n, v) in fields.items() if k not in given]
    lines += [f"{n}: {v}" for n, v in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


class _Answer:
    """Reads the server's answer against one deadline and within one size."""

    def __init__(
        self,
        sock: socket.socket,
        deadline: float,
        url: str,
        request_headers: Sequence[tuple[str, str]],
    ) -> None:
        self._sock = sock
        self._deadline = deadline
        self._secrets = (url, request_headers)
        self._status = 0
        self.headers: dict[str, str] = {}
        self.rest = b""

    def read_head(self) -> tuple[int, str]:
        """Read up to the empty line; return status and reason phrase."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._more()
            if not more:
                raise ConnectError(
                    "the server closed the connection "
                    + ("within its answer" if data else "instead of answering")
                )
            data += more
            if len(data) > _MAX_HEAD or not data.startswith(b"HTTP/1."[: len(data)]):
                self.rest = data[:1024]
                raise self.invalid("it is not HTTP/1.1, or its head is too large")
        head, _, self.rest = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        words = line.split(None, 2)
        if len(words) < 2 or not words[1].isdigit():
            raise self.invalid("its first line holds no status")
        self._status = int(words[1])
        for field in fields:
            name, colon, value = field.partition(":")
            if not colon or not name or name != name.strip():
                raise self.invalid("a line of its head is no header")
            name, value = name.lower(), value.strip()
            known = self.headers.get(name)
            self.headers[name] = value if known is None else f"{known}, {value}"
        return self._status, words[2] if len(words) > 2 else ""

    def refusal(self, status: int, reason: str) -> HandshakeError:
        """The error for a status other than 101, with what there is of the body."""
        body = self.rest
        expected = self.headers.get("content-length", "")
        size = min(int(expected), _MAX_BODY) if expected.isdigit() else _MAX_BODY
        self._deadline = min(self._deadline, time.monotonic() + _BODY_PATIENCE)
        try:
            while len(body) < size and (more := self._more()):
                body += more
        except OSError:
            pass  # the status is known; part of a body is better than no error
        words = " ".join(body[:size].decode("utf-8", "replace").split())[:200]
        hint = ""
        if status == 401 or (status == 403 and not words):  # else it said why
            hint = (
                "; check the token: expired, wrong scope, or not for this service"
                if self._has_secrets()
                else "; no api_key was given, nor any other token"
            )
        elif 300 <= status < 400:
            hint = "; redirects are not followed, or a token could go astray"
        return self._error(
            f"the service answered {status} {reason}".rstrip()
            + (f": {words}" if words else "")
            + hint,
            body[:size],
        )

    def invalid(self, why: str) -> HandshakeError:
        """The error for an answer that breaks RFC 6455."""
        return self._error(f"the answer to the upgrade is not valid: {why}", self.rest)

    def _error(self, message: str, body: bytes) -> HandshakeError:
        # A server may repeat what we sent; that must not reach a log through us.
        redactor = Redactor(*self._secrets)
        return HandshakeError(
            redactor.text(message),
            status=self._status,
            headers={n: redactor.text(v) for n, v in self.headers.items()},
            body=redactor.data(body),
        )

    def _has_secrets(self) -> bool:
        """Whether anything was sent that could tell the service who we are."""
        url, headers = self._secrets
        return redact_url(url) != url or redact_headers(headers) != list(headers)

    def _more(self) -> bytes:
        self._sock.settimeout(left(self._deadline))
        return self._sock.recv(16 * 1024)
