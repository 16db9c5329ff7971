"""One call to a voice app of `voxsync serve`: its streams, and what is said of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from voxsync.cli.exits import explain, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events import (
        CloseEvent,
        ErrorEvent,
        MediaEndedEvent,
        MediaStartedEvent,
        MessageEvent,
    )
    from voxsync.voximplant import WebSocket

__all__ = ["Answer", "App", "Call"]

# Lines on errors of one call; a peer could cause them without end.
_MOST_ERRORS = 20
_SHOWN = 40  # characters of a tag


class Answer(Protocol):
    """What an app does with one stream. Thread: the call's events thread."""

    def begun(self, event: MediaStartedEvent) -> None:
        """Its audio begins (again); the first time, what links it misses nothing."""
        ...

    def ended(self) -> None:
        """Its audio has run out, for now at least."""
        ...

    def close(self) -> None:
        """No more of it."""
        ...


class App(Protocol):
    """A voice app. Thread: any; each call has one of its own.

    Attributes:
        most_streams: Of one call at a time.
        lag: Seconds that it is behind what it hears.
    """

    most_streams: int
    lag: float

    def answer(self, call: Call, tag: str) -> Answer:
        """Answer to a stream."""
        ...

    def text(self, call: Call, text: str) -> None:
        """A message came."""
        ...


class Call:
    """Lets an app answer to each stream, within bounds.

    A stream that has ended is kept until its place is needed: it may go on.

    Args:
        number: For people.
        ws: The connection, which is not open yet.
        app: Who answers.
        say: Writes a line. Thread: any.

    Attributes:
        over: Set when it is, and was reported.

    Thread: the events thread of `ws`, but for `say`.
    """

    def __init__(
        self, number: int, ws: WebSocket, app: App, say: Callable[[str], object]
    ) -> None:
        self.ws = ws
        self.over = threading.Event()
        self._number = number
        self._app = app
        self._say = say
        self._answers: dict[str, Answer] = {}
        self._ended: dict[str, float] = {}  # when; of those that are silent
        self._errors = 0
        self._refused = False
        ws.add_event_listener("media-started", self._started)
        ws.add_event_listener("media-ended", self._over)
        ws.add_event_listener("message", self._message)
        ws.add_event_listener("error", self._error)
        ws.add_event_listener("close", self._closed)
        request = ws.request
        if request is not None:
            self.say(f"from {request.address[0]} at {request.path}")

    def say(self, words: str) -> None:
        """Write a line about this call. Thread: any."""
        self._say(plain(f"call {self._number}: {words}"))

    def _started(self, event: MediaStartedEvent) -> None:
        tag = event.tag
        self._ended.pop(tag, None)
        answer = self._answers.get(tag)
        if answer is None:
            if not self._make_room():
                return
            answer = self._answers[tag] = self._app.answer(self, tag)
        answer.begun(event)

    def _over(self, event: MediaEndedEvent) -> None:
        answer = self._answers.get(event.tag)
        if answer is not None:
            self._ended[event.tag] = time.monotonic()
            answer.ended()

    def _make_room(self) -> bool:
        """Whether one stream more can be answered; one that has ended makes room."""
        most = self._app.most_streams
        if len(self._answers) < most:
            return True
        before = time.monotonic() - self._app.lag
        for tag, moment in self._ended.items():  # in the order of their ends
            if moment <= before:
                del self._ended[tag]
                self._answers.pop(tag).close()
                return True
        if not self._refused:
            self._refused = True
            self.say(f"more than {most} streams at a time: the others get no answer")
        return False

    def _message(self, event: MessageEvent) -> None:
        text = event.text
        assert text is not None  # VoxEngine's protocol has no binary messages
        self._app.text(self, text)

    def _error(self, event: ErrorEvent) -> None:
        self._errors += 1
        if self._errors <= _MOST_ERRORS:
            self.say(explain(event.error))
        elif self._errors == _MOST_ERRORS + 1:
            self.say("more errors, which are not shown")

    def _closed(self, event: CloseEvent) -> None:
        answers = list(self._answers.values())
        self._answers.clear()
        for answer in answers:
            answer.close()
        self.say(f"closed with {event.code}: {self._figures()}")
        self.over.set()

    def _figures(self) -> str:
        """What was heard and sent, by stream."""
        found = self.ws.media_statistics
        words = [
            f"{way} {shown(tag)} {one.encoding} {one.frames / one.sample_rate:.1f} s"
            for way, streams in (("heard", found.received), ("sent", found.sent))
            for tag, one in streams.items()
        ]
        lost = sum(stats.lost for stats in found.received.values())
        if lost:
            words.append(f"{lost} chunks lost")
        if found.rejected:
            words.append(f"{found.rejected} messages of no use")
        return ", ".join(words) or "no audio"


def shown(tag: str) -> str:
    """A stream's tag for people."""
    return repr(tag[:_SHOWN])
