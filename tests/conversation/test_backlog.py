"""Messages that nobody receives hold up nobody."""

import pytest

from tests.conversation.model import SOON, Seen
from voxsync.conversation.backlog import make_room


@pytest.fixture
def session(make):
    return make(receive_queue=4)


def receive_one(far, session):
    """From here on the session waits for whoever receives."""
    far.tell(n=-1)
    assert next(session.receive(SOON)).n == -1


def test_after_a_turn_by_receive_the_messages_still_come(far, session):
    """A program that received one, and then leaves it to its listeners."""
    receive_one(far, session)
    seen = Seen(session, "message")
    session.add_event_listener("message", lambda event: make_room(session))
    for n in range(20):
        far.tell(n=n)
    assert [event.data.n for event in seen.comes(20)] == list(range(20))
    assert session.stats.receive_dropped == 20 - 3  # one place is kept free
    assert [next(session.receive(SOON)).n for _ in range(3)] == [17, 18, 19]


def test_a_session_that_waits_already_goes_on(far, session):
    """The messages came before whoever makes room."""
    receive_one(far, session)
    seen = Seen(session, "message")
    for n in range(20):
        far.tell(n=n)
    seen.comes(4)
    session.add_event_listener("message", lambda event: make_room(session))
    make_room(session)
    assert [event.data.n for event in seen.comes(20)] == list(range(20))


def test_who_receives_loses_nothing(far, session):
    """There is a consumer: he is waited for."""
    messages = session.receive(SOON)
    seen = Seen(session, "message")
    far.tell(n=0)
    assert next(messages).n == 0
    session.add_event_listener("message", lambda event: make_room(session))
    for n in range(1, 20):
        far.tell(n=n)
    seen.comes(5)
    make_room(session)
    assert [next(messages).n for _ in range(19)] == list(range(1, 20))
    assert session.stats.receive_dropped == 0


def test_before_the_first_receive_the_session_makes_room_itself(far, session):
    """And one in its place is one too many."""
    seen = Seen(session, "message")
    session.add_event_listener("message", lambda event: make_room(session))
    for n in range(20):
        far.tell(n=n)
    seen.comes(20)
    assert [next(session.receive(SOON)).n for _ in range(4)] == [16, 17, 18, 19]
