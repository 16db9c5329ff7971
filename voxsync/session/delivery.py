"""The inbox and the events thread: from the I/O thread to listeners and receive()."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Protocol

from voxsync.events import (
    CloseEvent,
    InlineDispatcher,
    MediaStartedEvent,
    MessageEvent,
)
from voxsync.session.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from voxsync.events import Dispatcher, Event
    from voxsync.session.tapping import Taps

__all__ = ["Delivery", "Sink"]


class Sink(Protocol):
    """Who the events are for."""

    def _arrived(self, events: Sequence[Event]) -> None:
        """Look at what has come, before anything else. Thread: I/O; never waits."""
        ...

    def _received(self, event: MessageEvent) -> Event | None:
        """Hand a message to `receive()`; may wait; may have something to report."""
        ...

    def _took(self, events: Sequence[Event]) -> bool:
        """Take events that only `receive()` wants, if that needs no waiting.

        Thread: I/O, while the events thread has nothing to do.
        """
        ...

    def _ended(self, event: CloseEvent) -> None:
        """The session is over: what `receive()` is to say. Thread: events."""
        ...

    def _emit(self, event: Event) -> None:
        """Call handler and listeners. Thread: events, or the dispatcher's."""
        ...

    def _told(self, event: Event) -> None:
        """All listeners of a `media-started` have returned. Thread: as `_emit`."""
        ...

    def _wants(self, event: Event) -> bool:
        """Whether anybody listens to such an event now. Thread: any."""
        ...


class Delivery:
    """Hands events over in batches, in order, to one thread (I7).

    The thread is started by the first event that somebody wants: a session that
    only sends, or could not be opened, does without it.

    The inbox is exact without a lock: `_put` is written by the I/O thread alone,
    `_handled` by the events thread alone; the difference is what waits.

    Attributes:
        highest: The most events that ever waited. The I/O thread's.
        starved_seconds: How long the I/O thread had to stop reading for want of
            room, all together. The events thread's.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        *,
        dispatcher: Dispatcher | None,
        limit: int,
        resume: Callable[[], None],
        watch: Callable[[], bool],
        taps: Taps | None = None,
    ) -> None:
        """Prepare; `start` starts the thread.

        Args:
            name: Of the thread.
            sink: Who the events are for.
            dispatcher: Carries them to the thread of the listeners.
            limit: The bound of the inbox, events.
            resume: Told when there is room again after `room` was 0.
            watch: Asked every 50 ms until it says False: what has to happen while
                the I/O thread is stuck in a system call (connecting).
            taps: Told of each event before anybody else; None = nobody watches.
        """
        self._sink = sink
        inline = dispatcher is None or isinstance(dispatcher, InlineDispatcher)
        self._dispatcher = None if inline else dispatcher
        self._telling = _Telling(sink)
        self._limit = limit
        self._resume = resume
        self._watch = watch
        self._taps = taps
        self._batches: queue.SimpleQueue[Sequence[Event]] = queue.SimpleQueue()
        self._put = 0
        self._handled = 0
        self._starved = False  # the I/O thread stopped reading for want of room
        self._starved_at = 0.0  # since when
        self.highest = 0
        self.starved_seconds = 0.0
        self._before: Callable[[], object] | None = None
        self._name = name
        self._thread: threading.Thread | None = None
        self._done = threading.Event()

    @property
    def waiting(self) -> int:
        """Events not yet handed over."""
        return self._put - self._handled

    @property
    def starved_for(self) -> float:
        """Seconds without reading for want of room, those of now included."""
        before, since = self.starved_seconds, self._starved_at
        return before + (time.monotonic() - since if self._starved else 0.0)

    @property
    def alive(self) -> bool:
        """Whether the events thread runs."""
        return self._thread is not None and not self._done.is_set()

    def start(self, before: Callable[[], object] | None = None) -> None:
        """Start the events thread, events or not.

        Args:
            before: Called there first. Listeners that it attaches get every event.
        """
        self._before = before
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._main, name=self._name, daemon=True)
        self._thread.start()

    def join(self, timeout: float | None) -> None:
        """Wait until every event has been handed over, `close` included."""
        if self._thread is not None and wait_for(self._done, timeout):
            self._thread.join(1.0)  # it has nothing left to do

    def is_events_thread(self) -> bool:
        """Whether the caller is the events thread."""
        thread = self._thread
        return thread is not None and threading.get_ident() == thread.ident

    def runs_here(self) -> bool:
        """Whether this is a thread that listeners run on; it must not wait for them."""
        if self.is_events_thread():
            return True
        return self._dispatcher is not None and self._dispatcher.runs_here()

    def room(self) -> int:
        """How many more messages may be put; 0 asks for `resume`. Thread: I/O."""
        room = self._limit - (self._put - self._handled)
        if room > 0:
            return room
        if not self._starved:
            self._starved_at = time.monotonic()
            self._starved = True
        # Looked at again after the flag was set: the events thread may have made
        # room in between and seen no flag.
        return max(0, self._limit - (self._put - self._handled))

    def put(self, events: Sequence[Event]) -> None:
        """Add events. Never waits; control events may exceed the bound.

        Thread: I/O, or whoever acts in its place before it is in the loop.
        """
        if self._taps:
            self._taps.events(events)
        sink = self._sink
        sink._arrived(events)  # noqa: SLF001 - the sink's side of one seam
        # A wake-up of the events thread costs more than to read and decode a message.
        # When it has handed over all before, order does not need it either.
        if (
            self._put == self._handled
            and self._dispatcher is None
            and sink._took(events)  # noqa: SLF001 - the sink's side of one seam
        ):
            return
        if self._thread is None:
            if not any(sink._wants(event) for event in events):  # noqa: SLF001 - the sink's side of one seam
                if isinstance(events[-1], CloseEvent):
                    sink._ended(events[-1])  # noqa: SLF001
                for event in events:  # who listened has gone meanwhile
                    if isinstance(event, MediaStartedEvent | CloseEvent):
                        sink._told(event)  # noqa: SLF001
                return
            self._start()
        self._put += len(events)
        self.highest = max(self.highest, self._put - self._handled)
        self._batches.put(events)

    def _main(self) -> None:
        try:
            self._run()
        finally:
            self._done.set()

    def _run(self) -> None:
        if self._before is not None:
            self._before()
        low, deliver = self._limit // 2, self._deliver
        watching = self._watch()
        while True:
            try:
                batch = self._batches.get(timeout=0.05 if watching else None)
            except queue.Empty:
                watching = self._watch()
                continue
            for event in batch:
                deliver(event)
                self._handled += 1
                if self._starved and self._put - self._handled <= low:
                    self.starved_seconds += time.monotonic() - self._starved_at
                    self._starved = False
                    self._resume()
            if isinstance(batch[-1], CloseEvent):
                return

    def _deliver(self, event: Event) -> None:
        sink, report = self._sink, None
        emit: Callable[[Event], None] = self._sink._emit  # noqa: SLF001 - the sink's side of one seam
        if type(event) is MessageEvent:
            report = sink._received(event)  # noqa: SLF001
        elif isinstance(event, CloseEvent):
            sink._ended(event)  # noqa: SLF001
            emit = self._telling
        elif type(event) is MediaStartedEvent:
            emit = self._telling
        if self._dispatcher is None:
            emit(event)
        else:
            self._dispatcher.dispatch(emit, event)
        if report is not None:
            self._deliver(report)


class _Telling:
    """Calls the listeners of an event; the session waits until that has been done."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def __call__(self, event: Event) -> None:
        self._sink._emit(event)  # noqa: SLF001 - the sink's side of one seam
        self._sink._told(event)  # noqa: SLF001

    def refused(self, event: Event) -> None:
        """It reaches nobody any more: who waits for the listeners need not."""
        self._sink._told(event)  # noqa: SLF001
