"""EventTarget mirrors addEventListener, with VoxEngine's `on_*` first."""

import logging

import pytest

from voxsync.errors import SessionClosed
from voxsync.events import CloseEvent, EventTarget, EventType, MessageEvent, OpenEvent


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


SPELLINGS = [
    ("oncreated", EventType.CREATED),
    ("onCreated", EventType.CREATED),
    ("onopen", EventType.OPEN),
    ("onOpen", EventType.OPEN),
    ("onmessage", EventType.MESSAGE),
    ("onMessage", EventType.MESSAGE),
    ("onclose", EventType.CLOSE),
    ("onClose", EventType.CLOSE),
    ("onerror", EventType.ERROR),
    ("onError", EventType.ERROR),
    ("onmediastarted", EventType.MEDIA_STARTED),
    ("onMediaStarted", EventType.MEDIA_STARTED),
    ("onmediaended", EventType.MEDIA_ENDED),
    ("onMediaEnded", EventType.MEDIA_ENDED),
    ("ontranscript", EventType.TRANSCRIPT),
    ("onTranscript", EventType.TRANSCRIPT),
]


def test_the_list_of_spellings_is_whole():
    """An event that is new has them, too."""
    assert {kind for _, kind in SPELLINGS} == set(EventType)


@pytest.mark.parametrize(("name", "kind"), SPELLINGS)
def test_the_doms_spelling_is_refused(target, name, kind):
    """It would be taken and never called; what to write instead is said."""
    own = "on_" + kind.value.replace("-", "_")
    words = f"no {name}: use {own}, or add_event_listener\\('{kind.value}', ...\\)"
    for value in (print, None):
        with pytest.raises(AttributeError, match=words):
            setattr(target, name, value)
    with pytest.raises(AttributeError, match=words):
        getattr(target, name)
    assert not hasattr(target, name)
    assert hasattr(target, own)


def test_an_event_that_never_comes_has_no_handler(target):
    """As it has no listeners: a session knows no transcripts."""
    with pytest.raises(ValueError, match="no event"):
        target.on_transcript = print
    with pytest.raises(ValueError, match="no event"):
        target.add_event_listener("transcript", print)
    assert target.on_transcript is None


def test_other_attributes_are_the_programs_own(target):
    """Whatever it wants to keep with a session."""
    target.ongoing = target.one = 1
    assert (target.ongoing, target.one) == (1, 1)


class Ended(EventTarget):
    """A target that takes nothing any more."""

    def _is_over(self):
        return True


def late(event):
    """A listener that sends when the far end has just hung up."""
    raise SessionClosed("the session is over (code 1001)")


def broken(event):
    """A listener with a mistake."""
    raise ValueError("listener's own")


def test_who_only_came_too_late_made_no_mistake(caplog):
    """One line of INFO that names listener and event; no traceback, no `error`."""
    caplog.set_level(logging.INFO)
    target, seen, errors = Ended(), [], []
    target.add_event_listener("message", late)
    target.add_event_listener("message", seen.append)
    target.add_event_listener("error", errors.append)
    emit(target)
    assert len(seen) == 1
    assert errors == []
    (record,) = caplog.records
    assert record.levelname == "INFO"
    assert record.exc_info is None
    assert record.message == (
        f"listener {late!r} of 'message' came too late: the session is over (code 1001)"
    )


@pytest.mark.parametrize(
    ("make", "listener"),
    [(EventTarget, late), (Ended, broken)],
    ids=["still-open", "another-error"],
)
def test_all_else_is_a_mistake(make, listener, caplog):
    """Another session's end, or any other error: a traceback and `error`."""
    caplog.set_level(logging.INFO)
    target, errors = make(), []
    target.on_message = listener
    target.add_event_listener("error", errors.append)
    emit(target)
    assert len(errors) == 1
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message == f"listener {listener!r} of 'message' failed"
    assert record.exc_info[1] is errors[0].error


def test_a_mistake_beside_one_who_came_too_late(caplog):
    """Each is told as what it is; both were raised by listeners."""
    caplog.set_level(logging.INFO)
    target, errors = Ended(), []
    target.on_message = late
    target.add_event_listener("message", broken)
    target.add_event_listener("error", errors.append)
    emit(target)
    assert [str(event.error) for event in errors] == ["listener's own"]
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert target._listener_errors == 2


class Wide(EventTarget):
    """What is declared may be set, however it is."""

    event_types = frozenset({EventType.MESSAGE, EventType.MEDIA_STARTED})
    on_noted: object

    def on_called(self):
        """A method of its own."""


@pytest.mark.parametrize("name", ["on_tool_call", "on_mesage", "on_media-started"])
def test_a_mistyped_handler_is_refused(name):
    """It would never be called; what there is is said."""
    with pytest.raises(
        AttributeError, match=f"there is no {name}; .*: on_message, on_media_started$"
    ):
        setattr(Wide(), name, print)


def test_a_subclass_may_have_handlers_of_its_own():
    """Annotations and methods are declarations, in whichever of the classes."""
    target = type("Narrow", (Wide,), {"on_inner": None})()
    for name in ("on_noted", "on_called", "on_inner", "other", "once"):
        setattr(target, name, print)
        assert getattr(target, name) is print
