"""What is told of a connection's end, by its place among those of its session."""

import threading

import pytest

from voxsync.dialects.plain import PlainDialect
from voxsync.errors import ConnectError, SessionClosed
from voxsync.session.commands import FINISH
from voxsync.session.ending import Ending
from voxsync.session.engine import Engine
from voxsync.session.lifecycle import Ended
from voxsync.session.opening import Opening
from voxsync.session.options import SessionOptions
from voxsync.session.outbox import Outbox
from voxsync.session.succession import Succession
from voxsync.wire import Keepalive, Role, Wire

BROKEN = Ended(
    code=1006, reason="reset", was_clean=False, by_us=False, cause=OSError("reset")
)
CLEAN = Ended(code=1000, reason="", was_clean=True, by_us=True)


class Delivery:
    """Keeps what is put."""

    def __init__(self):
        self.events = []

    def put(self, events):
        self.events += events


class Owner:
    """What a connection needs of its session; what was told, in order."""

    def __init__(self):
        self._outbox = Outbox(100, lambda: SessionClosed("over"))
        self._delivery = Delivery()
        self.endings = 0

    def _secrets(self):
        return ("h4ndl3",)

    def _ended_badly(self, error):
        self.broke = error

    def _ending(self):
        self.endings += 1

    @property
    def told(self):
        return [str(event.type) for event in self._delivery.events]


class Rig:
    """The end of a connection that is open, and what it is told to."""

    def __init__(self):
        self.owner = Owner()
        self.engine = Engine(
            role=Role.CLIENT,
            wire=Wire(Role.CLIENT),
            dialect=PlainDialect("ws://test/"),
            keepalive=Keepalive(
                ping_interval=None,
                ping_timeout=None,
                idle_timeout=None,
                write_timeout=None,
            ),
            options=SessionOptions(),
            target=self.owner,
        )
        self.opening, self.place = Opening(10.0), Succession()
        self.end = Ending(self.owner, self.engine, self.opening, self.place)
        self.engine.opened(0.0)
        self.engine.events.clear()  # `open` was told


@pytest.fixture
def rig():
    return Rig()


def test_usually_the_session_ends_with_it(rig):
    """`error`, `close` and what is unsent; the queue takes nothing more."""
    rig.engine.command("half", 0.0)
    rig.owner._outbox.put("queued")
    rig.owner._outbox.put(FINISH)
    assert rig.end.close_event is None
    assert rig.end.tell(BROKEN, cancelled=False)
    assert rig.owner.told == ["error", "close"]
    assert rig.owner.endings == 1
    close = rig.end.close_event
    assert close is rig.owner._delivery.events[-1]
    assert (close.code, close.unsent) == (1006, 2)  # FINISH is no message
    assert isinstance(close.error.__cause__, OSError)
    with pytest.raises(SessionClosed):
        rig.owner._outbox.put("late")


def test_a_good_end_is_no_error(rig):
    """Nor is one that the application asked for."""
    rig.end.tell(CLEAN, cancelled=False)
    assert rig.owner.told == ["close"]
    assert rig.end.close_event.error is None


def test_it_is_told_once(rig):
    """However many threads find it (I1)."""
    barrier, told = threading.Barrier(8), []

    def end():
        barrier.wait(10)
        told.append(rig.end.tell(BROKEN, cancelled=False))

    threads = [threading.Thread(target=end) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(told) == [False] * 7 + [True]
    assert rig.owner.told == ["error", "close"]


def test_no_secret_is_told(rig):
    """The words may be the peer's."""
    ended = Ended(code=1008, reason="not h4ndl3!", was_clean=True, by_us=False)
    rig.end.tell(ended, cancelled=False)
    assert "h4ndl3" not in rig.end.close_event.reason
    assert "h4ndl3" not in str(rig.end.close_event.error)


def test_an_opening_that_was_given_up(rig):
    """By us: no `error`; with its own words."""
    rig.engine.opened_at = None
    why = rig.opening.why_not(wanted=False)
    assert rig.end.unopened(why, cancelled=True)
    assert not rig.end.unopened(why, cancelled=True)
    assert rig.owner.told == ["close"]
    assert rig.end.close_event.error is why
    assert rig.end.close_event.reason == str(why)


def test_one_that_waits_ends_quietly(rig):
    """It was to follow another one, which goes on."""
    rig.place.stand_by()
    error = ConnectError("refused")
    rig.engine.opened_at = None
    assert rig.end.tell(BROKEN, error, cancelled=False)
    assert rig.owner.told == []
    assert rig.owner.endings == 0
    assert rig.end.close_event.error is error


def test_one_that_ended_before_it_led(rig):
    """The session ends when it takes over."""
    rig.place.stand_by()
    rig.end.tell(BROKEN, cancelled=False)
    rig.owner._outbox.put("queued")
    assert rig.end.lead(cancelled=False)
    assert rig.owner.told == ["error", "close"]
    assert rig.end.close_event.unsent == 1


def test_one_that_leads_and_goes_on(rig):
    """Nothing is told."""
    rig.place.stand_by()
    assert not rig.end.lead(cancelled=False)
    assert rig.end.close_event is None
    assert rig.place.leads


@pytest.mark.parametrize("lost", [0, 1])
def test_one_that_is_followed_tells_what_it_lost(rig, lost):
    """And nothing where that is nothing; the queue is the other one's."""
    if lost:
        rig.engine.command("half", 0.0)
    rig.owner._outbox.put("for the other one")
    assert rig.place.leave()
    assert rig.end.tell(BROKEN, cancelled=False)
    assert rig.owner.told == ["error"] * lost
    for event in rig.owner._delivery.events:
        assert event.error.unsent == 1
        assert event.error.__cause__ is BROKEN.cause
    assert rig.end.close_event.error is None
    assert rig.owner._outbox.qsize() == 1
