"""What can be read of a session, and what its events thread needs of it."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from voxsync.errors import InvalidState, SessionClosed
from voxsync.events import ErrorEvent, EventTarget, MessageEvent
from voxsync.redact import redact_url
from voxsync.session import registry
from voxsync.session.delivery import Delivery
from voxsync.session.figures import Figures
from voxsync.session.lifecycle import ReadyState
from voxsync.session.options import SessionOptions, check_options, normal_headers
from voxsync.session.outbox import Outbox
from voxsync.session.receiver import Receiver
from voxsync.session.tapping import Taps, newcomers
from voxsync.session.verdict import closed_error
from voxsync.transport.dial import check_header, check_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.events import CloseEvent, Event
    from voxsync.session.connection import Connection
    from voxsync.session.stats import Stats
    from voxsync.session.units import SessionUnits

__all__ = ["SessionView"]

logger = logging.getLogger("voxsync.session")

MessageT = TypeVar("MessageT")

_DEFAULTS = SessionOptions()


class SessionView(EventTarget, Generic[MessageT]):
    """State, figures and parts of a session; `Session` adds the verbs.

    Args:
        url: Where it leads, `ws://` or `wss://`.
        options: Limits and timeouts; None = the defaults.

    Raises:
        TypeError, ValueError: The URL or an option makes no sense.

    Attributes:
        options: As given, or the defaults.
        id: Eight hex digits, in the names of its threads and in its log messages.
    """

    def __init__(self, url: str, options: SessionOptions | None = None) -> None:
        super().__init__()
        check_url(url)
        check_options(options)
        self.options = options or _DEFAULTS
        for name, value in normal_headers(self.options.headers):
            check_header(name, value)
        self.id = os.urandom(4).hex()
        self._url = url
        self._pid = registry.here()
        self._lock = threading.Lock()  # guards _connection's creation
        self._connection: Connection | None = None
        self._unused_closed = False
        self._resuming = threading.Lock()  # taken while another connection is opened
        self._conversation: object | None = None
        self._io_thread: threading.Thread | None = None
        self._told_of_drops = False
        self._is_awaited = False  # connect() is to raise why it was not opened
        self._bad_end: BaseException | None = None  # nobody has been told of it
        self._media_units: SessionUnits | None = None
        self._unlinked = 0.0  # seconds of audio before there were units
        self._taps = Taps(self.options.tap, self.options.clock)
        self._figures = Figures(self.options.clock)
        self._outbox = Outbox(self.options.send_queue, self._closed_error)
        self._receiver: Receiver[MessageT] = Receiver(self.options.receive_queue)
        self._delivery = Delivery(
            f"voxsync-events-{self.id}",
            self,
            dispatcher=self.options.dispatcher,
            limit=self.options.inbox,
            resume=self._wake,
            watch=self._watch,
            taps=self._taps,
        )
        for tell in tuple(newcomers):
            tell(self)

    # At which level it is logged that it ended badly, and nobody listened.
    _bad_end_level = logging.WARNING

    # State

    @property
    def url(self) -> str:
        """Where the session leads, as given; `repr` masks what could be secret."""
        return self._url

    @property
    def ready_state(self) -> ReadyState:
        """`ReadyState.CONNECTING`, `OPEN`, `CLOSING` or `CLOSED` (0 to 3)."""
        return self._state

    @property
    def _state(self) -> ReadyState:
        connection = self._connection
        if connection is None:
            return ReadyState.CLOSED if self._unused_closed else ReadyState.CONNECTING
        return connection.state

    @property
    def is_active(self) -> bool:
        """Whether the service takes input: OPEN and not finished."""
        return self._state is ReadyState.OPEN and not self._outbox.finished

    @property
    def is_closed(self) -> bool:
        """Whether the session is over."""
        return self._state is ReadyState.CLOSED

    @property
    def in_conversation(self) -> bool:
        """Whether an `AudioConversation` moves the session's audio."""
        return self._conversation is not None

    @property
    def close_code(self) -> int | None:
        """The close code (RFC 6455, 7.1.5), None before the end."""
        event = self._close_event
        return None if event is None else event.code

    @property
    def close_reason(self) -> str | None:
        """The close reason, None before the end."""
        event = self._close_event
        return None if event is None else event.reason

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the server chose."""
        connection = self._connection
        return None if connection is None else connection.subprotocol

    @property
    def stats(self) -> Stats:
        """A snapshot of the session's figures, printable as it is.

        Thread: any, at any time; also after the end.
        """
        from voxsync.session.stats import snapshot  # noqa: PLC0415 - start-up time

        return snapshot(self)

    @property
    def _close_event(self) -> CloseEvent | None:
        connection = self._connection
        return None if connection is None else connection.close_event

    def _watch(self) -> bool:
        connection = self._connection
        return connection is not None and connection.watch()

    def _wake(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.wake()

    # The events thread's side

    def _arrived(self, events: Sequence[Event]) -> None:
        self._figures.arrived(events, self._connection)

    def _received(self, event: MessageEvent) -> Event | None:
        if self._receiver.put(event.data) or self._told_of_drops:
            return None
        if self._has_listeners("message"):
            return None  # somebody has it; nothing is lost
        if self._is_heard(event.data) and not self._receiver.was_used:
            return None  # who plays what is said misses nothing
        self._told_of_drops = True
        logger.warning("session %s: nobody receives; messages are dropped", self.id)
        return ErrorEvent(
            self,
            InvalidState(
                f"more than {self.options.receive_queue} messages and nobody takes "
                "them: iterate receive(), or add a `message` listener; those that do "
                "not fit are dropped and counted in stats.receive_dropped"
            ),
        )

    def _took(self, events: Sequence[Event]) -> bool:
        if self._has_listeners("message"):
            return False
        messages = [event.data for event in events if type(event) is MessageEvent]
        if len(messages) < len(events):
            return False
        offer = self._receiver.offer
        if offer(messages, droppable=False):
            return True
        # Drops that have to be told of are the events thread's.
        quietly = self._told_of_drops or all(map(self._is_heard, messages))
        return quietly and offer(messages, droppable=True)

    def _ended(self, event: CloseEvent) -> None:
        self._receiver.end(event.error)

    def _ended_badly(self, error: BaseException) -> None:
        """It broke: somebody is to know. Thread: whoever tells of the end.

        At once where nothing else will tell the program: it listens to messages, or
        only has audio flow.
        """
        connection = self._connection
        assert connection is not None
        if connection.engine.opened_at is None and self._is_awaited:
            return
        if self._has_listeners("error") or self._has_listeners("close"):
            return
        waits = self._has_listeners("message") or self._media_units is not None
        if waits and not self._receiver.was_used:
            self._log_end(error)
        else:  # the next receive() or send may raise it yet; close() looks
            self._bad_end = error

    def _warn_of_end(self) -> None:
        """Log, once, that it ended badly if nobody has heard of it. Thread: any."""
        error, self._bad_end = self._bad_end, None
        if error is not None and error.__traceback__ is None:  # it was never raised
            self._log_end(error)

    def _log_end(self, error: BaseException) -> None:
        words = "session %s ended, and nobody listens to `error` or `close`: %s"
        logger.log(self._bad_end_level, words, self.id, error)

    def _wants(self, event: Event) -> bool:
        # Messages always: they are for receive() as well.
        return event.attribute == "message" or self._has_listeners(event.attribute)

    def _told(self, event: Event) -> None:
        """For subclasses: the listeners of a `media-started` event have returned."""

    def _is_heard(self, message: MessageT) -> bool:  # noqa: ARG002 - for subclasses
        """Whether who never receives misses nothing: the audio flows somewhere."""
        return False

    # For who listens to messages and receives none

    def _make_room(self) -> None:
        """Let what waits for `receive()` hold up nobody, where nobody receives now.

        Once a program has received, a session waits for it to go on. Who is called for
        each message, calls this then: the oldest make room and are counted, as before
        the first `receive()`; else nothing would be told any more once all is full.

        Thread: any; never waits.
        """
        self._receiver.make_room()

    def _secrets(self) -> tuple[str, ...]:
        """For subclasses: what no text may repeat, besides what the request holds."""
        return ()

    # Inside

    def _opened(self) -> Connection:
        connection = self._connection
        if os.getpid() != self._pid:
            self._check_process()
        if connection is None and self._unused_closed:
            raise SessionClosed(
                "the session was closed before it was connected; make a new one"
            )
        if connection is None or connection.state is ReadyState.CONNECTING:
            raise InvalidState(
                "the session is not open yet; call connect() first, or wait for `open`"
            )
        return connection

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise SessionClosed(
                f"this session belongs to process {self._pid}; threads do not "
                "survive fork(): make sessions after it"
            )

    def _closed_error(self) -> SessionClosed:
        """For a sender that comes too late."""
        self._bad_end = None  # now the program knows
        return closed_error(self._close_event)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.id} {self._state.name} "
            f"{redact_url(self._url)}>"
        )
