"""What a handler takes and returns, and what the model gets."""

import json
from types import SimpleNamespace

import pytest

from voxsync.conversation.answer import error_answer, good_answer, takes_event

CALL = SimpleNamespace(id="7", name="now", args={})


@pytest.mark.parametrize(
    ("result", "response"),
    [
        ({"a": 1}, {"a": 1}),
        (None, {"result": None}),
        ("text", {"result": "text"}),
        ([1, 2.5, True], {"result": [1, 2.5, True]}),
        ((1,), {"result": (1,)}),
        (SimpleNamespace(response={"b": 2}), {"b": 2}),
        # A response's own id and name are not asked for: the call's are right.
        (SimpleNamespace(id="8", name="x", response={"b": 2}), {"b": 2}),
    ],
)
def test_what_a_handler_may_return(result, response):
    """JSON objects as they are, other values as `result`."""
    assert good_answer(CALL, result) == {"id": "7", "name": "now", "response": response}


def test_a_response_says_when_it_is_to_be_told():
    """What only a `FunctionResponse` can say goes along."""
    result = SimpleNamespace(response={}, scheduling="SILENT", will_continue=False)
    answer = good_answer(CALL, result)
    assert (answer["scheduling"], answer["will_continue"]) == ("SILENT", False)


def test_a_call_without_an_id_is_answered_without_one():
    """Vertex gives none."""
    call = SimpleNamespace(id=None, name="now", args={})
    assert good_answer(call, {}) == {"name": "now", "response": {}}


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "result",
    [
        object(),
        {1, 2},
        b"bytes",
        {"x": object()},
        float("nan"),
        {"x": [float("inf")]},
        "\ud800",
        {(1, 2): 3},
        SimpleNamespace(response="no mapping"),
        deep(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused(result):
    """The message names the function."""
    with pytest.raises(TypeError, match="now"):
        good_answer(CALL, result)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such town"), "ValueError: no such town"),
        (Mute(), "Mute"),
        (ValueError("\ud800"), "ValueError: ?"),
        (ValueError("x" * 5000), "ValueError: " + "x" * 988),
    ],
    ids=["usual", "unprintable", "surrogate", "long"],
)
def test_the_model_is_told_of_an_error(error, words):
    """In words that can be sent, whatever it is."""
    answer = error_answer(CALL, error)
    assert answer == {"id": "7", "name": "now", "response": {"error": words}}
    json.dumps(answer, ensure_ascii=False).encode()


class Both:
    def method(self, call, stop):
        pass


@pytest.mark.parametrize(
    ("handler", "both"),
    [
        (lambda call: None, False),
        (lambda call, stop: None, True),
        (lambda call, cancelled=None: None, True),
        (lambda call, retries=3: None, False),
        (lambda call, *more: None, False),
        (lambda *all_: None, False),
        (lambda call, *, town="x": None, False),
        (Both().method, True),
        (dict, False),  # has no signature
    ],
)
def test_who_wants_to_know_of_a_cancellation(handler, both):
    """Two parameters that must be given, or a second called `cancelled`."""
    assert takes_event(handler) is both


async def coroutine(call):
    pass


@pytest.mark.parametrize(
    "handler",
    [coroutine, "text", lambda: None, lambda a, b, c: None, lambda call, *, x: None],
)
def test_handlers_that_could_never_be_called(handler):
    """Are refused before there is a call."""
    with pytest.raises(TypeError, match="function_handler"):
        takes_event(handler)
