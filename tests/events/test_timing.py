"""Listeners' time: total, highest, and whose that was."""

import functools
import threading
import weakref

import pytest

from voxsync.events import EventSignal, EventTarget, MessageEvent
from voxsync.events.timing import Timing, name_of

SECRET = "s3cr3t"


class Window:
    """What a listener may be a method of."""

    def __init__(self, secret=SECRET):
        self.secret = secret

    def __repr__(self):
        return f"<Window {self.secret}>"

    def on_message(self, event):
        pass

    @classmethod
    def of_class(cls, event):
        pass

    def __call__(self, event):
        pass


def wrapped(fn):
    @functools.wraps(fn)
    def around(*args):
        return fn(*args)

    return around


HERE = "tests.events.test_timing"


@pytest.mark.parametrize(
    ("listener", "name"),
    [
        (Window().on_message, f"{HERE}.Window.on_message"),
        (Window.of_class, f"{HERE}.Window.of_class"),
        (Window(), f"{HERE}.Window"),
        (wrapped, f"{HERE}.wrapped"),
        (wrapped(name_of), "voxsync.events.timing.name_of"),
        (functools.partial(Window().on_message, SECRET), f"{HERE}.Window.on_message"),
        (functools.partial(functools.partial(print, SECRET)), "builtins.print"),
        (functools.partial(Window(), SECRET), f"{HERE}.Window"),
        (lambda event: None, f"{HERE}.<lambda>"),
        ([].append, "list.append"),
    ],
)
def test_names(listener, name):
    """Module and qualified name, whatever it is; never an argument or a `repr`."""
    assert name_of(listener) == name


def test_nobody_was_called():
    """No time, no name."""
    assert Timing().so_far() == (0.0, 0.0, None)


class Target(EventTarget):
    """Something that tells of messages."""

    def tell(self):
        self._emit(MessageEvent(self, "x"))

    @property
    def took(self):
        return self._timing.so_far()


def slow(event):
    threading.Event().wait(0.02)


def test_the_slowest_of_all_ways_to_listen():
    """Handler, listener and receiver all count; the longest call has its name."""
    target = Target()
    target.on_message = lambda event: None
    target.add_event_listener("message", slow)
    target.tell()
    total, highest, slowest = target.took
    assert total >= highest >= 0.02
    assert slowest == f"{HERE}.slow"
    target.signals.message.connect(very_slow)  # weakly: asked for anew each time
    target.tell()
    total, highest, slowest = target.took
    assert total >= 0.08
    assert highest >= 0.04
    assert slowest == f"{HERE}.very_slow"
    target.on_message = functools.partial(Window.on_message, SECRET)
    before = target.took
    target.tell()
    assert target.took[0] > before[0]
    assert target.took[2] == f"{HERE}.very_slow"


def very_slow(sender, event):
    threading.Event().wait(0.04)


def test_one_that_raises_counts():
    """Its time is that of any other."""
    target = Target()

    def bad(event):
        slow(event)
        raise ValueError(SECRET)

    target.add_event_listener("message", bad)
    target.tell()
    assert target.took[1] >= 0.02
    assert target.took[2] == f"{HERE}.test_one_that_raises_counts.<locals>.bad"


@pytest.mark.parametrize("how", ["handler", "listener", "weak receiver"])
def test_one_that_hangs_is_seen(how):
    """What has not returned yet is named, and its time goes on."""
    target, entered, gate = Target(), threading.Event(), threading.Event()

    def hang(*_, **__):
        entered.set()
        assert gate.wait(5)

    if how == "handler":
        target.on_message = hang
    elif how == "listener":
        target.add_event_listener("message", hang)
    else:
        target.signals.message.connect(hang)
    thread = threading.Thread(target=target.tell)
    thread.start()
    try:
        assert entered.wait(5)
        one, other = target.took, target.took
        assert 0 < one[0] < other[0]
        assert one[1] < other[1]
        assert other[2].endswith("test_one_that_hangs_is_seen.<locals>.hang")
    finally:
        gate.set()
        thread.join(5)
    assert target._timing.running is None
    assert target.took == target.took


def test_a_signal_alone_needs_none():
    """`emit` can do without."""
    signal, heard = EventSignal(), []
    signal.connect(lambda sender, event: heard.append(event.data), weak=False)
    assert signal.emit(None, MessageEvent(None, "x")) == []
    assert heard == ["x"]


def test_nothing_is_kept_alive():
    """The slowest listener's name stays, the listener need not."""
    target, gone = Target(), threading.Event()
    window = Window()
    fn = functools.partial(window.on_message)
    weakref.finalize(window, gone.set)
    target.add_event_listener("message", fn)
    target.tell()
    target.remove_event_listener("message", fn)
    target.tell()
    del window, fn
    assert gone.is_set()
    assert target.took[2] == f"{HERE}.Window.on_message"
