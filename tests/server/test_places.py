"""Who is in: bounds, who has to go, and what is counted."""

import socket
import threading

import pytest

from voxsync.server import ListenerStats
from voxsync.server.places import Place, Places


@pytest.fixture
def arrive():
    """Makes places of connected sockets; the peer's end is `place.peer`."""
    made = []

    class Arrived(Place):
        """With room for the peer's end."""

    def make(host="a"):
        ours, theirs = socket.socketpair()
        theirs.settimeout(5)
        place = Arrived(ours, (host, len(made)))
        place.peer = theirs
        made.append(place)
        return place

    yield make
    for place in made:
        place.sock.close()
        place.peer.close()


def test_pending_ones_take_no_place(arrive):
    """Half-open ones do not count against max_connections; each open one does."""
    places = Places(1, None, 10)
    idle, first, second = arrive(), arrive(), arrive()
    for place in (idle, first, second):
        assert places.enter(place) is None
    assert len(places) == 3
    assert places.take(first) is None
    assert places.take(second) == "refused_full"
    places.leave(first)
    assert places.take(second) is None
    assert len(places) == 2


def test_places_by_address(arrive):
    """max_per_address is for each address."""
    places = Places(10, 1, 10)
    first, second, other = arrive("a"), arrive("a"), arrive("b")
    for place in (first, second, other):
        places.enter(place)
    assert places.take(first) is None
    assert places.take(second) == "refused_address"
    assert places.take(other) is None


def test_the_oldest_has_to_go(arrive):
    """One more than max_handshakes ends the one that came first."""
    places = Places(10, None, 2)
    first, second, third = arrive(), arrive(), arrive()
    places.enter(first)
    places.enter(second)
    assert places.enter(third) is first
    assert first.peer.recv(1) == b""
    assert first.outcome == "dropped_half_open"
    for call in (places.take, lambda place: places.secure(place, place.sock)):
        with pytest.raises(ConnectionAbortedError):
            call(first)
    assert places.take(second) is None
    assert places.stats == ListenerStats(dropped_half_open=1, pending=2)


def test_an_address_drives_out_its_own(arrive):
    """Who opens many ends the oldest of his, not somebody who came before."""
    places = Places(10, None, 3)
    good = arrive("good")
    places.enter(good)
    bad = [arrive("bad") for _ in range(10)]
    gone = [places.enter(place) for place in bad]
    assert gone == [None, None, *bad[:8]]
    assert places.take(good) is None


def test_open_ones_are_never_driven_out(arrive):
    """Only who waits for an answer can be."""
    places = Places(10, None, 1)
    first, second, third = arrive(), arrive(), arrive()
    places.enter(first)
    places.take(first)
    assert places.enter(second) is None
    assert places.enter(third) is second


def test_a_refused_one_gives_its_place_back(arrive):
    """It is pending again, so it may drive out, and be driven out; counted once."""
    places = Places(1, None, 1)
    first, second, third = arrive(), arrive(), arrive()
    places.enter(first)
    places.take(first)
    places.enter(second)
    places.settle(first, "refused_check")
    assert places.give_back(first) is second
    assert places.give_back(first) is None  # it has none any more
    assert places.enter(third) is first
    assert places.take(third) is None
    assert places.stats == ListenerStats(
        refused_check=1, dropped_half_open=1, pending=1
    )


def test_the_first_outcome_counts(arrive):
    """What comes behind changes nothing."""
    places = Places(1, None, 1)
    place = arrive()
    places.enter(place)
    assert places.stats == ListenerStats(pending=1)
    places.settle(place, "accepted")
    places.settle(place, "failed_handshakes")
    assert places.stats == ListenerStats(accepted=1)


def test_leaving_twice_and_unknown(arrive):
    """Is no error, and nothing is counted below zero."""
    places = Places(1, 1, 1)
    place = arrive()
    places.leave(place)
    places.enter(place)
    places.take(place)
    places.leave(place)
    places.leave(place)
    assert len(places) == 0
    assert not places._open_by_host
    assert not places._pending_by_host


def test_a_socket_that_is_gone_can_be_dropped(arrive):
    """Its thread ends by itself; the newcomer is taken in."""
    places = Places(1, None, 1)
    first, second = arrive(), arrive()
    places.enter(first)
    first.sock.close()
    assert places.enter(second) is first


def test_close_ends_the_hearing(arrive):
    """Not of sessions; also of who comes or turns to TLS only then."""
    places = Places(10, None, 10)
    pending, judged, served, late = (arrive() for _ in range(4))
    for place in (pending, judged, served):
        places.enter(place)
    session = object()
    places.take(judged)
    places.take(served)
    assert places.serve(served, session) is False
    assert places.sessions == {session}
    thread = served.thread = threading.Thread()
    places.close()
    assert places.threads == [thread]
    places.enter(late)
    for place in (pending, judged, late):
        assert place.sock.recv(1) == b""
        place.sock.sendall(b"x")  # but it can be spoken to
    served.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        served.sock.recv(1)
    assert places.serve(judged, object()) is True
    tls, plain = arrive().sock, late.sock
    places.secure(late, tls)
    assert tls.recv(1) == b""
    late.sock = plain


@pytest.mark.parametrize("limits", [(0, None, 1), (1, 0, 1), (1, None, 0)])
def test_limits_that_let_nobody_in(limits):
    """ValueError."""
    with pytest.raises(ValueError, match="must be at least 1"):
        Places(*limits)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (("2", None, 1), "max_connections"),
        ((None, None, 1), "max_connections"),
        ((1, True, 1), "max_per_address"),
        ((1, None, 2.0), "max_handshakes"),
    ],
)
def test_limits_that_are_no_numbers(limits, name):
    """TypeError that names it; only that of an address may be None."""
    with pytest.raises(TypeError, match=f"{name} must be an int"):
        Places(*limits)
