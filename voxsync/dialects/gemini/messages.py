"""What the service says in a Live session, as typed, frozen messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from voxsync.dialects.gemini.content import ServerContent, Transcription, WordInfo
from voxsync.dialects.gemini.servermessage import ServerMessage
from voxsync.dialects.gemini.usage import ModalityTokenCount, UsageMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.dialects.gemini.parts import FunctionCall

__all__ = [
    "GoAway",
    "LiveServerMessage",
    "ModalityTokenCount",
    "ServerContent",
    "ServerError",
    "ServerMessage",
    "SessionResumptionUpdate",
    "SetupComplete",
    "ToolCall",
    "ToolCallCancellation",
    "Transcription",
    "UnknownMessage",
    "UsageMetadata",
    "UsageUpdate",
    "VoiceActivity",
    "VoiceActivityDetectionSignal",
    "WordInfo",
]


@dataclass(frozen=True, kw_only=True, repr=False)
class SetupComplete(ServerMessage):
    """The session's settings are accepted.

    Attributes:
        session_id: Mostly of Vertex; None = the service gave none.
    """

    type: ClassVar[Literal["setupComplete"]] = "setupComplete"
    session_id: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class ToolCall(ServerMessage):
    """The model wants `function_calls` made; answer every one, by its id."""

    type: ClassVar[Literal["toolCall"]] = "toolCall"
    function_calls: tuple[FunctionCall, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class ToolCallCancellation(ServerMessage):
    """The model was interrupted: answer no calls with these `ids`, undo them."""

    type: ClassVar[Literal["toolCallCancellation"]] = "toolCallCancellation"
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class GoAway(ServerMessage):
    """The connection will end soon.

    Attributes:
        time_left: Seconds, 0.0 or more; 0.0 also where the service does not say.
    """

    type: ClassVar[Literal["goingAwayNotice"]] = "goingAwayNotice"
    time_left: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class SessionResumptionUpdate(ServerMessage):
    """By which handle the session could go on, from here.

    Attributes:
        new_handle: None or "" = by none, at this moment. It is a secret: who has it
            can take the session over.
        resumable: Whether it could go on at all, at this moment.
        last_consumed_client_message_index: What was sent up to it is known to the
            handle; 0 = setup. None: the service does not say.
    """

    type: ClassVar[Literal["sessionResumptionUpdate"]] = "sessionResumptionUpdate"
    new_handle: str | None = None
    resumable: bool = False
    last_consumed_client_message_index: int | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class UsageUpdate(ServerMessage):
    """A message of `usage_metadata` and nothing else."""

    type: ClassVar[Literal["usageMetadata"]] = "usageMetadata"


@dataclass(frozen=True, kw_only=True, repr=False)
class VoiceActivity(ServerMessage):
    """The service hears speech begin or end.

    Attributes:
        voice_activity_type: `"ACTIVITY_START"` or `"ACTIVITY_END"`.
        audio_offset: Seconds from the start of the audio; None = it does not say.
    """

    type: ClassVar[Literal["voiceActivity"]] = "voiceActivity"
    voice_activity_type: str | None = None
    audio_offset: float | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class VoiceActivityDetectionSignal(ServerMessage):
    """Vertex, if asked for: speech begins or ends.

    Attributes:
        vad_signal_type: `"VAD_SIGNAL_TYPE_SOS"` or `"VAD_SIGNAL_TYPE_EOS"`.
    """

    type: ClassVar[Literal["voiceActivityDetectionSignal"]] = (
        "voiceActivityDetectionSignal"
    )
    vad_signal_type: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerError(ServerMessage):
    """The service says that something went wrong; mostly it closes then.

    Attributes:
        code: As in HTTP, e.g. 429; None = it does not say.
        message: Its words.
        status: The code's name, e.g. `"RESOURCE_EXHAUSTED"`.
    """

    type: ClassVar[Literal["error"]] = "error"
    code: int | None = None
    message: str = ""
    status: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class UnknownMessage(ServerMessage):
    """An object that none of the others describes: look at `raw`."""

    type: ClassVar[Literal["unknown"]] = "unknown"
    raw: Mapping[str, object] = field(default_factory=dict)


LiveServerMessage: TypeAlias = (
    ServerContent
    | ToolCall
    | ToolCallCancellation
    | GoAway
    | SessionResumptionUpdate
    | UsageUpdate
    | VoiceActivity
    | VoiceActivityDetectionSignal
    | SetupComplete
    | ServerError
    | UnknownMessage
)
"""What a `LiveSession` receives; `type` tells which of them it is."""
