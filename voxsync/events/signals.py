"""Blinker signals with an order: one set per session.

One `Signal` object per session and event, so that receivers die with the
session; sender filters are then pointless (a session is its signals' only sender).
"""

from __future__ import annotations

import weakref
from inspect import CO_COROUTINE, iscoroutinefunction
from time import perf_counter
from types import FunctionType
from typing import TYPE_CHECKING, Any

from blinker import ANY, Signal
from blinker._utilities import make_id
from blinker.base import ANY_ID

from voxsync.events.timing import Timing
from voxsync.events.types import EventType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voxsync.events.types import Event

__all__ = ["Adapter", "EventSignal", "Signals", "refuse_non_callable"]


def refuse_non_callable(fn: object) -> None:
    """Raise the `TypeError` that a listener deserves at once, not when it is called."""
    if not callable(fn):
        raise TypeError(f"a listener must be callable, not {type(fn).__name__}")
    if isinstance(fn, FunctionType):
        is_async = bool(fn.__code__.co_flags & CO_COROUTINE)
    else:  # bound methods, partials, objects with an async __call__
        is_async = iscoroutinefunction(fn) or iscoroutinefunction(type(fn).__call__)
    if is_async:
        raise TypeError(
            f"{fn!r} is a coroutine function; voxsync calls listeners on a thread "
            "and awaits nothing: pass a plain function"
        )


class _OrderedIds(dict[Any, None]):
    """The few set operations blinker uses, keeping the order of insertion (I7)."""

    def __init__(self, ids: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(ids))

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)

    def copy(self) -> _OrderedIds:
        return _OrderedIds(self)

    def __or__(self, other: Any) -> _OrderedIds:  # type: ignore[override]
        return _OrderedIds([*self, *other])


class Adapter:
    """A listener, which takes the event alone, as blinker wants a receiver."""

    __slots__ = ("__weakref__", "fn", "forget")

    def __init__(
        self, fn: Callable[[Any], object], forget: Callable[[], object] | None
    ) -> None:
        """Wrap `fn`; `forget`, if given, is called before each call."""
        self.fn = fn
        self.forget = forget

    def __call__(self, sender: object, *, event: Event) -> None:  # noqa: ARG002 - blinker's signature
        """Call the listener with the event."""
        if self.forget is not None:
            self.forget()
        self.fn(event)

    @property
    def __wrapped__(self) -> Callable[[Any], object]:
        return self.fn

    def __repr__(self) -> str:
        return repr(self.fn)


class EventSignal(Signal):
    """A blinker signal that calls its receivers in the order they were connected.

    Receivers are called as `receiver(session, event=event)`. As everywhere in
    blinker, `connect` holds them weakly unless told `weak=False`.

    Args:
        doc: What it tells of.

    Thread: any may connect; receivers run where listeners do.
    """

    set_class = _OrderedIds  # type: ignore[assignment]

    def __init__(self, doc: str | None = None) -> None:
        super().__init__(doc)
        # A new object after every change. The plan that emit() made is good only
        # for the version it was made for; a counter could be raised twice to the
        # same number by two threads.
        self._version = object()
        self._plan: tuple[object, tuple[tuple[Any, Callable[..., object]], ...]] = (
            None,
            (),
        )

    def connect(self, receiver: Any, sender: Any = ANY, weak: bool = True) -> Any:
        """Connect `receiver`; see `blinker.Signal.connect`.

        Args:
            receiver: Called as `receiver(session, event=event)`.
            sender: Only events of this session, unit or conversation. Default: all.
            weak: Forget the receiver when nobody else holds it.

        Returns:
            The receiver, so that it can be used as a decorator.

        Raises:
            TypeError: It is not callable, or a coroutine function.
        """
        if type(receiver) is not Adapter:  # those were checked for the listener
            refuse_non_callable(receiver)
        super().connect(receiver, sender, weak)
        self._change()
        return receiver

    def _disconnect(self, receiver_id: Any, sender_id: Any) -> None:
        # All ways of disconnecting lead here, also a weak receiver's death.
        super()._disconnect(receiver_id, sender_id)
        self._change()

    def _change(self) -> None:
        self._version = object()
        # Who is not called any more is let go of now, on this thread: a GUI's objects
        # must not die on another one.
        self._plan = None, ()

    def emit(
        self, target: object, event: Event, timing: Timing | None = None
    ) -> list[tuple[object, BaseException]]:
        """Call every receiver; return those that raised, with what they raised.

        Args:
            target: Who tells: the session, unit or conversation.
            event: What receivers get.
            timing: Takes down how long each of them took.

        One that raises stops neither the others nor us (I9); `Signal.send` would
        stop at the first.
        """
        failed: list[tuple[object, BaseException]] = []
        if self.is_muted:
            return failed
        version, calls = self._plan
        if version is not self._version:
            version = self._version
            found = self._calls(target)
            if found is None:
                calls = self._calls_now(target)
            else:
                calls = found
                self._plan = (version, calls)
                if version is not self._version:
                    self._plan = None, ()  # see _change
        timing = timing or Timing()
        started = began = perf_counter()
        for receiver, call in calls:
            timing.running = receiver, began
            try:
                call(event)
            except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
                failed.append((receiver, exc))
            ended = perf_counter()
            if ended - began > timing.highest:
                timing.record(receiver, ended - began)
            began = ended
        timing.running = None
        timing.total += began - started
        return failed

    def _calls(
        self, target: object
    ) -> tuple[tuple[Any, Callable[..., object]], ...] | None:
        """What to call with the event; None if that may differ from call to call.

        Weak receivers may die, and receivers for one sender may not be meant:
        those are asked for anew each time. The usual listeners are not, which
        saves more than reading their message from the socket costs.
        """
        calls: list[tuple[Any, Callable[..., object]]] = []
        if any(self._by_sender[key] for key in list(self._by_sender) if key != ANY_ID):
            return None
        for receiver_id in self._by_sender[ANY_ID].copy():
            receiver = self.receivers.get(receiver_id)
            if isinstance(receiver, weakref.ref):
                return None
            if isinstance(receiver, Adapter) and receiver.forget is None:
                calls.append((receiver, receiver.fn))
            elif receiver is not None:
                calls.append((receiver, _bound(receiver, target)))
        return tuple(calls)

    def _calls_now(
        self, target: object
    ) -> tuple[tuple[Any, Callable[..., object]], ...]:
        """The same for this call alone, holding the weak ones as long as it takes."""
        found = [(make_id(each), each) for each in self.receivers_for(target)]
        # Blinker gives those for any sender before those for this one (I7).
        places = {receiver_id: at for at, receiver_id in enumerate([*self.receivers])}
        found.sort(key=lambda pair: places.get(pair[0], len(places)))
        return tuple((each, _bound(each, target)) for _, each in found)


def _bound(receiver: Callable[..., object], target: object) -> Callable[..., object]:
    return lambda event: receiver(target, event=event)


class Signals:
    """A session's signals, one for each event, `-` in names written `_`.

    Made when first asked for: most sessions use two or three of them.

    Thread: any.
    """

    __slots__ = ("_made",)

    created: EventSignal
    open: EventSignal
    message: EventSignal
    close: EventSignal
    error: EventSignal
    media_started: EventSignal
    media_ended: EventSignal
    transcript: EventSignal

    def __init__(self) -> None:
        self._made: dict[str, EventSignal] = {}

    def __getattr__(self, name: str) -> EventSignal:
        if name not in _NAMES:
            raise AttributeError(f"no signal {name!r}; there are: {', '.join(_NAMES)}")
        # setdefault: of two threads that come at once, both get the same one.
        return self._made.setdefault(name, EventSignal())

    def __setattr__(self, name: str, value: object) -> None:
        if name in _NAMES:
            raise AttributeError(
                f"signals are read-only: connect to the one that is there, "
                f"`signals.{name}.connect(receiver)`; to feed a signal of yours, "
                f"`signals.{name}.connect(yours.send)`"
            )
        super().__setattr__(name, value)

    def __getitem__(self, kind: str) -> EventSignal:
        """The signal of an event type, e.g. `signals["media-started"]`."""
        return getattr(self, kind.replace("-", "_"))  # type: ignore[no-any-return]

    def connected(self, name: str) -> EventSignal | None:
        """The signal called `name`, if anything is connected to it, else None."""
        signal = self._made.get(name)
        return signal if signal is not None and signal.receivers else None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_NAMES]

    def __repr__(self) -> str:
        connected = [name for name in _NAMES if self.connected(name)]
        return f"<Signals with receivers for: {', '.join(connected) or 'nothing'}>"


_NAMES = tuple(kind.value.replace("-", "_") for kind in EventType)
