"""EventTarget mirrors addEventListener, with VoxEngine's `on_*` first."""

import logging

import pytest

from voxsync.events import CloseEvent, EventTarget, MessageEvent, OpenEvent


@pytest.fixture
def target():
    return EventTarget()


def emit(target, text="x"):
    target._emit(MessageEvent(target, text))


def test_listeners_get_the_event_in_order(target):
    """One argument, the event; order of registration (I7)."""
    seen = []
    target.add_event_listener("message", lambda e: seen.append(("a", e.data)))
    target.addEventListener("message", lambda e: seen.append(("b", e.data)))
    target.signals.message.connect(
        lambda sender, event: seen.append((sender, event.data)), weak=False
    )
    emit(target)
    assert seen == [("a", "x"), ("b", "x"), (target, "x")]


def test_the_handler_comes_first(target):
    """VoxEngine: the `on_*` property runs before all listeners."""
    seen = []
    target.add_event_listener("message", lambda e: seen.append("listener"))
    target.on_message = lambda e: seen.append("handler")
    emit(target)
    assert seen == ["handler", "listener"]
    assert target.on_message is not None
    target.on_message = None
    assert target.on_message is None
    emit(target)
    assert seen == ["handler", "listener", "listener"]


def test_the_same_function_counts_once(target):
    """DOM: adding it again changes nothing, one removal removes it."""
    seen = []
    target.add_event_listener("message", seen.append)
    target.add_event_listener("message", seen.append)
    emit(target)
    assert len(seen) == 1
    target.removeEventListener("message", seen.append)
    emit(target)
    assert len(seen) == 1


def test_removing_without_a_function_removes_all_listeners(target):
    """VoxEngine's removeEventListener(type); handlers and receivers stay."""
    seen = []
    target.on_message = lambda e: seen.append("handler")
    target.add_event_listener("message", lambda e: seen.append("a"))
    target.add_event_listener("message", lambda e: seen.append("b"))
    target.remove_event_listener("message")
    target.remove_event_listener("message", print)  # unknown: nothing happens
    emit(target)
    assert seen == ["handler"]


def test_once_is_removed_before_its_call(target):
    """A listener that causes the same event is not called again."""
    seen = []

    def listener(event):
        seen.append(event.data)
        if len(seen) == 1:
            emit(target, "again")

    target.add_event_listener("message", listener, once=True)
    emit(target, "first")
    emit(target, "later")
    assert seen == ["first"]


@pytest.mark.parametrize("call", ["add_event_listener", "remove_event_listener"])
def test_unknown_events_are_named(target, call):
    """A typo is an error that lists the events, not silence."""
    with pytest.raises(ValueError, match="no event 'mesage'; there are: created"):
        getattr(target, call)("mesage", print)


def test_not_callable_is_refused(target):
    """At registration."""
    with pytest.raises(TypeError, match="callable"):
        target.add_event_listener("message", 3)
    with pytest.raises(TypeError, match="callable"):
        target.on_message = 3


def test_a_raising_listener_is_logged_and_told(target, caplog):
    """I9: traceback in the log, `error` event, the other listeners run."""
    seen, errors = [], []

    def bad(event):
        raise ValueError("listener's own")

    target.on_message = bad
    target.add_event_listener("message", bad)
    target.add_event_listener("message", lambda e: seen.append(e.data))
    target.add_event_listener("error", errors.append)
    with caplog.at_level(logging.ERROR):
        emit(target)
    assert seen == ["x"]
    assert [str(e.error) for e in errors] == ["listener's own"] * 2
    assert caplog.text.count("Traceback") == 2


def test_errors_of_error_and_close_listeners_are_only_logged(target, caplog):
    """I9 not recursively; I1 nothing follows `close`."""
    errors = []

    def bad(event):
        errors.append(event.type)
        raise ValueError("again")

    target.add_event_listener("error", bad)
    target.add_event_listener("close", bad)
    target.add_event_listener("open", bad)
    target._emit(OpenEvent(target))
    target._emit(CloseEvent(target, 1000))
    assert errors == ["open", "error", "close"]
    assert caplog.text.count("Traceback") == 3
