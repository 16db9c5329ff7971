"""Door: Gemini's Live API: talk with a model, in threads and blocking calls.

    from voxsync.gemini import LiveGenerativeModel

    config = {"output_audio_transcription": {}}  # models answer with audio
    model = LiveGenerativeModel("gemini-live-2.5-flash", api_key=key, config=config)
    with model.connect() as session:
        session.send("Good morning")
        for message in session.receive_turn(timeout=30):
            said = getattr(message, "output_transcription", None)
            if said is not None:
                print(said.text, end="")

Firebase's `LiveSession` in Python's spelling, with what Google's own SDK has besides
(Gemini notes, 1). Audio: `microphone.send_media_to(session)`,
`session.send_media_to(speaker)`, or both at once with
`voxsync.conversation.AudioConversation`.

- Begin with `LiveGenerativeModel`, which makes each `LiveSession`; where to: its
  `backend`, a `GoogleAIBackend`, `VertexAIBackend` or `FirebaseBackend`.
- Settings, all of them dicts if you like: `LiveGenerationConfig`, `SpeechConfig`,
  `ResponseModality`, `AudioTranscriptionConfig`, `RealtimeInputConfig`,
  `AutomaticActivityDetection`, `SessionResumptionConfig`, `ThinkingConfig`, ...
- What is sent: `Content`, `Part`, `Blob`, `FunctionResponse`; functions are declared
  by `Tool` and `FunctionDeclaration`.
- What comes, each a `LiveServerMessage`: `ServerContent` (with `Transcription`),
  `ToolCall` (of `FunctionCall`), `ToolCallCancellation`, `GoAway`, `UsageUpdate` (with
  `UsageMetadata`), `VoiceActivity`, `SessionResumptionUpdate`, `UnknownMessage`, ...

May import: dialects.gemini, session, media, audio, errors, clocks.
Threads: those of `Session`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from voxsync.gemini.model import LiveGenerativeModel
from voxsync.gemini.session import LiveSession

if TYPE_CHECKING:
    from voxsync.dialects.gemini import (
        ActivityHandling,
        AudioTranscriptionConfig,
        AutomaticActivityDetection,
        Blob,
        CodeExecutionResult,
        Content,
        ContextWindowCompressionConfig,
        EndSensitivity,
        ExecutableCode,
        FileData,
        FirebaseBackend,
        FunctionBehavior,
        FunctionCall,
        FunctionDeclaration,
        FunctionResponse,
        FunctionResponseScheduling,
        GoAway,
        GoogleAIBackend,
        HistoryConfig,
        LiveGenerationConfig,
        LiveServerMessage,
        MediaResolution,
        ModalityTokenCount,
        Part,
        ProactivityConfig,
        RealtimeInputConfig,
        ResponseModality,
        ServerContent,
        ServerError,
        SessionResumptionConfig,
        SessionResumptionUpdate,
        SetupComplete,
        SlidingWindow,
        SpeechConfig,
        StartSensitivity,
        ThinkingConfig,
        Tool,
        ToolCall,
        ToolCallCancellation,
        Transcription,
        TurnCoverage,
        UnknownMessage,
        UsageMetadata,
        UsageUpdate,
        VertexAIBackend,
        VoiceActivity,
        VoiceActivityDetectionSignal,
        WordInfo,
    )

__all__ = [
    "ActivityHandling",
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "Blob",
    "CodeExecutionResult",
    "Content",
    "ContextWindowCompressionConfig",
    "EndSensitivity",
    "ExecutableCode",
    "FileData",
    "FirebaseBackend",
    "FunctionBehavior",
    "FunctionCall",
    "FunctionDeclaration",
    "FunctionResponse",
    "FunctionResponseScheduling",
    "GoAway",
    "GoogleAIBackend",
    "HistoryConfig",
    "LiveGenerationConfig",
    "LiveGenerativeModel",
    "LiveServerMessage",
    "LiveSession",
    "MediaResolution",
    "ModalityTokenCount",
    "Part",
    "ProactivityConfig",
    "RealtimeInputConfig",
    "ResponseModality",
    "ServerContent",
    "ServerError",
    "SessionResumptionConfig",
    "SessionResumptionUpdate",
    "SetupComplete",
    "SlidingWindow",
    "SpeechConfig",
    "StartSensitivity",
    "ThinkingConfig",
    "Tool",
    "ToolCall",
    "ToolCallCancellation",
    "Transcription",
    "TurnCoverage",
    "UnknownMessage",
    "UsageMetadata",
    "UsageUpdate",
    "VertexAIBackend",
    "VoiceActivity",
    "VoiceActivityDetectionSignal",
    "WordInfo",
]


def __getattr__(name: str) -> object:
    """Load what the dialect has for users when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module("voxsync.dialects.gemini"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
