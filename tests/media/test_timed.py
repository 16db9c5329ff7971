"""Calls that may hang."""

import threading

import pytest

from tests.media.toys import SOON
from voxsync.media.timed import TimedCall


@pytest.fixture
def turn():
    return threading.Lock()


def test_result(turn):
    """It returns what the work does, and raises what it raises."""
    assert TimedCall("x", turn, lambda: 5).result(SOON) == 5
    with pytest.raises(ZeroDivisionError):
        TimedCall("x", turn, lambda: 1 // 0).result(SOON)
    assert not turn.locked()


def test_a_thread_with_a_name(turn):
    """Who looks at a hanging program sees what hangs."""
    name = TimedCall("x", turn, lambda: threading.current_thread().name)
    assert name.result(SOON) == "voxsync-portaudio-x"


def test_late(turn):
    """Who is given up comes to its end, and what it made is undone at once."""
    gate, undone = threading.Event(), threading.Event()
    made = []

    def undo(result):
        assert turn.locked()
        made.append(result)
        undone.set()

    call = TimedCall("x", turn, lambda: gate.wait(SOON), undo)
    with pytest.raises(TimeoutError):
        call.result(0.01)
    assert made == []
    gate.set()
    assert undone.wait(SOON)
    assert made == [True]


def test_never_begun(turn):
    """Who was given up before its turn does nothing; without undo, it does."""
    begun = []
    after = threading.Event()
    with turn:
        undone = TimedCall("x", turn, lambda: begun.append(1), begun.append)
        kept = TimedCall("y", turn, after.set)
        for call in (undone, kept):
            with pytest.raises(TimeoutError):
                call.result(0.01)
    assert after.wait(SOON)
    # It had its turn before or has it after `kept`; in either case it is over soon.
    assert TimedCall("z", turn, lambda: 1).result(SOON) == 1
    assert begun == []


def test_late_failure(turn, caplog):
    """A failure that nobody waits for is logged."""
    gate = threading.Event()

    def work():
        gate.wait(SOON)
        raise OSError("too late")

    call = TimedCall("x", turn, work)
    with pytest.raises(TimeoutError):
        call.result(0.01)
    gate.set()
    assert TimedCall("y", turn, lambda: 1).result(SOON) == 1
    assert "too late" in caplog.text
