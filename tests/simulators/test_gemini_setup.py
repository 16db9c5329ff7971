"""What a client has settled, judged."""

import pytest

from voxsync.simulators.gemini_schema import BadRequest
from voxsync.simulators.gemini_setup import VOICES, Memory, model_name, settle, text_of


@pytest.mark.parametrize(
    "name",
    [
        "models/x",
        "publishers/google/models/x",
        "projects/p/models/x",
        "projects/p/locations/l/publishers/google/models/x",
    ],
)
def test_models_are_found_by_the_names_of_all_apis(name):
    """Whatever comes before it, the model is the same."""
    assert model_name(name, None) == "x"
    assert model_name(name, {"x"}) == "x"
    with pytest.raises(BadRequest, match="is not found") as caught:
        model_name(name, {"y"})
    assert caught.value.code == 1008


@pytest.mark.parametrize("name", ["x", "models/models/x", "models/", "a/b/c", ""])
def test_a_name_of_another_form_is_no_model(name):
    """Among them the doubled prefix that one official client makes."""
    with pytest.raises(BadRequest, match="is not found"):
        model_name(name, None)


def test_an_empty_setup_has_the_services_defaults():
    """Audio, automatic detection, interruption, no transcripts, no handles."""
    settled = settle({"model": "models/x"}, None)
    assert settled.model == "x"
    assert settled.audio
    assert settled.automatic
    assert settled.interrupts
    assert not settled.resumable
    assert not settled.hears_itself
    assert not settled.reads_along


def test_everything_settled():
    """Each field finds its place."""
    settled = settle(
        {
            "model": "models/x",
            "generationConfig": {
                "responseModalities": ["TEXT"],
                "speechConfig": {
                    "languageCode": "de-DE",
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
                },
                "thinkingConfig": {"includeThoughts": True},
            },
            "realtimeInputConfig": {
                "automaticActivityDetection": {"disabled": True},
                "activityHandling": "NO_INTERRUPTION",
                "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
            },
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
            "sessionResumption": {"handle": "h", "transparent": True},
            "historyConfig": {"initialHistoryInClientContent": True},
            "explicitVadSignal": True,
        },
        None,
    )
    assert not settled.audio
    assert settled.language == "de-DE"
    assert settled.thoughts
    assert not settled.automatic
    assert not settled.interrupts
    assert settled.all_input
    assert settled.handle == "h"
    assert settled.resumable
    assert settled.transparent
    assert settled.first_history
    assert settled.vad_signals
    assert settled.hears_itself
    assert settled.reads_along


def generation(**fields):
    return {"generationConfig": fields}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"model": ""}, "no_model"),
        (generation(responseModalities=["AUDIO", "TEXT"]), "bad_modalities"),
        (generation(responseModalities=["IMAGE"]), "bad_modalities"),
        (generation(speechConfig={"multiSpeakerVoiceConfig": {}}), "bad_voice"),
        (
            generation(
                speechConfig={
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Bob"}}
                }
            ),
            "bad_voice",
        ),
        ({"contextWindowCompression": {"triggerTokens": -1}}, "bad_value"),
        (
            {
                "contextWindowCompression": {
                    "triggerTokens": 10,
                    "slidingWindow": {"targetTokens": 10},
                }
            },
            "bad_value",
        ),
        (
            {
                "realtimeInputConfig": {
                    "automaticActivityDetection": {"silenceDurationMs": 60_001}
                }
            },
            "bad_value",
        ),
    ],
)
def test_what_cannot_be_had(fields, rule):
    """It is refused at the setup."""
    with pytest.raises(BadRequest) as caught:
        settle({"model": "models/x", **fields}, None)
    assert (caught.value.rule, caught.value.code) == (rule, 1007)


def test_there_are_thirty_voices():
    """Those that are documented."""
    assert len(VOICES) == 30


def test_memory_is_bounded():
    """Of history the latest 200 turns are kept."""
    memory = Memory()
    for number in range(1500):
        memory.add("user", str(number))
    assert len(memory.history) == 200
    assert memory.history[0].text == "1300"
    assert memory.tokens >= 1500


def test_instructions_are_of_text():
    """Its parts are lines; anything else is refused."""
    memory = Memory()
    memory.instruct({"parts": [{"text": "Be"}, {"text": "brief."}]})
    assert memory.system_instruction == "Be\nbrief."
    with pytest.raises(BadRequest):
        memory.instruct({"parts": [{"inlineData": {}}]})
    assert text_of({}) == ""


def test_tools_block_unless_they_say_otherwise():
    """New tools replace the old."""
    memory = Memory()
    memory.equip(
        [
            {"functionDeclarations": [{"name": "a"}]},
            {"functionDeclarations": [{"name": "b", "behavior": "NON_BLOCKING"}]},
            {"googleSearch": {}},
        ]
    )
    assert memory.tools == {"a": True, "b": False}
    memory.equip([])
    assert memory.tools == {}


@pytest.mark.parametrize("names", [[""], ["a", "a"], list(map(str, range(1001)))])
def test_functions_need_names_of_their_own(names):
    """And not too many."""
    declared = [{"name": name} for name in names]
    with pytest.raises(BadRequest):
        Memory().equip([{"functionDeclarations": declared}])
