"""An embedded service that speaks the Gemini Live API, faults included.

from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import PhraseBrain

with GeminiService(brain=PhraseBrain({"hello": "Good morning."})) as service:
    ...  # a client of service.url
    record = service.wait_record(1)
    print(record.turns, record.answers, record.close_code)
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from voxsync.clocks import Clock
from voxsync.errors import InvalidState
from voxsync.server import Listener, Refusal, ServerSession
from voxsync.session import SessionOptions
from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_brain import EchoBrain
from voxsync.simulators.gemini_conversation import Conversation, Facilities
from voxsync.simulators.gemini_entrance import Entrance
from voxsync.simulators.gemini_hearing import HEARING_RATE
from voxsync.simulators.gemini_record import GeminiRecord
from voxsync.simulators.gemini_resumption import EXPIRY, Handles
from voxsync.simulators.record import Records
from voxsync.simulators.thread import SerialThread

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Collection, Iterable, Mapping
    from types import TracebackType

    from voxsync.server import IncomingRequest
    from voxsync.simulators.gemini_brain import Brain
    from voxsync.simulators.gemini_faults import GeminiFault
    from voxsync.simulators.gemini_hearing import Detector
    from voxsync.simulators.recogniser import Recogniser
    from voxsync.simulators.voice import Voice

__all__ = ["GeminiRecord", "GeminiService"]

# Pictures come in one message.
_MAX_MESSAGE = 4 * 1024 * 1024


class GeminiService:
    """A Live API of Gemini models on this machine: it hears, thinks and answers.

    It is at the paths of the Gemini API, of Vertex AI, of the Firebase proxy, and at
    "/"; clients written for those are pointed at `url` or `base_url`.

    Args:
        host: Address to listen on.
        port: 0 = any free one.
        brain: Who answers; None = an `EchoBrain`.
        recogniser: Finds the words in what clients say; None = nobody does: a brain
            is given sound without words.
        voice: Speaks the answers; None = a `ToneVoice`.
        detector: Makes what finds speech in a client's audio, from its
            `automaticActivityDetection` (names in lowerCamelCase); None = an
            `ActivityDetector`, which goes by energy.
        faults: What goes wrong, see `voxsync.simulators.gemini_faults`.
        keys: Whom to let in: an API key or token, several, or a callable that judges
            one (called on a connection's thread). None = everybody.
        models: Bare names of the models on offer, e.g. "gemini-live"; others are
            refused with 1008. None = every name.
        binary: Send binary frames, as the real service does; False = text.
        pretty: Write JSON with spaces and newlines.
        paced: Send audio as it sounds, half a second ahead; False = all at once.
        strict: Close with 1007 at every broken rule. False: go on where that is
            possible; the breach is in the record.
        ssl_context: For `wss://`. Google's own Python client takes nothing else.
        lifetime: Seconds from the setup until a connection is closed with 1000; None
            = no limit.
        go_away_before: Seconds before that, a goAway announces it.
        handle_expiry: Seconds that a resumption handle is good after its session.
        clock: For tests, a `voxsync.clocks.VirtualClock`: pacing, lifetime, expiry
            follow it. Audio is measured in itself; sockets keep to the machine's time.
        max_connections: At most so many at a time; more get status 503.
        open_timeout: Seconds for TLS and upgrade together.

    Raises:
        ValueError: A duration below 0.

    Thread: any.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        brain: Brain | None = None,
        recogniser: Recogniser | None = None,
        voice: Voice | None = None,
        detector: Callable[[Mapping[str, Any]], Detector] | None = None,
        faults: Iterable[GeminiFault] = (),
        keys: str | Collection[str] | Callable[[str], bool] | None = None,
        models: Collection[str] | None = None,
        binary: bool = True,
        pretty: bool = False,
        paced: bool = True,
        strict: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        lifetime: float | None = None,
        go_away_before: float = 60.0,
        handle_expiry: float = EXPIRY,
        clock: Clock | None = None,
        max_connections: int = 100,
        open_timeout: float = 10.0,
    ) -> None:
        durations = {"lifetime": lifetime, "go_away_before": go_away_before}
        for name, value in {**durations, "handle_expiry": handle_expiry}.items():
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be 0 s or more, not {value}")
        clock = clock or Clock()
        self._handles = Handles(clock, handle_expiry)
        self._facilities = Facilities(
            brain=brain or EchoBrain(),
            recogniser=recogniser,
            voice=voice or _tones(),
            detector=detector or _by_energy,
            handles=self._handles,
            clock=clock,
            models=None if models is None else frozenset(models),
            binary=binary,
            pretty=pretty,
            paced=paced,
            strict=strict,
            lifetime=lifetime,
            go_away_before=go_away_before,
        )
        self._clock = clock
        self._faults = tuple(faults)
        self._entrance = Entrance(keys)
        self._records = Records(GeminiRecord)
        self._secure = ssl_context is not None
        self._closing = threading.Event()
        self._started = False
        self._lock = threading.Lock()  # guards the next one
        self._live: set[Conversation] = set()
        # What a connection's own thread knows of its connection.
        self._here = threading.local()
        self._listener = Listener(
            host,
            port,
            check=self._check,
            options=SessionOptions(
                ping_interval=None,
                close_timeout=2.0,
                inbox=16,
                receive_queue=1,  # nobody iterates; listeners have it all
                max_message_size=_MAX_MESSAGE,
            ),
            max_connections=max_connections,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
            tamper=self,
            make_session=self._make_session,
        )

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        if self._started or self._closing.is_set():
            raise InvalidState("a service is started once; make a new one")
        self._listener.start()
        self._started = True
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where clients connect to, without a path: `ws://` or `wss://`."""
        return self._listener.url.rstrip("/")

    @property
    def base_url(self) -> str:
        """The same as `http://` or `https://`, as Google's clients want it."""
        return "http" + self.url.removeprefix("ws")

    @property
    def records(self) -> list[GeminiRecord]:
        """The latest 1,000 connections, oldest first."""
        return self._records.all()

    def wait_record(self, number: int = 1, timeout: float = 10.0) -> GeminiRecord:
        """Wait until the `number`-th connection is over and return its record.

        Raises:
            TimeoutError: It is not over within `timeout` seconds.
            LookupError: It was so long ago that it was forgotten.
        """
        return self._records.wait(number, timeout)

    def forget_handles(self) -> None:
        """Take no resumption handle any more that was given out so far."""
        self._handles.forget()

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C."""
        if not self._started:
            self.start()
        try:
            self._listener.serve_forever()
        finally:
            self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Close all sessions with code 1001 and wait for the end. Idempotent."""
        end = time.monotonic() + timeout
        self._closing.set()
        with self._lock:
            live = list(self._live)
        for conversation in live:
            if conversation.acts.deaf:
                conversation.session.cancel()
        self._listener.close(timeout)
        with self._lock:
            live += [each for each in self._live if each not in live]
        for conversation in live:
            # Without a close code it has not even begun: the listener was faster.
            if conversation.session.close_code is not None:
                # A brain, voice or recogniser may still be at work.
                conversation.record.over.wait(max(0.0, end - time.monotonic()))
            conversation.thread.close(max(0.0, end - time.monotonic()))
        for record in self._records.all():
            self._records.over(record)

    def __enter__(self) -> Self:
        return self if self._started else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closing.is_set() else f"{len(self._live)} sessions"
        return f"<GeminiService {self.url} {state}>"

    # Tamper: a connection's own thread, before the session

    def accepted(self, sock: socket.socket) -> bool:
        """See `Tamper`."""
        record = self._records.new()
        acts = GeminiActs(record.number, self._faults, self._closing)
        record.faults = acts.names
        self._here.record, self._here.acts = record, acts
        served = acts.accepted(sock)
        if not served:
            self._records.over(record)
        return served

    def answer(self, data: bytes) -> bytes:
        """See `Tamper`."""
        acts: GeminiActs = self._here.acts
        try:
            return acts.answer(data)
        except ConnectionAbortedError:
            self._here.record.status = None
            self._records.over(self._here.record)
            raise

    def _check(self, incoming: IncomingRequest) -> Refusal | None:
        record: GeminiRecord = self._here.record
        acts: GeminiActs = self._here.acts
        record.asked(incoming)
        door = self._entrance.judge(incoming)
        refusal = acts.refuse() or (door if isinstance(door, Refusal) else None)
        record.status = 101 if refusal is None else refusal.status
        if refusal is not None:
            self._records.over(record)
        self._here.door = door
        return refusal

    def _make_session(
        self, incoming: IncomingRequest, options: SessionOptions
    ) -> ServerSession:
        record: GeminiRecord = self._here.record
        record.api = self._here.door.api
        record.session_id = str(uuid.uuid4())
        made: list[Conversation] = []
        thread = SerialThread(
            f"voxsync-gemini-{record.number}",
            self._clock,
            lambda _: made[0].session.cancel(),
            most_events=16,  # a message can be large
        )
        options = replace(options, dispatcher=thread)
        session = ServerSession(incoming, options, wrap=self._here.acts.wrap)
        conversation = Conversation(
            session,
            thread,
            self._facilities,
            door=self._here.door,
            record=record,
            acts=self._here.acts,
            over=self._over,
        )
        made.append(conversation)
        with self._lock:
            self._live.add(conversation)
        thread.start()
        return session

    def _over(self, conversation: Conversation) -> None:
        with self._lock:
            self._live.discard(conversation)
        self._records.over(conversation.record)


def _tones() -> Voice:
    from voxsync.simulators.voice import ToneVoice  # noqa: PLC0415 - only if needed

    return ToneVoice()


def _by_energy(detection: Mapping[str, Any]) -> Detector:
    from voxsync.simulators.activity import ActivityDetector  # noqa: PLC0415 - only if needed

    return ActivityDetector(
        HEARING_RATE,
        start_sensitivity=_sensitivity(detection.get("startOfSpeechSensitivity")),
        end_sensitivity=_sensitivity(detection.get("endOfSpeechSensitivity")),
        prefix_padding_ms=detection.get("prefixPaddingMs"),
        silence_duration_ms=detection.get("silenceDurationMs"),
    )


def _sensitivity(name: str | None) -> Literal["HIGH", "LOW"]:
    """HIGH unless LOW is said, as at the Gemini API."""
    return "LOW" if name is not None and name.endswith("_LOW") else "HIGH"
