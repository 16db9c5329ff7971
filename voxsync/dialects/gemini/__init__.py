"""gemini: what is said in a Live session, both ways, and the addresses of the service.

May import: dialects.base, errors, redact, audio, the standard library; numpy lazily.
Threads: requests are written by the caller's; the codec is the I/O thread's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.dialects.gemini.activity import (
        ActivityHandling,
        AutomaticActivityDetection,
        EndSensitivity,
        RealtimeInputConfig,
        StartSensitivity,
        TurnCoverage,
    )
    from voxsync.dialects.gemini.blob import (
        Blob,
    )
    from voxsync.dialects.gemini.codec import (
        GeminiDialect,
    )
    from voxsync.dialects.gemini.config import (
        AudioTranscriptionConfig,
        ContextWindowCompressionConfig,
        HistoryConfig,
        LiveGenerationConfig,
        MediaResolution,
        ProactivityConfig,
        ResponseModality,
        SessionResumptionConfig,
        SlidingWindow,
        SpeechConfig,
        ThinkingConfig,
    )
    from voxsync.dialects.gemini.endpoints import (
        Backend,
        FirebaseBackend,
        GoogleAIBackend,
        VertexAIBackend,
    )
    from voxsync.dialects.gemini.messages import (
        GoAway,
        LiveServerMessage,
        ModalityTokenCount,
        ServerContent,
        ServerError,
        ServerMessage,
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
    from voxsync.dialects.gemini.parsing import (
        parse,
    )
    from voxsync.dialects.gemini.parts import (
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
    from voxsync.dialects.gemini.tools import (
        FunctionBehavior,
        FunctionDeclaration,
        Tool,
    )

__all__ = [
    "ActivityHandling",
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "Backend",
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
    "GeminiDialect",
    "GoAway",
    "GoogleAIBackend",
    "HistoryConfig",
    "LiveGenerationConfig",
    "LiveServerMessage",
    "MediaResolution",
    "ModalityTokenCount",
    "Part",
    "ProactivityConfig",
    "RealtimeInputConfig",
    "ResponseModality",
    "ServerContent",
    "ServerError",
    "ServerMessage",
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
    "parse",
    "to_parts",
]

_HOMES = {
    "ActivityHandling": "activity",
    "AutomaticActivityDetection": "activity",
    "EndSensitivity": "activity",
    "RealtimeInputConfig": "activity",
    "StartSensitivity": "activity",
    "TurnCoverage": "activity",
    "Blob": "blob",
    "GeminiDialect": "codec",
    "AudioTranscriptionConfig": "config",
    "ContextWindowCompressionConfig": "config",
    "HistoryConfig": "config",
    "LiveGenerationConfig": "config",
    "MediaResolution": "config",
    "ProactivityConfig": "config",
    "ResponseModality": "config",
    "SessionResumptionConfig": "config",
    "SlidingWindow": "config",
    "SpeechConfig": "config",
    "ThinkingConfig": "config",
    "Backend": "endpoints",
    "FirebaseBackend": "endpoints",
    "GoogleAIBackend": "endpoints",
    "VertexAIBackend": "endpoints",
    "GoAway": "messages",
    "LiveServerMessage": "messages",
    "ModalityTokenCount": "messages",
    "ServerContent": "messages",
    "ServerError": "messages",
    "ServerMessage": "messages",
    "SessionResumptionUpdate": "messages",
    "SetupComplete": "messages",
    "ToolCall": "messages",
    "ToolCallCancellation": "messages",
    "Transcription": "messages",
    "UnknownMessage": "messages",
    "UsageMetadata": "messages",
    "UsageUpdate": "messages",
    "VoiceActivity": "messages",
    "VoiceActivityDetectionSignal": "messages",
    "WordInfo": "messages",
    "parse": "parsing",
    "CodeExecutionResult": "parts",
    "Content": "parts",
    "ExecutableCode": "parts",
    "FileData": "parts",
    "FunctionCall": "functions",
    "FunctionResponse": "functions",
    "FunctionResponseScheduling": "functions",
    "Part": "parts",
    "to_parts": "parts",
    "FunctionBehavior": "tools",
    "FunctionDeclaration": "tools",
    "Tool": "tools",
}


def __getattr__(name: str) -> object:
    """Load what is used when it is first used; all this takes a while to define."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
