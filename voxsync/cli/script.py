"""What a session says about itself: who said what, and when it has to move."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, Any

from voxsync.cli.exits import explain
from voxsync.conversation.transcript import Transcript
from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from voxsync.cli.progress import LiveLine
    from voxsync.events import MessageEvent, TranscriptEvent
    from voxsync.gemini import LiveSession

__all__ = ["Mover", "Script"]

_TIMEOUT_S = 10.0
_LOOK_UP_S = 0.1

_NAMES = {"user": "you", "model": "model"}


class Script:
    """Listens to a session, and has lines to print for whoever asks.

    Attributes:
        answering: The model has begun to answer, and has not ended.
        leaving: The service has said that this connection ends soon. May be reset.
        pending: What is being said, or "".
        resumable: Set once the service has sent a handle.

    Thread: `heard` on that of the session's listeners; `take` and the attributes on
    any other.
    """

    def __init__(self) -> None:
        self.answering = False
        self.leaving = False
        self.pending = ""
        self.resumable = threading.Event()
        self._transcript = Transcript(self)
        self._said: dict[str, str] = {}  # by who is not at the end of it
        self._lines: collections.deque[str] = collections.deque()

    def heard(self, event: MessageEvent) -> None:
        """A listener for messages."""
        message = event.data
        self._follow(message)
        for piece in self._transcript.events(message):
            self._add(piece)

    def take(self) -> list[str]:
        """The lines that were completed since the last time."""
        found = []
        while self._lines:
            found.append(self._lines.popleft())
        return found

    def finish(self) -> list[str]:
        """As `take`, and what nobody has completed, after the end."""
        return self.take() + [
            _line(speaker, text) for speaker, text in self._said.items() if text.strip()
        ]

    def _follow(self, message: Any) -> None:
        if getattr(message, "type", "") == "goingAwayNotice":
            self.leaving = True
        if getattr(message, "new_handle", ""):
            self.resumable.set()
        if getattr(message, "turn_complete", False) or getattr(
            message, "interrupted", False
        ):
            self.answering = False
        elif getattr(message, "model_turn", None) is not None:
            self.answering = True

    def _add(self, piece: TranscriptEvent) -> None:
        text = self._said.pop(piece.speaker, "") + piece.text
        if piece.is_final:
            self.pending = ""
            if text.strip():
                self._lines.append(_line(piece.speaker, text))
            return
        self._said[piece.speaker] = text
        self.pending = _line(piece.speaker, text)


def _line(speaker: str, text: str) -> str:
    return f"{_NAMES[speaker]}: {' '.join(text.split())}"


class Mover:
    """Has a session go on by a new connection where the service announces its end.

    On a thread of its own, for Ctrl-C must not break into that.

    Args:
        session: The session.
        script: Knows of the announcement.
        line: Where a failure is told: the session goes on as long as it can.

    Thread: one.
    """

    def __init__(self, session: LiveSession, script: Script, line: LiveLine) -> None:
        self._session = session
        self._script = script
        self._line = line
        self._thread: threading.Thread | None = None

    def look(self, patience: float = 0.0) -> None:
        """Begin where it is time, and there is a handle: it comes behind a turn.

        Args:
            patience: Seconds to wait for the first one.
        """
        if not (self._script.leaving and self._script.resumable.wait(patience)):
            return
        self._script.leaving = False
        self.wait()
        self._thread = threading.Thread(
            target=self._move, name="voxsync-cli-mover", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Until it is done; Ctrl-C gets through."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_LOOK_UP_S)

    def _move(self) -> None:
        try:
            self._session.resume(timeout=_TIMEOUT_S)
        except VoxsyncError as exc:
            if not self._session.is_closed:  # else its end is told by itself
                self._line.say(f"voxsync: this will end soon: {explain(exc)}")
