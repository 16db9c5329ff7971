"""An embedded service that speaks the Gemini Live API, faults included.

from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import PhraseBrain

with GeminiService(brain=PhraseBrain({"hello": "Good morning."})) as service:
    ...  # a client of service.url
    record = service.wait_record(1)
    print(record.turns, record.answers, record.close_code)
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from voxsync.clocks import Clock
from voxsync.server import Refusal, ServerSession
from voxsync.simulators.checks import (
    check_callable,
    check_duration,
    check_faults,
    check_flags,
    check_keys,
    check_names,
    check_part,
    kind_of,
)
from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_brain import EchoBrain
from voxsync.simulators.gemini_conversation import Conversation, Facilities
from voxsync.simulators.gemini_entrance import Entrance
from voxsync.simulators.gemini_faults import GeminiFault
from voxsync.simulators.gemini_hearing import HEARING_RATE
from voxsync.simulators.gemini_record import GeminiRecord
from voxsync.simulators.gemini_resumption import EXPIRY, Handles
from voxsync.simulators.service import Service
from voxsync.simulators.thread import SerialThread

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Iterable, Mapping

    from voxsync.server import IncomingRequest
    from voxsync.session import SessionOptions
    from voxsync.simulators.gemini_brain import Brain
    from voxsync.simulators.gemini_hearing import Detector
    from voxsync.simulators.recogniser import Recogniser
    from voxsync.simulators.voice import Voice

__all__ = ["GeminiRecord", "GeminiService"]

# Pictures come in one message.
_MAX_MESSAGE = 4 * 1024 * 1024


class GeminiService(Service[GeminiRecord, GeminiActs, Conversation]):
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
        TypeError: Something is not what it is to be, e.g. a name in place of a voice;
            the message says what is wanted.
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
        _check_parts(brain, recogniser, voice, detector, clock)
        faults = check_faults(faults, GeminiFault, GeminiFault.__module__)
        check_keys("keys", keys)
        if models is not None:
            check_names("models", models, '["gemini-live"]')
        check_flags(binary=binary, pretty=pretty, paced=paced, strict=strict)
        check_duration("lifetime", lifetime, endless=True)
        check_duration("go_away_before", go_away_before)
        check_duration("handle_expiry", handle_expiry)
        clock = clock or Clock()
        self._handles = Handles(clock, handle_expiry)
        self._facilities = Facilities(
            brain=EchoBrain() if brain is None else brain,
            recogniser=recogniser,
            voice=_tones() if voice is None else voice,
            detector=_by_energy if detector is None else detector,
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
        self._entrance = Entrance(keys)
        super().__init__(
            host,
            port,
            record=GeminiRecord,
            acts=GeminiActs,
            faults=faults,
            max_message_size=_MAX_MESSAGE,
            max_connections=max_connections,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
        )

    @property
    def url(self) -> str:
        """Where clients connect to, without a path: `ws://` or `wss://`."""
        return super().url.rstrip("/")

    @property
    def base_url(self) -> str:
        """The same as `http://` or `https://`, as Google's clients want it."""
        return "http" + self.url.removeprefix("ws")

    def forget_handles(self) -> None:
        """Take no resumption handle any more that was given out so far."""
        self._handles.forget()

    # A connection's own thread

    def _judge(self, incoming: IncomingRequest) -> Refusal | None:
        door = self._here.door = self._entrance.judge(incoming)
        return door if isinstance(door, Refusal) else None

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
        self._add(conversation)
        thread.start()
        return session

    # Whoever closes the service

    def _let_go(self, conversation: Conversation, timeout: float) -> None:
        conversation.thread.close(timeout)


def _check_parts(
    brain: object,
    recogniser: object,
    voice: object,
    detector: Callable[..., object] | None,
    clock: object,
) -> None:
    if brain is not None:
        good = "a brain such as PhraseBrain({'hello': 'Good morning.'})"
        check_part("brain", brain, "answer", good)
    if recogniser is not None:
        good = "a recogniser such as open_recogniser('phrases')"
        check_part("recogniser", recogniser, "open", good)
    if voice is not None:
        check_part("voice", voice, "say", "a voice such as open_voice('flite')")
    check_callable("detector", detector, "detector(settings)")
    if not isinstance(clock, Clock | None):
        raise TypeError(f"clock must be a Clock or None, not {kind_of(clock)}")


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
