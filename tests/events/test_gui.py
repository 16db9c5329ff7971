"""What all GUI dispatchers do, with a toolkit that does nothing by itself."""

import gc
import logging
import subprocess
import sys
import threading
import weakref

import pytest

from voxsync.events import CloseEvent, MessageEvent, gui
from voxsync.events.gui import BREATH, POLL, GuiDispatcher


class Fake(GuiDispatcher):
    """A dispatcher whose GUI thread is that of the test."""

    def __init__(self, maxsize=1024):
        super().__init__(maxsize)
        self.stopped = 0
        self.others = False  # whether somebody else holds the toolkit's object
        self.dropped = self.kept = False

    def _stop_timer(self):
        self.stopped += 1

    def _may_drop(self, others):
        assert self not in others
        return not self.others

    def _drop(self):
        self.dropped = True

    def _keep(self):
        self.kept = True


class Owner:
    """Stands for a session: what the function that delivers belongs to."""

    def __init__(self):
        self.seen = []

    def deliver(self, event):
        self.seen.append(event.data)


def event(n=0):
    return MessageEvent(None, n)


@pytest.fixture(autouse=True)
def time_passes(monkeypatch):
    """Time stands still but for `time_passes(seconds)`."""
    now = [1000.0]
    monkeypatch.setattr(gui, "_all", [])

    class Time:
        @staticmethod
        def monotonic():
            return now[0]

    def pass_(seconds):
        now[0] += seconds

    monkeypatch.setattr(gui, "time", Time)
    return pass_


def test_in_order_and_only_when_the_timer_says():
    """Nothing happens on the caller's thread; then all, and the next look is soon."""
    dispatcher, owner = Fake(), Owner()
    for n in range(3):
        dispatcher.dispatch(owner.deliver, event(n))
    assert owner.seen == []
    assert dispatcher.pending == 3
    assert dispatcher._run() == POLL
    assert owner.seen == [0, 1, 2]
    assert dispatcher.pending == 0


def test_a_full_queue_is_looked_at_again_soon():
    """Those who wait for room have more."""
    dispatcher, owner = Fake(maxsize=2), Owner()
    for n in range(2):
        dispatcher.dispatch(owner.deliver, event(n))
    assert dispatcher._run() == BREATH


def test_the_gui_is_let_do_something_else(time_passes):
    """Slow listeners get their time in slices."""
    dispatcher, seen = Fake(), []

    def slow(event):
        time_passes(0.006)
        seen.append(event.data)

    for n in range(5):
        dispatcher.dispatch(slow, event(n))
    assert [(dispatcher._run(), len(seen)) for _ in range(3)] == [
        (BREATH, 2),
        (BREATH, 4),
        (POLL, 5),
    ]


def test_what_raises_is_logged(caplog):
    """It is no listener's: sessions see to those. The next event is delivered."""
    dispatcher, owner = Fake(), Owner()
    dispatcher.dispatch(lambda e: 1 / 0, event())
    dispatcher.dispatch(owner.deliver, event(1))
    dispatcher._run()
    assert owner.seen == [1]
    assert "could not be delivered" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_ctrl_c_gets_through():
    """What is not an error ends the loop; the rest waits for the next."""
    dispatcher, owner = Fake(), Owner()

    def interrupt(event):
        raise KeyboardInterrupt

    dispatcher.dispatch(interrupt, event())
    dispatcher.dispatch(owner.deliver, event(1))
    with pytest.raises(KeyboardInterrupt):
        dispatcher._run()
    dispatcher._run()
    assert owner.seen == [1]


class Goes:
    """A session, in the state of this number."""

    def __init__(self, ready_state):
        self.ready_state = ready_state


def levels(caplog):
    return [record.levelname for record in caplog.records]


def test_a_session_that_outlives_the_window_is_told_of_once(caplog, time_passes):
    """As soon as the program had time to close it; once for each dispatcher."""
    caplog.set_level(logging.INFO)
    for _ in range(2):
        caplog.clear()
        dispatcher, owner = Fake(), Owner()
        dispatcher.close()
        lasting = MessageEvent(Goes(1), "a")
        dispatcher.dispatch(owner.deliver, lasting)
        assert levels(caplog) == []
        time_passes(1.1)
        for _ in range(3):
            dispatcher.dispatch(owner.deliver, lasting)
        assert levels(caplog) == ["WARNING"]
        assert "close the session when the window goes" in caplog.text
        assert "`refused`" in caplog.text
        assert dispatcher.refused == 4


def test_a_session_that_ends_with_the_window_is_no_warning(caplog, time_passes):
    """Neither its `close`, nor what still came, nor what is no session's."""
    caplog.set_level(logging.INFO)
    dispatcher, owner = Fake(), Owner()
    dispatcher.close()
    time_passes(1.1)
    dispatcher.dispatch(owner.deliver, MessageEvent(Goes(2), "a"))
    dispatcher.dispatch(owner.deliver, event())
    assert levels(caplog) == []
    dispatcher.dispatch(owner.deliver, CloseEvent(Goes(3), 1000, "", True))
    assert levels(caplog) == ["INFO"]
    assert "refused: 3 events" in caplog.text


def test_the_end_of_the_process_is_no_warning(caplog, time_passes):
    """Sessions end with it."""
    dispatcher, owner = Fake(), Owner()
    gui._close_all()
    time_passes(1.1)
    dispatcher.dispatch(owner.deliver, MessageEvent(Goes(1), "a"))
    assert dispatcher.refused == 1
    assert levels(caplog) == []


def test_close_here(caplog):
    """What waits is counted and never delivered; who waited for room goes on."""
    caplog.set_level(logging.INFO)
    dispatcher, owner = Fake(maxsize=1), Owner()
    dispatcher.dispatch(owner.deliver, event())
    thread = threading.Thread(target=dispatcher.dispatch, args=(owner.deliver, event()))
    thread.start()
    dispatcher.close()
    thread.join(5)
    assert not thread.is_alive()
    dispatcher.close()
    dispatcher.dispatch(owner.deliver, event())
    assert (dispatcher.pending, dispatcher.refused) == (0, 3)
    assert dispatcher.stopped
    assert owner.seen == []
    assert "1 events will not be delivered" in caplog.text
    assert repr(dispatcher) == "<Fake 0 of 1 pending, closed>"


def test_close_elsewhere():
    """The GUI thread sees to it with its next look."""
    dispatcher, owner = Fake(), Owner()
    dispatcher.dispatch(owner.deliver, event())
    thread = threading.Thread(target=dispatcher.close)
    thread.start()
    thread.join(5)
    assert not dispatcher.stopped
    assert dispatcher.refused == 0
    dispatcher._run()
    assert dispatcher.stopped == dispatcher.refused == 1
    assert owner.seen == []


def test_close_in_a_listener():
    """It is the last that is called."""
    dispatcher, owner = Fake(), Owner()

    def last(event):
        owner.deliver(event)
        dispatcher.close()

    for n in range(3):
        dispatcher.dispatch(last, event(n))
    dispatcher._run()
    assert owner.seen == [0]
    assert dispatcher.refused == 2


def test_who_dispatched_is_told_of_what_is_refused():
    """What waited, and what comes later; each once."""
    refused = []

    class Deliver:
        def __call__(self, event):
            raise AssertionError

        def refused(self, event):
            assert dispatcher._changed.acquire(blocking=False)  # no lock is held
            dispatcher._changed.release()
            refused.append(event.data)

    dispatcher = Fake()
    dispatcher.dispatch(Deliver(), event(1))
    dispatcher.close()
    dispatcher.close()
    dispatcher.dispatch(Deliver(), event(2))
    assert refused == [1, 2]


def test_here():
    """The GUI thread is the one that made it."""
    dispatcher, found = Fake(), []
    thread = threading.Thread(target=lambda: found.append(dispatcher.runs_here()))
    thread.start()
    thread.join(5)
    assert found == [False]
    assert dispatcher.runs_here()


@pytest.mark.parametrize("how", ["delivered", "refused", "waiting"])
def test_owners_are_let_go_of_on_the_gui_thread(how, time_passes):
    """Not before the threads of a session have had the time to do so."""
    dispatcher, owner = Fake(), Owner()
    gone = []
    weakref.finalize(owner, lambda: gone.append(threading.get_ident()))
    if how == "refused":
        dispatcher.close()
    dispatcher.dispatch(owner.deliver, event())
    if how == "waiting":
        dispatcher.close()
    else:
        dispatcher._run()
    del owner
    time_passes(gui.HOLD - 0.5)
    other = Fake()
    other._run()
    gc.collect()
    assert gone == []
    time_passes(1.5)
    other._run()
    assert gone == [threading.get_ident()]


def test_dispatchers_are_held_until_closed_and_alone(time_passes):
    """Who made one need not keep it; it goes when nobody has the toolkit's object."""
    found = weakref.ref(dispatcher := Fake())
    del dispatcher
    gc.collect()
    assert found() is not None
    found().others = True
    found().close()
    Fake()
    assert found() is not None
    found().others = False
    Fake()
    assert found() is None


def test_other_threads_dispatchers_are_theirs():
    """One GUI thread lets go of nothing of another one's."""
    made = []
    thread = threading.Thread(target=lambda: made.append(Fake()))
    thread.start()
    thread.join(5)
    made[0].close()
    Fake()
    assert made[0] in gui._all
    assert not made[0].dropped


def test_the_end_of_the_program():
    """All are closed; what belongs to another thread is not freed by this one."""
    here, there = Fake(), []
    thread = threading.Thread(target=lambda: there.append(Fake()))
    thread.start()
    thread.join(5)
    gui._close_all()
    assert here._closed
    assert there[0]._closed
    assert (here.kept, there[0].kept) == (False, True)


def test_a_toolkit_must_say_how_to_stop():
    """The base alone is no dispatcher."""
    with pytest.raises(NotImplementedError):
        GuiDispatcher(1).close()


def test_the_bound_must_make_sense():
    """A queue of nothing is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        Fake(0)
    assert gui._all == []


def test_no_toolkit_is_imported():
    """Not by looking at the dispatchers, only by making one."""
    code = (
        "import sys, voxsync; voxsync.TkDispatcher, voxsync.QtDispatcher;"
        "print([n for n in sys.modules if n in ('tkinter', 'PySide6', 'PyQt6')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
