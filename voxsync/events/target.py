"""The addEventListener interface over the signals."""

from __future__ import annotations

import logging
import threading
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from voxsync.errors import SessionClosed
from voxsync.events.signals import Adapter, Signals, refuse_non_callable
from voxsync.events.timing import Timing
from voxsync.events.types import ErrorEvent, EventType

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.events.types import Event

__all__ = ["EventTarget"]

logger = logging.getLogger("voxsync.events")


def _on_property(kind: EventType) -> property:
    name = kind.replace("-", "_")

    def get(self: EventTarget) -> Callable[[Any], object] | None:
        return self._handlers.get(name)

    def set_(self: EventTarget, fn: Callable[[Any], object] | None) -> None:
        if fn is None:
            self._handlers.pop(name, None)
        else:
            self._kind(kind)
            refuse_non_callable(fn)
            self._handlers[name] = fn

    return property(
        get, set_, doc=f"The one handler called before all listeners of `{kind}`."
    )


def _refusal(spelling: str, kind: EventType) -> property:
    def refuse(*_: object) -> NoReturn:
        raise AttributeError(
            f"there is no {spelling}: use on_{kind.replace('-', '_')}, or "
            f"add_event_listener({kind.value!r}, ...)"
        )

    return property(refuse, refuse)


def _declares(owner: type, name: str) -> bool:
    """Whether a class has this attribute, or its objects have by an annotation."""
    return hasattr(owner, name) or any(
        name in getattr(base, "__annotations__", ()) for base in owner.__mro__
    )


class EventTarget:
    """Listeners, handlers and signals of one session.

    Attributes:
        signals: A blinker signal for each event: `signals.message.connect(receiver)`.

    Thread: any of these methods from any thread, also from inside a listener; a
    change is seen by the next event.
    """

    # What can happen here; a listener for anything else is refused at once.
    event_types: ClassVar[frozenset[EventType]] = frozenset(EventType) - {
        EventType.TRANSCRIPT
    }

    def __init__(self) -> None:
        self.signals = Signals()
        self._handlers: dict[str, Callable[[Any], object]] = {}  # by Event.attribute
        self._listeners: dict[str, dict[Callable[[Any], object], Adapter]] = {}
        self._listeners_lock = threading.Lock()  # guards _listeners
        self._listener_errors = 0
        self._timing = Timing()

    def add_event_listener(
        self, type: str, fn: Callable[[Any], object], *, once: bool = False
    ) -> None:
        """Call `fn(event)` for each event of this type, after earlier listeners.

        The same function twice counts once (DOM rule).

        Args:
            type: An `EventType` or its string, e.g. `"message"`, `"media-started"`.
            fn: Held strongly until removed or until the session is gone.
            once: Remove it before its first call.

        Raises:
            ValueError: There is no such event; the message lists those there are.
            TypeError: `fn` is not callable, or a coroutine function.
        """
        kind = self._kind(type)
        refuse_non_callable(fn)
        forget = (lambda: self.remove_event_listener(kind, fn)) if once else None
        with self._listeners_lock:
            table = self._listeners.setdefault(kind.value, {})
            if fn in table:
                return
            adapter = table[fn] = Adapter(fn, forget)
        self.signals[kind].connect(adapter, weak=False)

    def remove_event_listener(
        self, type: str, fn: Callable[[Any], object] | None = None
    ) -> None:
        """Stop calling `fn`, or all listeners of this type; unknown ones are ignored.

        Handlers set by `on_<event>` and receivers connected to a signal stay.
        """
        kind = self._kind(type)
        with self._listeners_lock:
            table = self._listeners.get(kind.value, {})
            if fn is None:
                gone = list(table.values())
                table.clear()
            else:
                gone = [table.pop(fn)] if fn in table else []
        for adapter in gone:
            self.signals[kind].disconnect(adapter)

    # The card's and the DOM's own spelling, for code that is carried over.
    addEventListener = add_event_listener  # noqa: N815
    removeEventListener = remove_event_listener  # noqa: N815

    on_created = _on_property(EventType.CREATED)
    on_open = _on_property(EventType.OPEN)
    on_message = _on_property(EventType.MESSAGE)
    on_close = _on_property(EventType.CLOSE)
    on_error = _on_property(EventType.ERROR)
    on_media_started = _on_property(EventType.MEDIA_STARTED)
    on_media_ended = _on_property(EventType.MEDIA_ENDED)
    on_transcript = _on_property(EventType.TRANSCRIPT)

    # Type checkers are not to see it: they would let any attribute be set.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            # A handler with a mistyped name would be taken and never called.
            if name[:3] == "on_" and not _declares(type(self), name):
                known = (kind for kind in EventType if kind in self.event_types)
                names = ", ".join(f"on_{kind.replace('-', '_')}" for kind in known)
                raise AttributeError(f"there is no {name}; there are: {names}")
            object.__setattr__(self, name, value)

    def _emit(self, event: Event) -> None:
        """Call handler and listeners. Thread: the events or dispatcher thread only."""
        name = event.attribute
        failed: list[tuple[object, BaseException]] = []
        handler = self._handlers.get(name)
        if handler is not None:
            timing, began = self._timing, perf_counter()
            timing.running = handler, began
            try:
                handler(event)
            except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
                failed.append((handler, exc))
            seconds = perf_counter() - began
            if seconds > timing.highest:
                timing.record(handler, seconds)
            timing.running = None
            timing.total += seconds
        signal = self.signals.connected(name)
        if signal is not None:
            failed += signal.emit(self, event, self._timing)
        if failed:
            self._report(event, failed)

    def _report(self, event: Event, failed: list[tuple[object, BaseException]]) -> None:
        """Log what listeners raised, and tell of it (I9)."""
        self._listener_errors += len(failed)
        of = f" of {str(event.type)!r}"
        faults = [
            exc
            for listener, exc in failed
            if self._log_failure(logger, exc, "listener", listener, of)
        ]
        # Not recursively (I9), and nothing may follow `close` (I1).
        if event.type not in (EventType.ERROR, EventType.CLOSE):
            for exc in faults:
                self._emit(ErrorEvent(event.target, exc))

    def _log_failure(
        self,
        log: logging.Logger,
        exc: BaseException,
        role: str,
        listener: object,
        of: str = "",
    ) -> bool:
        """Log what user code raised; False if it only came too late to be a fault.

        The far end may hang up while a listener runs: that its `send` then raises
        `SessionClosed` is no mistake of the program.

        Args:
            log: Where to.
            exc: What was raised.
            role: What the listener is called in the log.
            listener: Whose exception it is.
            of: The event it listened to, with a space in front.
        """
        if isinstance(exc, SessionClosed) and self._is_over():
            log.info("%s %r%s came too late: %s", role, listener, of, exc)
            return False
        log.error("%s %r%s failed", role, listener, of, exc_info=exc)
        return True

    def _is_over(self) -> bool:
        """For subclasses: whether all that is sent here now raises `SessionClosed`."""
        return False

    def _has_listeners(self, attribute: str) -> bool:
        """Whether anything is attached to the event of that `Event.attribute`."""
        return (
            attribute in self._handlers or self.signals.connected(attribute) is not None
        )

    def _kind(self, name: str) -> EventType:
        if name in self.event_types:
            return EventType(name)
        known = ", ".join(kind for kind in EventType if kind in self.event_types)
        raise ValueError(f"no event {name!r}; there are: {known}")


# As plain attributes, handlers in the DOM's spelling would be taken and never called.
for _kind in EventType:
    _words = _kind.split("-")
    for _name in ("".join(_words), "".join(map(str.capitalize, _words))):
        setattr(EventTarget, f"on{_name}", _refusal(f"on{_name}", _kind))
