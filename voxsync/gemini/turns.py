"""Whose turn it is, so that a session that has no more input ends when it may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from voxsync.dialects.base import CloseStream, Deliver, Finished, SendAudio
from voxsync.dialects.gemini.codec import GeminiDialect
from voxsync.dialects.gemini.messages import GoAway, ServerContent, ToolCall
from voxsync.errors import AnswerCutOff, SessionClosed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.dialects.base import Output
    from voxsync.dialects.gemini.messages import LiveServerMessage
    from voxsync.errors import VoxsyncError

__all__ = ["TurnsDialect", "ends_turn"]

_CONTENT = '{"clientContent":'
_COMPLETE = '"turnComplete":true}}'
_ACTIVITY_END = '{"realtimeInput":{"activityEnd":'
# These may be answered, each by itself or all in one.
_TYPED = ('{"realtimeInput":{"text":', '{"toolResponse":')
# What is heard and seen, and answers to calls, belong to the turn that is on.
_OF_THIS_TURN = ('{"realtimeInput":{', '{"toolResponse":')
_SOUNDS = ('{"realtimeInput":{"audio":', '{"realtimeInput":{"mediaChunks":')


class TurnsDialect(GeminiDialect):
    """A `GeminiDialect` that says `Finished` once no answer can come any more.

    The API has no word for the end of all input, and none for "nothing more comes".
    Both are concluded, so that in doubt no answer is lost: it is waited for, and
    `finish_timeout` ends that. What is certain:

    - Nothing was sent since the model's last turn: nothing comes.
    - Each complete turn of ours, and each `activityEnd`, has an answer.
    - What interrupts a turn of the model's is answered behind it.
    - Audio is answered by one turn at most, if it did not interrupt one.

    Attributes:
        leaves_at: When the service will close, if it has said so (monotonic seconds).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._owed = 0  # answers that are sure to come
        self._may_come = False  # one more turn
        self._expected = False  # it is no mere possibility, as after sounds
        self._another = False  # likewise, behind the one that is on
        self._asked = False  # and that one is expected
        self._in_turn = False
        self._interrupted = False
        self.leaves_at = float("inf")
        self._is_last = False  # no more input comes
        self._interrupts = "NO_INTERRUPTION" not in self._setup_text

    def expect_more(self) -> None:
        """It is not known what another connection has left unanswered."""
        self._may_come = True

    @property
    def owes(self) -> bool:
        """Whether an answer is on, or expected. Thread: any.

        Audio that was sent is no question yet: nobody knows whether it holds speech.
        """
        return bool(self._owed or self._in_turn or self._expected)

    @property
    def _is_idle(self) -> bool:
        return not (self._owed or self._may_come or self._in_turn)

    def encode(self, command: object) -> Iterable[Output[LiveServerMessage]]:
        """As `GeminiDialect.encode`."""
        if isinstance(command, CloseStream):
            return super().finish()
        if isinstance(command, SendAudio):
            self._sounds()
        elif isinstance(command, str):
            self._says(command)
        return super().encode(command)

    def _says(self, text: str) -> None:
        if text.startswith(_SOUNDS):
            self._sounds()
            return
        if text.startswith(_ACTIVITY_END) or (
            text.startswith(_CONTENT) and text.endswith(_COMPLETE)
        ):
            self._owed += 1
            self._another |= self._in_turn
            self._asked |= self._in_turn
        elif text.startswith(_TYPED[0]) and self._in_turn:
            self._another = self._asked = True
        elif text.startswith(_TYPED) and not self._in_turn:
            self._may_come = self._expected = True

    def _sounds(self) -> None:
        if not self._automatic_activity:
            return  # the end of the activity counts
        if not self._in_turn:
            self._may_come = True
        elif not self._interrupts:
            self._another = True

    def finish(self) -> Iterable[Output[LiveServerMessage]]:
        """As `GeminiDialect.finish`; all may be over at once."""
        self._is_last = True
        return [*super().finish(), *self._end()]

    def decode(self, data: str | bytes) -> Iterable[Output[LiveServerMessage]]:
        """As `GeminiDialect.decode`; with the model's last turn all is over."""
        outputs = super().decode(data)
        for output in outputs:
            if type(output) is Deliver:
                self._receives(output.message)
        return [*outputs, *self._end()] if self._is_last else outputs

    def _receives(self, message: LiveServerMessage) -> None:
        if type(message) is ToolCall:
            self._in_turn = True
        elif type(message) is GoAway:
            if message.time_left > 0:  # else it does not say
                self.leaves_at = time.monotonic() + message.time_left
        elif type(message) is ServerContent:
            self._interrupted |= message.interrupted
            if ends_turn(message):
                self._owed = max(0, self._owed - 1)
                self._may_come = self._interrupted or self._another
                self._expected = self._interrupted or self._asked
                self._interrupted = self._another = self._asked = False
                self._in_turn = False
            elif message.inline or message.text:  # transcriptions may come late
                self._in_turn = True

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """As `GeminiDialect.verdict`; no end is good that cuts an answer off."""
        error = super().verdict(code, reason, by_us=by_us, was_clean=was_clean)
        if error is not None or by_us or not self.owes:
            return error
        said = f": {words}" if (words := self._clean(reason)) else ""
        return SessionClosed(
            f"the service closed with close code {code} before the model's answer was "
            f"complete{said}",
            code=code,
            reason=f"the model's answer was not complete{said}",
            was_clean=was_clean,
        )

    def is_for_next(self, command: object) -> bool:
        """Whether this waits for the next turn; what is heard or seen does not."""
        return isinstance(command, str) and (
            command.startswith(_TYPED[0]) or not command.startswith(_OF_THIS_TURN)
        )

    def lost(self) -> VoxsyncError | None:
        """What to tell if nothing comes any more and the session goes on."""
        if not self.owes:
            return None
        return AnswerCutOff(
            "an answer of the model's was cut off by resume(), which switched "
            f"connections before it was {'over' if self._in_turn else 'begun'}: ask "
            "again; a longer timeout= lets resume() wait for more"
        )

    def _end(self) -> Iterable[Output[LiveServerMessage]]:
        """What ends the session, once, if nothing more can come."""
        if not self._is_idle:
            return ()
        self._is_last = False
        return (Finished(),)


def ends_turn(message: LiveServerMessage) -> bool:
    """Whether the model waits for us now (Gemini notes, 1.7 and 2.4)."""
    if not isinstance(message, ServerContent):
        return False
    status = message.interaction_status
    if status and not status.endswith("UNSPECIFIED"):
        return status.endswith("IDLE")
    return message.turn_complete
