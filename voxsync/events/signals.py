"""Blinker signals with an order: one set per session.

One `Signal` object per session and event, so that receivers die with the
session; sender filters are then pointless (a session is its signals' only sender).
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from blinker import ANY, Signal

from voxsync.events.types import EventType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voxsync.events.types import Event

__all__ = ["EventSignal", "Signals", "refuse_non_callable"]


def refuse_non_callable(fn: object) -> None:
    """Raise the `TypeError` that a listener deserves at once, not when it is called."""
    if not callable(fn):
        raise TypeError(f"a listener must be callable, not {type(fn).__name__}")
    if iscoroutinefunction(fn) or iscoroutinefunction(getattr(fn, "__call__", None)):  # noqa: B004 - an async __call__ is meant
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


class EventSignal(Signal):
    """A blinker signal that calls its receivers in the order they were connected.

    Receivers are called as `receiver(session, event=event)`. As everywhere in
    blinker, `connect` holds them weakly unless told `weak=False`.
    """

    set_class = _OrderedIds  # type: ignore[assignment]

    def connect(self, receiver: Any, sender: Any = ANY, weak: bool = True) -> Any:
        """Connect `receiver`; see `blinker.Signal.connect`.

        Raises:
            TypeError: It is not callable, or a coroutine function.
        """
        refuse_non_callable(receiver)
        return super().connect(receiver, sender, weak)

    def emit(
        self,
        target: object,
        event: Event,
        failed: Callable[[object, BaseException], None],
    ) -> None:
        """Call every receiver; one that raises stops neither the others nor us (I9).

        `Signal.send` would stop at the first exception.
        """
        if self.is_muted:
            return
        for receiver in self.receivers_for(target):
            try:
                receiver(target, event=event)
            except BaseException as exc:  # noqa: BLE001 - user code may raise anything; it is reported
                failed(receiver, exc)


class Signals:
    """A session's signals, one for each event, `-` in names written `_`."""

    __slots__ = (
        "_by_type",
        "close",
        "created",
        "error",
        "media_ended",
        "media_started",
        "message",
        "open",
    )

    def __init__(self) -> None:
        self.created = EventSignal()
        self.open = EventSignal()
        self.message = EventSignal()
        self.close = EventSignal()
        self.error = EventSignal()
        self.media_started = EventSignal()
        self.media_ended = EventSignal()
        self._by_type: dict[EventType, EventSignal] = {
            kind: getattr(self, kind.replace("-", "_")) for kind in EventType
        }

    def __getitem__(self, kind: EventType) -> EventSignal:
        return self._by_type[kind]

    def __iter__(self) -> Iterator[tuple[EventType, EventSignal]]:
        return iter(self._by_type.items())

    def __repr__(self) -> str:
        connected = [str(kind) for kind, signal in self if signal.receivers]
        return f"<Signals with receivers for: {', '.join(connected) or 'nothing'}>"
