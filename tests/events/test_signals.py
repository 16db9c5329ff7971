"""Signals keep order, isolate receivers and refuse what cannot be called."""

import gc
import threading

import pytest

from voxsync.events import EventSignal, EventType, OpenEvent, Signals


def collect(signal, order, count=50):
    receivers = []
    for i in range(count):

        def receiver(sender, event, i=i):
            order.append(i)

        receivers.append(receiver)
        signal.connect(receiver)
    return receivers


def test_receivers_are_called_in_the_order_of_connection():
    """I7: order of registration, also after a disconnect in the middle."""
    signal, order = EventSignal(), []
    receivers = collect(signal, order)
    signal.disconnect(receivers[10])
    assert signal.emit(None, OpenEvent(None)) == []
    assert order == [i for i in range(50) if i != 10]


def test_a_raising_receiver_stops_no_other():
    """I9: the failure is reported and the next receiver is called."""
    signal, order = EventSignal(), []

    def bad(sender, event):
        raise SystemExit(3)

    signal.connect(bad)
    keep = collect(signal, order, 1)
    failed = signal.emit(None, OpenEvent(None))
    assert order == [0]
    assert failed[0][0] is bad
    assert isinstance(failed[0][1], SystemExit)
    assert keep


def test_receivers_are_held_weakly_unless_told_otherwise():
    """Blinker's documented default stays for direct connections."""
    signal, order = EventSignal(), []
    collect(signal, order, 1)
    gc.collect()
    assert signal.emit(None, OpenEvent(None)) == []
    assert order == []


def test_muted_signals_call_nobody():
    """`muted()` works as in blinker."""
    signal, order = EventSignal(), []
    keep = collect(signal, order, 1)
    with signal.muted():
        assert signal.emit(None, OpenEvent(None)) == []
    assert order == []
    assert keep


@pytest.mark.parametrize("what", [None, 3, "text"])
def test_what_cannot_be_called_is_refused_at_once(what):
    """Not when the event comes, when nobody knows who connected it."""
    with pytest.raises(TypeError, match="callable"):
        EventSignal().connect(what)


def test_coroutine_functions_are_refused():
    """Nobody here would await them."""

    async def receiver(sender, event): ...

    class Receiver:
        async def __call__(self, sender, event): ...

    for each in (receiver, Receiver()):
        with pytest.raises(TypeError, match="coroutine"):
            EventSignal().connect(each)


def test_racing_connects_disconnects_and_emits():
    """Any thread may connect and disconnect while another emits."""
    signal, errors = EventSignal(), []
    start = threading.Barrier(5)

    def churn():
        start.wait(10)
        try:
            for _ in range(2000):

                def receiver(sender, event): ...

                signal.connect(receiver, weak=False)
                signal.disconnect(receiver)
        except Exception as exc:
            errors.append(exc)

    def send():
        start.wait(10)
        try:
            for _ in range(4000):
                assert signal.emit(None, OpenEvent(None)) == []
        except Exception as exc:
            errors.append(exc)

    threads = [threading.Thread(target=churn) for _ in range(3)]
    threads += [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []


def test_one_signal_for_each_event():
    """Attribute names are the event names with `_`."""
    signals = Signals()
    assert signals[EventType.MEDIA_STARTED] is signals.media_started
    assert all(isinstance(signals[kind], EventSignal) for kind in EventType)
    assert "media_ended" in dir(signals)
    with pytest.raises(AttributeError, match="no signal 'mesage'; there are: created"):
        _ = signals.mesage
    with pytest.raises(AttributeError, match=r"read-only: .*message\.connect\(yours"):
        signals.message = EventSignal()
    with pytest.raises(AttributeError, match="mesage"):
        signals.mesage = EventSignal()
    keep = collect(signals.media_ended, [], 1)
    assert repr(signals) == "<Signals with receivers for: media_ended>"
    assert repr(Signals()) == "<Signals with receivers for: nothing>"
    assert keep


def test_sender_filters_of_blinker_still_work():
    """A receiver connected for one sender is called for that sender."""
    signal, seen = EventSignal(), []

    class Sender: ...

    def receiver(sender, event):
        seen.append(sender)

    def other(sender, event): ...

    a, b = Sender(), Sender()
    signal.connect(receiver, sender=a)
    signal.connect(other)
    signal.emit(a, OpenEvent(a))
    signal.emit(b, OpenEvent(b))
    assert seen == [a]
