"""How a session is to be: what the setup message can say, in Python's spelling.

Every field is optional; None = the service's default. Wherever one of these is taken,
a dict with its keys in either case does as well, at any depth.
"""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.activity import (
    ActivityHandling,
    AutomaticActivityDetection,
    EndSensitivity,
    RealtimeInputConfig,
    StartSensitivity,
    TurnCoverage,
)
from voxsync.dialects.gemini.fields import (
    WireObject,
    boolean,
    choice,
    each,
    kinds,
    nested,
    number,
    option,
    recased,
    sort_keys,
    string,
    strings,
    to_wire,
    whole,
)
from voxsync.redact import MASK

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = [
    "ActivityHandling",
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "ContextWindowCompressionConfig",
    "EndSensitivity",
    "HistoryConfig",
    "LiveGenerationConfig",
    "MediaResolution",
    "ProactivityConfig",
    "RealtimeInputConfig",
    "ResponseModality",
    "SessionResumptionConfig",
    "SlidingWindow",
    "SpeechConfig",
    "StartSensitivity",
    "ThinkingConfig",
    "TurnCoverage",
    "resumption_config",
    "resumption_to_wire",
    "setup_fields",
]

Dict: TypeAlias = Mapping[str, Any]


class ResponseModality(StrEnum):
    """What the model answers in."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    AUDIO = "AUDIO"


class MediaResolution(StrEnum):
    """How finely images are looked at."""

    LOW = "MEDIA_RESOLUTION_LOW"
    MEDIUM = "MEDIA_RESOLUTION_MEDIUM"
    HIGH = "MEDIA_RESOLUTION_HIGH"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SpeechConfig(WireObject):
    """The model's voice.

    Attributes:
        voice_name: One of the prebuilt voices, e.g. `"Puck"`.
        language_code: BCP-47, e.g. `"de-DE"`; native-audio models choose themselves.
        voice_config: In the service's own words, instead of `voice_name`.
        multi_speaker_voice_config: Refused: Live has one speaker.

    Raises:
        ValueError: Both a name and a config; or several speakers, which Live does
            not support.
    """

    voice_name: str | None = option(string)
    language_code: str | None = option(string)
    voice_config: Dict | None = option(recased(prebuiltVoiceConfig=recased()))
    multi_speaker_voice_config: None = option(recased())

    def wire(self) -> dict[str, object]:
        """The JSON object to send."""
        found = WireObject.wire(self)
        if "multiSpeakerVoiceConfig" in found:
            raise ValueError("a live session has one speaker: give voice_name instead")
        name = found.pop("voiceName", None)
        if name is None:
            return found
        if "voiceConfig" in found:
            raise ValueError("give SpeechConfig voice_name or voice_config, not both")
        return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}, **found}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AudioTranscriptionConfig(WireObject):
    """Asks for what was said in words; `AudioTranscriptionConfig()` is enough.

    Attributes:
        language_codes: BCP-47, what to expect (Developer API, like all here).
        custom_vocabulary: Words to expect.
        word_timestamp: When each word was said. Default False.
        diarization: Who said it. Default False.
        mode: As the service names it.
    """

    language_codes: Sequence[str] | None = option(strings)
    custom_vocabulary: Sequence[str] | None = option(strings)
    word_timestamp: bool | None = option(boolean)
    diarization: bool | None = option(boolean)
    mode: str | None = option(string)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SlidingWindow(WireObject):
    """What is kept of a context that grew too long.

    Attributes:
        target_tokens: How many tokens; default half of `trigger_tokens`.
    """

    target_tokens: int | None = option(whole(0))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ContextWindowCompressionConfig(WireObject):
    """Forget the oldest turns before the context is full: sessions without end.

    Attributes:
        trigger_tokens: From how many tokens on; default 80 % of the model's window.
        sliding_window: How.

    Raises:
        ValueError: The target is not below the trigger.
    """

    trigger_tokens: int | None = option(whole(0))
    sliding_window: SlidingWindow | Dict | None = option(nested(SlidingWindow))

    def wire(self) -> dict[str, object]:
        """The JSON object to send."""
        found: dict[str, Any] = WireObject.wire(self)
        trigger = found.get("triggerTokens")
        target = found.get("slidingWindow", {}).get("targetTokens")
        if trigger is not None and target is not None and target >= trigger:
            raise ValueError(
                f"target_tokens ({target}) must be less than trigger_tokens ({trigger})"
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SessionResumptionConfig(WireObject):
    """Asks for handles by which the session can go on over another connection.

    Attributes:
        handle: Of the session to go on with; None = a new one. It is a secret.
        transparent: The service says what it had consumed of the messages sent
            (Vertex AI only).
    """

    handle: str | None = option(string)
    transparent: bool | None = option(boolean)

    def __repr__(self) -> str:
        handle = None if self.handle is None else MASK
        return (
            f"SessionResumptionConfig(handle={handle}, transparent={self.transparent})"
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ThinkingConfig(WireObject):
    """How much the model thinks before it speaks.

    Attributes:
        thinking_budget: Tokens; 0 = none, -1 = as many as it likes.
        thinking_level: As the service names it, e.g. `"LOW"`.
        include_thoughts: Thoughts are sent as parts with `thought` set.
    """

    thinking_budget: int | None = option(whole(-1))
    thinking_level: str | None = option(string)
    include_thoughts: bool | None = option(boolean)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ProactivityConfig(WireObject):
    """Whether the model may keep silent.

    Attributes:
        proactive_audio: It may, where nothing was meant for it.
    """

    proactive_audio: bool | None = option(boolean)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HistoryConfig(WireObject):
    """What the first turns are.

    Attributes:
        initial_history_in_client_content: History, which the model does not answer.
    """

    initial_history_in_client_content: bool | None = option(boolean)


def _modality(where: str, value: object) -> object:
    found = each(choice(ResponseModality))(where, value)
    if len(found) != 1:
        raise ValueError(f"{where} must be exactly one, not {len(found)}")
    return found


def _labels(where: str, value: object) -> object:
    if not isinstance(value, Mapping):
        raise TypeError(f"{where} must be a mapping, not {type(value).__name__}")
    # The names are the application's own.
    return {
        string(f"a label of {where}", key): string(f"{where}[{key!r}]", item)
        for key, item in value.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LiveGenerationConfig(WireObject):
    """How the model is to answer, and the session to be.

    Attributes:
        response_modalities: One of AUDIO (the service's default) and TEXT, in a list.
        speech_config: Its voice.
        temperature: 0 to 2; more is more varied.
        top_p: 0 to 1; the service's default is 0.95.
        top_k: The service's default is 40.
        max_output_tokens: Of one answer.
        presence_penalty, frequency_penalty: -2 to 2, against saying the same again.
        candidate_count, seed: As the service has them.
        media_resolution: How finely images are looked at.
        thinking_config: How much it thinks.
        enable_affective_dialog: It minds the tone of what it hears.
        translation_config: For models that translate; a dict in the service's words.
        input_audio_transcription: Asks for what the user said in words; `{}` does.
        output_audio_transcription: Likewise of what the model says.
        realtime_input_config: What is made of audio and video as they come.
        context_window_compression: Forget the oldest turns in time; `{}` does.
        proactivity: The model may keep silent.
        history_config: The first turns sent are history.
        explicit_vad_signal: Tells when speech begins and ends (Vertex AI only).
        avatar_config, safety_settings: In the service's words.
        labels: Of the application's own.

    Raises:
        TypeError, ValueError: A field has no value that the service could take.
    """

    response_modalities: Sequence[ResponseModality | str] | None = option(_modality)
    speech_config: SpeechConfig | Dict | None = option(nested(SpeechConfig))
    temperature: float | None = option(number(0))
    top_p: float | None = option(number(0, 1))
    top_k: int | None = option(whole(0))
    max_output_tokens: int | None = option(whole(1))
    presence_penalty: float | None = option(number())
    frequency_penalty: float | None = option(number())
    candidate_count: int | None = option(whole(1))
    seed: int | None = option(whole())
    media_resolution: MediaResolution | str | None = option(choice(MediaResolution))
    thinking_config: ThinkingConfig | Dict | None = option(nested(ThinkingConfig))
    enable_affective_dialog: bool | None = option(boolean)
    translation_config: Dict | None = option(recased())
    input_audio_transcription: AudioTranscriptionConfig | Dict | None = option(
        nested(AudioTranscriptionConfig)
    )
    output_audio_transcription: AudioTranscriptionConfig | Dict | None = option(
        nested(AudioTranscriptionConfig)
    )
    realtime_input_config: RealtimeInputConfig | Dict | None = option(
        nested(RealtimeInputConfig)
    )
    context_window_compression: ContextWindowCompressionConfig | Dict | None = option(
        nested(ContextWindowCompressionConfig)
    )
    proactivity: ProactivityConfig | Dict | None = option(nested(ProactivityConfig))
    history_config: HistoryConfig | Dict | None = option(nested(HistoryConfig))
    explicit_vad_signal: bool | None = option(boolean)
    avatar_config: Dict | None = option(recased())
    safety_settings: Sequence[Dict] | None = option(each(recased()))
    labels: Mapping[str, str] | None = option(_labels)

    def wire(self) -> dict[str, object]:
        """The members of `setup` that this makes; `generationConfig` always."""
        found = WireObject.wire(self)
        hoisted = {name: found.pop(name) for name in _HOISTED if name in found}
        return {"generationConfig": found, **hoisted}


# Members of `setup` itself (Gemini notes, 1.3 and 2.3).
_HOISTED = (
    "realtimeInputConfig",
    "inputAudioTranscription",
    "outputAudioTranscription",
    "contextWindowCompression",
    "proactivity",
    "historyConfig",
    "explicitVadSignal",
    "avatarConfig",
    "safetySettings",
    "labels",
)
_ELSEWHERE = {
    "model": "an argument of its own",
    "systemInstruction": "an argument of its own",
    "tools": "an argument of its own",
    "toolConfig": "an argument of its own",
    "sessionResumption": "an argument of connect()",
    "generationConfig": "what config is already: write its fields directly",
    "httpOptions": "for another client: see base_url, backend and options",
}


def setup_fields(config: LiveGenerationConfig | Dict | None) -> dict[str, object]:
    """The members of `setup` that a config makes; `generationConfig` always.

    Raises:
        TypeError, ValueError: It is no config, or says what belongs elsewhere.
    """
    if config is None:
        return {"generationConfig": {}}
    if not isinstance(config, Mapping):
        return to_wire("config", config, LiveGenerationConfig)
    known, extra = sort_keys("config", config, kinds(LiveGenerationConfig))
    for name in extra:
        if name in _ELSEWHERE:
            raise ValueError(f"{name} in config is {_ELSEWHERE[name]}")
    found: dict[str, Any] = LiveGenerationConfig(**known).wire()
    found["generationConfig"].update(extra)
    return found


def resumption_config(
    given: SessionResumptionConfig | Dict | None,
) -> SessionResumptionConfig | None:
    """The setting as an object; None = the session is not to be resumed.

    Raises:
        TypeError: It is nothing of that, or a value makes no sense.
        ValueError: A dict has a key that there is not.
    """
    if given is None or isinstance(given, SessionResumptionConfig):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(
            "session_resumption must be SessionResumptionConfig(...) or a dict, not "
            f"{type(given).__name__}"
        )
    known, unknown = sort_keys(
        "session_resumption", given, kinds(SessionResumptionConfig)
    )
    if unknown:
        raise ValueError(
            f"session_resumption has an unknown field {next(iter(unknown))!r}; there "
            f"are: {', '.join(kinds(SessionResumptionConfig))}"
        )
    return SessionResumptionConfig(**known)


def resumption_to_wire(
    resumption: SessionResumptionConfig | Dict,
) -> dict[str, object]:
    """`setup.sessionResumption`; an empty one asks for a new session's handles.

    Raises:
        TypeError, ValueError: It is no such config.
    """
    return to_wire("session_resumption", resumption, SessionResumptionConfig)
