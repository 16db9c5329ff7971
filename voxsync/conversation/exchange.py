"""What a conversation and a model exchange besides sound: calls, pictures, words."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from voxsync.conversation.calls import FunctionCalls
from voxsync.conversation.transcript import Transcript
from voxsync.conversation.video import VideoSender, check_pictures
from voxsync.events import EventType

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from voxsync.conversation.answer import FunctionHandler
    from voxsync.conversation.video import Pictures
    from voxsync.events import Event, MessageEvent
    from voxsync.session import Session

__all__ = ["Exchange"]


class Exchange:
    """Listens to the session, and has answered, sent and told what that takes.

    Args:
        session: The session.
        target: What its events are about: the conversation.
        emit: Calls the listeners of the conversation.
        tell: Takes what went wrong; never waits.
        function_handler: See `AudioConversation`.
        video: See `AudioConversation`; None = the model sees nothing.

    Attributes:
        calls: The functions that run.
        video: Sends pictures, if there are any.

    Raises:
        TypeError: What gives no pictures, is no function, or has no service for it.

    Thread: any.
    """

    def __init__(
        self,
        session: Session[Any],
        target: object,
        *,
        emit: Callable[[Event], object],
        tell: Callable[[BaseException], object],
        function_handler: FunctionHandler | None,
        video: Pictures | None,
    ) -> None:
        self._session = session
        self._emit = emit
        self._transcript = Transcript(target)
        self._told_close = threading.Event()
        service = _as_any(session)
        self.calls = FunctionCalls(
            service, function_handler, name=session.id, tell=tell
        )
        self.video: VideoSender | None = None
        if video is not None:
            check_pictures(video)
            if not hasattr(session, "send_video_realtime"):
                raise TypeError(f"the service of {session!r} takes no video")
            self.video = VideoSender(
                video, service, name=session.id, clock=session.options.clock, tell=tell
            )

    # The session's listeners

    def listen(self, stack: contextlib.ExitStack) -> None:
        """Hear what the service says, until the stack is undone."""
        self.attach(stack, EventType.MESSAGE, self._on_message)
        self.attach(stack, EventType.CLOSE, self._on_close)

    def attach(
        self,
        stack: contextlib.ExitStack,
        kind: EventType,
        listener: Callable[[Any], object],
    ) -> None:
        """Have a listener called with all that the session tells, to its very end."""
        self._session.add_event_listener(kind, listener)
        stack.callback(self._forget, kind, listener)

    def _on_message(self, event: MessageEvent) -> None:
        # In a conversation nobody may receive, or not any more.
        self._session._make_room()  # noqa: SLF001 - a door is its session's friend
        message = event.data
        if isinstance(message, (str, bytes)):
            return
        calls = getattr(message, "function_calls", None)
        if calls:
            self.calls.take(calls)
        elif getattr(message, "type", "") == "toolCallCancellation":
            self.calls.cancel(message.ids)
        for said in self._transcript.events(message):
            self._emit(said)

    def _on_close(self, _: object) -> None:
        self._told_close.set()

    def _forget(self, kind: EventType, listener: Callable[[Any], object]) -> None:
        session = self._session
        if self._told_close.is_set() or not session.is_closed:
            session.remove_event_listener(kind, listener)
        # Else its last messages are still to be told, and then it is gone.

    # Beginning and end

    def begin(self, stack: contextlib.ExitStack) -> None:
        """Answer calls and send pictures, until the stack is undone."""
        stack.callback(self.calls.close)
        if self.video is not None:
            stack.callback(self.video.stop)
            self.video.start()

    def close(self) -> None:
        """Answer no more calls, and wait for no last messages. Never waits."""
        self.calls.close()
        self._told_close.set()

    def hear_out(self, timeout: float) -> None:
        """Wait until a session that is over has told its last messages."""
        self._told_close.wait(timeout)

    def join(self, timeout: float) -> bool:
        """Wait for functions and pictures of the program; False = some still run."""
        end = time.monotonic() + timeout
        return all(
            each is None or each.join(max(0.0, end - time.monotonic()))
            for each in (self.calls, self.video)
        )

    def runs_here(self) -> bool:
        """Whether the caller is a function of the program that `join` waits for."""
        return self.calls.runs_here() or (
            self.video is not None and self.video.runs_here()
        )


def _as_any(session: Session[Any]) -> Any:
    """Of the session, what not every service has."""
    return session
