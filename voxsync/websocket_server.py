"""Door: the server that VoxEngine's `createWebSocket` connects to.

    from voxsync.voximplant import WebSocketServer

    def connected(server, websocket):
        websocket.add_event_listener("message", lambda event: print(event.text))
        websocket.send_media_to(websocket)                    # an echo

    server = WebSocketServer("0.0.0.0", 8080, path="/voice")
    server.connection.connect(connected)
    server.serve_forever()                                    # until Ctrl-C

It needs the extra `server`. VoxEngine takes `wss://` with a name and a certificate
that it trusts, or `ws://`: give an `ssl_context`, or put a proxy in front.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from voxsync.events import EventSignal
from voxsync.events.signals import refuse_non_callable
from voxsync.server import IncomingRequest, Listener, ListenerStats, Refusal
from voxsync.session import SessionOptions
from voxsync.session.options import subprotocol_names
from voxsync.voximplant import WebSocket

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from voxsync.voximplant import Side

__all__ = ["IncomingRequest", "ListenerStats", "Refusal", "WebSocketServer"]

logger = logging.getLogger("voxsync.voximplant")

# Voximplant documents no limit; a second of 48 kHz is 128 KiB in base64.
_MAX_MESSAGE = 1024 * 1024


class WebSocketServer:
    """Takes connections in; each is a `WebSocket` that `connection` tells of.

    Handlers of the signal `connection` are called as `handler(server, websocket=ws)`,
    before them `on_connection` as `handler(ws)`: on the events thread of that socket,
    before its first event. What is attached there gets `created` and `open`, and
    misses no message and no audio. As everywhere in blinker, `connection.connect`
    holds handlers weakly unless told `weak=False`.

    Each connection has threads of its own, also before it is let in: a client that is
    slow or silent holds up no other. What comes of all that knock is in `stats`.

    Args:
        host: Address to listen on. The default is this machine alone; "0.0.0.0" is
            all of IPv4, "::" of IPv6.
        port: 0 = any free one; see `port`.
        path: The path that is served, or several; others get 404. None = all.
        authenticate: Judges a request by its path, query, headers and address: None
            or True = welcome, False = 401, a number of 400 to 599 = that status, or a
            `Refusal`. It runs on the connection's own thread and may take its time.
            Where it raises, the client gets 500 and the log a traceback.
        protocols: Subprotocols that we know, best first. The first that the client
            offers is agreed on; who offers none of them is taken without.
        max_connections: Open at a time; more get 503 and `Retry-After`.
        max_per_address: The same for one peer address; None = no such limit.
        max_handshakes: At most so many connections may be before their answer, beside
            those that are open; the oldest is ended for one more.
        origins: The values of `Origin` that are let in, e.g.
            "https://app.example.com"; others get 403. None = any. A request without
            that header is let in: browsers send it, VoxEngine and programs do not.
        ssl_context: For `wss://`.
        open_timeout: Seconds that a client may take for TLS and upgrade together.
            None = what `options` say, which is 10.
        max_message_size: Bytes of the largest message that is taken; larger ones end
            the connection with 1009. None = what `options` say, or 1 MiB.
        options: For the sockets: limits, timeouts, dispatcher.
        side: Whom we play: "app", what VoxEngine talks to; or "voxengine".

    Raises:
        TypeError, ValueError: An argument makes no sense.

    Thread: any; `close()` not from a listener of a socket.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str | Collection[str] | None = None,
        authenticate: Callable[[IncomingRequest], bool | int | Refusal | None]
        | None = None,
        protocols: str | Sequence[str] = ("chat",),
        max_connections: int = 100,
        max_per_address: int | None = None,
        max_handshakes: int = 256,
        origins: str | Collection[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        open_timeout: float | None = None,
        max_message_size: int | None = None,
        options: SessionOptions | None = None,
        side: Side = "app",
    ) -> None:
        _check_address(host, port)
        if side not in ("app", "voxengine"):
            raise ValueError(f'side must be "app" or "voxengine", not {side!r}')
        if authenticate is not None and not callable(authenticate):
            raise TypeError(
                f"authenticate must be callable, not {type(authenticate).__name__}"
            )
        if isinstance(protocols, str):
            protocols = (protocols,)
        if options is None:
            options = SessionOptions(max_message_size=_MAX_MESSAGE)
        elif not isinstance(options, SessionOptions):
            raise TypeError(
                f"options must be SessionOptions, not {type(options).__name__}"
            )
        if max_message_size is not None:
            options = replace(options, max_message_size=max_message_size)
        if open_timeout is not None:
            options = replace(options, open_timeout=open_timeout)
        self.connection = EventSignal()
        self._on_connection: Callable[[WebSocket], object] | None = None
        self._authenticate = authenticate
        self._side: Side = side
        self._unheard = False  # it was told that nobody takes the connections
        self._listener = Listener(
            host,
            port,
            path=path,
            origins=origins,
            check=self._check,
            subprotocols=subprotocol_names("protocols", protocols),
            strict_subprotocols=False,
            options=options,
            max_connections=max_connections,
            max_per_address=max_per_address,
            max_handshakes=max_handshakes,
            open_timeout=options.open_timeout,
            ssl_context=ssl_context,
            make_session=self._make,
        )
        self._listener.connection.connect(self._announce, weak=False)

    @property
    def on_connection(self) -> Callable[[WebSocket], object] | None:
        """The one handler called before all of `connection`, as `handler(websocket)`.

        Held strongly; None = none.
        """
        return self._on_connection

    @on_connection.setter
    def on_connection(self, fn: Callable[[WebSocket], object] | None) -> None:
        if fn is not None:
            refuse_non_callable(fn)
        self._on_connection = fn

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        self._listener.start()
        return self

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C, which closes first."""
        self._listener.serve_forever()

    def close(self, timeout: float = 5.0) -> None:
        """Accept no more, close all sockets with code 1001, wait for the end.

        Idempotent. After `timeout` seconds the rest is cancelled.
        """
        self._listener.close(timeout)

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where clients connect to; of several paths the first."""
        return self._listener.url

    @property
    def websockets(self) -> frozenset[WebSocket]:
        """Those that are open now."""
        return self._listener.sessions

    @property
    def stats(self) -> ListenerStats:
        """What became of the connections that came in. Thread: any."""
        return self._listener.stats

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._listener.is_closed else f"{len(self.websockets)} open"
        return f"<WebSocketServer {self.url} {state}>"

    # A connection's own thread

    def _check(self, request: IncomingRequest) -> Refusal | None:
        answer: object = None
        if self._authenticate is not None:
            answer = self._authenticate(request)
        if answer is None or answer is True:
            return None
        if answer is False:
            return Refusal(401, "not authorised")
        if isinstance(answer, Refusal):
            return answer
        if isinstance(answer, int) and 400 <= answer <= 599:
            return Refusal(answer)
        raise TypeError(
            "authenticate must return None, True, False, a status of 400 to 599 or a "
            f"Refusal, not {answer!r:.50}"
        )

    def _make(self, request: IncomingRequest, options: SessionOptions) -> WebSocket:
        return WebSocket._incoming(request, options, self._side)  # noqa: SLF001 - the door's other half

    # A socket's events thread

    def _announce(self, _: Listener, session: WebSocket) -> None:
        handler = self._on_connection
        heard = handler is not None
        if handler is not None:
            try:
                handler(session)
            except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
                session._log_failure(  # noqa: SLF001 - one seam for all listeners
                    logger, exc, "on_connection handler", handler
                )
        for receiver in self.connection.receivers_for(self):
            heard = True
            try:
                receiver(self, websocket=session)
            except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
                session._log_failure(  # noqa: SLF001
                    logger, exc, "connection handler", receiver
                )
        if not heard and not self._unheard:
            self._unheard = True
            logger.warning(
                "%r took a connection, but nobody listens to `connection`; it holds "
                "handlers weakly, a lambda or local function needs weak=False",
                self,
            )


def _check_address(host: object, port: object) -> None:
    if not isinstance(host, str):
        raise TypeError(f'host must be a str like "127.0.0.1", not {host!r}')
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"port must be an int (0 = any free one), not {port!r}")
    if not 0 <= port <= 65535:
        raise ValueError(
            f"port must be at least 0 (any free one) and at most 65535, not {port}"
        )
