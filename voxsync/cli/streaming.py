"""Audio through one session, with times taken; Ctrl-C ends it gracefully."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.errors import (
    DeviceError,
    FormatError,
    InvalidState,
    SessionClosed,
    VoxsyncError,
)
from voxsync.media import Metronome
from voxsync.mimi import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.cli.recording import Feed
    from voxsync.events import CloseEvent
    from voxsync.mimi import MimiSession

__all__ = ["Outcome", "Watcher", "stream"]

_LOOK_UP_S = 0.1


class Watcher(Protocol):
    """Who is told how it goes. Thread: each method says its own."""

    def heard(self, transcript: Transcript) -> None:
        """A result came. Thread: the session's events thread."""
        ...

    def sent(self, seconds: float) -> None:
        """So much of the audio was accepted. Thread: the sender's."""
        ...

    def say(self, words: str) -> None:
        """A line for people. Thread: any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went.

    Attributes:
        transcript: All that was recognised.
        interrupted: Ctrl-C came before the end of the audio or of the results.
        sent_s: Seconds of audio that were accepted.
        wall_s: From the first block to the end of the session.
        first_s: From the first block to the first text; None = there was none.
        last_s: From the end of the audio to the last result; None = there was none.
        error: Why the audio ended too early: the device failed. None = it did not.
    """

    transcript: Transcript
    interrupted: bool
    sent_s: float
    wall_s: float
    first_s: float | None
    last_s: float | None
    error: DeviceError | None


class _Run:
    """What the threads of one stream share: each attribute has one writer."""

    def __init__(
        self,
        session: MimiSession,
        feed: Feed,
        watcher: Watcher,
        language: str,
        *,
        realtime: bool,
    ) -> None:
        if realtime and feed.seconds is None:  # fail before anything is sent
            raise FormatError("this FLAC file does not say how long it plays")
        self.session = session
        self.feed = feed
        self.watcher = watcher
        self.transcript = Transcript(language)  # events thread adds
        self.first: float | None = None  # events thread
        self.last: float | None = None  # events thread
        self.started = self.ended = 0.0  # sender
        self.sent_s = 0.0  # sender
        self.failure: DeviceError | None = None  # sender
        self.error: Exception | None = None  # sender, events thread; the last wins
        self.end: CloseEvent | None = None  # events thread
        self.stopped = threading.Event()
        self.over = threading.Event()
        self.sender: threading.Thread | None = None  # events thread
        self._clock = Metronome() if realtime else None

    def heard(self, event: Any) -> None:
        """A listener: the events thread's part."""
        now = time.monotonic()
        self.transcript.add(event.data)
        if self.first is None and self.transcript.text:
            self.first = now
        if event.data.is_final:
            self.last = now
        try:
            self.watcher.heard(self.transcript)
        except OSError as exc:  # of the output: nobody reads it any more
            self.error = exc
            self.session.cancel()

    def opened(self, event: object) -> None:
        """A listener: the service takes audio."""
        del event
        self.sender = threading.Thread(
            target=self.send, name="voxsync-cli-sender", daemon=True
        )
        self.sender.start()

    def closed(self, event: CloseEvent) -> None:
        """A listener: the session is over."""
        self.end = event
        self.over.set()

    def stop(self) -> None:
        """Have the sender send no more. Thread: any."""
        self.stopped.set()
        if self._clock is not None:
            self._clock.stop()

    def send(self) -> None:
        """The sender thread's part: all blocks, then the end of the audio."""
        self.started = time.monotonic()
        try:
            try:
                self._send_blocks()
            except DeviceError as exc:  # what was heard before is worth its text
                self.failure = exc
            self.ended = time.monotonic()
            self.session.stop_recognition()
        except (InvalidState, SessionClosed):
            # Stopped by Ctrl-C, or over: the main thread, which waits for that, tells.
            self.ended = self.ended or time.monotonic()
        except (VoxsyncError, OSError, EOFError) as exc:  # of the file or the output
            self.error = exc
            self.session.cancel()

    def _send_blocks(self) -> None:
        sent = 0
        with closing(self.feed.blocks(self.watcher.say)) as blocks:
            for block in blocks:
                sent += len(block)
                position = self.feed.position(sent)
                if self._clock is not None:
                    self._clock.tick(position - self.sent_s)
                if self.stopped.is_set():
                    return
                self.session.send_binary(block)
                self.sent_s = position
                self.watcher.sent(position)

    def outcome(self, *, interrupted: bool) -> Outcome:
        """The figures, after the end."""
        return Outcome(
            transcript=self.transcript,
            interrupted=interrupted,
            sent_s=self.sent_s,
            wall_s=time.monotonic() - self.started,
            first_s=None if self.first is None else self.first - self.started,
            last_s=None if self.last is None else max(0.0, self.last - self.ended),
            error=self.failure,
        )


def stream(
    session: MimiSession,
    feed: Feed,
    watcher: Watcher,
    *,
    language: str,
    realtime: bool = False,
    finish: Callable[[], None] | None = None,
) -> Outcome:
    """Connect, send the audio, take all results, end.

    The first Ctrl-C ends the audio and waits for the results of what was sent; the
    second gives up and comes out as `KeyboardInterrupt`.

    Args:
        session: Not connected yet.
        feed: What to send.
        watcher: Is told how it goes.
        language: Decides how the transcript is joined.
        realtime: Send no faster than it plays.
        finish: Called at the first Ctrl-C: the feed then ends soon by itself, with
            what is still on its way. None = its blocks just are not sent any more.

    Raises:
        VoxsyncError: The session did not open or ended badly, or the audio is not
            what the file says.
        OSError: The file could not be read to its end, or the output not written.

    Thread: the main one, since only that sees Ctrl-C. It only waits: what Ctrl-C
    breaks into can be waited for again, whereas a result or a block could be lost.
    """
    run = _Run(session, feed, watcher, language, realtime=realtime)
    session.add_event_listener("open", run.opened)
    session.add_event_listener("message", run.heard)
    session.add_event_listener("close", run.closed)
    interrupted = False
    with session.connect(wait=False):
        try:
            try:
                _wait(run.over)
            except KeyboardInterrupt:
                if run.sender is None:
                    raise  # nothing was sent; there is nothing to wait for
                interrupted = True
                (finish or run.stop)()
                watcher.say("stopping; Ctrl-C again gives up")
                if finish is None:
                    with suppress(SessionClosed):
                        session.stop_recognition()
                _wait(run.over)
        finally:
            run.stop()
            session.cancel()  # over already, unless Ctrl-C came again
            if run.sender is not None:
                run.sender.join()
    if run.error is not None:
        raise run.error
    assert run.end is not None  # `over` was waited for
    if run.end.error is not None:
        raise run.end.error
    return run.outcome(interrupted=interrupted)


def _wait(event: threading.Event) -> None:
    """Wait in a way that Ctrl-C always gets through.

    A signal that the system hands to another thread, or that comes just before the
    wait begins, is seen only when the main thread runs again: so it looks up now
    and then. (Not `session.wait_closed()`: until Python 3.13 a thread whose `join()`
    was interrupted counts as ended, and nothing waits for it again.)
    """
    while not event.wait(_LOOK_UP_S):
        pass
