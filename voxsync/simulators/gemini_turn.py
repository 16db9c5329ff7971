"""Who has the floor: answers begin, are interrupted, call functions, come to an end."""

from __future__ import annotations

import collections
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.simulators.gemini_brain import Call, HeardTurn, ToolResult, as_answer
from voxsync.simulators.gemini_record import Spoken
from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_speech import RATE, Speech

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from voxsync.clocks import Clock
    from voxsync.simulators.gemini_brain import Brain
    from voxsync.simulators.gemini_setup import Memory
    from voxsync.simulators.gemini_speech import Manner

__all__ = ["Partner", "Turns", "Worker"]

_WAITING = 64  # turns that may wait for the floor
_CALLS = 10_000  # that may be open, and cancelled ones that are remembered
# How long a message of an answer waits for room before the client is heard, seconds.
_PATIENCE = 0.02
_TOKENS = 25  # per second of audio


class Worker(Protocol):
    """The thread of a conversation."""

    def call(self, fn: Callable[[], object]) -> None:
        """Have it called, behind what waits."""
        ...

    def after(self, seconds: float, fn: Callable[[], object]) -> Any:
        """Have it called in so many seconds."""
        ...


class Partner(Protocol):
    """Whom the answers are for."""

    def say(self, message: dict[str, Any], patience: float | None = None) -> bool:
        """Send a message; False = no room for it within `patience` seconds."""
        ...

    def completed(self, spoken: Spoken, *, calling: bool) -> None:
        """A turn is complete; `calling`: functions are still at work."""
        ...

    def breach(self, rule: str) -> None:
        """The client broke a rule that is borne."""
        ...


@dataclass(slots=True)
class _Pending:
    name: str
    blocking: bool
    silent: bool = False


class Turns:
    """The model's side of a conversation.

    Args:
        partner: The other side.
        worker: Calls back on the conversation's thread, and after a while.
        clock: What pacing goes by.
        brain: Who answers.
        manner: How.
        memory: What is known.
        vertex: Usage has Vertex's names.

    Thread: the conversation's.
    """

    def __init__(
        self,
        partner: Partner,
        worker: Worker,
        *,
        clock: Clock,
        brain: Brain,
        manner: Manner,
        memory: Memory,
        vertex: bool = False,
    ) -> None:
        self._partner = partner
        self._worker = worker
        self._clock = clock
        self._brain = brain
        self._manner = manner
        self._memory = memory
        self._count_name = "candidates" if vertex else "response"
        self._active = False  # from a turn's beginning to its turnComplete
        self._speech: Speech | None = None
        self._spoken = Spoken()  # of this turn, speeches before a call included
        self._prompt = 0  # tokens of this turn's beginning
        self._waiting: collections.deque[HeardTurn] = collections.deque()
        self._pending: dict[str, _Pending] = {}
        self._results: list[ToolResult] = []  # of calls that others are waited for
        self._cancelled: collections.deque[str] = collections.deque(maxlen=_CALLS)
        self._numbers = itertools.count(1)

    @property
    def active(self) -> bool:
        """Whether the model has the floor."""
        return self._active

    @property
    def calling(self) -> bool:
        """Whether functions are at work."""
        return bool(self._pending)

    # What the client does

    def hear(self, turn: HeardTurn) -> None:
        """Answer a turn, once the one before is complete.

        Raises:
            BadRequest: Too many wait already.
        """
        if len(self._waiting) >= _WAITING:
            raise BadRequest("too_many_turns", "too many turns wait for an answer")
        self._waiting.append(turn)
        self._begin_next()

    def interrupt(self) -> bool:
        """End the answer here; False = there is none."""
        if not self._active:
            return False
        self._speech_ended()
        self._spoken = replace(self._spoken, interrupted=True)
        self._partner.say({"serverContent": {"interrupted": True}})
        self._cancel()
        for turn in self._waiting:  # heard, and never to be answered
            self._remember(turn)
        self._waiting.clear()
        self._complete("")
        return True

    def respond(self, responses: Iterable[Mapping[str, Any]]) -> None:
        """Take what functions returned.

        Raises:
            BadRequest: It answers no call.
        """
        for response in responses:
            self._respond(response)
        if self._results and not any(each.blocking for each in self._pending.values()):
            turn = HeardTurn(results=tuple(self._results))
            self._results.clear()
            self._remember(turn)
            self._answer(turn)

    def storm(self, count: int) -> None:
        """Call functions out of nowhere; whatever they return is taken silently."""
        calls = [Call("storm", {"number": number}) for number in range(count)]
        self._call(calls, silent=True)

    def close(self) -> None:
        """Say no more: the client is gone."""
        self._speech_ended()

    # Inside

    def _begin_next(self) -> None:
        while self._waiting and not self._active:
            turn = self._waiting.popleft()
            self._remember(turn)
            self._spoken = Spoken()
            self._active = True
            self._answer(turn)

    def _remember(self, turn: HeardTurn) -> None:
        for each in turn.results:
            self._memory.add("function", f"{each.name}: {each.output}")
        if not turn.results:
            tokens = len(turn.text) // 4 + round(turn.seconds * _TOKENS) + 1
            self._memory.add("user", turn.text, tokens)

    def _answer(self, turn: HeardTurn) -> None:
        """Ask the brain, and begin to speak."""
        memory = self._memory
        self._prompt = memory.tokens + len(memory.system_instruction) // 4
        turn = replace(
            turn,
            history=tuple(memory.history),
            system_instruction=memory.system_instruction,
            tools=tuple(memory.tools),
        )
        answer = as_answer(self._brain.answer(turn))
        speech = self._speech = Speech(answer, self._manner, self._clock.now())
        self._worker.call(lambda: self._pump(speech))

    def _pump(self, speech: Speech) -> None:
        """Send the next message of the answer; the client is heard in between."""
        if speech is not self._speech:
            return  # interrupted meanwhile
        message = speech.peek()
        if message is None:
            self._said(speech)
            return
        left = speech.due - self._clock.now()
        if left > 0:
            self._worker.after(left, lambda: self._pump(speech))
            return
        if self._partner.say(message, _PATIENCE):
            speech.take()
        self._worker.call(lambda: self._pump(speech))

    def _said(self, speech: Speech) -> None:
        answer = speech.answer
        if answer.calls and self._call(answer.calls):
            self._speech_ended()
            return  # the turn goes on with what the functions return
        self._partner.say({"serverContent": {"generationComplete": True}})
        self._finish(speech)

    def _finish(self, speech: Speech) -> None:
        if speech is not self._speech:
            return
        # The turn is over when it has sounded.
        left = speech.over - self._clock.now()
        if left > 0:
            self._worker.after(left, lambda: self._finish(speech))
            return
        self._speech_ended()
        self._complete(speech.answer.reason)
        self._begin_next()

    def _speech_ended(self) -> None:
        """Add what was said of the answer to what the turn has said."""
        speech, self._speech = self._speech, None
        if speech is None:
            return
        speech.close()
        spoken = self._spoken
        self._spoken = replace(
            spoken,
            text=spoken.text + speech.text,
            seconds=spoken.seconds + speech.frames / RATE,
        )

    def _complete(self, reason: str) -> None:
        spoken = self._spoken
        self._active = False
        content: dict[str, Any] = {"turnComplete": True}
        if reason:
            content["turnCompleteReason"] = reason
        tokens = round(spoken.seconds * _TOKENS) or len(spoken.text) // 4 + 1
        usage = self._usage(tokens)
        self._memory.add("model", spoken.text, tokens)
        self._partner.say({"serverContent": content, "usageMetadata": usage})
        self._partner.completed(spoken, calling=self.calling)

    def _usage(self, tokens: int) -> dict[str, Any]:
        kind = "AUDIO" if self._manner.voice is not None else "TEXT"
        name = self._count_name
        return {
            "promptTokenCount": self._prompt,
            f"{name}TokenCount": tokens,
            "totalTokenCount": self._prompt + tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self._prompt}],
            f"{name}TokensDetails": [{"modality": kind, "tokenCount": tokens}],
        }

    # Functions

    def _call(self, calls: Iterable[Call], *, silent: bool = False) -> bool:
        """Have functions called; True = the model waits for one of them."""
        shown, waits = [], False
        for each in calls:
            identity = each.id or f"call-{next(self._numbers)}"
            blocking = not silent and self._memory.tools.get(each.name, True)
            waits = waits or blocking
            while len(self._pending) >= _CALLS:
                oldest = next(iter(self._pending))
                del self._pending[oldest]
                self._cancelled.append(oldest)
            self._pending[identity] = _Pending(each.name, blocking, silent)
            shown.append({"id": identity, "name": each.name, "args": dict(each.args)})
        names = tuple(str(each["name"]) for each in shown)
        self._spoken = replace(self._spoken, calls=self._spoken.calls + names)
        self._partner.say({"toolCall": {"functionCalls": shown}})
        return waits

    def _cancel(self) -> None:
        """What functions return is of no interest any more."""
        self._results.clear()
        if self._pending:
            ids = list(self._pending)
            self._pending.clear()
            self._cancelled.extend(ids)
            self._partner.say({"toolCallCancellation": {"ids": ids}})

    def _respond(self, response: Mapping[str, Any]) -> None:
        identity = response.get("id", "")
        pending = self._pending.get(identity)
        if pending is None:
            if identity not in self._cancelled:
                raise BadRequest(
                    "unknown_call", f"no function call has the id {identity[:60]!r}"
                )
            self._partner.breach("cancelled_call")
            return
        more = response.get("willContinue", False)
        if not more:
            del self._pending[identity]
        result = ToolResult(
            response.get("name") or pending.name,
            response.get("response", {}),
            identity,
            more,
        )
        if pending.blocking:
            self._results.append(result)
            return
        scheduling = response.get("scheduling")
        if pending.silent or scheduling == "SILENT":
            self._memory.add("function", f"{result.name}: {result.output}")
            return
        if scheduling == "INTERRUPT":
            self.interrupt()
        self.hear(HeardTurn(results=(result,)))
