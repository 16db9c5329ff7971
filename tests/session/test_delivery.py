"""The inbox and the events thread: in order, bounded, ended by the close event."""

import contextlib
import threading

import pytest

from voxsync.events import (
    CloseEvent,
    ErrorEvent,
    InlineDispatcher,
    MediaStartedEvent,
    MessageEvent,
    OpenEvent,
    QueueDispatcher,
)
from voxsync.session.delivery import Delivery


class Sink:
    """Whom the events are for; what it was told, in order."""

    def __init__(self):
        self.wants = True
        self.takes = False
        self.taken = []
        self.told = []
        self.over = []
        self.threads = set()
        self.report = None
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def _arrived(self, events):
        pass

    def _received(self, event):
        self.entered.set()
        assert self.gate.wait(5)
        self.told.append(("received", event.data))
        report, self.report = self.report, None
        return report

    def _took(self, events):
        if not self.takes:
            return False
        self.taken += events
        return True

    def _ended(self, event):
        self.told.append(("ended", event.code))

    def _emit(self, event):
        self.threads.add(threading.current_thread())
        self.told.append(event)

    def _told(self, event):
        if isinstance(event, CloseEvent):
            self.over.append(event)
        else:
            self.told.append(("told", event))

    def _wants(self, event):
        return self.wants


CLOSE = CloseEvent(None, code=1000)


def message(data):
    return MessageEvent(None, data)


@pytest.fixture
def make():
    """Makes deliveries, and ends those that still run."""
    made = []

    def make_(sink, *, limit=4, dispatcher=None, watch=lambda: False):
        resumed = threading.Semaphore(0)
        delivery = Delivery(
            "voxsync-events-test",
            sink,
            dispatcher=dispatcher,
            limit=limit,
            resume=resumed.release,
            watch=watch,
        )
        delivery.resumed = resumed
        made.append((delivery, sink))
        return delivery

    yield make_
    for delivery, sink in made:
        sink.gate.set()
        if delivery.alive:
            delivery.put([CLOSE])
        delivery.join(5)
        assert not delivery.alive


def test_the_first_wanted_event_starts_the_thread(make):
    """Who only sends does without one."""
    sink = Sink()
    delivery = make(sink)
    sink.wants = False
    delivery.put([OpenEvent(None)])
    assert not delivery.alive
    delivery.join(0)  # there is nobody to wait for
    sink.wants = True
    delivery.put([OpenEvent(None)])
    assert delivery.alive


def test_events_of_one_batch_stay_together(make):
    """I1: a message that came with the end is given first, and the thread ends."""
    sink, first = Sink(), message(1)
    sink._wants = lambda event: event is first
    delivery = make(sink)
    delivery.put([first, CLOSE])
    delivery.join(5)
    assert not delivery.alive
    assert sink.told == [("received", 1), first, ("ended", 1000), CLOSE]


def test_the_end_of_a_session_nobody_listens_to(make):
    """receive() is told of it all the same, without a thread."""
    sink = Sink()
    sink.wants = False
    delivery = make(sink)
    delivery.put([OpenEvent(None), CLOSE])
    assert sink.told == [("ended", 1000)]
    assert sink.over == [CLOSE]
    assert not delivery.alive


def test_who_was_told_of_audio_is_told_of(make):
    """Behind the listeners of each `media-started`, and of the end."""
    sink, started = Sink(), MediaStartedEvent(None, "a")
    delivery = make(sink)
    delivery.put([message(1), started, CLOSE])
    delivery.join(5)
    assert sink.told[1:4] == [sink.told[1], started, ("told", started)]
    assert [x for x in sink.told if isinstance(x, tuple) and x[0] == "told"] == [
        ("told", started)
    ]
    assert sink.over == [CLOSE]


def test_audio_that_nobody_is_told_of(make):
    """Who listened has gone meanwhile: then nothing may wait for it."""
    sink, started = Sink(), MediaStartedEvent(None, "a")
    sink.wants = False
    delivery = make(sink)
    delivery.put([OpenEvent(None), started])
    assert sink.told == [("told", started)]
    assert not delivery.alive


def test_a_dispatcher_tells_of_audio_too(make):
    """On its own thread, behind the listeners there."""
    sink, started, dispatcher = Sink(), MediaStartedEvent(None, "a"), QueueDispatcher()
    delivery = make(sink, dispatcher=dispatcher)
    delivery.put([started])
    while len(sink.told) < 2:
        assert dispatcher.wait(5)
        dispatcher.run_pending()
    assert sink.told == [started, ("told", started)]
    assert sink.threads == {threading.current_thread()}


def test_order_and_thread(make):
    """I1, I7: as they were put, on one thread; receive() before the listeners."""
    sink = Sink()
    delivery = make(sink, limit=100)
    delivery.put([message(1), message(2)])
    delivery.put([message(3)])
    delivery.put([CLOSE])
    delivery.join(5)
    assert [x if isinstance(x, tuple) else x.type for x in sink.told] == [
        ("received", 1),
        "message",
        ("received", 2),
        "message",
        ("received", 3),
        "message",
        ("ended", 1000),
        "close",
    ]
    assert [thread.name for thread in sink.threads] == ["voxsync-events-test"]
    assert all(thread.daemon for thread in sink.threads)
    assert delivery.waiting == 0


def test_what_needs_no_thread_does_without(make):
    """Nobody is woken, and nothing waits, for what the sink takes at once."""
    sink = Sink()
    sink.takes = True
    delivery = make(sink)
    delivery.put([message(1)])
    assert not delivery.alive
    assert (sink.taken[0].data, sink.told, delivery.waiting) == (1, [], 0)


def test_nothing_overtakes_what_the_thread_has(make):
    """I7: while it still hands over, all goes by it."""
    sink = Sink()
    sink.gate.clear()
    delivery = make(sink)
    delivery.put([message(1)])
    assert sink.entered.wait(5)
    sink.takes = True
    delivery.put([message(2)])
    assert sink.taken == []
    sink.gate.set()
    delivery.put([CLOSE])
    delivery.join(5)
    assert [x for x in sink.told if type(x) is tuple] == [
        ("received", 1),
        ("received", 2),
        ("ended", 1000),
    ]


def test_a_dispatcher_gets_every_event(make):
    """Who listens there may come before it is asked for them."""
    sink, dispatcher = Sink(), QueueDispatcher()
    sink.takes = True
    delivery = make(sink, dispatcher=dispatcher)
    delivery.put([message(1)])
    assert dispatcher.wait(5)
    assert sink.taken == []


def test_a_report_of_the_sink_follows_its_message(make):
    """I8: what receive() gave up is told as an `error` event."""
    sink = Sink()
    sink.report = ErrorEvent(None, OSError())
    report = sink.report
    delivery = make(sink)
    first = message(1)
    delivery.put([first, CLOSE])
    delivery.join(5)
    assert sink.told[1:3] == [first, report]


def test_the_inbox_is_exact(make):
    """I8: what waits, and the room that is left; 0 asks to be told of more."""
    sink = Sink()
    delivery = make(sink, limit=4)
    assert delivery.room() == 4
    sink.gate.clear()
    delivery.put([message(n) for n in range(3)])
    assert sink.entered.wait(5)
    assert (delivery.waiting, delivery.room()) == (3, 1)
    delivery.put([message(3)])
    assert delivery.room() == 0
    assert not delivery.resumed.acquire(blocking=False)
    sink.gate.set()
    assert delivery.resumed.acquire(timeout=5)
    assert delivery.room() > 0
    delivery.put([CLOSE])
    delivery.join(5)
    assert not delivery.resumed.acquire(blocking=False)  # told once


def test_control_events_may_exceed_the_bound(make):
    """An end cannot wait for room; there is no negative one."""
    sink = Sink()
    sink.gate.clear()
    delivery = make(sink, limit=1)
    delivery.put([message(1)])
    delivery.put([OpenEvent(None), OpenEvent(None)])
    assert (delivery.waiting, delivery.room()) == (3, 0)


def test_nobody_is_resumed_who_did_not_starve(make):
    """Making room is no news then."""
    sink = Sink()
    delivery = make(sink, limit=4)
    delivery.put([message(n) for n in range(4)])
    delivery.put([CLOSE])
    delivery.join(5)
    assert not delivery.resumed.acquire(blocking=False)


def test_start_without_events(make):
    """The thread runs `before` first: who attaches listeners there misses nothing."""
    sink, told = Sink(), []
    delivery = make(sink)
    delivery.start(lambda: (told.append(list(sink.told)), told.append(1)))
    delivery.put([CLOSE])
    delivery.join(5)
    assert told == [[], 1]
    assert sink.told == [("ended", 1000), CLOSE]


def test_start_without_before(make):
    """To watch an opening."""
    sink = Sink()
    delivery = make(sink)
    delivery.start()
    assert delivery.alive


def test_the_opening_is_watched_until_it_is_over(make):
    """Again and again while there are no events; then never more."""
    answers, over = iter([True, True, False]), threading.Event()

    def watch():
        answer = next(answers)  # StopIteration would break the thread
        if not answer:
            over.set()
        return answer

    sink = Sink()
    delivery = make(sink, watch=watch)
    delivery.start()
    assert over.wait(5)
    delivery.put([CLOSE])
    delivery.join(5)
    assert list(answers) == []


def test_who_runs_the_listeners(make):
    """The events thread does, and knows itself; others do not."""
    sink, seen = Sink(), []
    delivery = make(sink, dispatcher=InlineDispatcher())
    assert not delivery.is_events_thread()
    sink._emit = lambda event: seen.append(
        (delivery.is_events_thread(), delivery.runs_here())
    )
    delivery.put([CLOSE])
    delivery.join(5)
    assert seen == [(True, True)]
    assert not delivery.runs_here()


def test_a_dispatcher_carries_the_events(make):
    """I6: its thread runs the listeners, so it must not wait for them."""
    sink, dispatcher = Sink(), QueueDispatcher()
    delivery = make(sink, dispatcher=dispatcher)
    delivery.put([message(1), CLOSE])
    delivery.join(5)
    assert sink.told == [("received", 1), ("ended", 1000)]
    assert not delivery.runs_here()
    with contextlib.closing(dispatcher):
        assert dispatcher.run_pending() == 2
    assert [event.type for event in sink.told[2:]] == ["message", "close"]
    assert sink.threads == {threading.current_thread()}
    assert delivery.runs_here()
