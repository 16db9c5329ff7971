"""When something first happened; what earlier connections have counted."""

from types import SimpleNamespace

from voxsync.clocks import VirtualClock
from voxsync.events import MediaStartedEvent, MessageEvent, OpenEvent
from voxsync.session.figures import Figures
from voxsync.session.stats import Counted


class Dialect:
    """Whose results are the messages in capitals."""

    audio_sent = 0.0
    audio_lost = 0.0

    def is_result(self, message):
        return message.isupper()


def connection(**counts):
    """As much of one as is counted."""
    names = ("bytes_sent", "bytes_received", "messages_sent", "messages_received")
    figures = {name: counts.get(name, 0) for name in names}
    return SimpleNamespace(
        engine=SimpleNamespace(
            dialect=Dialect(),
            streams=SimpleNamespace(received=0.0, refused=0.0, gated=0.0),
            opened_at=counts.get("opened_at"),
            unsent=counts.get("unsent", 0),
            **figures,
        ),
        opening=SimpleNamespace(started_at=counts.get("started_at", 0.0)),
        close_event=None,
        place=SimpleNamespace(is_followed=False),
    )


def message(text):
    return MessageEvent(None, text)


def test_firsts():
    """The first audio, the first result, and the first one behind audio."""
    clock = VirtualClock()
    figures, at = Figures(clock), connection()
    figures.arrived([OpenEvent(None), message("no")], at)
    assert figures.result_at is None
    clock.advance(1)
    figures.arrived([message("no"), message("YES")], at)
    first = clock.now()
    assert (figures.result_at, figures.answer_at) == (first, None)
    clock.advance(1)
    figures.filled(at.engine.dialect, clock.now())
    assert figures.audio_at is None
    at.engine.dialect.audio_sent = 0.02
    figures.filled(at.engine.dialect, clock.now())
    figures.filled(at.engine.dialect, clock.now() + 1)
    assert figures.audio_at == clock.now()
    clock.advance(1)
    figures.arrived([message("no")], at)
    assert figures.answer_at is None
    figures.arrived([message("YES")], at)
    assert (figures.result_at, figures.answer_at) == (first, clock.now())
    clock.advance(1)
    figures.arrived([message("YES")], at)
    assert figures.answer_at == clock.now() - 1


def test_audio_is_a_result():
    """Where it is in no message."""
    figures = Figures()
    figures.arrived([MediaStartedEvent(None, "")], connection())
    assert figures.result_at is not None


def test_before_there_is_a_connection():
    """`created` comes then; it is no result."""
    figures = Figures()
    figures.arrived([message("YES")], None)
    assert figures.result_at is None


def test_connections_that_were_followed():
    """Of two the sum is kept; the first one's opening is the session's."""
    figures = Figures()
    one = connection(bytes_sent=1, started_at=1.0, opened_at=3.0)
    two = connection(bytes_sent=10, started_at=50.0, opened_at=51.0)
    three = connection(bytes_sent=100)
    assert figures.opening(connection()) is None
    figures.follow(one)
    assert figures.earlier == (None, one)
    figures.follow(two)
    assert figures.earlier == (Counted(bytes_sent=1), two)
    figures.follow(three)
    assert figures.earlier == (Counted(bytes_sent=11), three)
    assert figures.opening(two) == (1.0, 3.0)
