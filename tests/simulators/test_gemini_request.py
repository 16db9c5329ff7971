"""What clients send is read by the protocol's rules."""

import json

import pytest

from voxsync.simulators.gemini_request import KINDS, read_request
from voxsync.simulators.gemini_schema import BadRequest

CAMEL = {
    "setup": {
        "model": "models/x",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {
                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Leda"}}
            },
            "thinkingConfig": {"includeThoughts": True},
        },
        "tools": [
            {"functionDeclarations": [{"name": "f", "parameters": {"a_b": {"cD": 1}}}]}
        ],
        "contextWindowCompression": {
            "triggerTokens": "9000",
            "slidingWindow": {"targetTokens": 1000},
        },
        "realtimeInputConfig": {
            "automaticActivityDetection": {"silenceDurationMs": 100},
            "activityHandling": "NO_INTERRUPTION",
        },
        "sessionResumption": {"handle": "h", "transparent": True},
        "labels": {"some_key": "v"},
    }
}
SNAKE = json.loads(
    json.dumps(CAMEL)
    .replace("generationConfig", "generation_config")
    .replace("responseModalities", "response_modalities")
    .replace("prebuiltVoiceConfig", "prebuilt_voice_config")
    .replace("functionDeclarations", "function_declarations")
    .replace("slidingWindow", "sliding_window")
    .replace("automaticActivityDetection", "automatic_activity_detection")
    .replace("sessionResumption", "session_resumption")
)


@pytest.mark.parametrize("message", [CAMEL, SNAKE], ids=["camel", "mixed"])
@pytest.mark.parametrize("binary", [False, True])
def test_a_setup_is_read_in_any_spelling(message, binary):
    """Text or binary, camelCase or snake_case; schemas and labels stay as they are."""
    text = json.dumps(message)
    request = read_request(text.encode() if binary else text)
    assert request.kind == "setup"
    setup = request.body
    assert setup["generationConfig"]["responseModalities"] == ["AUDIO"]
    declared = setup["tools"][0]["functionDeclarations"][0]
    assert declared["parameters"] == {"a_b": {"cD": 1}}
    assert setup["contextWindowCompression"]["triggerTokens"] == 9000
    assert setup["sessionResumption"] == {"handle": "h", "transparent": True}
    assert setup["labels"] == {"some_key": "v"}


@pytest.mark.parametrize(
    ("message", "kind", "body"),
    [
        (
            {"realtime_input": {"audio": {"mime_type": "audio/pcm", "data": "AQI"}}},
            "realtimeInput",
            {"audio": {"mimeType": "audio/pcm", "data": b"\x01\x02"}},
        ),
        (
            {"realtimeInput": {"activityStart": {}}},
            "realtimeInput",
            {"activityStart": {}},
        ),
        (
            {"client_content": {"turns": [{"parts": [{"text": "a"}]}]}},
            "clientContent",
            {"turns": [{"parts": [{"text": "a"}]}]},
        ),
        (
            {
                "toolResponse": {
                    "functionResponses": [{"id": "1", "response": {"aB": 1}}]
                }
            },
            "toolResponse",
            {"functionResponses": [{"id": "1", "response": {"aB": 1}}]},
        ),
        (
            {"contextUpdate": {"tools": {"tools": []}}},
            "contextUpdate",
            {"tools": {"tools": []}},
        ),
    ],
)
def test_other_messages(message, kind, body):
    """Each has its key."""
    request = read_request(json.dumps(message))
    assert (request.kind, request.body, request.unknown) == (kind, body, ())
    assert kind in KINDS


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ("{", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        ("[" * 100_000, "not_json"),
        ("[]", "not_json"),
        ("null", "not_json"),
        ("{}", "one_key"),
        ('{"setup":null}', "one_key"),
        ('{"setup":{},"clientContent":{}}', "one_key"),
        ('{"unheard":{}}', "unknown_field"),
        ('{"setup":{"responseSchema":{}}}', "unknown_field"),
        ('{"setup":{"generationConfig":{"stopSequences":[]}}}', "unknown_field"),
        ('{"setup":[]}', "wrong_type"),
    ],
)
def test_what_breaks_a_rule_is_refused(data, rule):
    """With 1007 and the rule's name."""
    with pytest.raises(BadRequest) as caught:
        read_request(data)
    assert (caught.value.rule, caught.value.code) == (rule, 1007)


def test_unknown_fields_are_borne_if_that_is_wanted():
    """They are told of; two keys are then taken for the first."""
    request = read_request('{"x":1,"setup":{"y":2},"toolResponse":{}}', strict=False)
    assert request.kind == "setup"
    assert request.unknown == ("message.x", "message.setup.y")
