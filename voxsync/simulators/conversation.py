"""One mimi session from the service's side: its rules, its audio, its results."""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import TYPE_CHECKING, Final

from voxsync.errors import VoxsyncError
from voxsync.simulators.hearing import Hearing
from voxsync.simulators.mimi_results import writers_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from voxsync.events import CloseEvent, Event, MessageEvent
    from voxsync.server import ServerSession
    from voxsync.simulators.acts import Acts
    from voxsync.simulators.faults import Point
    from voxsync.simulators.idle import IdleWatch
    from voxsync.simulators.mimi_request import MimiRequest
    from voxsync.simulators.recogniser import Hypothesis, Recogniser
    from voxsync.simulators.record import Record

__all__ = ["CLOSE_CODES", "Conversation"]

logger = logging.getLogger("voxsync.simulators")

MAX_FRAME_BYTES = 64 * 1024

CLOSE_CODES: Final[Mapping[str, int]] = {
    "unknown_command": 4000,
    "break_before_audio": 4001,
    "second_break": 4002,
    "idle": 4003,
    "audio_after_break": 4004,
    "partial_sample": 4005,
    "not_flac": 4006,
    "unsupported": 4007,
    "frame_too_large": 4008,
    "fragmented": 4009,
    "recogniser_failed": 1011,
}
"""Close code for each broken rule. Only 4003 is known of the real service."""

# Those whose breach leaves nothing to go on with.
_FATAL = frozenset({"idle", "unsupported", "recogniser_failed"})


class Conversation:
    """One client's session.

    Thread: the session's events thread, but for `idle_at` and `idled`. What it does
    there holds the client back: inbox full, socket not read, TCP window shut.
    """

    def __init__(
        self,
        session: ServerSession,
        request: MimiRequest,
        *,
        recogniser: Recogniser,
        record: Record,
        acts: Acts,
        close_codes: Mapping[str, int],
        strict: bool,
        idle_timeout: float | None,
        watch: IdleWatch,
        over: Callable[[Conversation], object],
    ) -> None:
        """Listen to the session; it begins with its `open` event."""
        self.session = session
        self.acts = acts
        self._request = request
        self._recogniser = recogniser
        self.record = record
        self._close_codes = close_codes
        self._strict = strict
        self._idle_timeout = acts.idle_timeout(idle_timeout)
        self._watch = watch
        self._over = over
        record.session_id = str(uuid.uuid4())
        self._writers = writers_for(request, record.session_id)
        self._hearing: Hearing | None = None
        self._broken_off = False  # at the break: no more audio is taken
        self._ended = False  # nothing is done any more
        self._busy = True  # while the recogniser works, nobody idles
        self._last = time.monotonic()
        session.add_event_listener("open", self._open)
        session.add_event_listener("message", self._message)
        session.add_event_listener("close", self._closed)

    # The watch's thread

    def idle_at(self) -> float | None:
        """See `Watched`. Messages count as traffic, pings do not."""
        if self._busy or self._ended or self._idle_timeout is None:
            return None
        return self._last + self._idle_timeout

    def idled(self) -> None:
        """See `Watched`."""
        # A message may come at this very moment: it is then too late by that much,
        # and what it leads to finds the session closing.
        self._breach("idle", f"no traffic for {self._idle_timeout:g} s")

    # The events thread

    def _open(self, event: Event) -> None:
        del event
        self._watch.add(self)
        if not self._reach("open"):
            self._prepare()
        self._rest()

    def _message(self, event: MessageEvent) -> None:
        self._busy = True
        if not self._ended:
            if isinstance(event.data, str):
                self._text(event.data)
            else:
                self._audio(event.data)
        self._rest()

    def _closed(self, event: Event) -> None:
        self._ended = True
        closed: CloseEvent = event  # type: ignore[assignment]
        record = self.record
        record.close_code, record.close_reason = closed.code, closed.reason
        error = closed.error.__cause__ if closed.error is not None else None
        if getattr(error, "code", None) == self._close_codes["fragmented"]:
            record.breaches.append("fragmented")
        self._watch.discard(self)
        try:
            if self._hearing is not None:
                self._hearing.close()
        finally:
            self._over(self)

    def _rest(self) -> None:
        """Wait for the next message: from here the client may idle."""
        self._last = time.monotonic()
        self._busy = False
        self._watch.moved()

    def _prepare(self) -> None:
        request = self._request
        if request.audio is None or request.problem:
            self._breach("unsupported", request.problem)
            return
        try:
            self._hearing = Hearing(self._recogniser, request.audio, request.language)
        except ValueError as exc:
            self._breach("unsupported", str(exc))
        except Exception as exc:  # noqa: BLE001 - any engine may be plugged in
            self._failed(exc)

    def _audio(self, data: bytes) -> None:
        self.record.audio(data)
        if len(data) > MAX_FRAME_BYTES and self._breach(
            "frame_too_large", f"{len(data)} bytes in a frame, over {MAX_FRAME_BYTES}"
        ):
            return
        if self._broken_off:
            self._breach("audio_after_break", "audio behind recog-break")
            return
        hearing = self._hearing
        assert hearing is not None  # or it has ended
        if not hearing.is_right(data) and self._breach(
            "not_flac", "FLAC begins with fLaC, this does not"
        ):
            return
        try:
            for hypotheses in hearing.hear(data):
                if not self._tell(hypotheses):
                    return
        except Exception as exc:  # noqa: BLE001
            self._failed(exc)
            return
        self._reach("audio")  # also where no block was filled

    def _text(self, text: str) -> None:
        self.record.texts.append(text)
        if not _is_break(text):
            self._breach("unknown_command", "the only command is recog-break")
        elif self._broken_off:
            self._breach("second_break", "a second recog-break")
        elif not self.record.audio_bytes:
            self._breach("break_before_audio", "recog-break before any audio")
        else:
            self._break()

    def _break(self) -> None:
        self._broken_off = True
        hearing, count = self._hearing, self.record.audio_bytes
        assert hearing is not None
        if not hearing.is_whole(count) and self._breach(
            "partial_sample", f"{count} bytes are not whole samples"
        ):
            return
        try:
            if not self._tell(hearing.rest()) or self._reach("break"):
                return
            hypotheses = hearing.finish()
        except Exception as exc:  # noqa: BLE001
            self._failed(exc)
            return
        if not self._reach("final"):
            self._finish(hypotheses)

    def _tell(self, hypotheses: Sequence[Hypothesis]) -> bool:
        """Say what became known with a block of audio; False = it is over."""
        assert self._hearing is not None
        for writer in self._writers:
            for message in writer.heard(hypotheses, self._hearing.ms):
                if not self._say(message):
                    return False
        return not self._reach("audio")

    def _finish(self, hypotheses: Sequence[Hypothesis]) -> None:
        for writer in self._writers:
            if not self._say(writer.finished(hypotheses), final=True):
                return
        if self.acts.closes:
            self._ended = True
            self.session.close(1000, wait=False)

    def _say(self, message: str, *, final: bool = False) -> bool:
        if self.acts.send(self.session, message, final=final):
            self.record.messages.append(message)
            return True
        self._ended = True
        return False

    def _reach(self, point: Point) -> bool:
        """Let the faults of that point happen; True = nothing follows."""
        heard = 0 if self._hearing is None else self._hearing.fed
        if not self._ended and self.acts.reach(self.session, point, heard):
            self._ended = True
        return self._ended

    def _breach(self, rule: str, reason: str) -> bool:
        """A rule was broken; True = that ends the session."""
        if self._ended:
            return True
        self.record.breaches.append(rule)
        if not self._strict and rule not in _FATAL:
            return False
        self._ended = True
        words = reason.encode()[:123].decode(errors="ignore")
        self.session.close(self._close_codes[rule], words, wait=False)
        return True

    def _failed(self, exc: Exception) -> None:
        if isinstance(exc, VoxsyncError):
            logger.warning("a recogniser failed: %s", exc)
        else:
            logger.warning("a recogniser failed", exc_info=exc)
        self._breach("recogniser_failed", f"the recogniser failed: {exc}")


def _is_break(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("command") == "recog-break"
