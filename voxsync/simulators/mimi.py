"""An embedded service that speaks mimi's WebSocket protocol, faults included.

    from voxsync.mimi import MimiSession
    from voxsync.simulators.mimi import MimiService

    with MimiService(token="secret") as service:
        with MimiSession("secret", url=service.url) as session:
            ...
        record = service.wait_record(1)
        print(record.audio_bytes, record.sha256, record.close_code)

Threads: those of the connections, and one for all sessions, `voxsync-idle`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.server import ServerSession
from voxsync.simulators.acts import Acts
from voxsync.simulators.admission import PROCESSES, Admission
from voxsync.simulators.checks import (
    check_codes,
    check_duration,
    check_faults,
    check_flags,
    check_keys,
    check_names,
    check_part,
)
from voxsync.simulators.conversation import CLOSE_CODES, Conversation
from voxsync.simulators.faults import Fault
from voxsync.simulators.idle import IdleWatch
from voxsync.simulators.mimi_request import MimiRequest
from voxsync.simulators.recogniser import Hypothesis, ScriptedRecogniser, Word
from voxsync.simulators.record import Record
from voxsync.simulators.service import Service

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Iterable, Mapping

    from voxsync.server import IncomingRequest, Refusal
    from voxsync.session import SessionOptions
    from voxsync.simulators.recogniser import Recogniser

__all__ = ["CLOSE_CODES", "PROCESSES", "MimiService", "Record"]

# A message above 64 KiB is refused by the conversation, with a reason; one above
# this, before it is read.
_MAX_MESSAGE = 1024 * 1024


class MimiService(Service[Record, Acts, Conversation]):
    """A mimi-compatible speech recognition service on this machine.

    Results follow the audio bytes received, never time: the same audio gives the
    same messages, however it was cut and however fast it came.

    Args:
        host: Address to listen on.
        port: 0 = any free one.
        recogniser: Who listens; None = a script of two sentences, for tests.
        faults: What goes wrong, see `voxsync.simulators.faults`.
        token: Whom to let in: a token, several, or a callable that judges one
            (called on a connection's thread). None = everybody.
        processes: The engines on offer, of `PROCESSES`.
        idle_timeout: Seconds without a message until the client is closed with
            4003; None = no limit.
        ssl_context: For `wss://`.
        strict: Close at every broken rule. False: go on where that is possible; the
            breach is in the record.
        close_codes: Other codes than those of `CLOSE_CODES`, by name.
        max_connections: At most so many at a time; more get status 503.
        open_timeout: Seconds for TLS and upgrade together.
        inbox: Messages that wait for the recogniser before the socket is no longer
            read.
        receive_buffer: SO_RCVBUF in bytes, small, so that a client is held back
            within 3 s of speech when the service stops reading. None = the system's
            default, which lets much more pile up.

    Raises:
        TypeError: Something is not what it is to be, e.g. a name in place of a
            recogniser; the message says what is wanted.
        ValueError: An unknown engine, or a close code for no known rule.

    Thread: any.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        recogniser: Recogniser | None = None,
        faults: Iterable[Fault] = (),
        token: str | Collection[str] | Callable[[str], bool] | None = None,
        processes: Collection[str] = PROCESSES,
        idle_timeout: float | None = 30.0,
        ssl_context: ssl.SSLContext | None = None,
        strict: bool = True,
        close_codes: Mapping[str, int] | None = None,
        max_connections: int = 100,
        open_timeout: float = 10.0,
        inbox: int = 16,
        receive_buffer: int | None = 8 * 1024,
    ) -> None:
        if recogniser is not None:
            good = "a recogniser such as open_recogniser('phrases')"
            check_part("recogniser", recogniser, "open", good)
        faults = check_faults(faults, Fault, Fault.__module__)
        check_keys("token", token)
        check_names("processes", processes, '["asr"]')
        check_duration("idle_timeout", idle_timeout, endless=True)
        check_flags(strict=strict)
        check_codes("close_codes", close_codes)
        codes = dict(close_codes or {})
        unknown = codes.keys() - CLOSE_CODES.keys()
        if unknown:
            raise ValueError(
                f"no rule {sorted(unknown)}; there are: {', '.join(CLOSE_CODES)}"
            )
        self._close_codes = {**CLOSE_CODES, **codes}
        self._recogniser = _script() if recogniser is None else recogniser
        self._admission = Admission(token, processes)
        self._idle_timeout = idle_timeout
        self._strict = strict
        self._watch: IdleWatch | None = None
        super().__init__(
            host,
            port,
            record=Record,
            acts=Acts,
            faults=faults,
            max_message_size=_MAX_MESSAGE,
            max_connections=max_connections,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
            inbox=inbox,
            receive_buffer=receive_buffer,
        )

    def revoke(self, token: str | None = None) -> None:
        """Take `token` no more at new connections; None = none at all."""
        self._admission.revoke(token)

    # Whoever starts and closes the service

    def _begin(self) -> None:
        self._watch = IdleWatch()

    def _cease(self) -> None:
        if self._watch is not None:
            self._watch.close()

    # A connection's own thread

    def _judge(self, incoming: IncomingRequest) -> Refusal | None:
        request = self._here.request = MimiRequest.read(incoming)
        return self._admission.judge(request)

    def _make_session(
        self, incoming: IncomingRequest, options: SessionOptions
    ) -> ServerSession:
        acts: Acts = self._here.acts
        assert self._watch is not None
        session = ServerSession(
            incoming,
            options,
            fragment_code=self._close_codes["fragmented"] if self._strict else None,
            wrap=acts.wrap,
        )
        conversation = Conversation(
            session,
            self._here.request,
            recogniser=self._recogniser,
            record=self._here.record,
            acts=acts,
            close_codes=self._close_codes,
            strict=self._strict,
            idle_timeout=self._idle_timeout,
            watch=self._watch,
            over=self._over,
        )
        self._add(conversation)
        return session


def _script() -> ScriptedRecogniser:
    """Two sentences in Japanese, the first fixed after 1.2 s."""
    script: list[tuple[int, Hypothesis]] = []
    for start_ms, sentence in ((0, "朝日 が 昇る 。"), (1200, "鳥 が 鳴く 。")):
        texts = sentence.split()
        for count in range(1, len(texts) + 1):
            words = tuple(
                Word(text, start_ms + at * 300, start_ms + (at + 1) * 300)
                for at, text in enumerate(texts[:count])
            )
            end_ms = words[-1].end_ms
            hypothesis = Hypothesis(
                text=" ".join(texts[:count]),
                is_final=count == len(texts),
                start_ms=start_ms,
                end_ms=end_ms,
                words=words,
            )
            script.append((end_ms, hypothesis))
    return ScriptedRecogniser(script)
