"""The table of states is whole, and nothing else moves a session."""

import itertools

import pytest

from voxsync.session.lifecycle import ReadyState, Trigger, next_state


def test_values_are_the_doms():
    """Code carried over compares with numbers."""
    assert [int(s) for s in ReadyState] == [0, 1, 2, 3]


def test_every_state_but_closed_can_end():
    """A connection may be lost at any time."""
    for state in (ReadyState.CONNECTING, ReadyState.OPEN, ReadyState.CLOSING):
        assert next_state(state, Trigger.END) is ReadyState.CLOSED


def test_the_good_life():
    """CONNECTING, OPEN, CLOSING, CLOSED."""
    state = ReadyState.CONNECTING
    for trigger in (Trigger.READY, Trigger.CLOSE, Trigger.PEER_CLOSE, Trigger.END):
        state = next_state(state, trigger)
    assert state is ReadyState.CLOSED


def test_states_never_go_back():
    """Each transition leads to the same state or a later one."""
    for state, trigger in itertools.product(ReadyState, Trigger):
        try:
            assert next_state(state, trigger) >= state
        except RuntimeError:
            continue


@pytest.mark.parametrize("trigger", list(Trigger))
def test_nothing_happens_after_the_end(trigger):
    """An absent pair raises: it would be a bug of ours."""
    with pytest.raises(RuntimeError, match=f"{trigger.name} cannot happen in CLOSED"):
        next_state(ReadyState.CLOSED, trigger)
