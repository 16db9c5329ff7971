"""Handles: what they stand for, and how long."""

import pytest

from voxsync.clocks import VirtualClock
from voxsync.simulators.gemini_brain import Said
from voxsync.simulators.gemini_resumption import Handles, Kept
from voxsync.simulators.gemini_schema import BadRequest


@pytest.fixture
def clock():
    return VirtualClock()


def test_a_handle_brings_everything_back(clock):
    """More than once."""
    handles = Handles(clock)
    handle = handles.keep(Kept("s", "m", (Said("user", "a"),), 7, 3))
    for _ in range(2):
        kept = handles.resume(handle, "m")
        assert (kept.session, kept.history, kept.tokens, kept.consumed) == (
            "s",
            (Said("user", "a"),),
            7,
            3,
        )


def refused(handles, handle, model="m"):
    with pytest.raises(BadRequest) as caught:
        handles.resume(handle, model)
    assert caught.value.code == 1007
    return caught.value.rule


def test_handles_expire(clock):
    """So long after the session's end, not after their making."""
    handles = Handles(clock, expiry=10)
    handle = handles.keep(Kept("s", "m"))
    other = handles.keep(Kept("t", "m"))
    clock.advance(9)
    handles.ended("s")
    clock.advance(9)
    assert handles.resume(handle, "m").session == "s"
    assert refused(handles, other) == "bad_handle"
    clock.advance(2)
    assert refused(handles, handle) == "bad_handle"
    assert refused(handles, "never seen") == "bad_handle"


def test_the_model_stays(clock):
    """Another one cannot take up a session."""
    handles = Handles(clock)
    assert refused(handles, handles.keep(Kept("s", "m")), "n") == "model_changed"


def test_handles_are_bounded(clock):
    """Eight of a session, a thousand of all; the oldest go."""
    handles = Handles(clock)
    mine = [handles.keep(Kept("s", "m")) for _ in range(9)]
    assert refused(handles, mine[0]) == "bad_handle"
    assert handles.resume(mine[1], "m")
    for number in range(1000):
        last = handles.keep(Kept(str(number), "m"))
    assert refused(handles, mine[8]) == "bad_handle"
    assert handles.resume(last, "m")


def test_handles_can_be_forgotten(clock):
    """All of them at once."""
    handles = Handles(clock)
    handle = handles.keep(Kept("s", "m"))
    handles.forget()
    assert refused(handles, handle) == "bad_handle"
