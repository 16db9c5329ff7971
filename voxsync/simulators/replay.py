"""A service that says again what a trace has recorded, to any client.

from voxsync.gemini import LiveGenerativeModel
from voxsync.simulators.replay import ReplayService

with ReplayService("call.trace") as service:
    model = LiveGenerativeModel("any", api_key="none", base_url=service.url)
    with model.connect() as session:
        ...
    print(service.wait_report())
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from voxsync.clocks import Clock
from voxsync.server import IncomingRequest, Listener, Refusal, ServerSession
from voxsync.session import SessionOptions
from voxsync.simulators.replay_player import Player, ReplayReport
from voxsync.simulators.replay_script import scripts
from voxsync.trace import read

if TYPE_CHECKING:
    import os
    import ssl
    from types import TracebackType

__all__ = ["ReplayReport", "ReplayService"]

_MOST_REPORTS = 1000


class ReplayService:
    """Serves a trace: the same messages, in the same order, and the same end.

    Each message goes out once the client has sent as much as the trace's client had by
    then; of audio the number of messages or the bytes count, not what they hold. The
    first connection gets what the trace's first one got, and so on: a session that was
    resumed has several. Behind the last it begins anew.

    Args:
        path: Of the trace.
        realtime: Keep the trace's pauses, too. False: send as fast as the client comes.
        host: Address to listen on.
        port: 0 = any free one.
        patience: Seconds to wait for a client that does not send what the trace's did
            (beyond the trace's own pause, with `realtime`); then the service goes on,
            and says so in a warning and in its report.
        ssl_context: For `wss://`.
        clock: What `realtime` and `patience` keep to. None: the machine's.

    Raises:
        TraceError: There is no such trace, or no connection in it.
        ValueError: Patience that makes no sense.

    Thread: any. Each connection has a thread of its own, `voxsync-replay-...`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        realtime: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        patience: float = 5.0,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not 0 < patience < float("inf"):
            raise ValueError(f"patience must be more than 0 seconds, not {patience}")
        self.trace = read(path)
        self._scripts = scripts(self.trace)
        self._realtime = realtime
        self._patience = patience
        self._clock = clock or Clock()
        self._changed = threading.Condition()  # guards the next two
        self._count = 0
        self._players: list[Player] = []
        self._here = threading.local()  # what a connection's own thread knows of it
        names = {s.subprotocol for s in self._scripts if s.subprotocol}
        self._listener = Listener(
            host,
            port,
            check=self._check,
            subprotocols=tuple(sorted(names)),
            strict_subprotocols=False,
            options=SessionOptions(ping_interval=None, receive_queue=1),
            ssl_context=ssl_context,
            make_session=self._make_session,
        )

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        self._listener.start()
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where clients connect to; any path does."""
        return self._listener.url

    @property
    def reports(self) -> list[ReplayReport]:
        """How the latest 1,000 connections went, oldest first."""
        with self._changed:
            return [player.report for player in self._players]

    def wait_report(self, number: int = 1, timeout: float = 10.0) -> ReplayReport:
        """Wait until the `number`-th connection is over and return its report.

        Raises:
            TimeoutError: It is not over within `timeout` seconds.
        """
        with self._changed:
            found = self._changed.wait_for(lambda: self._over(number), timeout)
        if found is None:
            raise TimeoutError(f"connection {number} was not over in {timeout:g} s")
        return found

    def _over(self, number: int) -> ReplayReport | None:
        for player in self._players:
            if player.report.number == number and player.report.over:
                return player.report
        return None

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C."""
        self._listener.serve_forever()

    def close(self, timeout: float = 5.0) -> None:
        """Close all sessions with code 1001 and wait for the end. Idempotent.

        Args:
            timeout: Seconds to wait for each at most.
        """
        with self._changed:
            players = list(self._players)
        for player in players:
            player.stop()
        self._listener.close(timeout)
        for player in players:
            player.over.wait(timeout)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ReplayService {self.url} of {self.trace.path!r}>"

    # A connection's own thread

    def _check(self, request: IncomingRequest) -> Refusal | None:
        del request  # nobody is asked for secrets: the trace has none to compare with
        with self._changed:
            number = self._here.number = self._count
            self._count += 1
        script = self._scripts[number % len(self._scripts)]
        if script.status == 101:
            return None
        return Refusal(script.status, "as in the trace")

    def _make_session(
        self, request: IncomingRequest, options: SessionOptions
    ) -> ServerSession:
        session = ServerSession(request, options)
        number = self._here.number
        at = number % len(self._scripts)
        player = Player(
            session,
            self._scripts[at],
            number=number + 1,
            at=at + 1,
            clock=self._clock,
            patience=self._patience,
            realtime=self._realtime,
            ended=self._ended,
        )
        with self._changed:
            self._players.append(player)
            del self._players[:-_MOST_REPORTS]
        return session

    # A player's thread

    def _ended(self) -> None:
        with self._changed:
            self._changed.notify_all()
