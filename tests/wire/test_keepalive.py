import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsync.wire import Keepalive, Verdict


def make(ping=None, pong=None, idle=None, write=None):
    return Keepalive(
        ping_interval=ping, ping_timeout=pong, idle_timeout=idle, write_timeout=write
    )


def started(**timeouts):
    keepalive = make(**timeouts)
    keepalive.start(100.0)
    return keepalive


def test_nothing_is_due_before_the_start():
    """Before `start` there is no deadline, and output does not count."""
    keepalive = make(ping=1, pong=1, idle=1, write=1)
    keepalive.pending(0.0)
    assert keepalive.deadline() is None
    assert keepalive.check(1e9) is None


def test_all_switched_off():
    """With every timeout None, nothing is ever due."""
    keepalive = started()
    keepalive.pending(100.0)
    assert keepalive.deadline() is None
    assert keepalive.check(1e9) is None


def test_ping_after_silence_then_no_pong():
    """Silence brings one ping, and more silence the verdict NO_PONG."""
    keepalive = started(ping=20, pong=10)
    assert keepalive.deadline() == 120.0
    assert keepalive.check(119.9) is None
    assert keepalive.check(120.5) is Verdict.PING
    assert keepalive.check(120.5) is None
    assert keepalive.deadline() == 130.5
    assert keepalive.check(130.5) is Verdict.NO_PONG


def test_any_byte_is_life():
    """What comes after a ping clears it, whatever it is."""
    keepalive = started(ping=20, pong=10)
    assert keepalive.check(120.0) is Verdict.PING
    keepalive.received(125.0)
    assert keepalive.check(130.0) is None
    assert keepalive.deadline() == 145.0


def test_pings_repeat_without_a_pong_timeout():
    """Without `ping_timeout`, pings go on in their interval and kill nobody."""
    keepalive = started(ping=20)
    for moment in (120.0, 140.0, 160.0):
        assert keepalive.deadline() == moment
        assert keepalive.check(moment) is Verdict.PING


def test_idle():
    """Silence for `idle_timeout` is IDLE, which goes before a ping."""
    keepalive = started(ping=5, pong=99, idle=30)
    assert keepalive.check(130.0) is Verdict.IDLE
    keepalive.received(130.0)
    assert keepalive.check(135.0) is Verdict.PING
    assert keepalive.deadline() == 160.0


def test_stall_runs_from_the_first_byte_that_waits():
    """The clock of a stall starts with output, runs on, and starts anew by progress."""
    keepalive = started(write=10)
    assert keepalive.deadline() is None
    keepalive.pending(101.0)
    keepalive.pending(105.0)
    assert keepalive.deadline() == 111.0
    keepalive.wrote(108.0, pending=True)
    assert keepalive.check(111.0) is None
    assert keepalive.check(118.0) is Verdict.STALLED
    keepalive.wrote(118.0, pending=False)
    assert keepalive.deadline() is None


def test_a_stall_goes_first():
    """Of several verdicts at once, the stall is named: it explains the others."""
    keepalive = started(ping=1, pong=1, idle=1, write=1)
    keepalive.pending(100.0)
    assert keepalive.check(200.0) is Verdict.STALLED


def test_pause_suspends_silence_but_not_stalls():
    """While we do not read, silence proves nothing; output may still stall."""
    keepalive = started(ping=20, pong=10, idle=30, write=40)
    keepalive.pause(110.0)
    assert keepalive.deadline() is None
    keepalive.pending(110.0)
    assert keepalive.deadline() == 150.0
    assert keepalive.check(150.0) is Verdict.STALLED


def test_resume_starts_the_clocks_anew():
    """After a pause the peer gets its whole time again, also for a pong it owes."""
    keepalive = started(ping=20, pong=10, idle=100)
    assert keepalive.check(120.0) is Verdict.PING
    keepalive.pause(121.0)
    keepalive.resume(500.0)
    assert keepalive.deadline() == 510.0
    assert keepalive.check(509.0) is None
    assert keepalive.check(510.0) is Verdict.NO_PONG


def test_resume_without_a_ping_outstanding():
    """After a pause the interval of silence begins at its end."""
    keepalive = started(ping=20, pong=10)
    keepalive.pause(101.0)
    keepalive.resume(200.0)
    assert keepalive.deadline() == 220.0


def test_resume_without_pause_changes_nothing():
    """A peer cannot be kept alive by resuming what was not paused."""
    keepalive = started(ping=20, pong=10)
    keepalive.resume(110.0)
    assert keepalive.deadline() == 120.0


TIMEOUT = st.none() | st.floats(0.1, 100)
STEP = st.tuples(
    st.sampled_from(
        ["received", "wrote", "more", "pending", "pause", "resume", "check"]
    ),
    st.floats(0, 30),
)


@pytest.mark.parametrize("early", [0.001, 1.0])
@given(
    timeouts=st.tuples(TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT),
    steps=st.lists(STEP, max_size=20),
)
def test_deadline_and_check_agree(early, timeouts, steps):
    """`check` says something at the deadline and nothing before it."""
    keepalive = make(*timeouts)
    now = 1000.0
    keepalive.start(now)
    for step, later in steps:
        now += later
        if step == "wrote":
            keepalive.wrote(now, pending=False)
        elif step == "more":
            keepalive.wrote(now, pending=True)
        else:
            getattr(keepalive, step)(now)
    deadline = keepalive.deadline()
    if deadline is None:
        assert keepalive.check(now + 1e9) is None
    else:
        assert keepalive.check(deadline - early) is None
        assert keepalive.check(deadline) is not None
