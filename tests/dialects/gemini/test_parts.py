"""Contents and their parts, in both directions."""

import dataclasses
import json
import pickle
from collections import deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.parts import (
    Blob,
    CodeExecutionResult,
    Content,
    ExecutableCode,
    FileData,
    FunctionCall,
    FunctionResponse,
    FunctionResponseScheduling,
    Part,
    to_parts,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PICTURE = Blob("image/png", b"\xfb\xff")
PICTURE_SENT = {"inlineData": {"mimeType": "image/png", "data": "+/8="}}
CALL = FunctionCall("c-1", "lamp", {"is_on": True})
CALL_SENT = {"functionCall": {"id": "c-1", "name": "lamp", "args": {"is_on": True}}}
ANSWER = FunctionResponse("c-1", "lamp", {"was_on": False})
ANSWER_SENT = {
    "functionResponse": {"id": "c-1", "name": "lamp", "response": {"was_on": False}}
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a_b", "aB", "mime_type", "x"]), inner)
    ),
    max_leaves=6,
)
structs = st.dictionaries(st.sampled_from(["a_b", "aB", "will_continue"]), json_values)
PAIRS = [
    (Part(text="hi"), {"text": "hi"}),
    (Part(text=""), {"text": ""}),
    (Part(text="hm", thought=True), {"text": "hm", "thought": True}),
    (Part(inline_data=PICTURE), PICTURE_SENT),
    (Part(function_call=CALL), CALL_SENT),
    (
        Part(function_call=FunctionCall(None, "f")),
        {"functionCall": {"name": "f", "args": {}}},
    ),
    (Part(function_response=ANSWER), ANSWER_SENT),
    (
        Part(file_data=FileData(file_uri="gs://b/x", mime_type="image/png")),
        {"fileData": {"fileUri": "gs://b/x", "mimeType": "image/png"}},
    ),
    (
        Part(executable_code=ExecutableCode(language="PYTHON", code="1")),
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ),
    (
        Part(
            code_execution_result=CodeExecutionResult(outcome="OUTCOME_OK", output="")
        ),
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": ""}},
    ),
]


@pytest.mark.parametrize(("part", "sent"), PAIRS)
def test_a_part_both_ways(part, sent):
    """What is sent, and what is read, say the same."""
    assert part.wire() == sent
    found = Part.from_wire(sent)
    assert found == part
    assert found.raw is sent
    assert found.wire() == sent


@pytest.mark.parametrize(("part", "sent"), PAIRS)
def test_a_part_in_snake_case(part, sent):
    """Known places are read in either case."""
    (key, value), *rest = sent.items()
    words = {"inlineData": "inline_data", "functionCall": "function_call"}
    snaky = {words.get(key, key): value, **dict(rest)}
    if key == "inlineData":
        snaky = {"inline_data": {"mime_type": "image/png", "data": "-_8"}}
    if key == "fileData":
        snaky = {"file_data": {"file_uri": "gs://b/x", "mime_type": "image/png"}}
    assert Part.from_wire(snaky) == part
    if sent != {"text": ""}:
        assert to_parts(snaky) == [sent]


def test_what_a_part_has_besides():
    """A signature, which must come back with its part, comes back with it."""
    obj = {**CALL_SENT, "thoughtSignature": "c2ln", "video_metadata": {"a_b": 1}}
    part = Part.from_wire(obj)
    assert part == Part(function_call=CALL)
    (sent,) = to_parts(part)
    assert sent == {
        **CALL_SENT,
        "thoughtSignature": "c2ln",
        "videoMetadata": {"a_b": 1},
    }


def test_nulls_are_absent():
    """A null in JSON says nothing."""
    assert Part.from_wire({"text": "a", "inlineData": None}) == Part(text="a")


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        ({"text": 1}, "a part's text is int"),
        ({"inlineData": "AAAA"}, "a part has str, not an object, in it"),
        ({"functionCall": [1]}, "a part has list, not an object, in it"),
    ],
)
def test_what_is_no_part(obj, words):
    """What cannot be read is said in words, not by an AttributeError."""
    with pytest.raises(TypeError, match=words):
        Part.from_wire(obj)


@CALM
@given(structs, st.sampled_from(["function_call", "functionCall"]))
def test_arguments_are_never_re_cased(struct, name):
    """What stands in `args` belongs to the application, at any depth."""
    call = {"id": "c", "name": "f", "args": struct}
    part = Part.from_wire({name: call})
    assert part.function_call.args == struct
    assert part.wire() == {"functionCall": call}
    assert to_parts({name: call}) == [{"functionCall": call}]


@CALM
@given(structs, st.booleans())
def test_responses_are_never_re_cased(struct, as_dict):
    """What stands in `response` belongs to the application, at any depth."""
    given = {"name": "f", "response": struct, "will_continue": True}
    answer = given if as_dict else FunctionResponse(None, "f", struct, None, True)
    sent = {"name": "f", "response": struct, "willContinue": True}
    assert to_parts({"function_response": answer}) == [{"functionResponse": sent}]


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        ("hi", [{"text": "hi"}]),
        (PICTURE, [PICTURE_SENT]),
        (CALL, [CALL_SENT]),
        (ANSWER, [ANSWER_SENT]),
        (Part(text="hi"), [{"text": "hi"}]),
        ({"text": "hi"}, [{"text": "hi"}]),
        ({"mime_type": "image/png", "data": "+/8="}, [PICTURE_SENT]),
        ({"mimeType": "image/png", "data": b"\xfb\xff"}, [PICTURE_SENT]),
        (["hi", PICTURE, {"text": "!"}], [{"text": "hi"}, PICTURE_SENT, {"text": "!"}]),
        (("hi",), [{"text": "hi"}]),
        ((word for word in ["a", "b"]), [{"text": "a"}, {"text": "b"}]),
        (Part(raw={"new_kind": {"a_b": 1}}), [{"newKind": {"a_b": 1}}]),
        (
            {"text": "a", "thought_signature": "AA==", "videoMetadata": {"fps": 1}},
            [{"text": "a", "thoughtSignature": "AA==", "videoMetadata": {"fps": 1}}],
        ),
        (
            {"functionResponse": {**ANSWER_SENT["functionResponse"], "parts": [{}]}},
            [{"functionResponse": {**ANSWER_SENT["functionResponse"], "parts": [{}]}}],
        ),
    ],
)
def test_requests_as_parts(request_, sent):
    """Whatever an application says becomes a list of parts, in order."""
    assert to_parts(request_) == sent


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (
            {"txt": "x"},
            ValueError,
            "the request has an unknown field 'txt'; .* text, i",
        ),
        (["a", {"new": {}}], ValueError, "part 1 has an unknown field 'new'"),
        ({"text": "a", "role": "user"}, ValueError, "unknown field 'role'"),
        ([], ValueError, "the request is empty"),
        ((), ValueError, "the request is empty"),
        ("", ValueError, "the request is an empty text"),
        (["a", ""], ValueError, "part 1 is an empty text"),
        ({}, ValueError, "exactly one kind of content, not none"),
        (Part(), ValueError, "exactly one kind of content, not none"),
        ({"thought": True}, ValueError, "exactly one kind of content, not none"),
        (
            ["x", Part(text="a", inline_data=PICTURE)],
            ValueError,
            "part 1 must have exactly one kind of content, not inlineData and text",
        ),
        (b"abc", TypeError, "bytes need a mime type"),
        (bytearray(b"abc"), TypeError, "bytes need a mime type"),
        (5, TypeError, "a list of these, not int"),
        (None, TypeError, "a list of these, not NoneType"),
        ([b"abc"], TypeError, "a part is a str, Part, .* not bytes"),
        ([["a"]], TypeError, "a part is a str, Part, .* not list"),
        ([Content("user", "a")], TypeError, "a part is a str, Part, .* not Content"),
        (Part(text=5), TypeError, r"Part\.text must be a str, not int"),
        ({"text": 5}, TypeError, r"Part\.text must be a str, not int"),
        (Part(thought="yes", text="a"), TypeError, r"Part\.thought must be a bool"),
        ({"inlineData": {"mimeType": "a/b", "data": "A"}}, ValueError, "no base64"),
        ({"inline_data": b"abc"}, TypeError, "must be Blob or a dict, not bytes"),
    ],
)
def test_requests_that_make_no_sense(request_, error, words):
    """What cannot be sent is refused in the caller's thread."""
    with pytest.raises(error, match=words):
        to_parts(request_)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("1", "f", "yes"), TypeError, "must be a mapping, e.g. .*, not str"),
        (("1", "f", None), TypeError, "must be a mapping, e.g. .*, not NoneType"),
        (("1", "", {}), ValueError, r"FunctionResponse\.name is empty"),
        (("1", None, {}), TypeError, r"FunctionResponse\.name must be a str"),
        ((1, "f", {}), TypeError, r"FunctionResponse\.id must be a str, not int"),
        (("", "f", {}), ValueError, r"FunctionResponse\.id is empty"),
        (("1", "f", {}, "NOW"), ValueError, "INTERRUPT, WHEN_IDLE, SILENT, not 'NOW'"),
        (("1", "f", {}, None, 1), TypeError, "will_continue must be a bool, not int"),
    ],
)
def test_function_responses_are_checked(arguments, error, words):
    """A mistake in an answer is told when it is made."""
    with pytest.raises(error, match=words):
        FunctionResponse(*arguments)


def test_function_responses_in_full():
    """What stands only for functions that the model does not wait for is sent."""
    answer = FunctionResponse(
        "c", "f", {}, FunctionResponseScheduling.WHEN_IDLE, will_continue=False
    )
    assert answer.wire() == {
        "id": "c",
        "name": "f",
        "response": {},
        "scheduling": "WHEN_IDLE",
        "willContinue": False,
    }


@pytest.mark.parametrize(
    ("obj", "call"),
    [
        ({"id": "c", "name": "f", "args": {"a": 1}}, FunctionCall("c", "f", {"a": 1})),
        ({"name": "f"}, FunctionCall(None, "f", {})),
        ({}, FunctionCall()),
    ],
)
def test_function_calls_are_read(obj, call):
    """Ids are not everywhere, arguments not always."""
    assert FunctionCall.from_wire(obj) == call
    assert call.args is not None


@pytest.mark.parametrize(
    "parts",
    [
        "hi",
        ["hi"],
        ("hi",),
        deque(["hi"]),
        [Part(text="hi")],
        (Part(text="hi"),),
        Part(text="hi"),
    ],
)
def test_contents_are_made_of_parts(parts):
    """What is no part yet becomes one."""
    content = Content("user", parts)
    assert content.parts == (Part(text="hi"),)
    assert type(content.parts) is tuple
    assert pickle.loads(pickle.dumps(content)) == content
    assert dataclasses.replace(content, role="model").parts is content.parts


@pytest.mark.parametrize("parts", [b"hi", bytearray(b"hi"), memoryview(b"hi"), 7])
def test_bytes_and_numbers_are_no_parts(parts):
    """Bytes are no list of numbers."""
    with pytest.raises(TypeError, match=f"not {type(parts).__name__}"):
        Content("user", parts)


def test_contents_take_all_kinds():
    """Blobs, calls and answers become parts of a content too."""
    assert Content(None, [PICTURE, CALL, ANSWER]).parts == (
        Part(inline_data=PICTURE),
        Part(function_call=CALL),
        Part(function_response=ANSWER),
    )
    assert Content() == Content(None, ())
    with pytest.raises(TypeError, match=r"a part is a str, Part, .* not dict"):
        Content("user", [{"text": "hi"}])


def test_contents_are_read():
    """Roles and parts come as the service sent them; without parts there are none."""
    obj = {"role": "model", "parts": [{"text": "hi"}, PICTURE_SENT]}
    parts = (Part(text="hi"), Part(inline_data=PICTURE))
    assert Content.from_wire(obj) == Content("model", parts)
    assert Content.from_wire({"parts": None}) == Content()


def test_reprs_show_sizes():
    """A repr is for logs: no picture, no sound, no long text is in it."""
    secret = "secret" * 20
    part = Part(inline_data=Blob("a/b", secret.encode()), raw={"data": secret})
    assert repr(part) == "Part(inline_data=Blob(mime_type='a/b', data=<120 bytes>))"
    thought = Part(text=secret, thought=True)
    assert repr(thought) == "Part(text=<120 characters>, thought=True)"
    assert repr(Part(text="hi")) == "Part(text='hi')"
    assert secret not in repr(Content("user", [part, thought]))


@CALM
@given(
    st.lists(
        st.sampled_from([sent for _, sent in PAIRS if sent != {"text": ""}]), min_size=1
    )
)
def test_history_can_be_sent_back(sent):
    """What was received, as objects or as JSON, is sent as it came."""
    content = Content.from_wire({"role": "model", "parts": sent})
    assert to_parts(content.parts) == sent
    assert to_parts(json.loads(json.dumps(sent))) == sent
