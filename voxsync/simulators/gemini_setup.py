"""The setup of a Live API session: what a client has settled, judged."""

from __future__ import annotations

import collections
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from voxsync.simulators.gemini_brain import Said
from voxsync.simulators.gemini_schema import BadRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["VOICES", "Memory", "Settled", "model_name", "settle", "text_of"]

_VOICES = """
Achernar Achird Algenib Algieba Alnilam Aoede
Autonoe Callirrhoe Charon Despina Enceladus Erinome
Fenrir Gacrux Iapetus Kore Laomedeia Leda
Orus Puck Pulcherrima Rasalgethi Sadachbia Sadaltager
Schedar Sulafat Umbriel Vindemiatrix Zephyr Zubenelgenubi
"""
VOICES: Final = frozenset(_VOICES.split())
"""The prebuilt voices."""

_TURNS = 200  # of history that are kept
_FUNCTIONS = 1000
_MODELS = (
    r"models/([^/]+)",
    r"publishers/google/models/([^/]+)",
    r"projects/[^/]+/models/([^/]+)",
    r"projects/[^/]+/locations/[^/]+/publishers/google/models/([^/]+)",
)
_MODEL = re.compile("|".join(_MODELS))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a client's setup comes to.

    Attributes:
        model: Its bare name.
        audio: It is to be spoken to; False = written to.
        language: Of its speech, e.g. "en-US"; "" = not said.
        thoughts: It wants to see thoughts.
        hears_itself: It wants to read what was heard.
        reads_along: It wants to read what it is told.
        automatic: The service finds out when somebody speaks.
        detection: How, in the wire's words.
        interrupts: Speech interrupts.
        all_input: Sound between two activities belongs to the turn.
        handle: Of the session to be taken up again; "" = none.
        resumable: It wants handles.
        transparent: It wants to know which messages a handle holds.
        first_history: The first clientContent is history, and not answered.
        vad_signals: It wants to be told of activity.
    """

    model: str
    audio: bool
    language: str
    thoughts: bool
    hears_itself: bool
    reads_along: bool
    automatic: bool
    detection: Mapping[str, Any]
    interrupts: bool
    all_input: bool
    handle: str
    resumable: bool
    transparent: bool
    first_history: bool
    vad_signals: bool


@dataclass(slots=True)
class Memory:
    """What a session knows. Owned by its conversation's thread.

    Attributes:
        history: Turns, oldest first (at most 200).
        system_instruction: The one in force.
        tools: Functions, by name: whether the model waits for them.
        tokens: What the history counts for.
    """

    history: collections.deque[Said] = field(
        default_factory=lambda: collections.deque(maxlen=_TURNS)
    )
    system_instruction: str = ""
    tools: dict[str, bool] = field(default_factory=dict)
    tokens: int = 0

    def add(self, role: str, text: str, tokens: int | None = None) -> None:
        """Remember a turn."""
        self.history.append(Said(role, text))
        self.tokens += len(text) // 4 + 1 if tokens is None else tokens

    def instruct(self, content: Mapping[str, Any]) -> None:
        """Take a system instruction.

        Raises:
            BadRequest: It is not of text alone.
        """
        for part in content.get("parts", ()):
            if part.keys() - {"text"}:
                raise BadRequest("bad_value", "a system instruction is of text alone")
        self.system_instruction = text_of(content)

    def equip(self, tools: Iterable[Mapping[str, Any]]) -> None:
        """Take tools; those from before are gone.

        Raises:
            BadRequest: A function without a name, twice, or too many.
        """
        found: dict[str, bool] = {}
        for tool in tools:
            for each in tool.get("functionDeclarations", ()):
                name = each.get("name", "")
                if not name or name in found or len(found) >= _FUNCTIONS:
                    raise BadRequest(
                        "bad_tools", f"function declarations: {name!r} cannot be used"
                    )
                found[name] = each.get("behavior") != "NON_BLOCKING"
        self.tools = found


def text_of(content: Mapping[str, Any]) -> str:
    """The text of a content, its parts in lines."""
    parts = content.get("parts", ())
    return "\n".join(part["text"] for part in parts if part.get("text"))


def model_name(name: str, models: Collection[str] | None) -> str:
    """The bare name of a model.

    Args:
        name: As in the setup, with one of the prefixes of the APIs.
        models: Bare names of those on offer; None = all.

    Raises:
        BadRequest: There is none such.
    """
    found = _MODEL.fullmatch(name)
    bare = next((each for each in found.groups() if each), "") if found else ""
    if not bare or (models is not None and bare not in models):
        raise BadRequest(
            "unknown_model",
            f"{name[:40]} is not found, or is not supported for bidiGenerateContent",
            1008,
        )
    return bare


def settle(body: Mapping[str, Any], models: Collection[str] | None) -> Settled:
    """Judge a setup.

    Raises:
        BadRequest: It cannot be had; with the close code and reason.
    """
    if not body.get("model"):
        raise BadRequest("no_model", "setup.model is required")
    model = model_name(body["model"], models)
    generation = body.get("generationConfig", {})
    modalities = generation.get("responseModalities", [])
    if len(modalities) > 1 or set(modalities) & {"IMAGE", "VIDEO"}:
        raise BadRequest("bad_modalities", "give one response modality: AUDIO or TEXT")
    speech = generation.get("speechConfig", {})
    _check_voice(speech)
    _check_window(body.get("contextWindowCompression", {}))
    realtime = body.get("realtimeInputConfig", {})
    detection = realtime.get("automaticActivityDetection", {})
    for name in ("prefixPaddingMs", "silenceDurationMs"):
        if not 0 <= detection.get(name, 0) <= 60_000:
            raise BadRequest("bad_value", f"{name} must be from 0 to 60000")
    resumption = body.get("sessionResumption")
    return Settled(
        model=model,
        audio=modalities != ["TEXT"],
        language=speech.get("languageCode", ""),
        thoughts=generation.get("thinkingConfig", {}).get("includeThoughts", False),
        hears_itself="inputAudioTranscription" in body,
        reads_along="outputAudioTranscription" in body,
        automatic=not detection.get("disabled", False),
        detection=detection,
        interrupts=realtime.get("activityHandling") != "NO_INTERRUPTION",
        all_input=realtime.get("turnCoverage") == "TURN_INCLUDES_ALL_INPUT",
        handle=(resumption or {}).get("handle", ""),
        resumable=resumption is not None,
        transparent=(resumption or {}).get("transparent", False),
        first_history=body.get("historyConfig", {}).get(
            "initialHistoryInClientContent", False
        ),
        vad_signals=body.get("explicitVadSignal", False),
    )


def _check_voice(speech: Mapping[str, Any]) -> None:
    if "multiSpeakerVoiceConfig" in speech:
        raise BadRequest("bad_voice", "a live session has one speaker")
    voice = speech.get("voiceConfig", {}).get("prebuiltVoiceConfig", {})
    name = voice.get("voiceName", "Puck")
    if name not in VOICES:
        raise BadRequest("bad_voice", f"voice {name[:40]!r} is not available")


def _check_window(window: Mapping[str, Any]) -> None:
    trigger = window.get("triggerTokens")
    target = window.get("slidingWindow", {}).get("targetTokens")
    for value in (trigger, target):
        if value is not None and value < 0:
            raise BadRequest("bad_value", "contextWindowCompression: no tokens below 0")
    if trigger is not None and target is not None and target >= trigger:
        raise BadRequest("bad_value", "targetTokens must be less than triggerTokens")
