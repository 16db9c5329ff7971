"""What an end amounts to, and what is said to whoever comes too late."""

from types import SimpleNamespace

import pytest

from voxsync.dialects.plain import PlainDialect
from voxsync.errors import ConnectError, OpenTimeout, SessionClosed, SetupError
from voxsync.events import CloseEvent
from voxsync.session.lifecycle import Ended
from voxsync.session.verdict import cleaned, closed_error, failed, judge

CUT = OSError("wire cut")


def engine(opened_at=1.0):
    return SimpleNamespace(opened_at=opened_at, dialect=PlainDialect("ws://test/"))


def ended(code=1000, reason="", *, was_clean=True, by_us=False):
    return Ended(code=code, reason=reason, was_clean=was_clean, by_us=by_us)


def judged(end, *, opened_at=1.0, cause=None, unsent=0, cancelled=False):
    return judge(engine(opened_at), end, cause, unsent, cancelled=cancelled)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("", ""),
        ("idle", "idle"),
        ("no key s3cr3t-k3y here", "no key *** here"),
        ("h4ndl3-1 is unknown", "*** is unknown"),
        ("t0ken-of-mine is bad", "*** is bad"),
        ("at wss://test/v1?key=s3cr", "at wss://test/v1?key=***"),  # cut off
    ],
)
def test_no_reason_repeats_a_secret(reason, shown):
    """Not of the request, and no other either."""
    request = ("ws://test/?key=s3cr3t-k3y", [("Authorization", "Bearer t0ken-of-mine")])
    end = cleaned(ended(4000, reason), request, ["h4ndl3-1", ""])
    assert end == ended(4000, shown)


def test_a_good_end_is_no_error():
    """As the dialect sees it."""
    assert judged(ended()) is None


def test_a_bad_end_has_its_cause_and_what_was_lost():
    """The dialect's error, with what the session knows."""
    error = judged(ended(1006, was_clean=False), cause=CUT, unsent=3)
    assert isinstance(error, SessionClosed)
    assert (error.unsent, error.__cause__) == (3, CUT)


def test_a_cancelled_session_says_so():
    """Even if the dialect has nothing to complain of."""
    error = judged(ended(1006, was_clean=False, by_us=True), cancelled=True)
    assert isinstance(error, SessionClosed)
    assert error.reason == "cancelled"


@pytest.mark.parametrize(("code", "reason"), [(1007, "no such field"), (1005, "")])
def test_a_close_before_open_is_the_services_refusal(code, reason):
    """With its code and its words."""
    error = judged(ended(code, reason), opened_at=None)
    assert type(error) is SetupError
    assert (error.code, error.reason) == (code, reason)
    assert (reason or str(code)) in str(error)


def test_a_broken_opening_is_a_connect_error():
    """The service has said nothing."""
    error = judged(ended(1006, was_clean=False), opened_at=None, cause=CUT)
    assert type(error) is ConnectError
    assert "1006" in str(error)
    assert error.__cause__ is CUT


def test_what_opening_failed_by_is_told_as_it_is():
    """A timeout stays one."""
    late = OpenTimeout("late")
    assert judged(ended(1006, was_clean=False), opened_at=None, cause=late) is late


def test_what_broke_a_connection():
    """Our own errors speak; those of the inside do not."""
    assert failed(ConnectError("no route")).reason == "no route"
    end = failed(KeyError("planted"))
    assert (end.code, end.reason, end.was_clean) == (1006, "internal error", False)


def test_errors_for_who_comes_too_late():
    """What is known of the end is in the words and the attributes."""
    assert "is closing" in str(closed_error(None))
    cause = SessionClosed("because")
    event = CloseEvent(
        None, code=4000, reason="bye", was_clean=False, unsent=2, error=cause
    )
    error = closed_error(event)
    assert str(error) == "the session is over (code 4000, bye)"
    assert (error.code, error.reason, error.unsent) == (4000, "bye", 2)
    assert error.__cause__ is cause


def test_an_end_without_a_reason():
    """Then there is only the code."""
    event = CloseEvent(None, code=1005, reason="", was_clean=True)
    assert str(closed_error(event)) == "the session is over (code 1005)"
