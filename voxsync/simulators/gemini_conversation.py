"""One Live API session from the service's side: its rules, and who says what when."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxsync.errors import VoxsyncError
from voxsync.simulators.gemini_hearing import Hearing
from voxsync.simulators.gemini_input import Input
from voxsync.simulators.gemini_output import Output
from voxsync.simulators.gemini_request import read_request
from voxsync.simulators.gemini_resumption import Kept
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import Memory, settle
from voxsync.simulators.gemini_speech import Manner
from voxsync.simulators.gemini_turn import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from voxsync.clocks import Clock
    from voxsync.events import CloseEvent, Event, MessageEvent
    from voxsync.server import ServerSession
    from voxsync.simulators.faults import Point
    from voxsync.simulators.gemini_acts import GeminiActs
    from voxsync.simulators.gemini_brain import Brain
    from voxsync.simulators.gemini_entrance import Door
    from voxsync.simulators.gemini_hearing import Detector, Listening
    from voxsync.simulators.gemini_record import GeminiRecord, Spoken
    from voxsync.simulators.gemini_request import Request
    from voxsync.simulators.gemini_resumption import Handles
    from voxsync.simulators.gemini_setup import Settled
    from voxsync.simulators.recogniser import Recogniser
    from voxsync.simulators.thread import SerialThread
    from voxsync.simulators.voice import Voice

__all__ = ["Conversation", "Facilities"]

logger = logging.getLogger("voxsync.simulators")

_SLOW = {
    "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
    "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facilities:
    """What a service gives all its conversations; see `GeminiService`."""

    brain: Brain
    recogniser: Recogniser | None
    voice: Voice
    detector: Callable[[Mapping[str, Any]], Detector]
    handles: Handles
    clock: Clock
    models: Collection[str] | None
    binary: bool
    pretty: bool
    paced: bool
    strict: bool
    lifetime: float | None
    go_away_before: float


class Conversation:
    """One client's session.

    Thread: the conversation's own, given as `thread`; it is the session's dispatcher.
    """

    def __init__(
        self,
        session: ServerSession,
        thread: SerialThread,
        facilities: Facilities,
        *,
        door: Door,
        record: GeminiRecord,
        acts: GeminiActs,
        over: Callable[[Conversation], object],
    ) -> None:
        """Listen to the session; it begins with its `open` event."""
        self.session = session
        self.thread = thread
        self.acts = acts
        self.record = record
        self._with = facilities
        self._door = door
        self._over = over
        self._output = Output(
            session,
            acts,
            record,
            binary=facilities.binary,
            pretty=facilities.pretty,
        )
        self._memory = Memory()
        self._settled: Settled | None = None
        self._turns: Turns | None = None
        self._input: Input | None = None
        self._ended = False  # nothing is done any more
        self._consumed = 0  # index of the client's latest message
        session.add_event_listener("open", self._open)
        session.add_event_listener("message", self._message)
        session.add_event_listener("close", self._closed)

    # The session's events

    def _open(self, event: Event) -> None:
        del event
        self._guard(lambda: self._reach("open"))

    def _message(self, event: MessageEvent) -> None:
        if not self._ended:
            self._guard(lambda: self._take(event.data))

    def _closed(self, event: Event) -> None:
        self._ended = True
        closed: CloseEvent = event  # type: ignore[assignment]
        record = self.record
        record.close_code, record.close_reason = closed.code, closed.reason
        try:
            if self._turns is not None:
                self._turns.close()
            if self._input is not None:
                self._input.close()
        finally:
            self._with.handles.ended(record.session_id)
            self.thread.close(0)
            self._over(self)

    # Worker

    def call(self, fn: Callable[[], object]) -> None:
        """See `Worker`."""
        self.thread.call(lambda: self._guard(fn))

    def after(self, seconds: float, fn: Callable[[], object]) -> object:
        """See `Worker`."""
        return self.thread.after(seconds, lambda: self._guard(fn))

    def _guard(self, fn: Callable[[], object]) -> None:
        """Do something; what goes wrong in it ends the session."""
        if self._ended:
            return
        try:
            fn()
        except BadRequest as exc:
            self._refuse(exc)
        except Exception as exc:
            logger.exception("a brain, voice or recogniser failed")
            self._refuse(BadRequest("failed", f"Internal error: {exc}", 1011))

    def _refuse(self, exc: BadRequest) -> None:
        self.record.breaches.append(exc.rule)
        borne = not self._with.strict and self._settled is not None
        if (borne and exc.code == 1007) or self._ended:
            return
        self._ended = True
        words = str(exc).encode()[:123].decode(errors="ignore")
        self.session.close(exc.code, words, wait=False)

    # Partner

    def say(self, message: dict[str, Any], patience: float | None = None) -> bool:
        """See `Partner`."""
        if self._ended:
            return True
        content = message.get("serverContent", {})
        point: Point | None = None
        if "modelTurn" in content:
            point = "answer"
        elif content.get("turnComplete"):
            point = "turn"
        elif "toolCall" in message:
            point = "tool"
        try:
            if not self._output.send(message, patience):
                return False
        except VoxsyncError:
            self._ended = True  # the peer was faster; its close event tells the rest
            return True
        if point is not None:
            self._reach(point)
        return True

    def completed(self, spoken: Spoken, *, calling: bool) -> None:
        """See `Partner`."""
        self.record.answers.append(spoken)
        settled = self._settled
        assert settled is not None
        if not settled.resumable or self._ended:
            return
        if calling:
            self.say({"sessionResumptionUpdate": {"newHandle": "", "resumable": False}})
            return
        kept = Kept(
            self.record.session_id,
            settled.model,
            tuple(self._memory.history),
            self._memory.tokens,
            self._consumed,
        )
        handle = self._with.handles.keep(kept)
        self.record.handles.append(handle)
        update: dict[str, Any] = {"newHandle": handle, "resumable": True}
        if settled.transparent:
            update["lastConsumedClientMessageIndex"] = str(self._consumed)
        self.say({"sessionResumptionUpdate": update})

    def breach(self, rule: str) -> None:
        """See `Partner`."""
        self.record.breaches.append(rule)

    # Inside

    def _reach(self, point: Point) -> bool:
        """Let the faults of that point happen; True = nothing follows."""
        heard = self.record.audio_bytes
        if not self._ended and self.acts.reach(self.session, point, heard):
            self._ended = True
        return self._ended

    def _take(self, data: str | bytes) -> None:
        request = read_request(data, strict=self._with.strict)
        self.record.breaches.extend("unknown_field" for _ in request.unknown)
        if self._input is None:
            self._setup(request)
            return
        self._consumed += 1
        if self._consumed == 1 and self._reach("message"):
            return
        self._note(data, request)
        before = self.record.audio_bytes
        self._input.take(request)
        if self.record.audio_bytes > before:
            self._reach("audio")

    def _note(self, data: str | bytes, request: Request) -> None:
        if not request.body.keys() & {"audio", "video", "mediaChunks"}:
            text = data if isinstance(data, str) else data.decode(errors="replace")
            self.record.texts.append(text)

    def _setup(self, request: Request) -> None:
        if request.kind != "setup":
            raise BadRequest("no_setup", "the first message must be setup")
        facilities, body = self._with, request.body
        self.record.setup = body
        settled = settle(body, facilities.models)
        self._memory.instruct(body.get("systemInstruction", {}))
        self._memory.equip(body.get("tools", ()))
        if settled.handle:
            kept = facilities.handles.resume(settled.handle, settled.model)
            self._memory.history.extend(kept.history)
            self._memory.tokens = kept.tokens
            self.record.session_id = self.record.resumed = kept.session
        voice = facilities.voice if settled.audio else None
        manner = Manner(
            voice, settled.reads_along, settled.thoughts, paced=facilities.paced
        )
        turns = self._turns = Turns(
            self,
            self,
            clock=facilities.clock,
            brain=facilities.brain,
            manner=manner,
            memory=self._memory,
            vertex=self._door.counts_candidates,
        )
        self.acts.bind(self.after, turns.storm)
        self._input = Input(
            settled,
            memory=self._memory,
            turns=turns,
            record=self.record,
            say=self.say,
            hearing=lambda listening: self._make_hearing(settled, listening),
        )
        self._settled = settled
        if self._reach("setup"):
            return
        self.say({"setupComplete": {"sessionId": self.record.session_id}})
        self._live()
        self._reach("ready")

    def _make_hearing(self, settled: Settled, listening: Listening) -> Hearing:
        facilities = self._with
        # The Gemini API is quick to take sound for speech, Vertex AI is not.
        usual = _SLOW if self._door.counts_candidates else {}
        detection = {**usual, **settled.detection}
        padding = detection.get("prefixPaddingMs", 0) / 1000
        return Hearing(
            listening,
            recogniser=facilities.recogniser,
            language=settled.language or "en",
            detector=(lambda: facilities.detector(detection))
            if settled.automatic
            else None,
            before=1.0 + padding,
            all_input=settled.all_input,
        )

    def _live(self) -> None:
        """See to it that the connection does not get older than it may."""
        lifetime = self._with.lifetime
        if lifetime is None:
            return
        left = min(lifetime, self._with.go_away_before)
        self.after(
            lifetime - left, lambda: self.say({"goAway": {"timeLeft": f"{left:g}s"}})
        )
        self.after(lifetime, lambda: self._leave("the connection has reached its age"))

    def _leave(self, reason: str) -> None:
        self._ended = True
        self.session.close(1000, reason, wait=False)
