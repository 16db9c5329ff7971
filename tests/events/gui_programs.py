"""What the tests of the GUI dispatchers run, each in a process of its own.

`python -m tests.events.gui_child tk in_order`: prints `done` and nothing else.
"""

import gc
import logging
import sys
import threading
import time
from importlib import import_module

from tests.events.guis import gui as make_gui
from voxsync import PlainSession, SessionClosed, SessionOptions
from voxsync.events import MessageEvent
from voxsync.events import gui as base
from voxsync.server import Listener

LIMIT = 30  # seconds until a program is given up


class Service:
    """Sends numbers to who connects: so many, as fast as that.

    Args:
        count: How many messages; then it waits.
        rate: Per second; None = as fast as they are taken.
        stamped: Behind each number stands when it was sent, in seconds of the
            monotonic clock.
    """

    def __init__(self, count, rate=None, *, stamped=False):
        self._count, self._rate, self._stamped = count, rate, stamped
        self.sent = 0
        self._over = threading.Event()
        self._listener = Listener()
        self._listener.connection.connect(self._connected, weak=False)

    def _connected(self, listener, session):
        threading.Thread(target=self._talk, args=[session], daemon=True).start()

    def _talk(self, session):
        begin = time.monotonic()
        try:
            for number in range(self._count):
                if self._rate is not None:
                    due = begin + number / self._rate
                    self._over.wait(max(0.0, due - time.monotonic()))
                stamp = f" {time.monotonic()}" if self._stamped else ""
                session.send_text(f"{number}{stamp}")
                self.sent += 1
        except SessionClosed:
            pass  # the program had enough

    def __enter__(self):
        self.url = self._listener.__enter__().url
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._listener.__exit__(*exc)


def connect(service, dispatcher, *, close_timeout=5.0, **listeners):
    options = SessionOptions(dispatcher=dispatcher, close_timeout=close_timeout)
    session = PlainSession(service.url, options=options)
    for kind, fn in listeners.items():
        session.add_event_listener(kind, fn)
    return session.connect(wait=False)


def no_thread_left():
    """Wait until all threads of sessions have ended."""
    end = time.monotonic() + 10
    gate = threading.Event()
    while left := [t for t in threading.enumerate() if t.name.startswith("voxsync-")]:
        assert time.monotonic() < end, left
        gate.wait(0.01)


def until(gate, condition):
    """Wait, on this thread, until something holds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        gate.wait(0.005)


# For all toolkits


def in_order(gui, count="3150", rate="0"):
    """All events come to the GUI thread, in order; timers go on meanwhile."""
    seen, ticks, here = [], [], threading.get_ident()

    def message(event):
        assert threading.get_ident() == here
        assert dispatcher.runs_here()
        gui.show(event.text)
        seen.append(int(event.text))
        if len(seen) == int(count):
            gui.quit()

    def tick():
        ticks.append(time.monotonic())
        gui.after(20, tick)

    dispatcher = gui.dispatcher()
    with Service(int(count), float(rate) or None) as service:
        session = connect(service, dispatcher, message=message)
        gui.after(0, tick)
        gui.loop()
        session.close()
    assert seen == list(range(int(count)))
    assert dispatcher.refused == 0
    assert len(ticks) > 2
    no_thread_left()


def two_sessions(gui):
    """One dispatcher serves several sessions; each keeps its order."""
    seen = {}

    def message(event):
        seen.setdefault(event.target.id, []).append(int(event.text))
        if sum(map(len, seen.values())) == 600:
            gui.quit()

    with Service(300) as service:
        dispatcher = gui.dispatcher(maxsize=16)
        sessions = [connect(service, dispatcher, message=message) for _ in range(2)]
        gui.loop()
        for session in sessions:
            session.close()
    assert list(seen.values()) == [list(range(300))] * 2


def frozen(gui):
    """A frozen GUI is bounded and loses nothing: the service has to wait."""
    count, seen, gate = 4000, [], threading.Event()

    def message(event):
        seen.append(int(event.text))
        if len(seen) == 1:
            until(gate, lambda: dispatcher.pending == 8)
            until(gate, lambda: session.stats.inbox >= 200)
            assert dispatcher.pending == 8
            assert "8 of 8 pending" in repr(dispatcher)
        if len(seen) == count:
            gui.quit()

    with Service(count) as service:
        dispatcher = gui.dispatcher(maxsize=8)
        session = connect(service, dispatcher, message=message)
        gui.loop()
        session.close()
    assert seen == list(range(count))
    assert dispatcher.refused == 0


def a_listener_raises(gui):
    """The others are called, the error is told, and events go on."""
    logging.disable()
    seen, errors = [], []

    def bad(event):
        raise LookupError(event.text)

    def good(event):
        seen.append(event.text)
        if len(seen) == 3:
            gui.after(0, gui.quit)

    with Service(3) as service:
        session = connect(service, gui.dispatcher(), message=bad, error=errors.append)
        session.add_event_listener("message", good)
        gui.loop()
        session.close()
    assert seen == ["0", "1", "2"]
    assert [str(e.error) for e in errors] == ["0", "1", "2"] or len(errors) == 3


def a_delivery_raises(gui):
    """What is not a listener's fault is logged, and events go on."""
    records = []
    logger = logging.getLogger("voxsync.events")
    logger.addHandler(handler := logging.Handler())
    logger.propagate = False
    handler.emit = records.append
    dispatcher = gui.dispatcher()
    dispatcher.dispatch(lambda e: 1 / 0, MessageEvent(None, "a"))
    dispatcher.dispatch(lambda e: gui.quit(), MessageEvent(None, "b"))
    gui.loop()
    assert [r.exc_info[0] for r in records] == [ZeroDivisionError]


def dialog_in_a_listener(gui):
    """While it is open events wait, in order; the GUI goes on."""
    seen, ticks, after = [], [], []

    def first(event):
        seen.append(("first", event.text))
        if event.text == "2":
            gui.after(50, lambda: ticks.append(len(seen)))
            gui.after(100, lambda: ticks.append(dispatcher.pending))
            gui.modal(200)
            after.append(len(seen))

    def second(event):
        seen.append(("second", event.text))
        if event.text == "49":
            gui.quit()

    with Service(50) as service:
        dispatcher = gui.dispatcher()
        session = connect(service, dispatcher, message=first)
        session.add_event_listener("message", second)
        gui.loop()
        session.close()
    assert seen == [(who, str(n)) for n in range(50) for who in ("first", "second")]
    assert after == [5]
    assert ticks[0] == 5
    assert ticks[1] > 0


def dialog_of_the_program(gui):
    """A dialog that no listener opened holds up nothing."""
    seen, behind = [], []

    def open_it():
        begin = len(seen)
        gui.modal(300)
        behind.append(len(seen) - begin)

    def message(event):
        seen.append(int(event.text))
        if len(seen) == 100:
            gui.quit()

    with Service(100, rate=100) as service:
        session = connect(service, gui.dispatcher(), message=message)
        gui.after(100, open_it)
        gui.loop()
        session.close()
    assert seen == list(range(100))
    assert behind[0] > 5


def close_in_a_dialog(gui):
    """The window is destroyed while a listener's dialog is open."""
    seen = []

    def message(event):
        seen.append(event.text)
        if len(seen) == 1:
            gui.after(100, gui.destroy)
            try:
                gui.modal(5000)
            except Exception as exc:  # Tk's dialog misses its window
                assert type(exc).__name__ == "TclError"

    with Service(500) as service:
        dispatcher = gui.dispatcher()
        session = connect(service, dispatcher, message=message)
        gui.loop()
        session.close()
    assert seen == ["0"]
    assert dispatcher.refused > 1
    no_thread_left()


def hidden(gui):
    """A window that cannot be seen gets its events."""
    seen = []

    def message(event):
        seen.append(int(event.text))
        if len(seen) == 20:
            gui.quit()

    gui.hide()
    with Service(20) as service:
        session = connect(service, gui.dispatcher(), message=message)
        gui.loop()
        session.close()
    assert seen == list(range(20))


def destroy_in_a_listener(gui):
    """Nothing is delivered after that; what waited is counted; nothing hangs."""
    seen = []

    def message(event):
        seen.append(event.text)
        if len(seen) == 5:
            gui.destroy()
            if hasattr(gui, "root"):
                assert dispatcher.pending == 0

    with Service(2000) as service:
        dispatcher = gui.dispatcher(maxsize=8)
        session = connect(service, dispatcher, message=message)
        gui.loop()
        session.close()
        assert session.is_closed
    assert len(seen) >= 5
    assert len(seen) == 5 or not hasattr(gui, "root")  # Qt destroys it later
    assert dispatcher.pending == 0
    assert dispatcher.refused > 0
    assert "closed" in repr(dispatcher)
    no_thread_left()


def quit_and_again(gui):
    """Between two main loops events wait; the second one goes on with them."""
    seen, gate = [], threading.Event()

    def message(event):
        seen.append(int(event.text))
        if len(seen) in (10, 300):
            gui.quit()

    with Service(300) as service:
        dispatcher = gui.dispatcher(maxsize=16)
        session = connect(service, dispatcher, message=message)
        gui.loop()
        assert 10 <= len(seen) < 300
        until(gate, lambda: dispatcher.pending == 16)
        gui.loop()
        session.close()
    assert seen == list(range(300))
    assert dispatcher.refused == 0


def close_session_here(gui):
    """`session.close()` on the GUI thread does not wait for what only it could run."""
    seen, took = [], []

    def close():
        begin = time.monotonic()
        session.close()
        took.append(time.monotonic() - begin)
        assert session.is_closed

    def message(event):
        seen.append(int(event.text))
        if len(seen) == 3:
            close()

    def ended(event):
        seen.append("close")
        gui.quit()

    with Service(200) as service:
        session = connect(
            service, gui.dispatcher(maxsize=4), message=message, close=ended
        )
        gui.loop()
    assert seen[-1] == "close"
    assert seen[:-1] == list(range(len(seen) - 1))
    assert took[0] < 3
    no_thread_left()


def close_frozen_session_here(gui):
    """Neither when queue and inbox are full: at most the time a closing may take."""
    seen, took, gate = [], [], threading.Event()

    def message(event):
        seen.append(int(event.text))
        if len(seen) == 1:
            until(gate, lambda: session.stats.inbox >= 200)
            begin = time.monotonic()
            session.close()
            took.append(time.monotonic() - begin)

    def ended(event):
        gui.quit()

    with Service(10_000) as service:
        session = connect(
            service,
            gui.dispatcher(maxsize=4),
            close_timeout=0.5,
            message=message,
            close=ended,
        )
        gui.loop()
    assert seen == list(range(len(seen)))
    assert took[0] < 4
    no_thread_left()


def close_from_another_thread(gui):
    """Events threads are released; what waits is let go of on the GUI thread."""
    gone = []

    class Listener:
        def __call__(self, event):
            raise AssertionError

        def __del__(self):
            gone.append(threading.get_ident())

    base.HOLD = 0.1
    dispatcher = gui.dispatcher(maxsize=2)
    for _ in range(2):
        dispatcher.dispatch(Listener(), MessageEvent(None, "a"))

    def blocked():
        dispatcher.dispatch(Listener(), MessageEvent(None, "b"))

    threads = [threading.Thread(target=blocked) for _ in range(2)]
    for thread in threads:
        thread.start()
    closer = threading.Thread(target=dispatcher.close)
    closer.start()
    for thread in [*threads, closer]:
        thread.join(10)
        assert not thread.is_alive()
    assert gone == []
    gui.after(200, gui.quit)
    gui.loop()
    assert dispatcher.refused == 4
    assert dispatcher.pending == 0
    dispatcher.close()
    base._sweep(threading.get_ident())
    assert gone == [threading.get_ident()] * 4


def end_without_closing(gui, how="quit"):
    """The program just ends, in the middle of it all."""
    service = Service(100_000)
    service.__enter__()
    seen = []

    def leave():
        print("done")
        sys.exit()

    def message(event):
        seen.append(event.text)
        gui.show(event.text)
        if len(seen) == 20:
            gui.after(0, leave if how == "exit" else getattr(gui, how))

    connect(service, gui.dispatcher(maxsize=16), message=message)
    gui.loop()


def last_reference(gui):
    """Threads of ours are the last that hold a session; the window is gone."""
    logging.disable()  # that it is not closed is told, if this takes long
    tk = hasattr(gui, "root")

    class App:
        def __init__(self, session):
            self.heard = 0
            self.gui = gui
            # These are things that call Tk when they are freed.
            self.text = gui.tkinter.StringVar(gui.root) if tk else None
            self.image = gui.tkinter.PhotoImage(master=gui.root) if tk else None
            session.add_event_listener("message", self.message)
            session.add_event_listener("close", self.message)

        def message(self, event):
            self.heard += 1
            if self.heard == 20:
                self.gui.destroy()

    def live(service):
        session = connect(service, gui.dispatcher())
        App(session)

    with Service(10_000, rate=500) as service:
        live(service)
        gui.loop()
        gui = None
        gate = threading.Event()
        for _ in range(20):
            gc.collect()
            gate.wait(0.01)
    # The service has gone, so the session ends: by its own threads.
    no_thread_left()
    worker = threading.Thread(target=gc.collect)
    worker.start()
    worker.join()


PROGRAMS = {
    fn.__name__: fn
    for fn in (
        in_order,
        two_sessions,
        frozen,
        a_listener_raises,
        a_delivery_raises,
        dialog_in_a_listener,
        dialog_of_the_program,
        close_in_a_dialog,
        hidden,
        destroy_in_a_listener,
        quit_and_again,
        close_session_here,
        close_frozen_session_here,
        close_from_another_thread,
        end_without_closing,
        last_reference,
    )
}


def main(name, program, *arguments):
    if program in PROGRAMS:
        PROGRAMS[program](make_gui(name), *arguments)
    else:
        module = "tk" if name == "tk" else "qt"
        own = import_module(f"tests.events.{module}_programs")
        getattr(own, program)(name, *arguments)
    print("done")
