"""One Live API session from the service's side: its rules, and who says what when."""

from __future__ import annotations

import collections
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voxsync.errors import VoxsyncError
from voxsync.simulators.gemini_brain import HeardTurn
from voxsync.simulators.gemini_hearing import Hearing
from voxsync.simulators.gemini_output import Output
from voxsync.simulators.gemini_request import read_request
from voxsync.simulators.gemini_resumption import Kept
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import Memory, settle, text_of
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
    from voxsync.simulators.gemini_hearing import Detector, Utterance
    from voxsync.simulators.gemini_record import GeminiRecord, Spoken
    from voxsync.simulators.gemini_request import Request
    from voxsync.simulators.gemini_resumption import Handles
    from voxsync.simulators.gemini_setup import Settled
    from voxsync.simulators.gemini_speech import Voice
    from voxsync.simulators.gemini_thread import ConversationThread
    from voxsync.simulators.recogniser import Recogniser

__all__ = ["Conversation", "Facilities"]

logger = logging.getLogger("voxsync.simulators")

_IMAGES = 8  # pictures that a turn may have
_DRAFTS = 1000  # contents without turnComplete that are kept


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
        thread: ConversationThread,
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
        self._hearing: Hearing | None = None
        self._ended = False  # nothing is done any more
        self._consumed = 0  # index of the client's latest message
        self._primed = True  # the history that the client brings is complete
        self._draft: list[str] = []  # written, and not complete yet
        self._aside: list[str] = []  # written while speaking
        self._images: collections.deque[tuple[str, bytes]] = collections.deque(
            maxlen=_IMAGES
        )
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
            if self._hearing is not None:
                self._hearing.close()
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

    # Listening

    def began(self, seconds: float) -> None:
        """See `Listening`."""
        assert self._settled is not None
        assert self._turns is not None
        self._signal("ACTIVITY_START", "SOS", seconds)
        if self._settled.interrupts:
            self._turns.interrupt()

    def words(self, text: str) -> None:
        """See `Listening`."""
        assert self._settled is not None
        if self._settled.hears_itself:
            for word in text.split():
                self.say(
                    {"serverContent": {"inputTranscription": {"text": f"{word} "}}}
                )

    def ended(self, seconds: float, utterance: Utterance) -> None:
        """See `Listening`."""
        self._signal("ACTIVITY_END", "EOS", seconds)
        text = "\n".join([*self._aside, *([utterance.text] if utterance.text else [])])
        self._aside.clear()
        turn = HeardTurn(
            text=text, audio=utterance.audio, seconds=utterance.seconds, spoken=True
        )
        self._hear(turn)

    def _signal(self, name: str, short: str, seconds: float) -> None:
        assert self._settled is not None
        if self._settled.vad_signals:
            kind = f"VAD_SIGNAL_TYPE_{short}"
            self.say({"voiceActivityDetectionSignal": {"vadSignalType": kind}})
            offset = f"{seconds:.3f}s"
            self.say({"voiceActivity": {"type": name, "audioOffset": offset}})

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
        if self._settled is None:
            self._setup(request)
            return
        self._consumed += 1
        if self._consumed == 1 and self._reach("message"):
            return
        self._note(data, request)
        body = request.body
        match request.kind:
            case "clientContent":
                self._content(body)
            case "realtimeInput":
                self._realtime(body)
            case "toolResponse":
                self._responses(body)
            case "contextUpdate":
                self._update(body)
            case _:
                raise BadRequest("second_setup", "setup is the first message, and once")

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
        self._turns = Turns(
            self,
            self,
            clock=facilities.clock,
            brain=facilities.brain,
            manner=manner,
            memory=self._memory,
            vertex=self._door.counts_candidates,
        )
        self.acts.bind(self.after, self._turns.storm)
        self._hearing = self._make_hearing(settled)
        self._primed = not settled.first_history
        self._settled = settled
        if self._reach("setup"):
            return
        self.say({"setupComplete": {"sessionId": self.record.session_id}})
        self._live()
        self._reach("ready")

    def _make_hearing(self, settled: Settled) -> Hearing:
        detection, facilities = settled.detection, self._with
        padding = detection.get("prefixPaddingMs", 0) / 1000
        return Hearing(
            self,
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

    def _hear(self, turn: HeardTurn) -> None:
        assert self._turns is not None
        self.record.turns.append(replace(turn, audio=None))
        turn = replace(turn, images=tuple(self._images))
        self._images.clear()
        self._turns.hear(turn)

    # What clients send

    def _content(self, body: Mapping[str, Any]) -> None:
        assert self._turns is not None
        contents = body.get("turns", ())
        for content in contents:
            if content.get("role", "user") not in ("user", "model"):
                raise BadRequest("bad_role", "a turn's role must be user or model")
            for part in content.get("parts", ()):
                if "functionResponse" in part:
                    raise BadRequest(
                        "function_response", "function responses go into toolResponse"
                    )
        if self._primed:
            self._turns.interrupt()
        for content in contents:
            self._draw_up(content)
        if not body.get("turnComplete", False):
            return
        text = "\n".join(self._draft)
        self._draft.clear()
        if self._primed:
            self._hear(HeardTurn(text=text))
            return
        self._primed = True
        if text:
            self._memory.add("user", text)

    def _draw_up(self, content: Mapping[str, Any]) -> None:
        if content.get("role") == "model":
            if self._draft:
                self._memory.add("user", "\n".join(self._draft))
                self._draft.clear()
            self._memory.add("model", text_of(content))
            return
        if len(self._draft) >= _DRAFTS:
            raise BadRequest("too_many_turns", "too many turns without turnComplete")
        text = text_of(content)
        if text:
            self._draft.append(text)
        for part in content.get("parts", ()):
            if "inlineData" in part:
                self._picture(part["inlineData"])

    def _realtime(self, body: Mapping[str, Any]) -> None:
        settled, hearing = self._settled, self._hearing
        assert settled is not None
        assert hearing is not None
        if ("activityStart" in body or "activityEnd" in body) and settled.automatic:
            raise BadRequest(
                "activity_signal", "explicit activity control is off: detection is on"
            )
        if "audioStreamEnd" in body and not settled.automatic:
            raise BadRequest(
                "stream_end", "audioStreamEnd needs automatic activity detection"
            )
        if "activityStart" in body:
            hearing.begin()
        for blob in [*body.get("mediaChunks", ())[:1], body.get("audio")]:
            if blob is not None:
                self._media(blob)
        if "video" in body:
            self._picture(body["video"])
        if body.get("text"):
            if hearing.speaking:
                self._aside.append(body["text"])
                del self._aside[:-_DRAFTS]
            else:
                self._hear(HeardTurn(text=body["text"]))
        if "activityEnd" in body or body.get("audioStreamEnd"):
            hearing.end()

    def _media(self, blob: Mapping[str, Any]) -> None:
        mime_type, data = blob.get("mimeType", ""), blob.get("data", b"")
        if mime_type.startswith("image/"):
            self._picture(blob)
            return
        assert self._hearing is not None
        self.record.audio(data)
        self._hearing.audio(mime_type, data)
        self._reach("audio")

    def _picture(self, blob: Mapping[str, Any]) -> None:
        mime_type = blob.get("mimeType", "")
        if not mime_type.startswith("image/"):
            raise BadRequest("bad_image", f"not an image: {mime_type[:60]!r}")
        self.record.images += 1
        self._images.append((mime_type, blob.get("data", b"")))

    def _responses(self, body: Mapping[str, Any]) -> None:
        assert self._turns is not None
        responses = body.get("functionResponses", ())
        if not responses:
            raise BadRequest("no_responses", "toolResponse has no functionResponses")
        self._turns.respond(responses)

    def _update(self, body: Mapping[str, Any]) -> None:
        if "systemInstruction" in body:
            self._memory.instruct(body["systemInstruction"])
        if "tools" in body:
            self._memory.equip(body["tools"].get("tools", ()))
