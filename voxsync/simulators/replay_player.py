"""One connection of a replayed trace: what is said to the client, how it compares."""

from __future__ import annotations

import collections
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxsync.simulators.replay_script import Point, Script, Step, is_bulk
from voxsync.trace.masking import Masker
from voxsync.wire import is_sendable_close_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.clocks import Clock
    from voxsync.events import MessageEvent
    from voxsync.server import ServerSession

__all__ = ["Player", "ReplayReport"]

logger = logging.getLogger("voxsync.simulators")

_SHOWN = 120
_LOOK_SECONDS = 0.2  # so often a wait looks whether the connection is gone
_MOST_MOMENTS = 10_000


@dataclass(slots=True)
class ReplayReport:
    """How a client's part compares to the one in the trace. It grows until `over`.

    Attributes:
        number: Of the connection to the service, 1 = the first.
        script: Number of the trace's connection that was played, likewise.
        commands: Messages of the client that are no audio or picture.
        expected_commands: As many did the trace's client send.
        different: How many of these say something else than the trace's.
        difference: The first of them, in words; "" = none.
        bulk: Messages of the client that are audio or pictures.
        bulk_bytes: In these.
        expected_bulk_bytes: As much did the trace's client send.
        waited: How often the service went on without the client, after `patience`.
        steps: Messages that the service has sent.
        expected_steps: So many has the trace.
        over: Set at the end.
    """

    number: int
    script: int
    expected_commands: int
    expected_bulk_bytes: int
    expected_steps: int
    commands: int = 0
    different: int = 0
    difference: str = ""
    bulk: int = 0
    bulk_bytes: int = 0
    waited: int = 0
    steps: int = 0
    over: bool = False

    @property
    def is_faithful(self) -> bool:
        """Whether the client did what the trace's did; its audio may be another."""
        return (
            not self.different
            and not self.waited
            and self.commands == self.expected_commands
            and self.steps == self.expected_steps
        )


class Player:
    """Plays a script to one client, on a thread of its own.

    Args:
        session: The client's.
        script: What to play.
        number: Of the connection, for the report.
        at: Number of the script, likewise.
        clock: What pauses keep to.
        patience: Seconds to wait for what the client does not send.
        realtime: Keep the pauses.
        ended: Called at the end.
    """

    def __init__(
        self,
        session: ServerSession,
        script: Script,
        *,
        number: int,
        at: int,
        clock: Clock,
        patience: float,
        realtime: bool,
        ended: Callable[[], object],
    ) -> None:
        self.report = ReplayReport(
            number,
            at,
            expected_commands=len(script.commands),
            expected_bulk_bytes=script.sent.bulk_bytes,
            expected_steps=sum(step.payload is not None for step in script.steps),
        )
        self.over = threading.Event()
        self._session = session
        self._script = script
        self._clock = clock
        self._patience = patience
        self._realtime = realtime
        self._ended = ended
        self._stop = threading.Event()
        self._come = threading.Condition()  # guards the two below
        self._point = Point()
        # When the client got there; of one far ahead, not how it got there.
        self._moments: collections.deque[tuple[Point, float]] = collections.deque(
            maxlen=_MOST_MOMENTS
        )
        self._is_late = False  # the client, at the step before
        self._masker = Masker()
        session.on_open = self._start
        session.on_message = self._heard
        session.on_close = lambda _: self.stop()

    def stop(self) -> None:
        """Play no more. Thread: any."""
        self._stop.set()
        with self._come:
            self._come.notify_all()

    def _start(self, event: object) -> None:
        del event
        self._moments.append((Point(), self._clock.now()))
        threading.Thread(
            target=self._play, name=f"voxsync-replay-{self.report.number}", daemon=True
        ).start()

    # The session's events thread

    def _heard(self, event: MessageEvent) -> None:
        data: str | bytes = event.data
        masked = self._masked(data)
        with self._come:
            self._point = self._point.plus(masked)
            self._moments.append((self._point, self._clock.now()))
            self._come.notify_all()
        if is_bulk(masked):
            self.report.bulk += 1
            self.report.bulk_bytes += len(masked)
            return
        at = self.report.commands
        self.report.commands += 1
        wanted = self._script.commands
        if at >= len(wanted):
            self._differs(f"message {at + 1} {_shown(masked)}: the trace has none")
        elif not _same(masked, wanted[at]):
            in_trace = _shown(wanted[at])
            self._differs(f"message {at + 1} is {_shown(masked)}, not {in_trace}")

    def _masked(self, data: str | bytes) -> str | bytes:
        if isinstance(data, str):
            return self._masker.text(data)
        try:
            return self._masker.text(data.decode()).encode()
        except UnicodeDecodeError:
            return data

    def _differs(self, words: str) -> None:
        self.report.different += 1
        if not self.report.difference:
            self.report.difference = words
            logger.warning(
                "replay, connection %d: the client says something else than in the "
                "trace: %s",
                self.report.number,
                words,
            )

    # The player's thread

    def _play(self) -> None:
        try:
            for step in self._script.steps:
                if not self._await(step):
                    return
                self._do(step)
            # The client closes, as in the trace. One that does not is not kept.
            if self._script.peer_closes and not self._stop.wait(self._patience):
                self.report.waited += 1
                self._warn("does not close, as the trace's did; it is closed")
                self._session.close(1000, "the trace ends here", wait=False)
        except ConnectionError:
            pass  # the client has left; its report says how far it came
        finally:
            self._stop.wait(self._patience)  # for the last that the client says
            self.report.over = True
            self.over.set()
            self._ended()

    def _await(self, step: Step) -> bool:
        """Wait until the step is due; False = there is nobody to see it."""
        with self._come:
            # Who has not come is not waited for again before he comes.
            end = time.monotonic() + (0 if self._is_late else self._patience)
            while not self._point.reaches(step.after) and not self._stop.is_set():
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._come.wait(min(left, _LOOK_SECONDS))
            # Who has not reached this has not reached what comes later, either.
            while self._moments and not self._moments[0][0].reaches(step.after):
                self._moments.popleft()
            reached = self._moments[0][1] if self._moments else None
        was_late, self._is_late = self._is_late, reached is None
        if self._is_late and not was_late and not self._stop.is_set():
            self.report.waited += 1
            if self.report.waited == 1:
                self._warn(f"has not sent what the trace's had after {step.after}")
        if self._realtime and not self._stop.is_set():
            since = self._clock.now() if reached is None else reached
            self._clock.wait(self._stop, since + step.pause - self._clock.now())
        return not self._stop.is_set()

    def _warn(self, words: str) -> None:
        logger.warning(
            "replay, connection %d: the client %s; after %g s the service goes on",
            self.report.number,
            words,
            self._patience,
        )

    def _do(self, step: Step) -> None:
        session = self._session
        if step.payload is not None:
            self.report.steps += 1
            if isinstance(step.payload, str):
                session.send_text(step.payload)
            else:
                session.send_binary(step.payload)
        elif step.close is None:
            session.drop()
        elif is_sendable_close_code(step.close[0]):
            session.close(*step.close, wait=False)
        else:  # none at all, or one that is not allowed
            session.inject(_close_frame(*step.close))


def _close_frame(code: int, reason: str) -> bytes:
    body = b"" if code == 1005 else code.to_bytes(2, "big") + reason.encode()
    return bytes((0x88, len(body))) + body


def _same(one: str | bytes, other: str | bytes) -> bool:
    """Whether they say the same; JSON may be written in several ways."""
    if type(one) is not type(other):
        return False
    return one == other or _parsed(one) == _parsed(other) != None  # noqa: E711


def _parsed(data: str | bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _shown(data: str | bytes) -> str:
    return repr(data if len(data) <= _SHOWN else data[:_SHOWN])
