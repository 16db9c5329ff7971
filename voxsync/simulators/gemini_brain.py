"""Who answers in the embedded Live API: what a model is to it, and three simple ones.

    from voxsync.simulators.gemini import GeminiService
    from voxsync.simulators.gemini_brain import Answer, Call, PhraseBrain

    brain = PhraseBrain({"time": "It is noon.", "lamp": Call("lamp", {"on": True})})
    with GeminiService(brain=brain) as service:
        ...

A brain is asked on the thread of the conversation that it answers in.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Answer",
    "Brain",
    "Call",
    "EchoBrain",
    "HeardTurn",
    "PhraseBrain",
    "Said",
    "ScriptedBrain",
    "ToolResult",
    "as_answer",
]


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of the history.

    Attributes:
        role: "user", "model" or "function".
        text: What was said; of an interrupted answer what had been sent.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a client answered to a call.

    Attributes:
        name: Of the function.
        response: As it came.
        id: Of the call.
        will_continue: More of it will follow.
    """

    name: str
    response: Mapping[str, Any]
    id: str = ""
    will_continue: bool = False

    @property
    def output(self) -> object:
        """What it came to, by the conventional keys; else all of it."""
        for key in ("output", "result", "error"):
            if key in self.response:
                return self.response[key]
        return dict(self.response)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTurn:
    """What a client said, and what was said before.

    Attributes:
        text: Written, or recognised in its speech; "" = none of both.
        audio: Its speech, mono int16 at 16 kHz, the first 60 s of it; None = none.
        seconds: How long all of its speech was.
        images: The latest pictures (at most 8) with their MIME types, oldest first.
        results: Answers to calls; then the turn is nothing else.
        history: Earlier turns, oldest first (at most 200).
        system_instruction: The one in force, as text.
        tools: Names of the functions that may be called.
        spoken: It was speech, whether or not words were recognised in it.
    """

    text: str = ""
    audio: NDArray[np.int16] | None = field(default=None, repr=False, compare=False)
    seconds: float = 0.0
    images: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    results: tuple[ToolResult, ...] = ()
    history: tuple[Said, ...] = field(default=(), repr=False)
    system_instruction: str = ""
    tools: tuple[str, ...] = ()
    spoken: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function that the client is to call.

    Attributes:
        name: Of the function.
        args: Its arguments; anything that JSON can hold.
        id: None = the service makes one.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says.

    Attributes:
        text: Its words: spoken by the service's voice, or written to clients that
            want text.
        audio: Mono int16 at 24 kHz, instead of the voice.
        calls: Functions to be called, behind what is said.
        thought: What it thought first, for clients that asked for thoughts.
        reason: The `turnCompleteReason`, e.g. "NEED_MORE_INPUT"; "" = none.
    """

    text: str = ""
    audio: NDArray[np.int16] | None = field(default=None, repr=False, compare=False)
    calls: tuple[Call, ...] = ()
    thought: str = ""
    reason: str = ""


class Brain(Protocol):
    """Decides what is answered.

    Thread: any, also several at a time: one of each conversation. While it thinks its
    conversation waits, interruptions too.
    """

    def answer(self, turn: HeardTurn) -> Answer | Call | str | None:
        """Answer `turn`; a str is said, a Call is made, None says nothing."""
        ...


def as_answer(found: Answer | Call | str | None) -> Answer:
    """What a brain returned, `found`, as an `Answer`.

    Raises:
        TypeError: It is nothing of what a brain may return.
    """
    if isinstance(found, Answer):
        return found
    if found is None or isinstance(found, str):
        return Answer(text=found or "")
    if isinstance(found, Call):
        return Answer(calls=(found,))
    raise TypeError(
        f"a brain must answer with an Answer, Call, str or None, not "
        f"{type(found).__name__}"
    )


class ScriptedBrain:
    """Gives its answers in order, whatever it hears; behind the last it is silent.

    Args:
        answers: For the turns to come, of all conversations together.
        repeat: Begin again behind the last.

    Attributes:
        heard: The turns that it was asked about, the latest 100.

    Raises:
        TypeError: An answer is none; or one str was given, not several.

    Thread: any.
    """

    def __init__(
        self, answers: Iterable[Answer | Call | str | None], *, repeat: bool = False
    ) -> None:
        if isinstance(answers, str):
            raise TypeError('answers must be several, e.g. ["Hello."]')
        self._answers = [as_answer(each) for each in answers]
        self._repeat = repeat
        self._lock = threading.Lock()  # guards the next two
        self._next = 0
        self.heard: list[HeardTurn] = []

    def answer(self, turn: HeardTurn) -> Answer:
        """See `Brain`."""
        with self._lock:
            self.heard = [*self.heard[-99:], turn]
            if self._repeat and self._answers:
                self._next %= len(self._answers)
            if self._next >= len(self._answers):
                return Answer()
            self._next += 1
            return self._answers[self._next - 1]


class EchoBrain:
    """Says what it heard: words where there are some, else the very sound.

    Thread: any.
    """

    def answer(self, turn: HeardTurn) -> Answer:
        """See `Brain`."""
        if turn.results:
            return Answer(text=_told(turn.results))
        if turn.text or turn.audio is None:
            return Answer(text=turn.text)
        from voxsync.audio.resample import Resampler  # noqa: PLC0415 - numpy

        resampler = Resampler(16_000, 24_000)
        import numpy as np  # noqa: PLC0415

        parts = [resampler.process(turn.audio), resampler.flush()]
        return Answer(audio=np.concatenate(parts))


class PhraseBrain:
    """Answers by keywords.

    Args:
        answers: What to answer where a keyword is part of what was said; case makes
            no difference, and of several keywords the longest counts.
        otherwise: The answer where there is none.

    What a called function returned is told.

    Raises:
        TypeError, ValueError: An answer is none; an empty keyword.

    Thread: any.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer | Call | str],
        *,
        otherwise: Answer | Call | str | None = "I did not understand that.",
    ) -> None:
        found = {key.casefold(): as_answer(value) for key, value in answers.items()}
        if "" in found:
            raise ValueError("a keyword must not be empty")
        self._answers = sorted(found.items(), key=lambda each: -len(each[0]))
        self._otherwise = as_answer(otherwise)

    def answer(self, turn: HeardTurn) -> Answer:
        """See `Brain`."""
        if turn.results:
            return Answer(text=_told(turn.results))
        text = turn.text.casefold()
        for keyword, answer in self._answers:
            if keyword in text:
                return answer
        return self._otherwise


def _told(results: Iterable[ToolResult]) -> str:
    return " ".join(f"{each.name}: {_words(each.output)}." for each in results)


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
