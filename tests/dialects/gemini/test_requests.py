"""Everything a client says, as the text of one message."""

import json
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini import requests
from voxsync.dialects.gemini.config import (
    LiveGenerationConfig,
    SessionResumptionConfig,
    SpeechConfig,
)
from voxsync.dialects.gemini.endpoints import (
    FirebaseBackend,
    GoogleAIBackend,
    VertexAIBackend,
)
from voxsync.dialects.gemini.parts import Blob, Content, FunctionResponse, Part
from voxsync.errors import FormatError

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PICTURE = Blob("image/png", b"\xfb\xff")
SOUND = Blob("audio/pcm;rate=16000", b"\x01\x00\x02\x00")
HALF = Blob("audio/pcm;rate=16000", b"abc")
ANSWER = FunctionResponse("c-1", "lamp", {"was_on": False})
ANSWER_SENT = {"id": "c-1", "name": "lamp", "response": {"was_on": False}}


def hi(role):
    return {"role": role, "parts": [{"text": "hi"}]}


def setup(*arguments, **settings):
    return json.loads(requests.setup(*arguments, **settings))["setup"]


def turns(request):
    return json.loads(requests.client_content(request))["clientContent"]["turns"]


# setup


def test_the_smallest_setup():
    """Only the model and an empty generation config are said."""
    assert requests.setup("models/x") == (
        '{"setup":{"model":"models/x","generationConfig":{}}}'
    )


def test_a_whole_setup():
    """Everything has its place; this is what Firebase sends."""
    sent = setup(
        "live-x",
        LiveGenerationConfig(
            response_modalities=["AUDIO"],
            speech_config=SpeechConfig(voice_name="Leda"),
            input_audio_transcription={},
            output_audio_transcription={},
        ),
        system_instruction="Answer in one line.",
        tools=[{"function_declarations": [{"name": "lamp"}]}],
        tool_config={"function_calling_config": {"mode": "ANY"}},
        resumption={},
        backend=FirebaseBackend("demo-1"),
    )
    assert sent == {
        "model": "projects/demo-1/models/live-x",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {
                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Leda"}}
            },
        },
        "systemInstruction": {
            "role": "system",
            "parts": [{"text": "Answer in one line."}],
        },
        "tools": [{"functionDeclarations": [{"name": "lamp"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "sessionResumption": {},
    }


@pytest.mark.parametrize(
    ("instruction", "sent"),
    [
        ("hi", hi("system")),
        (Part(text="hi"), hi("system")),
        ({"text": "hi"}, hi("system")),
        (["hi"], hi("system")),
        (Content(None, ["hi"]), hi("system")),
        (Content("user", ["hi"]), hi("user")),
        ({"parts": [{"text": "hi"}]}, hi("system")),
        ({"role": "user", "parts": ["hi"], "so_new": 1}, {**hi("user"), "soNew": 1}),
    ],
)
def test_system_instructions(instruction, sent):
    """Whatever it is given as, it is a content; a role of its own stays."""
    assert setup("x", system_instruction=instruction)["systemInstruction"] == sent


@pytest.mark.parametrize(
    ("instruction", "error", "words"),
    [
        ("", ValueError, "an empty text"),
        ([], ValueError, "system_instruction is empty"),
        (Part(inline_data=PICTURE), ValueError, "a system instruction is of texts"),
        (Content("user", ["hi", PICTURE]), ValueError, "is of texts only"),
        (Part(), ValueError, "exactly one kind of content, not none"),
        (Content("system"), ValueError, "system_instruction is empty"),
        ({"role": 1, "parts": ["hi"]}, TypeError, "role of system_instruction must be"),
        (5, TypeError, "system_instruction must be a str, Part, .* these, not int"),
        ({"txt": "hi"}, ValueError, "system_instruction has an unknown field 'txt'"),
    ],
)
def test_what_is_no_system_instruction(instruction, error, words):
    """What has no text is refused; Firebase drops it silently."""
    with pytest.raises(error, match=words):
        requests.setup("x", system_instruction=instruction)
    with pytest.raises(error, match=words):
        requests.context_update(instruction)


@pytest.mark.parametrize(
    ("resumption", "sent"),
    [
        ({}, {}),
        (SessionResumptionConfig(), {}),
        (SessionResumptionConfig(handle="h"), {"handle": "h"}),
        ({"handle": "h", "transparent": True}, {"handle": "h", "transparent": True}),
    ],
)
def test_resumption_is_asked_for(resumption, sent):
    """An empty config enables resumption, None does not."""
    assert setup("x", resumption=resumption)["sessionResumption"] == sent
    assert "sessionResumption" not in setup("x", resumption=None)


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [("", ValueError, "model is empty"), (None, TypeError, "model must be a str, not")],
)
def test_a_model_must_be_named(model, error, words):
    """Without a model there is nobody to talk with."""
    with pytest.raises(error, match=words):
        requests.setup(model)


def test_backends_have_their_say():
    """A backend names the model, adds what it wants and refuses what it cannot do."""
    vertex = VertexAIBackend("p", "europe-west4")
    sent = setup("x", {"explicit_vad_signal": True}, backend=vertex)
    assert sent == {
        "model": "projects/p/locations/europe-west4/publishers/google/models/x",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "explicitVadSignal": True,
    }
    with pytest.raises(ValueError, match="explicit_vad_signal is for Vertex AI only"):
        requests.setup("x", {"explicitVadSignal": True}, backend=GoogleAIBackend())
    with pytest.raises(ValueError, match="transparent is for Vertex AI only"):
        requests.setup("x", resumption={"transparent": True}, backend=GoogleAIBackend())


def test_a_setup_changes_nothing_it_is_made_of():
    """The same dicts make the same setup again; JS remembers the last handle."""
    config = {"speech_config": {"voice_name": "Leda"}}
    resumption = {"handle": "h"}
    first = requests.setup("x", config, resumption=resumption)
    assert config == {"speech_config": {"voice_name": "Leda"}}
    assert resumption == {"handle": "h"}
    assert requests.setup("x", config, resumption=resumption) == first
    assert "sessionResumption" not in setup("x", config)


# clientContent


def test_a_text_turn():
    """A text is one turn of the user's, complete by default."""
    assert requests.client_content("ping") == (
        '{"clientContent":{"turns":[{"role":"user","parts":[{"text":"ping"}]}],'
        '"turnComplete":true}}'
    )


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        ("hi", [hi("user")]),
        (["hi"], [hi("user")]),
        (Content("model", ["hi"]), [hi("model")]),
        (Content(None, ["hi"]), [hi("user")]),
        ({"parts": "hi"}, [hi("user")]),
        ({"role": "model", "parts": [{"text": "hi"}]}, [hi("model")]),
        (
            [Content("user", ["hi"]), {"role": "model", "parts": ["hi"]}],
            [hi("user"), hi("model")],
        ),
        ((one for one in ["hi"]), [hi("user")]),
    ],
)
def test_turns(request_, sent):
    """Parts are one turn of the user's, contents are turns as they are."""
    assert turns(request_) == sent


def test_more_is_to_come():
    """The model waits where the turn is not complete; the flag may come alone."""
    sent = json.loads(requests.client_content("hi", turn_complete=False))
    assert sent["clientContent"]["turnComplete"] is False
    assert requests.client_content(None) == '{"clientContent":{"turnComplete":true}}'


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        ([], ValueError, "the request is empty"),
        ("", ValueError, "an empty text"),
        (Content("user"), ValueError, "the request is empty"),
        ({"parts": []}, ValueError, "the request is empty"),
        ({"parts": None}, TypeError, "a list of these, not NoneType"),
        (Content("system", ["hi"]), ValueError, "role is user or model, not 'system'"),
        ({"role": 1, "parts": ["hi"]}, TypeError, "role of the request must be a str"),
        (["hi", Content("user", ["hi"])], TypeError, "of contents or of parts, not"),
        (ANSWER, ValueError, "use send_function_responses"),
        ([ANSWER, ANSWER], ValueError, "use send_function_responses"),
        (["hi", ANSWER], ValueError, "use send_function_responses"),
        (Content("user", [ANSWER]), ValueError, "use send_function_responses"),
        ([Content("user", ["hi", ANSWER])], ValueError, "use send_function_responses"),
        ([{"functionResponse": ANSWER_SENT}], ValueError, "use send_function_resp"),
    ],
)
def test_what_is_no_turn(request_, error, words):
    """Nothing, strange roles, and answers to calls are refused."""
    with pytest.raises(error, match=words):
        requests.client_content(request_)


def test_the_flag_is_a_bool():
    """A second text in its place is a mistake; the flag alone must say something."""
    with pytest.raises(TypeError, match="turn_complete must be a bool, not str"):
        requests.client_content("hi", "there")
    with pytest.raises(ValueError, match="the request is empty"):
        requests.client_content(None, turn_complete=False)


# realtimeInput


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (requests.realtime_text("hello"), {"text": "hello"}),
        (
            requests.realtime_audio(SOUND),
            {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AQACAA=="}},
        ),
        (
            requests.realtime_video({"mime_type": "image/jpeg", "data": "_9j_4A"}),
            {"video": {"mimeType": "image/jpeg", "data": "/9j/4A=="}},
        ),
        (
            requests.realtime_video({"mimeType": "IMAGE/JPEG", "data": b"\xff"}),
            {"video": {"mimeType": "IMAGE/JPEG", "data": "/w=="}},
        ),
        (requests.audio_stream_end(), {"audioStreamEnd": True}),
        (requests.activity_start(), {"activityStart": {}}),
        (requests.activity_end(), {"activityEnd": {}}),
        (
            requests.media_chunk(Blob("audio/pcm", b"\x00\x00")),
            {"mediaChunks": [{"mimeType": "audio/pcm", "data": "AAA="}]},
        ),
    ],
)
def test_realtime_input(text, sent):
    """Exactly one kind of input is in one message."""
    assert json.loads(text) == {"realtimeInput": sent}
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("make", "given", "error", "words"),
    [
        (requests.realtime_text, "", ValueError, "the text is empty"),
        (requests.realtime_text, b"hi", TypeError, "text must be a str, not bytes"),
        (requests.realtime_audio, PICTURE, ValueError, r"type audio/\*, not 'image/p"),
        (requests.realtime_video, SOUND, ValueError, r"type image/\*, not 'audio/pcm"),
        (requests.realtime_audio, Blob("audio/pcm", b""), ValueError, "audio has no d"),
        (requests.realtime_video, {"mimeType": "image/png"}, ValueError, "no data"),
        (requests.realtime_audio, b"\x00\x00", TypeError, "must be Blob or a dict"),
        (requests.realtime_audio, None, TypeError, "audio must be Blob or a dict"),
        (requests.media_chunk, {"data": "AAAA"}, TypeError, "chunk has no mime_type"),
        (requests.media_chunk, Blob("a/b", b""), ValueError, "the chunk has no data"),
        (requests.realtime_audio, HALF, FormatError, "3 bytes of audio/pcm;rate=16000"),
        (requests.media_chunk, HALF, FormatError, "not whole 16-bit samples"),
        (requests.client_content, HALF, FormatError, "not whole 16-bit samples"),
        (requests.client_content, [Part(inline_data=HALF)], FormatError, "not whole"),
        (
            requests.realtime_audio,
            {"mime_type": "audio/PCM ;rate=8000", "data": "AAAA"},
            FormatError,
            "3 bytes",
        ),
    ],
)
def test_what_is_no_realtime_input(make, given, error, words):
    """Nothing, and media of another kind, are refused."""
    with pytest.raises(error, match=words):
        make(given)


# toolResponse


@pytest.mark.parametrize(
    "responses",
    [
        ANSWER,
        [ANSWER],
        ANSWER_SENT,
        MappingProxyType(ANSWER_SENT),
        (ANSWER_SENT,),
        iter([ANSWER]),
    ],
)
def test_function_responses(responses):
    """One or several, as objects or dicts, are in one message."""
    assert json.loads(requests.tool_response(responses)) == {
        "toolResponse": {"functionResponses": [ANSWER_SENT]}
    }


def test_several_function_responses():
    """All answers of a call of several functions go together, in order."""
    second = {
        "id": "c-2",
        "name": "f",
        "response": {},
        "scheduling": "SILENT",
        "will_continue": False,
    }
    sent = json.loads(requests.tool_response([ANSWER, second]))
    assert sent["toolResponse"]["functionResponses"] == [
        ANSWER_SENT,
        {
            "id": "c-2",
            "name": "f",
            "response": {},
            "scheduling": "SILENT",
            "willContinue": False,
        },
    ]


@pytest.mark.parametrize(
    ("responses", "error", "words"),
    [
        ([], ValueError, "there are no function responses"),
        ({"name": "f", "response": {}}, ValueError, r"responses\[0\] has no id"),
        ([ANSWER, FunctionResponse(None, "f", {})], ValueError, r"\[1\] has no id"),
        ("yes", TypeError, "must be FunctionResponse objects or dicts, not str"),
        (b"yes", TypeError, "must be FunctionResponse objects or dicts, not bytes"),
        (5, TypeError, "must be FunctionResponse objects or dicts, not int"),
        ([5], TypeError, r"responses\[0\] must be FunctionResponse or a dict"),
        ({}, TypeError, r"FunctionResponse\.name must be a str, not NoneType"),
        ({"id": "1", "name": "f", "response": "on"}, TypeError, "must be a mapping"),
        (FunctionResponse("1", "f", {"a": {1}}), TypeError, "set cannot be written"),
        (FunctionResponse("1", "f", {"a": float("nan")}), ValueError, "not JSON comp"),
    ],
)
def test_what_is_no_function_response(responses, error, words):
    """None at all, no id, and what JSON cannot carry are refused."""
    with pytest.raises(error, match=words):
        requests.tool_response(responses)


def test_services_without_ids():
    """Vertex AI may give calls no ids; then there is none to repeat."""
    sent = requests.tool_response(FunctionResponse(None, "f", {}), ids_required=False)
    (response,) = json.loads(sent)["toolResponse"]["functionResponses"]
    assert response == {"name": "f", "response": {}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a_b", "aB", "will_continue"]), inner)
    ),
    max_leaves=6,
)


@CALM
@given(st.dictionaries(st.text(max_size=5), json_values), st.booleans())
def test_responses_arrive_as_they_are(response, as_dict):
    """No key and no value of the application's is touched on its way."""
    answer = {"id": "1", "name": "f", "response": response}
    given = answer if as_dict else FunctionResponse(**answer)
    sent = json.loads(requests.tool_response(given))
    assert sent == {"toolResponse": {"functionResponses": [answer]}}


def test_mappings_of_any_kind():
    """A response may hold read-only mappings."""
    inner = MappingProxyType({"a_b": 1})
    sent = requests.tool_response(FunctionResponse("1", "f", {"x": inner}))
    assert '"response":{"x":{"a_b":1}}' in sent


# contextUpdate


@pytest.mark.parametrize(
    ("instruction", "tools", "sent"),
    [
        ("hi", None, {"systemInstruction": hi("user")}),
        (Content("system", ["hi"]), None, {"systemInstruction": hi("system")}),
        (None, [], {"tools": {"tools": []}}),
        (
            "hi",
            [{"google_search": {}}],
            {
                "systemInstruction": hi("user"),
                "tools": {"tools": [{"googleSearch": {}}]},
            },
        ),
    ],
)
def test_context_updates(instruction, tools, sent):
    """What is not given stays; an empty list of tools takes them away."""
    found = json.loads(requests.context_update(instruction, tools))
    assert found == {"contextUpdate": sent}


def test_an_update_of_nothing():
    """Without instruction and tools there is nothing to send."""
    with pytest.raises(ValueError, match="give system_instruction, tools or both"):
        requests.context_update()


# All


@CALM
@given(st.text(min_size=1))
def test_texts_arrive_as_they_are(text):
    """Every text that UTF-8 can carry is sent, without ASCII's detours."""
    assert json.loads(requests.realtime_text(text))["realtimeInput"]["text"] == text
    assert turns(text)[0]["parts"] == [{"text": text}]


def test_texts_that_cannot_be_sent():
    """A lone surrogate is told to the caller, not to the I/O thread."""
    for make in (requests.realtime_text, requests.client_content):
        with pytest.raises(ValueError, match="a lone surrogate; UTF-8 cannot carry"):
            make("\ud800")
