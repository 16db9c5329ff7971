"""The functions that a model calls, each on a thread that nothing waits for."""

from __future__ import annotations

import collections
import itertools
import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

from voxsync.conversation.answer import error_answer, good_answer, takes_event
from voxsync.errors import InvalidState, SendQueueFull, SessionClosed, VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from voxsync.conversation.answer import FunctionHandler, ModelCall

__all__ = ["Answering", "FunctionCalls"]

logger = logging.getLogger("voxsync.conversation")

# Calls that run at the same time, and calls that wait for one of these to end.
_MOST_THREADS = 8
_MOST_WAITING = 64
# How long an answer waits for room before it is asked whether it is still wanted.
_SLICE = 0.1


class Answering(Protocol):
    """What is needed of a session whose model calls functions."""

    def send_function_responses(
        self,
        responses: Sequence[Any],
        *,
        block: bool = True,
        timeout: float | None = None,
    ) -> object:
        """Answer calls."""
        ...


class _Running:
    """A call that is not answered yet."""

    __slots__ = ("call", "cancelled")

    def __init__(self, call: ModelCall) -> None:
        self.call = call
        self.cancelled = threading.Event()  # from here on it is not answered


class FunctionCalls:
    """Has calls answered by a handler: several at once, each once, by its own id.

    Args:
        session: Where the answers go.
        handler: Called as `handler(call)` or `handler(call, cancelled)`, see
            `takes_event`. None: the model is told that there is nobody.
        name: Of the threads: `voxsync-calls-<number>-<name>`.
        tell: Takes what went wrong; never waits.

    Thread: any.
    """

    def __init__(
        self,
        session: Answering,
        handler: FunctionHandler | None,
        *,
        name: str,
        tell: Callable[[BaseException], object],
    ) -> None:
        self._session = session
        self._handler = handler
        self._with_event = handler is not None and takes_event(handler)
        self._name = name
        self._tell = tell
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()  # guards all of the below
        self._waiting: collections.deque[_Running] = collections.deque()
        self._running: list[_Running] = []  # those that wait are not among them
        self._threads: set[threading.Thread] = set()
        self._told_of_nobody = False
        self._closed = False

    def take(self, calls: Iterable[ModelCall]) -> None:
        """Have these answered. Never waits."""
        too_many: list[ModelCall] = []
        fresh: list[threading.Thread] = []
        with self._changed:
            if self._closed:
                return
            for call in calls:
                if len(self._waiting) >= _MOST_WAITING:
                    too_many.append(call)
                    continue
                self._waiting.append(_Running(call))
                if len(self._threads) < _MOST_THREADS:
                    thread = threading.Thread(
                        target=self._work,
                        name=f"voxsync-calls-{next(self._numbers)}-{self._name}",
                        daemon=True,
                    )
                    self._threads.add(thread)
                    fresh.append(thread)
        for thread in fresh:
            thread.start()
        for call in too_many:
            self._refuse(call)

    def cancel(self, ids: Iterable[str]) -> None:
        """Never answer these; who works at them is told. Never waits."""
        unwanted = set(ids)
        with self._changed:
            for item in (*self._waiting, *self._running):
                if item.call.id in unwanted:
                    item.cancelled.set()

    def close(self) -> None:
        """Answer nothing more; handlers that ask are told so. Never waits."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            for item in self._running:
                item.cancelled.set()

    def join(self, timeout: float | None) -> bool:
        """Wait for the handlers, after `close`; False if one still runs."""
        if self.runs_here():
            return True
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def runs_here(self) -> bool:
        """Whether the caller is a handler."""
        return threading.current_thread() in self._threads

    # Our threads

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._answer(item)
            finally:
                with self._changed:
                    self._running.remove(item)

    def _next(self) -> _Running | None:
        with self._changed:
            if self._waiting:
                item = self._waiting.popleft()
                self._running.append(item)
                return item
            # Under the same lock: whoever adds a call from here on starts a thread.
            self._threads.discard(threading.current_thread())
            self._changed.notify_all()
            return None

    def _answer(self, item: _Running) -> None:
        if item.cancelled.is_set():
            return
        call = item.call
        try:
            answer = good_answer(call, self._ask(item))
            error: BaseException | None = None
        except BaseException as exc:  # noqa: BLE001 - whatever user code raises is told
            answer, error = error_answer(call, exc), exc
        try:
            self._send(item, answer)
        except SessionClosed as exc:
            logger.info("%r was answered too late: %s", call.name, exc)
        except BaseException as exc:  # noqa: BLE001 - the session does not take it
            self._tell(exc)
            self._send_error(item, exc)
        if error is not None and self._is_news(error):
            self._tell(error)

    def _ask(self, item: _Running) -> object:
        if self._handler is None:
            raise InvalidState(
                f"the model calls {item.call.name!r}, and this conversation answers no "
                "calls: give it a function_handler"
            )
        if self._with_event:
            return self._handler(item.call, item.cancelled)
        return self._handler(item.call)

    def _send(self, item: _Running, answer: dict[str, Any]) -> None:
        """Give the answer to the session, unless it is cancelled before."""
        while not item.cancelled.is_set():
            try:
                self._session.send_function_responses([answer], timeout=_SLICE)
            except SendQueueFull:
                continue
            return

    def _send_error(self, item: _Running, error: BaseException) -> None:
        try:
            self._send(item, error_answer(item.call, error))
        except Exception as exc:  # noqa: BLE001 - what is the matter was told
            logger.info("%r cannot be answered: %s", item.call.name, exc)

    def _is_news(self, error: BaseException) -> bool:
        """Whether it is to be told: that nobody answers calls is, but once."""
        if self._handler is not None or not isinstance(error, InvalidState):
            return True
        with self._changed:
            first, self._told_of_nobody = not self._told_of_nobody, True
        return first

    # The caller's thread

    def _refuse(self, call: ModelCall) -> None:
        error = InvalidState(
            f"{_MOST_WAITING} calls wait already; {call.name!r} is refused"
        )
        try:
            self._session.send_function_responses(
                [error_answer(call, error)], block=False
            )
        except VoxsyncError as exc:
            error.__cause__ = exc  # so the model is not told
        self._tell(error)
