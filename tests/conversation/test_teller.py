"""Errors reach listeners, one after the other, and nobody waits for those."""

import logging
import threading

import pytest

from tests.conversation.model import SOON, Seen
from voxsync.conversation import teller as room
from voxsync.conversation.teller import Teller
from voxsync.events import EventTarget, InlineDispatcher, QueueDispatcher


class Target(EventTarget):
    def teller(self, dispatcher=None):
        return Teller(
            self,
            self._emit,
            lambda: self._has_listeners("error"),
            dispatcher=dispatcher,
            name="x",
        )


@pytest.fixture
def target():
    return Target()


@pytest.mark.parametrize("dispatcher", [None, InlineDispatcher()])
def test_listeners_are_called_in_order_on_a_thread(target, dispatcher):
    """Which has a name, and lives as long as there is something to tell."""
    seen, threads = Seen(target, "error"), set()
    target.on_error = lambda event: threads.add(threading.current_thread().name)
    teller = target.teller(dispatcher)
    errors = [ValueError(i) for i in range(20)]
    for error in errors:
        teller.tell(error)
    assert [event.error for event in seen.comes(20)] == errors
    assert seen.events[0].target is target
    assert threads == {"voxsync-told-x"}


def test_a_dispatcher_runs_the_listeners(target):
    """Where the program's own loop is."""
    dispatcher = QueueDispatcher()
    seen = Seen(target, "error")
    target.teller(dispatcher).tell(ValueError())
    assert dispatcher.wait(SOON)
    assert not seen.events
    dispatcher.run_pending()
    assert len(seen.events) == 1


def test_what_nobody_hears_is_logged(target, caplog):
    """As a warning; no thread for that."""
    target.teller().tell(ValueError("no town"))
    assert caplog.record_tuples == [
        ("voxsync.conversation", logging.WARNING, "conversation x: no town")
    ]


def test_listeners_that_hang_are_a_bound(target, caplog, monkeypatch):
    """What is more is logged."""
    monkeypatch.setattr(room, "_MOST_WAITING", 2)
    hangs, release = threading.Event(), threading.Event()

    def hang(event):
        hangs.set()
        release.wait(SOON)

    target.on_error = hang
    seen = Seen(target, "error")
    teller = target.teller()
    teller.tell(ValueError(0))
    assert hangs.wait(SOON)
    for number in range(1, 4):
        teller.tell(ValueError(number))
    assert "listeners hang; 3" in caplog.text
    release.set()
    assert [str(event.error) for event in seen.comes(3)] == ["0", "1", "2"]
