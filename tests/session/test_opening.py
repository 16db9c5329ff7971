"""An opening is ended once: by the I/O thread, or by whoever gives it up."""

import socket
import threading

import pytest

from voxsync.errors import ConnectError, OpenTimeout
from voxsync.session.opening import Opening


@pytest.fixture
def pair():
    """Two connected sockets."""
    a, b = socket.socketpair()
    yield a, b
    a.close()
    b.close()


def test_nothing_speaks_against_it():
    """Within its time, and wanted."""
    opening = Opening(5)
    assert opening.why_not(wanted=True) is None
    assert not opening.is_over
    assert opening.due == opening.started_at + 5


def test_the_application_does_not_want_it_any_more():
    """A ConnectError that is the application's own doing."""
    opening = Opening(5)
    why = opening.why_not(wanted=False)
    assert isinstance(why, ConnectError)
    assert not isinstance(why, OpenTimeout)
    assert opening.given_up_by_us


def test_it_takes_too_long():
    """By the option, or by the caller's own patience, which names its seconds."""
    late = Opening(0)
    assert isinstance(late.why_not(wanted=True), OpenTimeout)
    assert not late.given_up_by_us
    opening = Opening(5)
    opening.time_out(0.25)
    assert "0.25 s" in str(opening.why_not(wanted=True))


def test_the_io_thread_was_first():
    """Then nobody can give it up."""
    opening = Opening(5)
    assert opening.finish()
    assert opening.is_over
    assert not opening.abandon()
    assert opening.finish()


def test_giving_up_was_first(pair):
    """Once; it breaks the socket, and the I/O thread learns of it."""
    opening = Opening(5)
    opening.connected(pair[0])
    assert opening.abandon()
    assert not opening.abandon()
    assert pair[1].recv(1) == b""
    assert not opening.finish()
    assert opening.is_over


def test_a_socket_that_comes_after_giving_up(pair):
    """It is broken at once."""
    opening = Opening(5)
    assert opening.abandon()
    opening.connected(pair[0])
    assert pair[1].recv(1) == b""


def test_a_socket_that_is_gone(pair):
    """Nothing to break, nothing raised."""
    opening = Opening(5)
    opening.connected(pair[0])
    pair[0].close()
    assert opening.abandon()


def test_exactly_one_wins():
    """Whoever races, the end is claimed once."""
    for _ in range(200):
        opening, won = Opening(5), []
        start = threading.Barrier(3)

        def abandon(opening=opening, won=won, start=start):
            start.wait(5)
            won.append(opening.abandon())

        def finish(opening=opening, won=won, start=start):
            start.wait(5)
            won.append(opening.finish())

        threads = [threading.Thread(target=t) for t in (abandon, abandon, finish)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert won.count(True) == 1
