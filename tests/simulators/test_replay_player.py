"""One connection of a replay: see tests/simulators/test_replay.py for real ones."""

import threading

import pytest

from voxsync.clocks import Clock
from voxsync.errors import SessionClosed
from voxsync.simulators.replay_player import Player, ReplayReport
from voxsync.simulators.replay_script import Point, Script, Step


class Session:
    """Notes what it is told to do."""

    on_open = on_message = on_close = None

    def __init__(self):
        self.did, self.gone = [], False

    def _do(self, *what):
        if self.gone:
            raise SessionClosed("over")
        self.did.append(what)

    def send_text(self, text):
        self._do("text", text)

    def send_binary(self, data):
        self._do("binary", data)

    def drop(self):
        self._do("drop")

    def close(self, code, reason, *, wait):
        self._do("close", code, reason)

    def inject(self, data):
        self._do("inject", data)


class Said:
    def __init__(self, data):
        self.data = data


def play(*steps, commands=(), says=(), session=None, **settings):
    """Play to a client that says this at once and then stays; what happened."""
    session = session or Session()
    ended = threading.Event()
    player = Player(
        session,
        Script(steps=list(steps), commands=list(commands)),
        number=1,
        at=1,
        **{"clock": Clock(), "patience": 0.05, "realtime": False, **settings},
        ended=ended.set,
    )
    session.on_open(None)
    for data in says:
        session.on_message(Said(data))
    assert ended.wait(5)
    assert player.over.is_set()
    return session.did, player.report


@pytest.mark.parametrize(
    ("close", "expected"),
    [
        ((4001, "why"), ("close", 4001, "why")),
        (None, ("drop",)),
        ((1005, ""), ("inject", b"\x88\x00")),
        ((1015, "x"), ("inject", b"\x88\x03\x03\xf7x")),
    ],
)
def test_ends(close, expected):
    """Polite ones, and those that no library would send."""
    did, _ = play(Step(Point(), 0.0, None, close))
    assert did == [expected]


@pytest.mark.parametrize(
    ("said", "wanted", "different"),
    [
        ("hello", "hello", 0),
        ('{"a": 1}', '{"a":1}', 0),
        (b'{"a": 1}', b'{"a":1}', 0),
        ('{"a": 2}', '{"a":1}', 1),
        ("null", "none", 1),
        ("hello", b'{"a":1}', 1),
        ('{"apiKey":"one"}', '{"apiKey":"***"}', 0),
    ],
)
def test_what_is_compared(said, wanted, different):
    """What messages say, not how JSON is spaced; secrets are not looked at."""
    _, report = play(
        Step(Point(1), 0.0, "well"), commands=[wanted], says=[said], patience=0.2
    )
    assert report.different == different
    assert report.commands == 1
    assert bool(report.difference) is bool(different)
    assert report.is_faithful is not bool(different)


def test_audio_is_counted_only():
    """Whatever it sounds like."""
    did, report = play(Step(Point(0, 1, 4), 0.0, b"x"), says=[b"\0\1\2\3"])
    assert did == [("binary", b"x")]
    assert (report.bulk, report.bulk_bytes, report.different) == (1, 4, 0)
    assert report.is_faithful


def test_patience_is_lost_once():
    """Not at each message, until the client comes again."""
    did, report = play(*[Step(Point(n), 0.0, str(n)) for n in range(1, 5)])
    assert [what[1] for what in did] == ["1", "2", "3", "4"]
    assert report.waited == 1
    assert report.steps == 4


def test_a_client_that_is_gone():
    """Ends it without a word."""
    session = Session()
    session.gone = True
    did, report = play(Step(Point(), 0.0, "x"), session=session)
    assert did == []
    assert report.over


def test_report():
    """Of nothing expected and nothing done it says: as it was."""
    report = ReplayReport(1, 1, 0, 0, 0)
    assert report.is_faithful
    report.waited = 1
    assert not report.is_faithful
