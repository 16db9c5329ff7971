"""What the service says, from the wire to messages."""

import json
import pathlib
import re
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini import parsing
from voxsync.dialects.gemini.fields import snake
from voxsync.dialects.gemini.messages import (
    GoAway,
    ModalityTokenCount,
    ServerContent,
    ServerError,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UnknownMessage,
    UsageMetadata,
    UsageUpdate,
    VoiceActivity,
    VoiceActivityDetectionSignal,
    WordInfo,
)
from voxsync.dialects.gemini.parsing import parse
from voxsync.dialects.gemini.parts import Blob, Content, FunctionCall, Part
from voxsync.errors import ProtocolError

DATA = pathlib.Path(__file__).parents[2] / "data"
NOTES = (DATA / "gemini_notes.jsonl").read_text(encoding="utf-8").splitlines()
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
USUAL = "audio/pcm;rate=24000"

EXPECTED = [
    SetupComplete(session_id="s-1"),
    ServerContent(
        model_turn=Content("model", (Part(inline_data=Blob(USUAL, b"\0\0\0")),))
    ),
    ServerContent(output_transcription=Transcription(text="Good mor")),
    ServerContent(input_transcription=Transcription(text="hel")),
    ServerContent(generation_complete=True),
    ServerContent(interrupted=True),
    ServerContent(
        turn_complete=True,
        turn_complete_reason="NEED_MORE_INPUT",
        waiting_for_input=True,
        usage_metadata=UsageMetadata(
            prompt_token_count=11, response_token_count=7, total_token_count=18
        ),
    ),
    ToolCall(function_calls=(FunctionCall("c-7", "lamp", {"state": "on"}),)),
    ToolCallCancellation(ids=("c-7",)),
    GoAway(time_left=58.2),
    SessionResumptionUpdate(
        new_handle="h-3", resumable=True, last_consumed_client_message_index=42
    ),
    VoiceActivity(voice_activity_type="ACTIVITY_START", audio_offset=1.2),
    VoiceActivityDetectionSignal(vad_signal_type="VAD_SIGNAL_TYPE_SOS"),
    UsageUpdate(
        usage_metadata=UsageMetadata(prompt_token_count=3, response_token_count=4)
    ),
    ServerError(code=429, message="Quota exceeded.", status="RESOURCE_EXHAUSTED"),
]


def one(found):
    """The one message of an object or a text."""
    (message,) = parse(found if isinstance(found, str | bytes) else json.dumps(found))
    return message


def turn(*parts, **more):
    return {"serverContent": {"modelTurn": {"role": "model", "parts": parts} | more}}


def inline(data, mime_type=USUAL):
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def snaked(found):
    """The same with snake_case keys, but where the application's own begin."""
    if isinstance(found, list):
        return [snaked(item) for item in found]
    if not isinstance(found, dict):
        return found
    return {
        snake(key): value if key == "args" else snaked(value)
        for key, value in found.items()
    }


@pytest.mark.parametrize(("text", "expected"), list(zip(NOTES, EXPECTED, strict=True)))
def test_the_messages_of_the_notes(text, expected):
    """Text or binary, in either case, pretty-printed or not."""
    found = json.loads(text)
    for data in (
        text,
        text.encode(),
        json.dumps(found, indent=2).encode(),
        json.dumps(snaked(found)),
    ):
        message = one(data)
        assert message == expected
        assert message.raw == json.loads(data)


@pytest.mark.parametrize(
    ("value", "session_id"),
    [(True, None), ({}, None), (None, None), ("yes", None), ({"session_id": "a"}, "a")],
)
def test_setup_complete_counts_by_its_key(value, session_id):
    """`true` has been seen, and null is presence, too."""
    assert one({"setupComplete": value}) == SetupComplete(session_id=session_id)


@pytest.mark.parametrize(
    "found", [{}, {"novelty": {"a": 1}}, {"serverContent": None}, {"goAway": None}]
)
def test_unknown_messages(found):
    """They are delivered with all that came."""
    message = one(found)
    assert type(message) is UnknownMessage
    assert message.raw == found


def test_what_is_unknown_inside_is_kept():
    """New fields of the service are in `raw`."""
    found = {"serverContent": {"turnComplete": True, "mood": "good"}, "other": [1]}
    message = one(found)
    assert message == ServerContent(turn_complete=True)
    assert message.raw == found


def test_several_in_one():
    """One message each; the usage goes with the first, wherever it stood."""
    found = {
        "usageMetadata": {"totalTokenCount": 1},
        "setupComplete": {},
        "goAway": {"timeLeft": "1s"},
        "sessionResumptionUpdate": {},
    }
    messages = parse(json.dumps(found))
    assert messages == [
        SetupComplete(usage_metadata=UsageMetadata(total_token_count=1)),
        GoAway(time_left=1.0),
        SessionResumptionUpdate(),
    ]
    assert all(message.raw == found for message in messages)
    assert one({"usageMetadata": None, "goAway": {}}).usage_metadata is None
    assert type(one({"usage_metadata": {}})) is UsageUpdate


def test_a_whole_content():
    """Every field that the notes name."""
    words = {
        "text": "hello",
        "finished": True,
        "languageCode": "en-US",
        "speakerLabel": "spk_1",
        "words": [{"word": "hello", "startOffset": "0.5s", "endOffset": "1s"}],
        "startOffset": "0.5s",
        "endOffset": "1s",
    }
    read = Transcription(
        text="hello",
        finished=True,
        language_code="en-US",
        speaker_label="spk_1",
        words=(WordInfo(word="hello", start_offset=0.5, end_offset=1.0),),
        start_offset=0.5,
        end_offset=1.0,
    )
    content = {
        "modelTurn": {"parts": [{"text": "Hm", "thought": True}, {"text": "Hi"}]},
        "turnComplete": True,
        "generationComplete": "true",
        "interrupted": False,
        "inputTranscription": words,
        "outputTranscription": words,
        "interimInputTranscription": words,
        "turnCompleteReason": 99,
        "waitingForInput": True,
        "interactionStatus": "IDLE",
        "groundingMetadata": {"chunk_one": {"camelCase": 1}},
        "urlContextMetadata": {"a": []},
    }
    message = one({"serverContent": content})
    assert message == ServerContent(
        model_turn=Content(None, (Part(text="Hm", thought=True), Part(text="Hi"))),
        turn_complete=True,
        generation_complete=True,
        input_transcription=read,
        output_transcription=read,
        interim_input_transcription=read,
        turn_complete_reason="99",
        waiting_for_input=True,
        interaction_status="IDLE",
        grounding_metadata={"chunk_one": {"camelCase": 1}},
        url_context_metadata={"a": []},
    )
    assert message.text == "Hi"
    assert one(snaked({"serverContent": content | {"groundingMetadata": {}}})) == (
        one({"serverContent": content | {"groundingMetadata": {}}})
    )


def test_usage():
    """The counts of both services, as numbers or strings."""
    details = [{"modality": "AUDIO", "tokenCount": "5"}, {"modality": "TEXT"}]
    read = (
        ModalityTokenCount(modality="AUDIO", token_count=5),
        ModalityTokenCount(modality="TEXT"),
    )
    developer = {
        "promptTokenCount": 1,
        "cachedContentTokenCount": "2",
        "responseTokenCount": 3,
        "toolUsePromptTokenCount": 4,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 6,
        "promptTokensDetails": details,
        "cacheTokensDetails": details,
        "responseTokensDetails": details,
        "toolUsePromptTokensDetails": details,
    }
    expected = UsageMetadata(
        prompt_token_count=1,
        cached_content_token_count=2,
        response_token_count=3,
        tool_use_prompt_token_count=4,
        thoughts_token_count=5,
        total_token_count=6,
        prompt_tokens_details=read,
        cache_tokens_details=read,
        response_tokens_details=read,
        tool_use_prompt_tokens_details=read,
    )
    assert one({"usageMetadata": developer}).usage_metadata == expected
    vertex = {
        "candidatesTokenCount": 3,
        "candidatesTokensDetails": details,
        "trafficType": "ON_DEMAND",
    }
    for found in (vertex, snaked(vertex)):
        assert one({"usageMetadata": found}).usage_metadata == UsageMetadata(
            response_token_count=3,
            response_tokens_details=read,
            traffic_type="ON_DEMAND",
        )


def test_arguments_are_the_applications():
    """Keys of `args` are never re-cased, however deep."""
    args = {"camelCase": {"snake_case": [{"MixedCase_x": None}]}, "functionCalls": 1}
    for key in ("functionCalls", "function_calls"):
        calls = [{"id": "1", "name": "a", "args": args}, {"name": "b", "args": None}]
        message = one({"toolCall": {key: calls}})
        assert message.function_calls == (
            FunctionCall("1", "a", args),
            FunctionCall(None, "b", {}),
        )
    assert one({"toolCall": {}}).function_calls == ()
    part = {"functionCall": {"name": "a", "args": args}}
    assert one(turn(part)).model_turn.parts[0].function_call.args == args


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        ({"timeLeft": "3.000000001s"}, 3.000000001),
        ({"time_left": "9s"}, 9.0),
        ({}, 0.0),
        ({"timeLeft": "soon"}, 0.0),
        ({"timeLeft": 12}, 0.0),
        ({"timeLeft": None}, 0.0),
        ({"timeLeft": "-3s"}, 0.0),
    ],
)
def test_going_away(found, seconds):
    """Malformed or missing is zero: the end is near all the same."""
    assert one({"goAway": found}) == GoAway(time_left=seconds)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"code": "400", "status": 3}, ServerError(code=400, status="3")),
        ({}, ServerError()),
        ("no", ServerError(message="no")),
        ({"message": "no", "details": [{"a": 1}]}, ServerError(message="no")),
    ],
)
def test_errors(value, expected):
    """As Google's services write them, or with less."""
    assert one({"error": value}) == expected


# Inline data


@pytest.mark.parametrize(
    "pcm", [b"", b"\xfb\xff", b"\xfb\xef\xbe\xff", bytes(range(256))]
)
def test_base64(pcm):
    """Either alphabet, with or without padding."""
    for text in (b64encode(pcm).decode(), urlsafe_b64encode(pcm).decode()):
        for data in (text, text.rstrip("=")):
            assert one(turn(inline(data))).inline == ((USUAL, pcm),)
            assert one(snaked(turn(inline(data)))).inline == ((USUAL, pcm),)


@pytest.mark.parametrize(
    "data",
    ["A", "AAAAA", "A===", "AA=A", "AAA!", "AA\u00e9A", "\ud800AAA", 5, {}],
)
@pytest.mark.parametrize("change", [dict, snaked])
def test_what_is_no_base64(data, change):
    """It is told, with what came."""
    text = json.dumps(change(turn(inline(data))))
    with pytest.raises(ProtocolError, match=r"model_?[tT]urn") as caught:
        parse(text)
    assert caught.value.raw == text


def long_way(monkeypatch, found):
    """Read without the short way."""
    with monkeypatch.context() as patch:
        patch.setattr(parsing, "_audio", lambda _: None)
        return one(found)


@pytest.mark.parametrize(
    "found",
    [
        turn(),
        turn(inline("AAAA")),
        turn(inline("AA--"), inline("AAA", "image/png")),
        turn(inline(""), role=""),
        turn(inline("AAAA"), {"text": "a"}),
        turn(inline("AAAA") | {"thought": True}),
        turn({"inlineData": inline("AAAA")["inlineData"] | {"more": [[]]}}),
        turn({"inlineData": {"mimeType": "audio/pcm"}}),
        turn(inline("AAAA"), role=None),
        turn(inline("AAAA"), more=1),
        {"serverContent": {"modelTurn": {"parts": [inline("AAAA")]}}},
        {"serverContent": {"modelTurn": None}},
        {"serverContent": {"modelTurn": {"role": "model"}}},
        {"serverContent": {"modelTurn": {"role": "model", "parts": None}}},
        {
            "serverContent": turn(inline("AAAA"))["serverContent"]
            | {"turnComplete": True}
        },
        turn(inline("AAAA")) | {"usageMetadata": {"totalTokenCount": 1}},
        turn(inline("AAAA")) | {"more": 1},
    ],
)
def test_the_short_way_is_no_other(found, monkeypatch):
    """Audio is read quickly, and says the same as if it were not."""
    slow = long_way(monkeypatch, found)
    quick = one(found)
    assert quick == slow
    assert quick.raw == slow.raw
    assert quick.inline == slow.inline
    assert quick.text == slow.text
    assert quick.sample_rate == slow.sample_rate
    turns = [quick.model_turn, slow.model_turn]
    if turns != [None, None]:
        assert [p.raw for p in turns[0].parts] == [p.raw for p in turns[1].parts]


# What makes no sense

DEEP = json.loads("[" * 150 + "]" * 150)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"serverContent": 5}, "serverContent must be an object, not int"),
        ({"serverContent": []}, "serverContent must be an object, not list"),
        ({"server_content": {"modelTurn": []}}, "server_content.modelTurn must be"),
        ({"serverContent": {"turnComplete": 1}}, "turnComplete must be true or false"),
        ({"serverContent": {"outputTranscription": "a"}}, "must be an object"),
        ({"serverContent": {"groundingMetadata": 1}}, "must be an object"),
        (turn(role=5), "modelTurn.role must be a string"),
        (turn(5), "an item of serverContent.modelTurn.parts must be an object"),
        ({"serverContent": {"modelTurn": {"parts": {}}}}, "parts must be a list"),
        (turn({"text": 5}), "a part that makes no sense"),
        (turn({"inlineData": 5}), "a part that makes no sense"),
        (turn({"inlineData": {"data": "AAAA"}}), "a part that makes no sense"),
        (turn(inline("AAAA", "")), "a part that makes no sense"),
        (turn(inline("AAAA", 5)), "a part that makes no sense"),
        (
            turn({"functionCall": {"name": "a", "args": 5}}),
            "a part that makes no sense",
        ),
        (turn({"functionCall": {"name": ["a"]}}), "a part that makes no sense"),
        (turn({"functionResponse": {"name": "a"}}), "a part that makes no sense"),
        ({"toolCall": {"functionCalls": {}}}, "functionCalls must be a list"),
        ({"toolCall": {"functionCalls": [{"id": 5}]}}, "id must be a string"),
        ({"toolCall": {"functionCalls": [{"args": []}]}}, "args must be an object"),
        ({"toolCallCancellation": {"ids": "c-7"}}, "ids must be a list"),
        ({"toolCallCancellation": {"ids": [7]}}, "must be a string"),
        ({"goAway": "58s"}, "goAway must be an object"),
        ({"sessionResumptionUpdate": {"newHandle": 1}}, "newHandle must be a string"),
        ({"voiceActivity": {"audioOffset": "soon"}}, "must be a duration"),
        ({"usageMetadata": {"totalTokenCount": 1.5}}, "a whole number"),
        ({"usageMetadata": {"promptTokensDetails": [1]}}, "must be an object"),
        ({"usageMetadata": []}, "usageMetadata must be an object"),
        ({"error": 5}, "error must be an object"),
        ({"setupComplete": {"sessionId": 5}}, "sessionId must be a string"),
        ({"novelty": DEEP}, "100 levels"),
        ({"toolCall": {"functionCalls": [{"args": {"a": DEEP}}]}}, "100 levels"),
    ],
)
def test_nonsense(found, words):
    """A typed error names the place, and holds the message."""
    data = json.dumps(found).encode()
    with pytest.raises(ProtocolError, match=re.escape(words)) as caught:
        parse(data)
    assert caught.value.raw == data
    assert len(str(caught.value)) < 300


def test_errors_do_not_repeat_much():
    """What is wrong may be a megabyte."""
    call = {
        "functionResponse": {"name": "a", "response": {}, "scheduling": "A" * 10**6}
    }
    with pytest.raises(ProtocolError) as caught:
        parse(json.dumps(turn(call)))
    assert len(str(caught.value)) < 300


def test_big_messages():
    """Ten megabytes of whatever shape are read or refused, in one go."""
    assert len(one(turn(inline("AAAA" * 2_500_000))).inline[0][1]) == 7_500_000
    with pytest.raises(ProtocolError, match="no base64"):
        parse(json.dumps(turn(inline("AAAA" * 2_500_000 + "!"))))
    parts = '{"text":"a"},' * 20_000
    text = '{"serverContent":{"modelTurn":{"parts":[' + parts[:-1] + "]}}}"
    assert len(one(text).text) == 20_000
    assert type(one({"x" * 10**7: "y"})) is UnknownMessage


KEYS = sorted(
    {key for text in NOTES for key in re.findall(r'"(\w+)":', text) if key != "state"}
    | {"role", "text", "thought", "functionCall", "functionResponse", "fileData"}
    | {"executableCode", "codeExecutionResult", "response", "scheduling", "fileUri"}
    | {"words", "startOffset", "interactionStatus", "groundingMetadata", "new"}
)
NAMES = st.sampled_from(KEYS + [snake(key) for key in KEYS])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=9),
        st.sampled_from(["AAAA", "A-_=", "true", "12.5s", "42", USUAL, "audio/wav"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)


def looked_at(message):
    """All that an application may ask of a message."""
    for name in ("inline", "text", "sample_rate", "audio", "model_turn", "type"):
        getattr(message, name, None)
    assert repr(message)
    assert message == message
    assert isinstance(message.raw, dict)


@CALM
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_the_peer_may_send_anything(found):
    """A message that can be used, or a typed error: nothing else."""
    try:
        messages = parse(json.dumps(found))
    except ProtocolError as exc:
        assert exc.raw
    else:
        assert messages
        for message in messages:
            looked_at(message)


@CALM
@given(st.sampled_from(NOTES), VALUES, st.randoms(use_true_random=False))
def test_one_thing_is_wrong(text, value, random):
    """A value of a message that makes sense is replaced by anything."""
    found = json.loads(text)
    inner, key = {"all": found}, "all"
    while isinstance(inner[key], dict | list) and inner[key] and random.random() < 0.8:
        inner = inner[key]
        key = random.choice(
            list(inner) if isinstance(inner, dict) else range(len(inner))
        )
    inner[key] = value
    try:
        messages = parse(json.dumps(found))
    except ProtocolError:
        return
    for message in messages:
        looked_at(message)


@CALM
@given(st.one_of(st.binary(), st.text()))
def test_junk(data):
    """Bytes and texts of no shape."""
    try:
        messages = parse(data)
    except ProtocolError as exc:
        assert exc.raw == data
    else:
        assert [type(m) for m in messages] == [UnknownMessage]
