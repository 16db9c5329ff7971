"""A VoxEngine session on this machine: calls, sockets, a scenario, faults included.

    from voxsync.simulators.voximplant import Scenario, VoxEngine

    usual = Scenario(url="ws://127.0.0.1:8080/", play="hello.wav")
    with VoxEngine(usual) as engine:
        engine.wait(60)
    print(engine.events)

A scenario is a function that gets the engine; it and all listeners run on one thread,
as in VoxEngine, so what is created in it misses no event:

    def scenario(engine):
        call = engine.call("hello.wav", record="heard.wav")
        ws = engine.create_web_socket("ws://127.0.0.1:8080/")
        ws.send_media_to(call)
        ws.on_open = lambda event: call.send_media_to(ws, tag="caller")
        engine.after(5, call.hangup)

Virtual time: with `clock=VirtualClock(speed=20)` a call of 20 s takes one. It rules
the pacing of what goes to and comes from the engine's sockets, the second of silence
before `media-ended`, `after`, the 60 s without a call, and the sockets' time-outs once
they are open. It does not rule the opening of connections, what fails before that
(`delay`), `wait` and `wait_for`, nor the voice app: one in the same process can be
given the same clock. A machine that is busy for 50 ms is, at that speed, late by a
second: a test that counts bursts lets the time stand still, and moves it.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxsync.clocks import Clock
from voxsync.errors import InvalidState
from voxsync.session import SessionOptions
from voxsync.simulators.checks import (
    check_callable,
    check_duration,
    check_faults,
    kind_of,
)
from voxsync.simulators.voximplant_acts import VoxActs
from voxsync.simulators.voximplant_call import Call
from voxsync.simulators.voximplant_faults import VOX_FAULTS, VoxFault, fault
from voxsync.simulators.voximplant_life import Life
from voxsync.simulators.voximplant_log import Entry
from voxsync.simulators.voximplant_scenario import Scenario
from voxsync.simulators.voximplant_socket import EngineSocket

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Callable, Iterable

    from voxsync.events import CloseEvent
    from voxsync.media import Sink, Source
    from voxsync.simulators.voximplant_entrance import Entrance, NewWebSocket
    from voxsync.voximplant import WebSocketParameters

__all__ = [
    "VOX_FAULTS",
    "Call",
    "EngineSocket",
    "Entry",
    "Scenario",
    "VoxEngine",
    "VoxFault",
    "fault",
]

_MAX_MESSAGE = 1024 * 1024


class VoxEngine(Life):
    """One session of a VoxEngine.

    Args:
        scenario: Called as `scenario(engine)` on the engine's thread when the session
            begins. `Scenario(...)` is the usual one. None: the program does it all.
        clock: Time for tests; None = the machine's.
        options: For the sockets; their clock and dispatcher are the engine's.
        faults: What goes wrong on the sockets, see `VOX_FAULTS`.
        life: Seconds without a call after which the session ends. Default 60.
        told: Called with each `Entry` of the log, on the thread where it happened.

    Attributes:
        error: What the scenario or a timer has raised; that ends the session.
        on_web_socket: Called as `fn(new)` with a `NewWebSocket` when a connection came
            in, before its first event.
        on_web_socket_failed: Called for each that was one too many.

    Raises:
        TypeError: Something is not what it is to be, e.g. the fault of another service;
            the message says what is wanted.
        ValueError: A `life` below 0.

    Thread: any; listeners and `on_...` are called on the engine's.
    """

    def __init__(
        self,
        scenario: Callable[[VoxEngine], object] | None = None,
        *,
        clock: Clock | None = None,
        options: SessionOptions | None = None,
        faults: Iterable[VoxFault] = (),
        life: float = 60.0,
        told: Callable[[Entry], object] | None = None,
    ) -> None:
        check_callable("scenario", scenario, "scenario(engine)")
        check_callable("told", told, "told(entry)")
        check_duration("life", life)
        faults = check_faults(faults, VoxFault, VoxFault.__module__)
        for name, value, kind in (
            ("clock", clock, Clock),
            ("options", options, SessionOptions),
        ):
            if value is not None and not isinstance(value, kind):
                raise TypeError(
                    f"{name} must be {kind.__name__}(...) or None, not {kind_of(value)}"
                )
        super().__init__(clock, life, told)
        self.on_web_socket: Callable[[NewWebSocket], object] | None = None
        self.on_web_socket_failed: Callable[[NewWebSocket], object] | None = None
        self._scenario = scenario
        self._given_clock = clock
        self._faults = faults
        if options is None:
            options = SessionOptions(max_message_size=_MAX_MESSAGE)
        self._options = replace(options, clock=clock, dispatcher=self._thread)
        self._numbers = itertools.count(1)
        self._entrance: Entrance | None = None
        self._calls: list[Call] = []  # under the lock
        self._sockets: list[EngineSocket] = []  # under the lock
        self._told_closed: set[EngineSocket] = set()  # the engine's thread

    # Calls and sockets

    @property
    def calls_now(self) -> int:
        """How many calls are connected."""
        return sum(not call.is_over for call in list(self._calls))

    @property
    def sockets(self) -> list[EngineSocket]:
        """All sockets so far, in the order in which they came to be."""
        with self._lock:
            return sorted(self._sockets, key=lambda ws: ws.number)

    def call(
        self,
        source: Source | str | os.PathLike[str] | None = None,
        *,
        record: Sink | str | os.PathLike[str] | None = None,
    ) -> Call:
        """A call that is connected, soon.

        Args:
            source: What the caller says: a WAV file, played from where it is first
                linked, or any source (which stays the program's to close). None: the
                caller is silent.
            record: Where what the caller hears goes: a file to write, at the rate of
                the source (16 kHz without one), or any sink. Pauses are not in it.
                None: nowhere.

        Raises:
            InvalidState: The session is over, or not begun.
            OSError, FormatError: A file cannot be had.
        """
        self._check_alive()
        with self._lock:
            number = len(self._calls) + 1
        call = Call(
            number,
            source,
            record,
            clock=self._given_clock,
            played=self._played,
            hung_up=self._hung_up,
        )
        with self._lock:
            self._calls.append(call)
        self._thread.call(lambda: self._connected(call))
        return call

    def create_web_socket(
        self, url: str, parameters: WebSocketParameters | None = None
    ) -> EngineSocket:
        """A socket that is being connected to a voice app, VoxEngine's side.

        Returns at once; `created` and `open`, or `error` and `close`, will tell. To
        miss none of them attach listeners on the engine's thread: in a scenario.

        Args:
            url: `ws://` or `wss://`.
            parameters: Subprotocols (default "chat"), headers and so on.

        Raises:
            InvalidState: The session is over, or not begun.
            TypeError, ValueError: The URL or a header makes no sense.
        """
        self._check_alive()
        ws = EngineSocket(url, parameters, options=self._options, side="voxengine")
        number = self._number()
        self._take(ws, number, self._acts(number))
        ws.connect(wait=False)
        return ws

    def allow_web_socket_connections(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> str:
        """Let voice apps connect to this session; return the access URL.

        That is `ws://host:port/request/<session>/<token>` (VoxEngine tells it with
        `https`, which `voxsync.voximplant.WebSocket` takes as well) and the only
        credential: what comes elsewhere gets 404. So many may be open as there are
        calls, and three more; the next gets 503 and is told to
        `on_web_socket_failed`.

        Args:
            host: Address to listen on.
            port: 0 = any free one.
            ssl_context: None = without TLS.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: It was allowed before, or the session is over, or not begun.
            MissingExtra: It needs the extra `server`.
        """
        from voxsync.simulators.voximplant_entrance import Entrance  # noqa: PLC0415 - needs an extra

        self._check_alive()
        if self._entrance is not None:
            raise InvalidState("connections are allowed already")
        self._entrance = Entrance(self, host, port, ssl_context, self._options)
        return self._entrance.url

    # For its parts

    def _number(self) -> int:
        return next(self._numbers)

    def _acts(self, number: int) -> VoxActs:
        return VoxActs(number, self._faults, self._closing, self._thread)

    def _take(self, ws: EngineSocket, number: int, acts: VoxActs) -> None:
        ws.attach(number, acts, self._log)
        ws.add_event_listener("close", self._closed)
        with self._lock:
            self._sockets.append(ws)
            late = self._terminated
        if late:  # it came in while the session ended
            ws.close()

    def _connection(self, new: NewWebSocket, shown: dict[str, Any]) -> None:
        """A connection came in, or was refused. Thread: its own."""
        if new.websocket is not None:
            shown["socket"] = new.websocket.number
        else:
            shown["reason"] = new.reason

        def tell() -> None:
            refused = new.websocket is None
            self._log.add("connection-failed" if refused else "connection", **shown)
            fn = self.on_web_socket_failed if refused else self.on_web_socket
            if fn is not None:
                fn(new)

        self._thread.call(tell)

    # The engine's thread

    def _connected(self, call: Call) -> None:
        self._look()
        self._log.add("call-connected", call=call.number)
        if call.on_connected is not None:
            call.on_connected(call)

    def _played(self, call: Call) -> None:
        """The caller's file is at its end. Thread: a link's."""

        def tell() -> None:
            self._log.add("call-played", call=call.number)
            if call.on_played is not None:
                call.on_played(call)

        self._thread.call(tell)

    def _hung_up(self, call: Call) -> None:
        """Thread: whoever hung up."""

        def tell() -> None:
            self._look()
            self._log.add("call-disconnected", call=call.number)
            if call.on_disconnected is not None:
                call.on_disconnected(call)

        self._thread.call(tell)

    def _closed(self, event: CloseEvent) -> None:
        self._told_closed.add(event.target)
        self._look()

    # Its life

    def _act(self) -> None:
        if self._scenario is not None:
            self._scenario(self)

    def _hang_up(self) -> None:
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call.hangup()
        for ws in self.sockets:
            ws.close()

    def _has_closed(self) -> bool:
        # One that never became a connection has nothing to tell.
        return all(
            ws in self._told_closed or (ws.is_closed and ws.close_code is None)
            for ws in self.sockets
        )

    def _let_go(self, timeout: float) -> None:
        for ws in self.sockets:
            ws.cancel()
        for ws in self.sockets:
            ws.close(wait=True)
        if self._entrance is not None:
            self._entrance.close(timeout)

    def __repr__(self) -> str:
        state = "over" if self._over.is_set() else f"{self.calls_now} calls"
        return f"<VoxEngine {state}>"
