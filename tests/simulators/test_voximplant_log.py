"""What happened, in order."""

import threading

import pytest

from voxsync.simulators import voximplant_log
from voxsync.simulators.voximplant_log import Entry, Log


def test_entries_are_kept_in_order():
    """With the time at which each was made; whoever wants is told."""
    now, told = [0.0], []
    log = Log(lambda: now[0], told.append)
    log.add("open", socket=1)
    now[0] = 2.5
    log.add("close", socket=1, code=1000)
    assert log.all() == told
    assert told == [
        Entry(0.0, "open", {"socket": 1}),
        Entry(2.5, "close", {"socket": 1, "code": 1000}),
    ]


def test_waiting_for_an_entry():
    """By name, number and fields; also for one that comes later."""
    log = Log(lambda: 0.0)
    log.add("message", text="a")
    log.add("message", text="b")
    log.add("message", text="b", socket=2)
    assert log.wait_for("message").fields["text"] == "a"
    assert log.wait_for("message", count=2).fields == {"text": "b"}
    assert log.wait_for("message", count=2, text="b").fields["socket"] == 2
    timer = threading.Timer(0.05, log.add, ("close",))
    timer.start()
    assert log.wait_for("close").name == "close"
    timer.join()


def test_what_does_not_happen():
    """The message tells what did."""
    log = Log(lambda: 0.0)
    with pytest.raises(TimeoutError, match="there were: none"):
        log.wait_for("open", timeout=0.01)
    log.add("created")
    with pytest.raises(TimeoutError, match=r"no 'open' number 1 .*: created"):
        log.wait_for("open", timeout=0.01)


def test_the_oldest_are_forgotten(monkeypatch):
    """A session may last for days."""
    monkeypatch.setattr(voximplant_log, "_MOST_ENTRIES", 3)
    log = Log(lambda: 0.0)
    for number in range(5):
        log.add("message", number=number)
    assert [entry.fields["number"] for entry in log.all()] == [2, 3, 4]
