"""What the tests of `TkDispatcher` run besides `gui_programs`, each in its process."""

import gc
import sys
import threading
import tkinter as tk

from voxsync import InvalidState, MissingExtra, TkDispatcher
from voxsync.events import MessageEvent
from voxsync.events import gui as base


def refused(kind, start, fn):
    """The exception that `fn()` raises, at once."""
    try:
        fn()
    except kind as exc:
        assert str(exc).startswith(start), exc
        return
    raise AssertionError("it was taken")


def wrong_roots(_):
    """What cannot work is refused where it stands, and named."""
    refused(TypeError, "root must be a Tk widget, not str", lambda: TkDispatcher("."))
    root = tk.Tk()
    refused(ValueError, "maxsize", lambda: TkDispatcher(root, maxsize=0))
    frame = tk.Frame(root)
    frame.destroy()
    refused(InvalidState, "<tkinter.Frame", lambda: TkDispatcher(frame))
    root.destroy()
    refused(InvalidState, "<tkinter.Tk", lambda: TkDispatcher(root))


def another_thread(_):
    """A root made in another thread, and a dispatcher made in another than the root."""
    root = tk.Tk()
    found = []

    def make():
        try:
            TkDispatcher(root)
        except InvalidState as exc:
            found.append(str(exc))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(10)
    assert "made in another thread" in found[0]
    assert root.bindtags()[0] == "."  # nothing was changed


def gui_thread(_):
    """All of Tk may live in a thread that is not the main one."""
    seen = []

    def gui():
        root = tk.Tk()
        dispatcher = TkDispatcher(root)
        ready.append(dispatcher)
        made.set()
        root.mainloop()

    def message(event):
        seen.append((event.data, threading.get_ident() == thread.ident))
        if event.data == 9:
            ready[0]._root.destroy()

    ready, made = [], threading.Event()
    thread = threading.Thread(target=gui)
    thread.start()
    assert made.wait(10)
    assert not ready[0].runs_here()
    for number in range(10):
        ready[0].dispatch(message, MessageEvent(None, number))
    thread.join(10)
    assert not thread.is_alive()
    assert seen == [(number, True) for number in range(10)]


def no_tkinter(_):
    """A Python without Tk: the package to install is named."""
    sys.modules["tkinter"] = None
    refused(MissingExtra, "TkDispatcher needs tkinter", lambda: TkDispatcher(None))


def several_windows(_):
    """Each dispatcher ends with its own window, and with no other."""
    first, second = tk.Tk(), tk.Tk()
    top = tk.Toplevel(first)
    tk.Label(first).pack()
    found = {name: [] for name in ("first", "second", "top")}
    dispatchers = {
        "first": TkDispatcher(first),
        "second": TkDispatcher(second),
        "top": TkDispatcher(top),
    }

    def send(number):
        for name, dispatcher in dispatchers.items():
            dispatcher.dispatch(
                lambda e, name=name: found[name].append(e.data),
                MessageEvent(None, number),
            )

    def step(number):
        send(number)
        second.after(100, next_steps[number])

    next_steps = [
        lambda: (top.destroy(), step(1)),
        lambda: (first.destroy(), step(2)),
        second.destroy,
    ]
    second.after(0, step, 0)
    second.mainloop()
    assert found == {"first": [0, 1], "second": [0, 1, 2], "top": [0]}
    assert [d.refused for d in dispatchers.values()] == [1, 0, 2]


def the_programs_own_bindings(_):
    """Neither do those of the program end ours, nor ours those of the program."""
    root = tk.Tk()
    tk.Label(root).pack()
    dispatcher = TkDispatcher(root)
    destroyed = []
    root.bind("<Destroy>", lambda e: destroyed.append(str(e.widget)))
    for child in root.winfo_children():
        child.destroy()
    assert "closed" not in repr(dispatcher)
    root.destroy()
    assert "closed" in repr(dispatcher)
    assert destroyed[-1] == "."


def closed_and_made_again(_):
    """`close()` leaves nothing in Tk; another dispatcher may follow on the window."""
    root = tk.Tk()

    def traces():
        mentioned = [root.tk.eval(f"info commands {what}") for what in ("*_d*", "*_p*")]
        return root.bindtags(), root.tk.eval("after info"), mentioned

    before = traces()
    dispatcher = TkDispatcher(root)
    assert traces() != before
    dispatcher.close()
    dispatcher.close()
    assert traces() == before
    seen = []
    other = TkDispatcher(root)
    other.dispatch(lambda e: (seen.append(e.data), root.quit()), MessageEvent(None, 1))
    root.mainloop()
    assert seen == [1]


def many_roots(_):
    """Interpreters of windows long closed are freed, on their own thread."""
    base.HOLD = 0.0
    for _round in range(12):
        root = tk.Tk()
        TkDispatcher(tk.Toplevel(root))
        dispatcher = TkDispatcher(root)
        dispatcher.dispatch(lambda e, root=root: root.destroy(), MessageEvent(None, 1))
        root.mainloop()
        del root, dispatcher
        gc.collect()
    assert len(base._all) <= 3  # those of the last window, and one of the last but one


def closed_at_once(_):
    """What Tk put off is not missed when the window has gone before."""
    for _round in range(3):
        root = tk.Tk()
        TkDispatcher(root)
        root.after(0, root.destroy)
        root.mainloop()
    root = tk.Tk()
    root.after(100, root.destroy)
    root.mainloop()


def not_freed_by_another_thread(_):
    """An interpreter that is garbage is not freed by the thread that collects it."""

    def live():
        root = tk.Tk()
        root.itself = root
        TkDispatcher(root)
        root.destroy()

    gc.disable()
    live()
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join(10)
