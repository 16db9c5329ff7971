"""Functions that a model calls: each answered once, by its own id, or never."""

import logging
import queue
import threading
from types import SimpleNamespace

import pytest

from tests.conversation.model import SOON
from voxsync.conversation import calls as room
from voxsync.conversation.calls import FunctionCalls
from voxsync.errors import InvalidState, SendQueueFull, SessionClosed


class Service:
    """Takes answers; can be full or closed for a while."""

    def __init__(self):
        self.answers = queue.Queue()
        self.errors = []  # raised one after the other, before answers are taken
        self.asked = threading.Semaphore(0)
        self.is_full = False
        self.room = threading.Event()  # never set

    def send_function_responses(self, responses, *, block=True, timeout=None):
        self.asked.release()
        if self.is_full:
            self.room.wait(min(timeout, 0.01))
            raise SendQueueFull("full")
        if self.errors:
            raise self.errors.pop(0)
        for answer in responses:
            self.answers.put((answer.get("id"), answer["response"]))

    def get(self):
        return self.answers.get(timeout=SOON)


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def told():
    return queue.Queue()


@pytest.fixture
def make(service, told):
    made = []

    def make_(handler):
        made.append(FunctionCalls(service, handler, name="x", tell=told.put))
        return made[-1]

    yield make_
    for each in made:
        each.close()
        assert each.join(SOON)


def call(id, name="now", **args):
    return SimpleNamespace(id=id, name=name, args=args)


def test_each_call_is_answered_by_its_own_id(make, service):
    """Several at once, on threads that have names; the last is not held up."""
    calls = all_here = None
    all_here = threading.Barrier(4)
    names = []

    def handler(call):
        all_here.wait(SOON)  # all at the same time, or nobody gets on
        names.append(threading.current_thread().name)
        return {"sum": call.args["a"] + 1}

    calls = make(handler)
    calls.take([call(str(i), a=i) for i in range(4)])
    answers = dict(service.get() for _ in range(4))
    assert answers == {str(i): {"sum": i + 1} for i in range(4)}
    assert sorted(names) == [f"voxsync-calls-{n}-x" for n in (1, 2, 3, 4)]


def test_threads_are_few_and_go_when_there_is_nothing_to_do(make, service):
    """Eight at most, whatever the model wants; then none."""
    release, running, most = threading.Event(), [], []
    lock = threading.Lock()

    def handler(call):
        with lock:
            running.append(call.id)
            most.append(len(running))
        release.wait(SOON)
        with lock:
            running.remove(call.id)

    calls = make(handler)
    calls.take([call(str(i)) for i in range(20)])
    release.set()
    assert {service.get()[0] for _ in range(20)} == {str(i) for i in range(20)}
    assert max(most) <= 8
    assert calls.join(SOON)
    assert not calls._threads


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ValueError("no such town"), "ValueError: no such town"),
        (SystemExit(3), "SystemExit: 3"),
        (SessionClosed("another one"), "SessionClosed: another one"),
    ],
)
def test_what_a_handler_raises_is_told_the_model_and_the_program(
    make, service, told, fault, words
):
    """As an error response, and as it is."""

    def handler(call):
        raise fault

    make(handler).take([call("1")])
    assert service.get() == ("1", {"error": words})
    assert told.get(timeout=SOON) is fault


def test_garbage_is_an_error_too(make, service, told):
    """The model is not left waiting."""
    make(lambda call: object()).take([call("1")])
    number, response = service.get()
    assert number == "1"
    assert "returned object" in response["error"]
    assert isinstance(told.get(timeout=SOON), TypeError)


def test_without_a_handler_each_call_is_answered_and_it_is_told_once(
    make, service, told
):
    """Else the model would hang."""
    calls = make(None)
    calls.take([call("1"), call("2")])
    calls.take([call("3")])
    answers = dict(service.get() for _ in range(3))
    assert set(answers) == {"1", "2", "3"}
    assert all("function_handler" in response["error"] for response in answers.values())
    assert calls.join(SOON)
    error = told.get(timeout=SOON)
    assert isinstance(error, InvalidState)
    assert told.empty()


def test_a_cancelled_call_is_never_answered(make, service):
    """Who works at it is told; its neighbour is answered all the same."""
    begun = threading.Event()

    def handler(call, cancelled):
        if call.id == "1":
            begun.set()
            assert cancelled.wait(SOON)
        return {"was": cancelled.is_set()}

    calls = make(handler)
    calls.take([call("1")])
    assert begun.wait(SOON)
    calls.cancel(["1", "unknown"])
    calls.take([call("2")])
    assert service.get() == ("2", {"was": False})
    assert calls.join(SOON)
    assert service.answers.empty()


def test_a_call_that_waits_can_be_cancelled(make, service, monkeypatch):
    """Then its handler is not even called."""
    monkeypatch.setattr(room, "_MOST_THREADS", 1)
    begun, release, asked = threading.Event(), threading.Event(), []

    def handler(call):
        asked.append(call.id)
        begun.set()
        release.wait(SOON)

    calls = make(handler)
    calls.take([call("1"), call("2")])
    assert begun.wait(SOON)
    calls.cancel(["2"])
    release.set()
    assert calls.join(SOON)
    assert asked == ["1"]
    assert service.get()[0] == "1"
    assert service.answers.empty()


def test_an_answer_that_finds_no_room_waits_and_may_be_cancelled(make, service):
    """It is tried again; from the cancellation on no more."""
    service.errors = [SendQueueFull("full")]
    make(lambda call: {}).take([call("1")])
    assert service.get() == ("1", {})
    service.is_full = True
    calls = make(lambda call: {})
    calls.take([call("2")])
    for _ in range(4):
        assert service.asked.acquire(timeout=SOON)
    calls.cancel(["2"])
    assert calls.join(SOON)
    assert service.answers.empty()


def test_what_the_session_does_not_take_is_an_error(make, service, told):
    """The model is told instead, and so is the program."""
    service.errors = [fault := ValueError("no such scheduling")]
    make(lambda call: {}).take([call("1")])
    assert service.get() == ("1", {"error": "ValueError: no such scheduling"})
    assert told.get(timeout=SOON) is fault


def test_where_nothing_can_be_sent_the_reason_is_told_once(make, service, told, caplog):
    """Not the second failure as well: that is in the log."""
    caplog.set_level(logging.INFO)
    fault = InvalidState("finished")
    service.errors = [fault, InvalidState("finished, I said")]
    calls = make(lambda call: {})
    calls.take([call("1")])
    assert calls.join(SOON)
    assert told.get_nowait() is fault
    assert told.empty()
    assert "cannot be answered: finished, I said" in caplog.text


def test_an_answer_after_the_end_is_no_fault(make, service, told, caplog):
    """The session may end while a handler works."""
    caplog.set_level(logging.INFO)
    service.errors = [SessionClosed("over")]
    calls = make(lambda call: {})
    calls.take([call("1")])
    assert calls.join(SOON)
    assert told.empty()
    assert "too late: over" in caplog.text


def test_more_calls_than_can_wait_are_refused(make, service, told, monkeypatch):
    """With an answer, and it is told (I8)."""
    monkeypatch.setattr(room, "_MOST_THREADS", 1)
    monkeypatch.setattr(room, "_MOST_WAITING", 1)
    begun, release = threading.Event(), threading.Event()

    def handler(call):
        begun.set()
        release.wait(SOON)

    calls = make(handler)
    calls.take([call("1")])
    assert begun.wait(SOON)
    calls.take([call("2"), call("3")])
    number, response = service.get()
    assert number == "3"
    assert "wait already" in response["error"]
    assert isinstance(told.get(timeout=SOON), InvalidState)
    service.errors = [full := SendQueueFull("full")]
    calls.take([call("4")])  # nor does whoever brings it wait
    assert told.get(timeout=SOON).__cause__ is full
    release.set()
    assert {service.get()[0] for _ in range(2)} == {"1", "2"}


def test_after_the_end_nothing_is_taken_or_answered(make, service):
    """Who works is told, what waits is forgotten; `join` says who is not back yet."""
    begun, events = threading.Event(), []
    back = threading.Event()

    def handler(call, cancelled):
        events.append(cancelled)
        begun.set()
        back.wait(SOON)
        return {}

    calls = make(handler)
    calls.take([call("1")])
    assert begun.wait(SOON)
    calls.close()
    assert events[0].is_set()
    assert not calls.join(0.01)
    calls.take([call("2")])
    back.set()
    assert calls.join(SOON)
    assert service.answers.empty()
    assert len(events) == 1


def test_a_handler_does_not_wait_for_itself(make, service):
    """It may end the conversation."""
    calls = make(lambda call: {"done": calls.join(None), "here": calls.runs_here()})
    calls.take([call("1")])
    assert service.get() == ("1", {"done": True, "here": True})
    assert not calls.runs_here()


def test_the_error_of_nobody_is_a_public_one(make, service, told):
    """The model is told no name of ours that is private, and the program no type."""
    make(None).take([call("1", name="lamp")])
    _, response = service.get()
    assert response["error"].startswith("InvalidState: the model calls 'lamp'")
    assert type(told.get(timeout=SOON)) is InvalidState
