"""Calls, pictures and words of a conversation, apart from its sound."""

import contextlib
import queue
import threading

import pytest

from tests.conversation.model import SOON
from voxsync.conversation.exchange import Exchange
from voxsync.events import EventTarget, EventType


@pytest.fixture
def heard():
    return queue.Queue()


@pytest.fixture
def errors():
    return queue.Queue()


@pytest.fixture
def exchanging(session, heard, errors):
    made = []

    def make_(function_handler=None, video=None):
        exchange = Exchange(
            session,
            EventTarget(),
            emit=heard.put,
            tell=errors.put,
            function_handler=function_handler,
            video=video,
        )
        made.append(exchange)
        return exchange

    yield make_
    for each in made:
        each.close()
        if each.video is not None:
            each.video.stop()
        assert each.join(SOON)


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def test_words_and_calls(far, exchanging, heard, stack):
    """Each transcript is told, each call answered."""
    exchanging(lambda call: {"sum": call.args["a"] + 1}).listen(stack)
    far.tell(input_transcription={"text": "one and one?"})
    far.call("c-1", a=1)
    (answer,) = far.hears(lambda far: far.answers)
    assert (answer["id"], answer["response"]) == ("c-1", {"sum": 2})
    event = heard.get(timeout=SOON)
    assert (event.text, event.speaker) == ("one and one?", "user")


def test_a_cancelled_call(far, exchanging, stack):
    """Its function is told, and its answer goes nowhere."""
    begun, told = threading.Event(), threading.Event()

    def handler(call, cancelled):
        begun.set()
        assert cancelled.wait(SOON)
        told.set()

    exchanging(handler).listen(stack)
    far.call("c-1")
    assert begun.wait(SOON)
    far.tell(ids=["c-1"])
    assert told.wait(SOON)


def test_what_is_no_message_of_a_model(exchanging, heard):
    """Text and bytes say nothing to a conversation."""
    exchange = exchanging()
    exchange._on_message(_Event("text"))
    exchange._on_message(_Event(b"bytes"))
    assert heard.empty()


def test_when_it_is_undone_nothing_is_heard(far, session, exchanging, heard):
    """All listeners have gone, those that were attached besides, too."""
    exchange, more, after = exchanging(), queue.Queue(), threading.Event()
    with contextlib.ExitStack() as stack:
        exchange.listen(stack)
        exchange.attach(stack, EventType.MESSAGE, more.put)
        far.tell(input_transcription={"text": "before"})
        assert more.get(timeout=SOON)
    session.on_message = lambda event: after.set()
    far.tell(input_transcription={"text": "after"})
    assert after.wait(SOON)
    assert [event.text for event in _all(heard)] == ["before"]
    assert more.empty()


def test_the_last_words_are_heard_out(session, exchanging, heard):
    """Listeners stay until a session that is over has told its end."""
    exchange, begun, gate, closed = exchanging(), *(threading.Event() for _ in range(3))
    with contextlib.ExitStack() as stack:
        exchange.attach(
            stack, EventType.CLOSE, lambda _: begun.set() or gate.wait(SOON)
        )
        exchange.listen(stack)
        exchange.attach(stack, EventType.CLOSE, lambda _: closed.set())
        session.cancel()
        assert begun.wait(SOON)
    assert not closed.is_set()
    gate.set()
    exchange.hear_out(SOON)
    assert closed.wait(SOON)


def test_pictures_go_along(far, exchanging, stack):
    """From the beginning, until it is undone."""
    exchange = exchanging(video=[b"\xff\xd8one"])
    exchange.begin(stack)
    assert far.hears(lambda far: {"image": b"\xff\xd8one".hex()} in far.said)
    stack.close()
    assert exchange.join(SOON)


def test_what_cannot_be_shown(session, exchanging, monkeypatch):
    """Told before anything begins."""
    with pytest.raises(TypeError, match="one picture after the other"):
        exchanging(video=b"\xff\xd8one")
    monkeypatch.delattr(type(session), "send_video_realtime")
    with pytest.raises(TypeError, match="takes no video"):
        exchanging(video=[])


def test_who_runs_here(far, exchanging, stack):
    """A function and a camera would wait for themselves; nobody else would."""
    here = queue.Queue()

    def camera():
        here.put(exchange.runs_here())
        raise StopIteration

    exchange = exchanging(lambda call: here.put(exchange.runs_here()), video=camera)
    exchange.listen(stack)
    exchange.begin(stack)
    assert here.get(timeout=SOON)
    far.call("c-1")
    assert here.get(timeout=SOON)
    assert not exchange.runs_here()


def test_a_function_that_hangs(far, exchanging, stack):
    """Who waits for it gives up."""
    gate, begun = threading.Event(), threading.Event()
    exchange = exchanging(lambda call: begun.set() or gate.wait(SOON))
    exchange.listen(stack)
    far.call("c-1")
    assert begun.wait(SOON)
    exchange.close()
    assert not exchange.join(0.01)
    gate.set()
    assert exchange.join(SOON)


class _Event:
    def __init__(self, data):
        self.data = data


def _all(waiting):
    return [waiting.get_nowait() for _ in range(waiting.qsize())]
