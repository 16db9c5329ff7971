"""Calls of functions and their answers; test_parts.py has them as parts."""

import pytest

from voxsync.dialects.gemini.fields import to_wire
from voxsync.dialects.gemini.functions import FunctionCall, FunctionResponse


def test_a_call_without_arguments():
    """There are none, rather than nothing."""
    assert FunctionCall.from_wire({"name": "now"}) == FunctionCall(None, "now", {})


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (FunctionResponse("c", "f", {"a_b": 1}), {"id": "c", "response": {"a_b": 1}}),
        (FunctionResponse(name="f", response={}), {"response": {}}),
        (
            FunctionResponse("c", "f", {}, "SILENT", True),
            {"id": "c", "response": {}, "scheduling": "SILENT", "willContinue": True},
        ),
    ],
)
def test_answers(answer, sent):
    """By position or by name; the id may be left out."""
    assert answer.wire() == {"name": "f", **sent}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"name": "x"}, TypeError, "response must be a mapping"),
        ({"response": {}}, TypeError, "name must be a str"),
        (
            {"name": "x", "response": {}, "will_continue": 1},
            TypeError,
            "must be a bool",
        ),
        ({"name": "x", "response": {}, "scheduling": "?"}, ValueError, "one of INTERR"),
    ],
)
def test_what_is_no_answer(given, error, words):
    """As object and as dict."""
    with pytest.raises(error, match=words):
        FunctionResponse(**given)
    with pytest.raises(error, match=words):
        to_wire("x", given, FunctionResponse)
