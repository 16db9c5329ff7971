"""How a session is to be."""

from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxsync.dialects.gemini.config import (
    AudioTranscriptionConfig,
    ContextWindowCompressionConfig,
    HistoryConfig,
    LiveGenerationConfig,
    MediaResolution,
    ProactivityConfig,
    RealtimeInputConfig,
    ResponseModality,
    SessionResumptionConfig,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    resumption_config,
    resumption_to_wire,
    setup_fields,
)

# A busy machine is no fault of a test's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VOICE = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Leda"}}}
# One row for each field: as given, as sent, and whether it stands in setup itself.
ROWS = [
    ("response_modalities", [ResponseModality.AUDIO], ["AUDIO"], False),
    ("response_modalities", ("TEXT",), ["TEXT"], False),
    ("speech_config", SpeechConfig(voice_name="Leda"), VOICE, False),
    ("speech_config", {"voiceName": "Leda"}, VOICE, False),
    ("temperature", 0, 0, False),
    ("top_p", 0.95, 0.95, False),
    ("top_k", 40, 40, False),
    ("max_output_tokens", 1, 1, False),
    ("presence_penalty", -0.5, -0.5, False),
    ("frequency_penalty", 0.5, 0.5, False),
    ("candidate_count", 1, 1, False),
    ("seed", -3, -3, False),
    ("media_resolution", MediaResolution.LOW, "MEDIA_RESOLUTION_LOW", False),
    (
        "thinking_config",
        ThinkingConfig(thinking_budget=-1, thinking_level="LOW", include_thoughts=True),
        {"thinkingBudget": -1, "thinkingLevel": "LOW", "includeThoughts": True},
        False,
    ),
    ("enable_affective_dialog", True, True, False),
    ("translation_config", {"to_language": "de"}, {"toLanguage": "de"}, False),
    ("input_audio_transcription", {}, {}, True),
    ("output_audio_transcription", AudioTranscriptionConfig(), {}, True),
    (
        "input_audio_transcription",
        AudioTranscriptionConfig(
            language_codes=["de-DE"],
            custom_vocabulary=("voxsync",),
            word_timestamp=True,
            diarization=False,
            mode="FAST",
        ),
        {
            "languageCodes": ["de-DE"],
            "customVocabulary": ["voxsync"],
            "wordTimestamp": True,
            "diarization": False,
            "mode": "FAST",
        },
        True,
    ),
    ("realtime_input_config", RealtimeInputConfig(), {}, True),
    ("context_window_compression", {}, {}, True),
    (
        "context_window_compression",
        ContextWindowCompressionConfig(
            trigger_tokens=100, sliding_window=SlidingWindow(target_tokens=50)
        ),
        {"triggerTokens": 100, "slidingWindow": {"targetTokens": 50}},
        True,
    ),
    (
        "proactivity",
        ProactivityConfig(proactive_audio=True),
        {"proactiveAudio": True},
        True,
    ),
    (
        "history_config",
        HistoryConfig(initial_history_in_client_content=True),
        {"initialHistoryInClientContent": True},
        True,
    ),
    ("explicit_vad_signal", True, True, True),
    ("avatar_config", {"avatar_name": "x"}, {"avatarName": "x"}, True),
    (
        "safety_settings",
        [{"category": "C", "some_key": 1}],
        [{"category": "C", "someKey": 1}],
        True,
    ),
    ("labels", {"my_team": "a", "myTeam": "b"}, {"my_team": "a", "myTeam": "b"}, True),
]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize(("name", "value", "sent", "hoisted"), ROWS)
def test_every_field_has_its_place(name, value, sent, hoisted):
    """Each field, as object or dict in either case, stands where the service looks."""
    wanted = {"generationConfig": {}}
    (wanted if hoisted else wanted["generationConfig"])[camel(name)] = sent
    assert LiveGenerationConfig(**{name: value}).wire() == wanted
    assert setup_fields(LiveGenerationConfig(**{name: value})) == wanted
    assert setup_fields({name: value}) == wanted
    assert setup_fields(MappingProxyType({camel(name): value})) == wanted


def test_every_field_has_a_row():
    """A field that is added to the class is tested above."""
    fields = set(LiveGenerationConfig.__dataclass_fields__)
    assert fields == {name for name, *_ in ROWS}


@CALM
@given(st.sets(st.sampled_from(range(len(ROWS)))))
def test_fields_do_not_disturb_each_other(chosen):
    """Any choice of fields makes just these."""
    settings = {ROWS[at][0]: ROWS[at][1] for at in sorted(chosen)}
    sent = setup_fields(LiveGenerationConfig(**settings))
    found = {**sent, **sent.pop("generationConfig")}
    assert found.keys() - {"generationConfig"} == {camel(name) for name in settings}
    assert setup_fields(settings) == setup_fields(LiveGenerationConfig(**settings))


def test_without_a_config():
    """The generation config is always sent, if only empty."""
    assert setup_fields(None) == setup_fields({}) == {"generationConfig": {}}


def test_what_is_newer_goes_along():
    """Fields this library does not know are sent with the generation config."""
    sent = setup_fields({"so_new": {"a_b": 1}, "seed": None})
    assert sent == {"generationConfig": {"soNew": {"a_b": 1}}}
    inner = setup_fields({"realtime_input_config": {"so_new": {"a_b": 1}}})
    assert inner["realtimeInputConfig"] == {"soNew": {"a_b": 1}}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("system_instruction", "an argument of its own"),
        ("tools", "an argument of its own"),
        ("toolConfig", "an argument of its own"),
        ("model", "an argument of its own"),
        ("session_resumption", r"an argument of connect\(\)"),
        ("generation_config", "write its fields directly"),
        ("http_options", "base_url"),
    ],
)
def test_what_belongs_elsewhere(name, words):
    """Who brings another library's config is told where its parts belong."""
    with pytest.raises(ValueError, match=words):
        setup_fields({name: None})


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"temperature": -0.1}, ValueError, "temperature must be 0 or more"),
        ({"temperature": "1"}, TypeError, "temperature must be a number, not str"),
        ({"top_p": 1.01}, ValueError, "top_p must be from 0 to 1"),
        ({"top_k": -1}, ValueError, "top_k must be 0 or more"),
        ({"max_output_tokens": 0}, ValueError, "max_output_tokens must be 1 or more"),
        ({"max_output_tokens": 1.0}, TypeError, "must be a whole number"),
        ({"response_modalities": "AUDIO"}, TypeError, "must be a list or tuple"),
        ({"response_modalities": []}, ValueError, "must be exactly one, not 0"),
        ({"response_modalities": ["AUDIO", "TEXT"]}, ValueError, "exactly one, not 2"),
        ({"response_modalities": ["SOUND"]}, ValueError, "TEXT, IMAGE, AUDIO, not"),
        ({"media_resolution": "LOW"}, ValueError, "must be one of MEDIA_RESOLUTION_"),
        ({"speech_config": "Leda"}, TypeError, "must be SpeechConfig or a dict"),
        ({"input_audio_transcription": True}, TypeError, "or a dict, not bool"),
        ({"labels": ["a"]}, TypeError, "labels must be a mapping, not list"),
        ({"labels": {"a": 1}}, TypeError, r"labels\['a'\] must be a str, not int"),
        ({"labels": {1: "a"}}, TypeError, "a label of .* must be a str, not int"),
        ({"safety_settings": [1]}, TypeError, r"safety_settings\[0\] must be a dict"),
        ({"thinking_config": {"thinkingBudget": -2}}, ValueError, "must be -1 or more"),
    ],
)
def test_values_are_checked(settings, error, words):
    """What the service could not take is refused by the name of its field."""
    with pytest.raises(error, match=words):
        LiveGenerationConfig(**settings)
    with pytest.raises(error, match=words):
        setup_fields(settings)


@pytest.mark.parametrize("config", ["config", 5, [], SpeechConfig()])
def test_what_is_no_config(config):
    """Something else than a config or a dict is refused by its type."""
    with pytest.raises(
        TypeError, match="config must be LiveGenerationConfig or a dict"
    ):
        setup_fields(config)


@pytest.mark.parametrize(
    "config",
    [
        SpeechConfig(voice_name="Leda", language_code="de-DE"),
        {"voice_name": "Leda", "languageCode": "de-DE"},
        {"voiceConfig": VOICE["voiceConfig"], "languageCode": "de-DE"},
        SpeechConfig(
            voice_config={"prebuilt_voice_config": {"voice_name": "Leda"}},
            language_code="de-DE",
        ),
    ],
)
def test_voices(config):
    """Firebase's short name and the service's long one are sent alike."""
    sent = setup_fields({"speech_config": config})["generationConfig"]
    assert sent["speechConfig"] == {**VOICE, "languageCode": "de-DE"}


def test_a_voice_of_another_kind():
    """What the service has besides prebuilt voices goes through."""
    config = SpeechConfig(voice_config={"replicated_voice": {"a_b": 1}})
    assert config.wire() == {"voiceConfig": {"replicatedVoice": {"a_b": 1}}}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"voice_name": "Leda", "voice_config": {}}, "voice_name or voice_config"),
        ({"multi_speaker_voice_config": {}}, "a live session has one speaker"),
        ({"multiSpeakerVoiceConfig": {"a": 1}}, "a live session has one speaker"),
    ],
)
def test_voices_that_cannot_be(settings, words):
    """One voice, said in one way."""
    with pytest.raises(ValueError, match=words):
        setup_fields({"speech_config": settings})


@pytest.mark.parametrize(
    ("trigger", "target", "allowed"),
    [
        (100, 99, True),
        (100, 100, False),
        (0, 0, False),
        (100, None, True),
        (None, 100, True),
    ],
)
def test_compression_must_leave_room(trigger, target, allowed):
    """What is kept must be less than what starts it."""
    settings = {"trigger_tokens": trigger, "sliding_window": {"targetTokens": target}}
    if allowed:
        assert ContextWindowCompressionConfig(**settings)
    else:
        with pytest.raises(ValueError, match="must be less than trigger_tokens"):
            ContextWindowCompressionConfig(**settings)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        (SessionResumptionConfig(), {}),
        (SessionResumptionConfig(handle="h-3"), {"handle": "h-3"}),
        (
            {"handle": "h-3", "transparent": True},
            {"handle": "h-3", "transparent": True},
        ),
        ({"handle": None}, {}),
    ],
)
def test_resumption(given, sent):
    """An empty one asks for handles all the same."""
    assert resumption_to_wire(given) == sent


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (
            "h-secret",
            TypeError,
            "session_resumption must be SessionResumptionConfig or",
        ),
        (True, TypeError, "or a dict, not bool"),
        ({"handle": 7}, TypeError, r"SessionResumptionConfig\.handle must be a str"),
        ({"handle": ""}, ValueError, "handle is empty; leave it out"),
    ],
)
def test_what_is_no_resumption(value, error, words):
    """A mistake is told without the handle, which is a secret."""
    with pytest.raises(error, match=words) as caught:
        resumption_to_wire(value)
    assert "h-secret" not in str(caught.value)


def test_handles_are_secrets():
    """Who has a handle has the conversation: no repr shows it."""
    config = SessionResumptionConfig(handle="h-secret", transparent=True)
    assert repr(config) == "SessionResumptionConfig(handle=***, transparent=True)"
    assert repr(SessionResumptionConfig()) == (
        "SessionResumptionConfig(handle=None, transparent=None)"
    )


def test_configs_are_values():
    """A config can be shared: nobody changes it, equal ones are equal."""
    config = LiveGenerationConfig(temperature=1.0)
    assert config == LiveGenerationConfig(temperature=1.0)
    with pytest.raises(AttributeError):
        config.temperature = 2.0
    sent = setup_fields(config)
    sent["generationConfig"]["temperature"] = 5
    assert setup_fields(config)["generationConfig"] == {"temperature": 1.0}


def test_reprs_show_what_is_given():
    """Of two dozen fields those are shown that say something."""
    config = LiveGenerationConfig(
        temperature=0, speech_config=SpeechConfig(voice_name="Leda")
    )
    assert repr(config) == (
        "LiveGenerationConfig(speech_config=SpeechConfig(voice_name='Leda'), "
        "temperature=0)"
    )


def test_resumption_configs():
    """As they are, or of a dict."""
    config = SessionResumptionConfig(handle="h")
    assert resumption_config(config) is config
    assert resumption_config(None) is None
    assert resumption_config({}) == SessionResumptionConfig()
    assert resumption_config({"handle": "h"}) == config


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"hndl": 1}, ValueError, "unknown field 'hndl'; .*: handle, transparent$"),
        ({"handle": 1}, TypeError, "handle must be a str"),
        ("h", TypeError, r"SessionResumptionConfig\(...\) or a dict, not str"),
    ],
)
def test_what_is_no_resumption_config(given, error, words):
    """A mistyped key is named, with those that there are."""
    with pytest.raises(error, match=words):
        resumption_config(given)
