"""What a client of the Live API says, put together to turns."""

from __future__ import annotations

import collections
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxsync.simulators.gemini_brain import HeardTurn
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.simulators.gemini_hearing import Hearing, Listening, Utterance
    from voxsync.simulators.gemini_record import GeminiRecord
    from voxsync.simulators.gemini_request import Request
    from voxsync.simulators.gemini_setup import Memory, Settled
    from voxsync.simulators.gemini_turn import Turns

__all__ = ["Input"]

_IMAGES = 8  # pictures that a turn may have
_DRAFTS = 1000  # contents without turnComplete that are kept


class Input:
    """The client's side of a conversation, once that is set up.

    Args:
        settled: What was.
        memory: Takes what is not to be answered.
        turns: Takes what is.
        record: Where it is noted.
        say: Sends a message.
        hearing: Makes the ears.

    Thread: the conversation's.
    """

    def __init__(
        self,
        settled: Settled,
        *,
        memory: Memory,
        turns: Turns,
        record: GeminiRecord,
        say: Callable[[dict[str, Any]], object],
        hearing: Callable[[Listening], Hearing],
    ) -> None:
        self._settled = settled
        self._memory = memory
        self._turns = turns
        self._record = record
        self._say = say
        self._hearing = hearing(self)
        self._primed = not settled.first_history  # what came before is known
        self._draft: list[str] = []  # written, and not complete yet
        self._sound: NDArray[np.int16] | None = None  # of the draft, the latest
        self._seconds = 0.0  # of all sound in the draft
        self._aside: list[str] = []  # written while speaking
        self._images: collections.deque[tuple[str, bytes]] = collections.deque(
            maxlen=_IMAGES
        )

    def take(self, request: Request) -> None:
        """Do as the client says.

        Raises:
            BadRequest: It may not say that.
        """
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

    def close(self) -> None:
        """Listen no more."""
        self._hearing.close()

    # Listening

    def began(self, seconds: float) -> None:
        """See `Listening`."""
        self._signal("ACTIVITY_START", "SOS", seconds)
        if self._settled.interrupts:
            self._turns.interrupt()

    def words(self, text: str) -> None:
        """See `Listening`."""
        if self._settled.hears_itself:
            for word in text.split():
                self._say(
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
        if self._settled.vad_signals:
            kind = f"VAD_SIGNAL_TYPE_{short}"
            self._say({"voiceActivityDetectionSignal": {"vadSignalType": kind}})
            offset = f"{seconds:.3f}s"
            self._say({"voiceActivity": {"type": name, "audioOffset": offset}})

    # What clients send

    def _hear(self, turn: HeardTurn) -> None:
        self._record.turns.append(replace(turn, audio=None))
        turn = replace(turn, images=tuple(self._images))
        self._images.clear()
        self._turns.hear(turn)

    def _content(self, body: Mapping[str, Any]) -> None:
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
        sound, seconds = self._sound, self._seconds
        self._sound, self._seconds = None, 0.0
        if self._primed:
            spoken = sound is not None
            turn = HeardTurn(text=text, audio=sound, seconds=seconds, spoken=spoken)
            self._hear(turn)
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
            blob = part.get("inlineData")
            if blob is None:
                continue
            if blob.get("mimeType", "").startswith("audio/"):
                self._recording(blob)
            else:
                self._picture(blob)

    def _recording(self, blob: Mapping[str, Any]) -> None:
        data = blob.get("data", b"")
        self._record.audio(data)
        utterance = self._hearing.recording(blob["mimeType"], data)
        self._sound = utterance.audio
        self._seconds += utterance.seconds
        if utterance.text:
            self._draft.append(utterance.text)

    def _realtime(self, body: Mapping[str, Any]) -> None:
        settled, hearing = self._settled, self._hearing
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
        self._record.audio(data)
        self._hearing.audio(mime_type, data)

    def _picture(self, blob: Mapping[str, Any]) -> None:
        mime_type = blob.get("mimeType", "")
        if not mime_type.startswith("image/"):
            raise BadRequest("bad_image", f"not an image: {mime_type[:60]!r}")
        self._record.images += 1
        self._images.append((mime_type, blob.get("data", b"")))

    def _responses(self, body: Mapping[str, Any]) -> None:
        responses = body.get("functionResponses", ())
        if not responses:
            raise BadRequest("no_responses", "toolResponse has no functionResponses")
        self._turns.respond(responses)

    def _update(self, body: Mapping[str, Any]) -> None:
        if "systemInstruction" in body:
            self._memory.instruct(body["systemInstruction"])
        if "tools" in body:
            self._memory.equip(body["tools"].get("tools", ()))
