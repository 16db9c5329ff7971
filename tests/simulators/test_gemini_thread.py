"""A conversation's thread."""

import threading

from voxsync.clocks import Clock
from voxsync.simulators.gemini_thread import ConversationThread


def test_events_and_calls_take_turns_in_order():
    """On one thread, whose name tells whose it is."""
    thread, seen, done = ConversationThread("7", Clock(), print), [], threading.Event()
    thread.dispatch(lambda event: seen.append((event, thread.runs_here())), "event")
    thread.call(lambda: seen.append(threading.current_thread().name))
    thread.call(done.set)
    thread.start()
    assert done.wait(10)
    assert thread.close(10)
    assert seen == [("event", True), "voxsync-gemini-7"]


def test_whoever_brings_too_many_events_waits():
    """Until there is room, or until the end."""
    thread = ConversationThread("1", Clock(), print)
    taken, full = [], threading.Event()

    def bring():
        for number in range(40):
            if number == 16:
                full.set()
            thread.dispatch(taken.append, number)

    bringer = threading.Thread(target=bring)
    bringer.start()
    assert full.wait(10)
    assert bringer.is_alive()
    assert taken == []
    thread.start()
    bringer.join(10)
    assert thread.close(10)
    assert taken == list(range(40))


def test_the_end_lets_go():
    """Events that find no room are dropped."""
    thread, taken = ConversationThread("1", Clock(), print), []
    for number in range(16):
        thread.dispatch(taken.append, number)
    thread.close(0)
    thread.dispatch(taken.append, 16)
    thread.start()
    assert thread.close(10)
    assert taken == list(range(16))
