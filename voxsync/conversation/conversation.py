"""A conversation: a microphone, a session and a speaker that belong together."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self

from voxsync.conversation.exchange import Exchange
from voxsync.conversation.flow import Flow, Levels, check_bool
from voxsync.conversation.teller import Teller
from voxsync.errors import InvalidState, SessionClosed
from voxsync.events import EventTarget, EventType
from voxsync.session import Session
from voxsync.session.waiting import check_timeout, wait_for

if TYPE_CHECKING:
    from types import TracebackType

    from voxsync.conversation.answer import FunctionHandler
    from voxsync.conversation.video import Pictures
    from voxsync.media import Source
    from voxsync.media.source import MediaTarget

__all__ = ["AudioConversation", "start_audio_conversation"]

logger = logging.getLogger("voxsync.conversation")

# How long the end waits for a session's last messages to be told, seconds.
_LAST_WORDS = 1.0
# How long `stop` waits for functions of the program that were told to come back.
_GRACE = 0.5


class AudioConversation(EventTarget):
    """Lets a person talk with whatever answers a session.

        with AudioConversation(session, function_handler=answer) as conversation:
            conversation.wait()

    The microphone's audio flows into the session, the session's to the speaker; where
    the service says that it was interrupted, what is not heard yet is dropped before
    its message is told. Functions that the model calls run on threads of their own.

    Events: `transcript` (`event.text`, `.speaker`, `.is_final`), told where the
    session's listeners run; `error` (`event.error`): a function handler's, the
    video's, or what ended the conversation where that was not the session's end. A
    conversation is started once, and ends by `stop()`, with its session once all was
    heard, or when microphone or speaker fail. A microphone at its end (a file) ends
    nothing.

    Args:
        session: An open session whose service sends and takes audio.
        microphone: A source of `voxsync.media`, or a session; it is left open. None =
            the system's default microphone, closed at the end.
        speaker: A sink of `voxsync.media`, or a session, likewise.
        function_handler: Called for each call of the model as `handler(call)` (`.id`,
            `.name`, `.args`), up to 8 at once; with a second parameter that is
            required or named `cancelled` it also gets a `threading.Event`, set when
            the answer is not wanted any more. It returns a dict, another JSON value
            (sent as `{"result": value}`) or a `FunctionResponse`. What it raises is
            told the model as `{"error": ...}`, and as an `error` event. None: each
            call is answered with an error.
        half_duplex: Mute the microphone while the model is heard, for loudspeakers:
            then nobody can cut in.
        video: JPEG or PNG pictures for the model, one a second: an iterable of bytes,
            or a function that returns the present one, or None = no new one.

    Attributes:
        session: The session.
        error: Why it ended, if that was a failure.

    Raises:
        TypeError: An argument is not what it should be.

    Thread: any.
    """

    event_types: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.ERROR, EventType.TRANSCRIPT}
    )

    def __init__(
        self,
        session: Session[Any],
        *,
        microphone: Source | Session[Any] | None = None,
        speaker: MediaTarget | None = None,
        function_handler: FunctionHandler | None = None,
        half_duplex: bool = False,
        video: Pictures | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(session, Session):
            raise TypeError(f"session must be a session, not {type(session).__name__}")
        self.session = session
        self.error: BaseException | None = None
        self._flow = Flow(session, microphone, speaker, failed=self._failed)
        check_bool("half_duplex", half_duplex)
        self._half_duplex = half_duplex
        self._teller = Teller(
            self,
            self._emit,
            lambda: self._has_listeners("error"),
            dispatcher=session.options.dispatcher,
            name=session.id,
        )
        self._exchange = Exchange(
            session,
            self,
            emit=self._emit,
            tell=self._teller.tell,
            function_handler=function_handler,
            video=video,
        )
        self._lock = threading.Lock()  # guards the next, and error
        self._started = False
        self._stack = contextlib.ExitStack()  # what is to be undone at the end
        self._stopping = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"voxsync-conversation-{session.id}", daemon=True
        )

    # Public

    def start(self) -> Self:
        """Let the audio flow, and return the conversation.

        Raises (in this order, and then nothing has begun):
            SessionClosed: The session is over, or closing.
            InvalidState: It is not open yet, has no more input, or has a conversation
                already; or this one was started before.
            FormatError: It carries no audio.
            MissingExtra: PyAudio is not installed, and would be needed.
            DeviceError: Microphone or speaker cannot be opened.

        Thread: any. Waits for the devices.
        """
        session = self.session
        if session.is_closed:
            raise session._closed_error()  # noqa: SLF001 - a door is its session's friend
        session._opened()  # noqa: SLF001
        session._outbox.admit()  # noqa: SLF001
        with session._lock:  # noqa: SLF001
            other = session._conversation  # noqa: SLF001
            if other is None:
                session._conversation = self  # noqa: SLF001
        if other is not None:
            raise InvalidState(
                f"{session!r} has a conversation already: stop() that first"
            )
        with self._lock:
            again = self._started or self._stopping.is_set()
            self._started = True
        if again:
            self._leave()
            raise InvalidState("a conversation is started once: make a new one")
        with contextlib.ExitStack() as stack:
            stack.callback(self._done.set)
            stack.callback(self._leave)
            self._begin(stack)
            self._stack = stack.pop_all()
        try:
            self._thread.start()
        except BaseException:  # the machine has no more threads
            self._stack.close()
            raise
        return self

    @property
    def is_active(self) -> bool:
        """Whether it goes on."""
        return self._started and not self._done.is_set()

    @property
    def mute(self) -> bool:
        """Whether the service gets no audio of the microphone. May be set.

        When it is, the service is told once that the audio ends.
        """
        return self._flow.mute

    @mute.setter
    def mute(self, muted: bool) -> None:
        self._flow.mute = muted

    @property
    def levels(self) -> Levels:
        """How loud microphone and speaker are now; silence when it does not go on."""
        return self._flow.levels if self.is_active else Levels()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end.

        Raises:
            TimeoutError: It goes on after `timeout` seconds.
            TypeError, ValueError: A timeout that is none.
            InvalidState: It was not started, or this is a listener, a function handler
                or a unit's function, which would wait for itself.
            DeviceError, SessionClosed, ...: What it ended by, if that was a failure.

        Thread: any but those. Ctrl-C gets through.
        """
        check_timeout(timeout)
        if not self._started and not self._done.is_set():
            raise InvalidState("start() it first; there is no end to wait for")
        if self._runs_here() or self.session._delivery.is_events_thread():  # noqa: SLF001
            raise InvalidState("who is called by a conversation cannot wait for it")
        if not wait_for(self._done, timeout):
            raise TimeoutError(f"{self!r} goes on after {timeout:g} s")
        if self.error is not None:
            raise self.error

    def stop(self, timeout: float | None = 5.0) -> None:
        """End it, and fall silent; the session stays open. Idempotent.

        A function handler that is still at work half a second later is left to
        itself, and nobody gets its answer.

        Args:
            timeout: Seconds to wait until links and devices are at rest; None = no
                limit. It is silent at once, whatever hangs.

        Thread: any; does not wait where that would be for itself.
        """
        check_timeout(timeout)
        with self._lock:
            self._stopping.set()
            if not self._started:
                self._done.set()
        self._exchange.close()
        self._flow.silence()
        if self._runs_here():
            return
        if not (wait_for(self._done, timeout) and self._exchange.join(_GRACE)):
            logger.warning("%r: what it called has not returned yet", self)

    def __enter__(self) -> Self:
        return self if self.is_active else self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "active" if self.is_active else "ended" if self._started else "new"
        return f"<AudioConversation with {self.session!r}, {state}>"

    # Starting

    def _begin(self, stack: contextlib.ExitStack) -> None:
        """Begin all there is, and have it undone by the stack, last things first."""
        flow, exchange = self._flow, self._exchange
        flow.prepare(stack)
        exchange.listen(stack)
        if self._half_duplex:
            for kind in (EventType.MEDIA_STARTED, EventType.MEDIA_ENDED):
                exchange.attach(stack, kind, flow.on_media)
            flow.look_for_media()
        flow.begin(stack)
        exchange.begin(stack)
        self.session._make_room()  # noqa: SLF001

    # Ending

    def _run(self) -> None:
        """Wait for the end of what is heard, by whatever cause, and clean up."""
        if self._stopping.is_set():  # while it began
            self._flow.silence()
        try:
            self._flow.wait()
        except BaseException as exc:  # noqa: BLE001 - whatever it was, that is the end
            self._failed(exc)
        session = self.session
        if session.is_closed:
            self._exchange.hear_out(_LAST_WORDS)
            event = session._close_event  # noqa: SLF001
            with self._lock:
                if self.error is None and event is not None:
                    self.error = event.error  # the session has told it
        try:
            self._stack.close()
        except Exception:
            logger.exception("%r: its end failed", self)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, SessionClosed) and error.__cause__ is None:
            return  # who listened has hung up: that is a good end
        with self._lock:
            if self.error is not None or self._stopping.is_set():
                return
            self.error = error
        self._teller.tell(error)

    def _leave(self) -> None:
        with self.session._lock:  # noqa: SLF001
            self.session._conversation = None  # noqa: SLF001

    def _runs_here(self) -> bool:
        """Whether the caller is a thread that the end waits for."""
        return (
            threading.current_thread() is self._thread
            or self._flow.runs_here()
            or self._exchange.runs_here()
        )

    def _is_over(self) -> bool:
        return self.session._is_over()  # noqa: SLF001


def start_audio_conversation(
    session: Session[Any],
    *,
    microphone: Source | Session[Any] | None = None,
    speaker: MediaTarget | None = None,
    function_handler: FunctionHandler | None = None,
    half_duplex: bool = False,
    video: Pictures | None = None,
) -> AudioConversation:
    """Start a conversation on an open session, and return it: see `AudioConversation`.

    Listeners that are to miss nothing are attached before `AudioConversation.start`.
    """
    return AudioConversation(
        session,
        microphone=microphone,
        speaker=speaker,
        function_handler=function_handler,
        half_duplex=half_duplex,
        video=video,
    ).start()
