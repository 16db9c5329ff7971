"""Where connections come in to a VoxEngine session: its access URL."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voxsync.redact import MASK, redact_headers
from voxsync.server import Listener, Refusal
from voxsync.simulators.voximplant_socket import EngineSocket

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Mapping, Sequence

    from voxsync.server import IncomingRequest
    from voxsync.session import SessionOptions
    from voxsync.simulators.voximplant import VoxEngine
    from voxsync.simulators.voximplant_acts import VoxActs

__all__ = ["Entrance", "NewWebSocket"]

# Beside one for each call (Voximplant notes, 1.7).
_MORE_THAN_CALLS = 3


@dataclass(frozen=True, slots=True)
class NewWebSocket:
    """A connection that came in, or would have.

    Attributes:
        websocket: The socket; None = it was refused.
        method: Of its request.
        path: Likewise.
        content: Likewise; a request for an upgrade has none.
        headers: Those of its headers whose names begin with X-, each a mapping of
            `key` and `value`.
        reason: Why it was refused.
    """

    websocket: EngineSocket | None
    method: str
    path: str = field(repr=False)
    content: str
    headers: Sequence[Mapping[str, str]] = field(repr=False)
    reason: str = ""


class Entrance:
    """Listens at the access URL; what comes is the session's.

    Args:
        engine: The session.
        host: Address to listen on.
        port: 0 = any free one.
        ssl_context: For `wss://`.
        options: For the sockets.
    """

    def __init__(
        self,
        engine: VoxEngine,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        options: SessionOptions,
    ) -> None:
        self._engine = engine
        self._token = secrets.token_urlsafe(24)
        self._session = secrets.token_hex(8)
        self._lock = threading.Lock()  # guards the next
        # A connection has one thread from its beginning to its end.
        self._admitted: dict[threading.Thread, EngineSocket | None] = {}
        # What a connection's own thread knows of its connection.
        self._here = threading.local()
        self._listener = Listener(
            host,
            port,
            check=self._check,
            subprotocols=("chat",),
            strict_subprotocols=False,
            options=options,
            ssl_context=ssl_context,
            tamper=self,
            make_session=self._make,
        )
        self._listener.connection.connect(self._announce, weak=False)
        self._listener.start()

    @property
    def url(self) -> str:
        """The access URL, as `ws://` or `wss://`. It is the credential, too."""
        return f"{self._listener.url.rstrip('/')}{self._path}"

    def close(self, timeout: float) -> None:
        """Take nothing more, end what came in."""
        self._listener.close(timeout)

    @property
    def _path(self) -> str:
        return f"/request/{self._session}/{self._token}"

    # Tamper, and the listener's: a connection's own thread

    def accepted(self, sock: socket.socket) -> bool:
        """See `Tamper`."""
        number = self._here.number = self._engine._number()  # noqa: SLF001 - its other half
        acts = self._here.acts = self._engine._acts(number)  # noqa: SLF001
        return bool(acts.accepted(sock))

    def answer(self, data: bytes) -> bytes:
        """See `Tamper`."""
        acts: VoxActs = self._here.acts
        return acts.answer(data)

    def _check(self, request: IncomingRequest) -> Refusal | None:
        if not hmac.compare_digest(request.path.encode(), self._path.encode()):
            return Refusal(404, "no such session")
        acts: VoxActs = self._here.acts
        refusal = acts.refuse()
        if refusal is not None:
            return refusal
        most = self._engine.calls_now + _MORE_THAN_CALLS
        with self._lock:
            self._admitted = {
                thread: ws
                for thread, ws in self._admitted.items()
                if thread.is_alive() and not (ws is not None and ws.is_closed)
            }
            full = len(self._admitted) >= most
            if not full:
                self._admitted[threading.current_thread()] = None
        if not full:
            return None
        reason = f"{most} incoming connections are open: calls + {_MORE_THAN_CALLS}"
        self._tell(request, None, reason)
        return Refusal(503, reason)

    def _make(self, request: IncomingRequest, options: SessionOptions) -> EngineSocket:
        ws = EngineSocket._incoming(request, options, "voxengine")  # noqa: SLF001 - as the door's server does
        with self._lock:
            self._admitted[threading.current_thread()] = ws
        self._engine._take(ws, self._here.number, self._here.acts)  # noqa: SLF001

        return ws

    # A socket's events thread, before its first event

    def _announce(self, _: Listener, session: EngineSocket) -> None:
        assert session.request is not None
        self._tell(session.request, session, "")

    def _tell(
        self, request: IncomingRequest, ws: EngineSocket | None, reason: str
    ) -> None:
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower().startswith("x-")
        ]
        new = NewWebSocket(
            ws,
            "GET",
            request.path,
            "",
            [{"key": name, "value": value} for name, value in headers],
            reason,
        )
        shown: dict[str, Any] = {
            "path": request.path.replace(self._token, MASK),
            "headers": dict(redact_headers(headers)),
        }
        self._engine._connection(new, shown)  # noqa: SLF001
