"""Events on the GUI thread: are all there, in order, and does the window stay quick?

For Tk and Qt, each in processes of its own, on a private X server or offscreen; the
service is in this process. Printed for each toolkit:

    rate     50 events a second for `--seconds`, each changes a widget: how many came,
             whether in order, the most that they were late (from the service's send),
             and the most that a 100 ms timer of the window was late; the same timer in
             the same window before, without a session; and one in another process
             at the same time, which tells how the machine was
    idle     CPU that the window takes without events, with a dispatcher and without
    closes   `--windows` windows are closed, each at a random moment of a session that
             gets 500 events a second, before it is open too, in three ways: the session
             is closed by the window's handler, waiting or not, or after the main loop;
             how long it took at most until its threads were gone

Exit code 1 if anything was lost, reordered, left, hung or printed to stderr, or if the
timer was more than 50 ms late.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.events.gui_programs import Service, connect, no_thread_left  # noqa: E402
from tests.events.guis import gui as make_gui  # noqa: E402
from tests.events.screen import Screen  # noqa: E402

PER_CHILD = 10  # windows, one after another


class Ticker:
    """A 100 ms timer of the window, and the most seconds that it was late."""

    def __init__(self, gui):
        self.gui, self.late, self.count, self.on = gui, 0.0, 0, True
        self._next()

    def _next(self):
        self._due = time.monotonic() + 0.1
        self.gui.after(100, self._tick)

    def _tick(self):
        if self.on:
            self.late = max(self.late, time.monotonic() - self._due)
            self.count += 1
            self._next()


def child_rate(name, url, seconds):
    """50 events a second; then the same window says how it is without them."""
    gui, seen, late = make_gui(name), [], [0.0]
    here = threading.get_ident()

    def idle():
        before = time.process_time()
        gui.after(3000, gui.quit)
        gui.loop()
        return (time.process_time() - before) / 3

    gui.after(500, gui.quit)  # to be on the screen
    gui.loop()
    found = {"idle_without": idle()}
    ticker = Ticker(gui)
    gui.after(10_000, gui.quit)
    gui.loop()
    ticker.on = False
    found["timer_alone_ms"] = ticker.late * 1000
    gui.after(200, gui.quit)
    gui.loop()
    dispatcher = gui.dispatcher()
    found["idle_with"] = idle()

    count = int(seconds * 50)

    def message(event):
        assert threading.get_ident() == here
        number, sent = event.text.split()
        late[0] = max(late[0], time.monotonic() - float(sent))
        seen.append(int(number))
        gui.show(event.text)
        if len(seen) == count:
            gui.quit()

    ticker = Ticker(gui)
    session = connect(
        argparse.Namespace(url=url),
        dispatcher,
        message=message,
        close=lambda _: gui.quit(),
    )
    gui.loop()
    session.close()
    no_thread_left()
    return found | {
        "count": len(seen),
        "in_order": seen == list(range(count)),
        "refused": dispatcher.refused,
        "event_late_ms": late[0] * 1000,
        "timer_late_ms": ticker.late * 1000,
        "ticks": ticker.count,
    }


class Window:
    """A window with a session, closed at a random moment."""

    def __init__(self, gui, url, dice):
        self.gui, self.seen = gui, []
        self.way = dice.choice(["wait", "now", "after"])
        self.dispatcher = gui.dispatcher()
        gui.after(dice.randrange(300), self._close)
        self.session = connect(
            argparse.Namespace(url=url), self.dispatcher, message=self._message
        )

    def _message(self, event):
        self.gui.show(event.text)
        self.seen.append(int(event.text.split()[0]))

    def _close(self):
        self.clicked = time.monotonic()
        if self.way != "after":
            self.session.close(wait=self.way == "wait")
        self.gui.destroy()


def child_closes(name, url, seed):
    """Windows of one program, one after another."""
    dice, gui = random.Random(int(seed)), make_gui(name)
    slowest, events, refused = 0.0, 0, 0
    for number in range(PER_CHILD):
        gui = gui.renewed() if number else gui
        window = Window(gui, url, dice)
        gui.loop()
        if window.way == "after":
            window.session.close()
        no_thread_left()
        slowest = max(slowest, time.monotonic() - window.clicked)
        assert window.seen == list(range(len(window.seen)))
        events += len(window.seen)
        refused += window.dispatcher.refused
    return {"slowest_s": slowest, "events": events, "refused": refused}


def run(environment, *arguments):
    """What a child found; it must end well and say nothing else."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", __file__, "--child", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )
    sys.stderr.write(done.stderr)
    good = done.returncode == 0 and done.stderr == ""
    return good, json.loads(done.stdout) if done.returncode == 0 else {}


class Stalls(threading.Thread):
    """A bare 100 ms timer in this process: how long the machine let it wait."""

    def __init__(self):
        super().__init__(daemon=True)
        self.late, self.over = 0.0, threading.Event()

    def run(self):  # noqa: D102 - that of a thread
        due = time.monotonic() + 0.1
        while not self.over.wait(0.1):
            self.late = max(self.late, time.monotonic() - due)
            due = time.monotonic() + 0.1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.join()


def judge_rate(name, environment, seconds):
    with (
        Stalls() as stalls,
        Service(round(seconds * 50), rate=50, stamped=True) as service,
    ):
        good, found = run(environment, "rate", name, service.url, str(seconds))
    if found:
        say(
            f"{name:8} rate    {found['count']} events, "
            f"{'in order' if found['in_order'] else 'NOT IN ORDER'}, "
            f"{found['refused']} refused, {found['event_late_ms']:.0f} ms late; "
            f"100 ms timer {found['timer_late_ms']:.1f} ms late at most in "
            f"{found['ticks']} ticks (before, alone: {found['timer_alone_ms']:.1f} ms; "
            f"in another process: {stalls.late * 1000:.1f} ms)"
        )
        say(
            f"{name:8} idle    {found['idle_with']:.2%} CPU with a dispatcher, "
            f"{found['idle_without']:.2%} without"
        )
    return (
        good
        and found["count"] == round(seconds * 50)
        and found["in_order"]
        and found["refused"] == 0
        and found["timer_late_ms"] <= 50
    )


def judge_closes(name, environment, windows):
    good, all_found = True, []
    for seed in range(-(-windows // PER_CHILD)):
        with Service(100_000, rate=500, stamped=True) as service:
            well, found = run(environment, "closes", name, service.url, str(seed))
        good = good and well
        all_found.append(found)
    if good:
        say(
            f"{name:8} closes  {len(all_found) * PER_CHILD} windows, no thread left, "
            f"stderr empty, slowest {max(f['slowest_s'] for f in all_found):.2f} s; "
            f"{sum(f['events'] for f in all_found)} events in order, "
            f"{sum(f['refused'] for f in all_found)} after the windows"
        )
    return good


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--gui", nargs="*", default=["tk", "PySide6", "PyQt6"])
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        what, name, url, number = args.child
        child = {"rate": child_rate, "closes": child_closes}[what]
        print(json.dumps(child(name, url, float(number))))
        return 0
    good = True
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        if "tk" in args.gui:
            environment = stack.enter_context(Screen()).environment
        for name in args.gui:
            good = judge_rate(name, environment, args.seconds) and good
            good = judge_closes(name, environment, args.windows) and good
    print("all well" if good else "NOT WELL")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
