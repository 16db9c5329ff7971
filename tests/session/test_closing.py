"""What a connection waits for on its way to the end, and what each end is called."""

import pytest

from voxsync.errors import ProtocolError, SetupError
from voxsync.session.closing import Closing
from voxsync.session.options import SessionOptions
from voxsync.wire import Close, Fault

TIMES = {
    "close_timeout": 5.0,
    "finish_timeout": 30.0,
    "linger_timeout": 2.0,
    "eof_timeout": 1.0,
}


@pytest.fixture
def closing():
    return Closing(SessionOptions(**TIMES))


def test_at_first_nothing_is_waited_for(closing):
    """Bytes and pauses change nothing."""
    closing.heard(1.0)
    closing.pause()
    closing.resume(2.0)
    assert closing.due is None
    assert closing.eof_at is None
    assert closing.asked is None


def test_a_close_has_a_limit(closing):
    """From when it was asked for; its words go out."""
    closing.ask(4001, "bye", 10.0)
    assert closing.asked == (4001, "bye")
    assert closing.due == 15.0
    ended = closing.overdue(15.0, None)
    assert (ended.code, ended.was_clean, ended.by_us) == (1006, False, False)
    assert ended.reason == "the closing handshake took more than 5 s"
    assert isinstance(ended.cause, TimeoutError)


def test_each_byte_gives_the_last_word_more_time(closing):
    """It is silence that has a limit."""
    closing.finish(0.0)
    assert closing.due == 30.0
    closing.heard(20.0)
    assert closing.due == 50.0
    ended = closing.overdue(50.0, None)
    assert ended.reason == "the service was silent for 30 s after finish"


def test_silence_of_our_own_making_is_none(closing):
    """While we do not read, nothing is due; then the time begins anew."""
    closing.finish(0.0)
    closing.pause()
    assert closing.due is None
    closing.resume(100.0)
    assert closing.due == 130.0


def test_the_last_word_may_take_for_ever():
    """If the application wants it so."""
    closing = Closing(SessionOptions(finish_timeout=None))
    closing.finish(0.0)
    closing.heard(1.0)
    assert closing.due is None


def test_after_its_last_word_the_service_may_close_itself(closing):
    """If it does not, that is no failure: we do. Asked once."""
    closing.finish(0.0)
    closing.finished(3.0)
    assert closing.due == 5.0
    assert closing.overdue(5.0, None) is None
    assert closing.due is None


@pytest.mark.parametrize("received", [None, Close(1000, "")])
def test_the_end_of_tcp_has_a_limit(closing, received):
    """It takes the place of the last word; after a handshake the end is clean."""
    closing.finish(0.0)
    closing.wait_for_eof(4.0)
    assert closing.eof_at == closing.due == 5.0
    ended = closing.overdue(5.0, received)
    assert ended.was_clean is (received is not None)
    if received is None:
        assert ended.reason == "the peer did not close"


def test_the_end_of_tcp_comes_before_the_limit_of_the_handshake(closing):
    """Which has been done by then, however late."""
    closing.ask(1000, "", 0.0)
    closing.wait_for_eof(4.5)
    assert closing.due == 5.0
    assert closing.overdue(6.0, Close(1000, "")).was_clean


@pytest.mark.parametrize(
    ("asked", "received", "reason", "by_us"),
    [
        (None, Close(1001, "leaving"), "leaving", False),
        ((1000, "done"), Close(1000, "own words"), "own words", True),
        ((1000, "done"), Close(1000, ""), "done", True),
        ((1000, "done"), Close(1001, ""), "", True),
    ],
)
def test_whose_words_they_are(closing, asked, received, reason, by_us):
    """The peer's own; or ours, if it repeats no more than our code."""
    if asked is not None:
        closing.ask(*asked, 0.0)
    ended = closing.ended(ConnectionResetError("reset"), received)
    assert ended.code == received.code
    assert ended.was_clean
    assert (ended.reason, ended.by_us) == (reason, by_us)
    assert ended.cause is None


def test_what_went_wrong_before_is_the_cause(closing):
    """Though we closed because of it, and the end is clean."""
    closing.cause = SetupError("refused")
    closing.ask(1000, "", 0.0)
    ended = closing.ended(ConnectionResetError("reset"), Close(1000, ""))
    assert ended.was_clean
    assert not ended.by_us
    assert ended.cause is closing.cause
    assert closing.ended(OSError("reset"), None).cause is closing.cause


def test_a_broken_rule_has_a_code(closing):
    """Its own, not 1006."""
    closing.broke_rules(Fault(1007, "no UTF-8"))
    ended = closing.ended(ConnectionResetError("reset"), None)
    assert (ended.code, ended.reason) == (1007, "no UTF-8")
    assert isinstance(ended.cause, ProtocolError)


def test_a_cause_without_words_is_named(closing):
    """Rather than nothing at all."""
    assert closing.broken(OSError()).reason == "OSError"
    assert closing.ended(OSError("reset"), None).reason == "reset"
