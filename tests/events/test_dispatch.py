"""Dispatchers carry events to where listeners run; queues are bounded."""

import threading

import pytest

from voxsync.events import InlineDispatcher, MessageEvent, QueueDispatcher


def event(n=0):
    return MessageEvent(None, n)


def test_inline_calls_at_once():
    """On the caller's thread, before dispatch returns."""
    seen = []
    dispatcher = InlineDispatcher()
    dispatcher.dispatch(seen.append, event(1))
    assert [e.data for e in seen] == [1]
    assert not dispatcher.runs_here()
    assert repr(dispatcher) == "InlineDispatcher()"


def test_queue_runs_where_run_pending_is_called():
    """In order, on that thread, and nothing before."""
    seen, dispatcher = [], QueueDispatcher()
    for n in range(3):
        dispatcher.dispatch(
            lambda e: seen.append((e.data, threading.get_ident())), event(n)
        )
    assert seen == []
    assert dispatcher.pending == 3
    assert not dispatcher.runs_here()
    assert dispatcher.run_pending(limit=2) == 2
    assert dispatcher.run_pending() == 1
    assert dispatcher.run_pending(limit=5) == 0
    assert seen == [(n, threading.get_ident()) for n in range(3)]
    assert dispatcher.runs_here()


def test_a_full_queue_holds_the_events_thread():
    """I8: bounded; the thread goes on as soon as there is room."""
    dispatcher, went = QueueDispatcher(1), threading.Event()
    dispatcher.dispatch(lambda e: None, event())

    def second():
        dispatcher.dispatch(lambda e: None, event())
        went.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not went.wait(0.05)
    assert dispatcher.run_pending() == 1
    assert went.wait(5)
    thread.join(5)
    assert repr(dispatcher) == "<QueueDispatcher 1 of 1 pending>"


def test_close_releases_and_counts():
    """After close() events are refused and counted, waiting ones still run."""
    dispatcher = QueueDispatcher(1)
    dispatcher.dispatch(lambda e: None, event())
    thread = threading.Thread(
        target=dispatcher.dispatch, args=(lambda e: None, event())
    )
    thread.start()
    dispatcher.close()
    thread.join(5)
    assert not thread.is_alive()
    assert dispatcher.refused == 1
    assert dispatcher.run_pending() == 1
    assert dispatcher.wait(5) is False  # closed: returns at once


def test_who_dispatched_is_told_of_what_is_refused():
    """Once, for what came too late; what waits may still be delivered."""

    class Deliver:
        refused = staticmethod(lambda e: told.append(e.data))

        def __call__(self, event):
            told.append(-event.data)

    told, dispatcher = [], QueueDispatcher()
    dispatcher.dispatch(Deliver(), event(1))
    dispatcher.close()
    dispatcher.dispatch(Deliver(), event(2))
    assert told == [2]
    dispatcher.run_pending()
    assert told == [2, -1]


def test_wait_sees_an_event_or_the_end_of_its_time():
    """True when something is pending, False after the timeout."""
    dispatcher = QueueDispatcher()
    assert dispatcher.wait(0.01) is False
    thread = threading.Thread(
        target=dispatcher.dispatch, args=(lambda e: None, event())
    )
    thread.start()
    assert dispatcher.wait(5) is True
    thread.join(5)


def test_the_bound_must_make_sense():
    """A queue of nothing is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        QueueDispatcher(0)
