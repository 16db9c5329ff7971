"""An embedded service that speaks mimi's WebSocket protocol, faults included.

from voxsync.mimi import MimiSession
from voxsync.simulators.mimi import MimiService

with MimiService(token="secret") as service:
    with MimiSession("secret", url=service.url) as session:
        ...
    record = service.wait_record(1)
    print(record.audio_bytes, record.sha256, record.close_code)
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from voxsync.errors import InvalidState
from voxsync.server import Listener, ServerSession
from voxsync.session import SessionOptions
from voxsync.simulators.acts import Acts
from voxsync.simulators.admission import PROCESSES, Admission
from voxsync.simulators.conversation import CLOSE_CODES, Conversation
from voxsync.simulators.idle import IdleWatch
from voxsync.simulators.mimi_request import MimiRequest
from voxsync.simulators.recogniser import Hypothesis, ScriptedRecogniser, Word
from voxsync.simulators.record import Record, Records

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Collection, Iterable, Mapping
    from types import TracebackType

    from voxsync.server import IncomingRequest, Refusal
    from voxsync.simulators.faults import Fault
    from voxsync.simulators.recogniser import Recogniser

__all__ = ["CLOSE_CODES", "PROCESSES", "MimiService", "Record"]

# A message above 64 KiB is refused by the conversation, with a reason; one above
# this, before it is read.
_MAX_MESSAGE = 1024 * 1024


class MimiService:
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
        codes = dict(close_codes or {})
        unknown = codes.keys() - CLOSE_CODES.keys()
        if unknown:
            raise ValueError(
                f"no rule {sorted(unknown)}; there are: {', '.join(CLOSE_CODES)}"
            )
        self._close_codes = {**CLOSE_CODES, **codes}
        self._recogniser = recogniser or _script()
        self._faults = tuple(faults)
        self._admission = Admission(token, processes)
        self._idle_timeout = idle_timeout
        self._strict = strict
        self._records = Records(Record)
        self._closing = threading.Event()
        self._watch: IdleWatch | None = None
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
                inbox=inbox,
                receive_queue=1,  # nobody iterates; listeners have it all
                max_message_size=_MAX_MESSAGE,
            ),
            max_connections=max_connections,
            open_timeout=open_timeout,
            ssl_context=ssl_context,
            receive_buffer=receive_buffer,
            tamper=self,
            make_session=self._make_session,
        )

    def start(self) -> Self:
        """Begin to accept, in the background.

        Raises:
            OSError: The address or port cannot be had.
            InvalidState: Started or closed before.
        """
        if self._watch is not None or self._closing.is_set():
            raise InvalidState("a service is started once; make a new one")
        watch = self._watch = IdleWatch()
        try:
            self._listener.start()
        except BaseException:
            watch.close()
            raise
        return self

    @property
    def port(self) -> int:
        """The port; after `start` the real one."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._listener.url

    @property
    def records(self) -> list[Record]:
        """The latest 1,000 connections, oldest first."""
        return self._records.all()

    def wait_record(self, number: int = 1, timeout: float = 10.0) -> Record:
        """Wait until the `number`-th connection is over and return its record.

        Raises:
            TimeoutError: It is not over within `timeout` seconds. One that left
                before its upgrade was complete is over when the service is closed.
            LookupError: It was so long ago that it was forgotten.
        """
        return self._records.wait(number, timeout)

    def revoke(self, token: str | None = None) -> None:
        """Take a token no more at new connections; None = none at all."""
        self._admission.revoke(token)

    def serve_forever(self) -> None:
        """Start if needed, and wait until `close()` or Ctrl-C."""
        if self._watch is None:
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
            live = list(self._live)
        for conversation in live:
            # Without a close code it has not even begun: the listener was faster.
            if conversation.session.close_code is not None:
                # A recogniser may still be at work.
                conversation.record.over.wait(max(0.0, end - time.monotonic()))
        for record in self._records.all():
            self._records.over(record)  # those that came to nothing, too
        if self._watch is not None:
            self._watch.close()

    def __enter__(self) -> Self:
        return self if self._watch is not None else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closing.is_set() else f"{len(self._live)} sessions"
        return f"<MimiService {self.url} {state}>"

    # Tamper: a connection's own thread, before the session

    def accepted(self, sock: socket.socket) -> bool:
        """See `Tamper`."""
        record = self._records.new()
        acts = Acts(record.number, self._faults, self._closing)
        record.faults = acts.names
        self._here.record, self._here.acts = record, acts
        served = acts.accepted(sock)
        if not served:
            self._records.over(record)
        return served

    def answer(self, data: bytes) -> bytes:
        """See `Tamper`."""
        acts: Acts = self._here.acts
        record: Record = self._here.record
        try:
            return acts.answer(data)
        except ConnectionAbortedError:
            record.status = None
            self._records.over(record)
            raise

    def _check(self, incoming: IncomingRequest) -> Refusal | None:
        record: Record = self._here.record
        acts: Acts = self._here.acts
        record.asked(incoming)
        request = self._here.request = MimiRequest.read(incoming)
        refusal = acts.refuse() or self._admission.judge(request)
        record.status = 101 if refusal is None else refusal.status
        if refusal is not None:
            self._records.over(record)
        return refusal

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
        with self._lock:
            self._live.add(conversation)
        return session

    def _over(self, conversation: Conversation) -> None:
        with self._lock:
            self._live.discard(conversation)
        self._records.over(conversation.record)


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
