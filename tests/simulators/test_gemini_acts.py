"""All faults of one conversation at work; see the menu's test for real clients."""

import threading

from voxsync.simulators.gemini_acts import GeminiActs
from voxsync.simulators.gemini_faults import fault


class Session:
    def __init__(self):
        self.injected, self.closed, self.log = [], None, []

    def inject(self, data):
        self.injected.append(data)

    def close(self, code, reason, *, wait):
        self.closed = (code, reason, wait)

    def stop_reading(self):
        self.log.append("stop")

    def read_again(self):
        self.log.append("again")

    def pause(self, seconds):
        self.log.append(seconds)
        self.log.append(self.acts.deaf)
        return False


def acts(*faults, number=1):
    return GeminiActs(number, faults, threading.Event())


def test_faults_happen_in_order_and_once():
    """Behind one that ends it all there are none."""
    session = Session()
    made = acts(
        fault("null", at="ready"), fault("quota", at="ready"), fault("list", at="ready")
    )
    assert not made.reach(session, "setup", 0)
    assert made.reach(session, "ready", 0)
    assert session.injected == [b"\x82\x04null"]
    assert session.closed[0] == 1011
    assert made.names == ("null", "quota", "list")


def test_faults_of_the_first_connections():
    """Later ones have none."""
    assert acts(fault("mute", connections=1), number=2).names == ()


def test_acts_know_their_conversation():
    """Its thread, and how to call functions."""
    session, later, storms = Session(), [], []
    made = acts(fault("go_away", seconds=2.5), fault("tool_storm", at="ready", count=3))
    made.bind(lambda seconds, fn: later.append((seconds, fn)), storms.append)
    assert not made.reach(session, "ready", 0)
    assert b'{"timeLeft": "2.5s"}' in session.injected[0]
    assert storms == [3]
    ((seconds, fn),) = later
    assert seconds == 2.5
    fn()
    assert session.closed == (1000, "gone away", False)


def test_a_blackhole_is_deaf_while_it_lasts():
    """A polite end would not be seen then."""
    session = Session()
    made = session.acts = acts(fault("blackhole", seconds=3))
    assert not made.deaf
    assert not made.reach(session, "message", 0)
    assert session.log == ["stop", 3, True, "again"]
    assert not made.deaf


def test_faults_on_the_way_come_one_after_the_other():
    """What one makes is the next one's."""
    made = acts(fault("no_usage"), fault("snake_case"), fault("split"))
    message = {"serverContent": {"turnComplete": True}, "usageMetadata": {}}
    assert list(made.rewrite(message)) == [{"server_content": {"turn_complete": True}}]
    assert made.seal(Session(), b"abcd", 1) is not None
    assert acts(fault("no_usage")).seal(Session(), b"abcd", 1) is None
