"""In a sample's process: does what the test asks for, in the window's own main loop.

    python -m tests.gui.child samples/tk_app.py

Each line of the standard input is JSON: Python to be evaluated with `app`, the window;
with "until", again and again until it is true. Each line of the output
answers one. The last one tells which threads the program has left at its end.
"""

import json
import queue
import runpy
import sys
import threading
import time
import tkinter as tk
import traceback

LOOK = 20
"""Milliseconds between two looks."""


class Remote:
    """What the test asks for, and what becomes of it. Thread: the window's."""

    def __init__(self, names):
        self._names = names
        self._asked = queue.SimpleQueue()
        self._task = None
        self._evaluating = False
        threading.Thread(target=self._read, daemon=True, name="remote").start()

    def _read(self):
        for line in sys.stdin:
            self._asked.put(json.loads(line))

    def look(self):
        """Go on with the task, or begin the next; to be called every `LOOK` ms."""
        if self._evaluating:
            return  # a task that runs the main loop: `app.update()`
        if self._task is None:
            if self._asked.empty():
                return
            self._task = self._asked.get()
            self._task["end"] = time.monotonic() + self._task.get("seconds", 0)
        task = self._task
        self._evaluating = True
        try:
            value = eval(task["code"], self._names)
        except BaseException:
            self._answer(error=traceback.format_exc())
            return
        finally:
            self._evaluating = False
        if value or not task.get("until"):
            self._answer(value=value)
        elif time.monotonic() >= task["end"]:
            self._answer(error=f"never true: {task['code']}")

    def _answer(self, **what):
        self._task = None
        say(what)


def say(what):
    print(json.dumps(what, default=repr), flush=True)


def leftovers():
    """Threads that have not ended with the window."""
    known = {"MainThread", "remote"}
    return [t.name for t in threading.enumerate() if t.name not in known]


def run_tk(path):
    """Run the program as a person would, but for a window that does what we ask for."""
    mainloop = tk.Tk.mainloop

    def driven(root, *arguments):
        remote = Remote({"app": root})

        def look():
            root.after(LOOK, look)  # first: looking may end it all
            remote.look()

        look()
        mainloop(root, *arguments)

    tk.Tk.mainloop = driven
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    run_tk(sys.argv[1])
    say({"threads": leftovers()})
