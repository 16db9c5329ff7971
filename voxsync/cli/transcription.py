"""One recording through one mimi session: one thread sends, the caller receives."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from voxsync.errors import InvalidState, SessionClosed
from voxsync.mimi import MimiSession, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.cli.audiofile import AudioFile

__all__ = ["Transcription"]

_BLOCK_SECONDS = 0.1


class Transcription:
    """Sends a file and gathers what is recognised.

    Attributes:
        transcript: What was recognised so far.
        results: Every message of the service, as it came.
        interrupted: Ctrl-C stopped the sending; what was sent is recognised.
        first_after: Seconds from the first audio to the first result, or None.
        last_after: Seconds from the end of the audio to the last result, or None.
    """

    def __init__(
        self, session: MimiSession, audio: AudioFile, language: str, *, realtime: bool
    ) -> None:
        """Prepare.

        Args:
            session: Not connected yet.
            audio: What to send.
            language: For joining words.
            realtime: Send at the speed of speech; else as fast as the service takes.
        """
        self.transcript = Transcript(language)
        self.results: list[dict[str, Any]] = []
        self.interrupted = False
        self.first_after: float | None = None
        self.last_after: float | None = None
        self._session = session
        self._audio = audio
        self._realtime = realtime
        self._stop = threading.Event()
        self._started = self._ended = 0.0
        self._sent = 0
        self._error: BaseException | None = None

    @property
    def share(self) -> float:
        """How much of the audio was sent, 0 to 1."""
        return self._sent / max(1, len(self._audio.data))

    def run(self, changed: Callable[[Transcription], object]) -> None:
        """Do it all; `changed` is called after each result.

        The first Ctrl-C ends the audio and waits for its text, the second cancels.

        Raises:
            SessionClosed: The service ended it; what it said before is kept.
            ConnectError: It could not be opened.
            KeyboardInterrupt: The second Ctrl-C.
        """
        with self._session:
            sender = threading.Thread(
                target=self._send, name="voxsync-send", daemon=True
            )
            self._started = self._ended = time.monotonic()
            sender.start()
            messages = self._session.receive()
            while True:
                try:
                    for result in messages:
                        self._take(result)
                        changed(self)
                    break
                except KeyboardInterrupt:
                    if self.interrupted:
                        raise
                    self.interrupted = True
                    self._stop.set()
                    messages = self._session.receive()
            sender.join(5)
        if self._error is not None:
            raise self._error

    def _take(self, result: Any) -> None:
        now = time.monotonic()
        if self.first_after is None:
            self.first_after = now - self._started
        self.last_after = max(0.0, now - self._ended)
        self.results.append(result.raw)
        self.transcript.add(result)

    def _send(self) -> None:
        due = self._started
        try:
            for block in self._audio.blocks(_BLOCK_SECONDS):
                # Absolute deadlines: a late block is not made up for by drifting.
                if self._stop.wait(due - time.monotonic() if self._realtime else 0):
                    break
                self._session.send_binary(block)
                self._sent += len(block)
                due += _BLOCK_SECONDS
            self._ended = time.monotonic()
            self._session.stop_recognition()
        except (SessionClosed, InvalidState):
            self._stop.set()  # receive() tells the caller why
        except BaseException as exc:  # noqa: BLE001 - told to the caller of run()
            self._error = exc
            self._session.cancel()
