"""Waits see Ctrl-C and their own time."""

import threading

import pytest

from voxsync.session.waiting import (
    WAIT_SLICE,
    check_patience,
    check_timeout,
    sliced,
    wait_for,
)


@pytest.mark.parametrize(
    ("left", "slice_"),
    [(None, WAIT_SLICE), (100, WAIT_SLICE), (0.1, 0.1), (0, 0), (-5, 0)],
)
def test_slices(left, slice_):
    """Never longer than the slice, never longer than what is left."""
    assert sliced(left) == slice_


def test_an_event_that_is_set():
    """At once, with a limit or without."""
    event = threading.Event()
    event.set()
    assert wait_for(event, None)
    assert wait_for(event, 0)


def test_an_event_that_is_not_set():
    """False when the time is over, also when that takes several slices."""
    assert not wait_for(threading.Event(), 0)
    assert not wait_for(threading.Event(), 0.01)
    assert not wait_for(threading.Event(), WAIT_SLICE + 0.01)


def test_an_event_that_is_set_later():
    """Also behind the first slice."""

    class Late(threading.Event):
        waits = 0

        def wait(self, timeout=None):
            self.waits += 1
            assert timeout <= WAIT_SLICE
            if self.waits == 3:
                self.set()
            return super().wait(0)

    assert wait_for(Late(), None)
    assert wait_for(Late(), 100)


@pytest.mark.parametrize("timeout", [None, 0, 0.5, 7, float("inf")])
def test_timeouts(timeout):
    """None, or seconds."""
    check_timeout(timeout)
    check_patience(True, timeout)
    check_patience(False, timeout)


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        ("x", TypeError),
        (True, TypeError),
        ({"hndl": 1}, TypeError),
        (-1, ValueError),
        (-float("inf"), ValueError),
        (float("nan"), ValueError),
    ],
)
def test_what_is_no_timeout(timeout, error):
    """All that no wait could go by."""
    with pytest.raises(error, match="timeout must be"):
        check_timeout(timeout)
    with pytest.raises(error, match="timeout must be"):
        check_patience(True, timeout)


@pytest.mark.parametrize("block", [3, 0, None, "yes"])
def test_what_says_nothing_of_blocking(block):
    """Only a bool does."""
    with pytest.raises(TypeError, match="block must be a bool"):
        check_patience(block, None)
