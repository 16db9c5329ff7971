"""What the service says in a Live session, as typed, frozen messages."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.gemini.blob import Blob
from voxsync.dialects.gemini.parts import Content, FunctionCall, Part
from voxsync.dialects.gemini.reading import pcm_rate
from voxsync.dialects.gemini.sealed import sealed
from voxsync.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

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

_SHOWN = 500  # characters of each field in a repr

Inline: TypeAlias = tuple[tuple[str, bytes], ...]
"""MIME types and bytes, in the order of the parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityTokenCount:
    """How many tokens were of one kind.

    Attributes:
        modality: e.g. `"TEXT"`, `"AUDIO"`.
        token_count: Default 0, which the service leaves out.
    """

    modality: str | None = None
    token_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageMetadata:
    """What the session has cost in tokens; None = the service did not say.

    Attributes:
        prompt_token_count: What was sent, the context so far included.
        cached_content_token_count: Of these from the cache.
        response_token_count: What the model said (Vertex: `candidatesTokenCount`).
        tool_use_prompt_token_count: Results of the service's own tools.
        thoughts_token_count: What the model thought.
        total_token_count: All of it.
        prompt_tokens_details: By kind, as are `cache_tokens_details`,
            `response_tokens_details` and `tool_use_prompt_tokens_details`.
        traffic_type: Vertex: how it is paid for.
    """

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    response_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    cache_tokens_details: tuple[ModalityTokenCount, ...] = ()
    response_tokens_details: tuple[ModalityTokenCount, ...] = ()
    tool_use_prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    traffic_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordInfo:
    """One `word` of a transcription.

    From `start_offset` to `end_offset`, seconds from the start of the audio.
    """

    word: str = ""
    start_offset: float | None = None
    end_offset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """A fragment of what was said; join them.

    Attributes:
        text: With the spaces that belong to it.
        finished: Nothing more of this one comes; not every service says so.
        language_code: e.g. `"en-US"`; None = the service did not say, as below.
        speaker_label: Who spoke.
        words: One by one, if the session asked for that.
        start_offset, end_offset: Seconds from the start of the audio.
    """

    text: str = ""
    finished: bool = False
    language_code: str | None = None
    speaker_label: str | None = None
    words: tuple[WordInfo, ...] = ()
    start_offset: float | None = None
    end_offset: float | None = None


# Not slotted, against the custom of the house: what is absent is then found in the
# class, and a message of audio, of which 25 may come a second, need not set it.
@dataclass(frozen=True, kw_only=True, repr=False)
class ServerMessage:
    """What all messages of the service have.

    Attributes:
        type: Says which message it is.
        raw: The JSON object as it came, with all that has no field here. Messages
            are equal without being equal in this. Do not change it. Its repr masks
            a resumption handle.
        usage_metadata: If the service said it along with this message.
    """

    type: ClassVar[str] = ""
    usage_metadata: UsageMetadata | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "raw", sealed(self.raw))

    def __repr__(self) -> str:
        shown = []
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "new_handle" and value:
                value = MASK
            if each.compare and value is not None and value is not False:
                shown.append(f"{each.name}={repr(value)[:_SHOWN]}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class SetupComplete(ServerMessage):
    """The session's settings are accepted.

    Attributes:
        session_id: Mostly of Vertex; None = the service gave none.
    """

    type: ClassVar[Literal["setupComplete"]] = "setupComplete"
    session_id: str | None = None


class _TurnOfInline:
    """Makes `model_turn` of inline data when it is first asked for.

    Two threads may both make it: the turns are equal, and the last one stays.
    """

    def __get__(self, message: ServerContent | None, _: object = None) -> object:
        if message is None:
            return None  # the field's default
        kept = message.__dict__
        parts = tuple(
            Part(inline_data=Blob(mime_type, data), raw=raw)
            for (mime_type, data), raw in zip(
                kept["_inline"], kept["_raw_parts"], strict=True
            )
        )
        turn = kept["model_turn"] = Content(kept["_role"], parts)
        return turn


_LATER = cast("Content | None", _TurnOfInline())


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerContent(ServerMessage):
    """The model's words and sounds, and how its turn stands.

    Attributes:
        model_turn: What the model says; None = nothing.
        turn_complete: The model waits for input.
        generation_complete: All that it wanted to say is said; it may still sound.
        interrupted: The user cut in: what has not sounded yet must not.
        input_transcription: What the user said.
        output_transcription: What the model says.
        interim_input_transcription: What the user seems to say, so far.
        turn_complete_reason: e.g. `"NEED_MORE_INPUT"`; None = none was given.
        waiting_for_input: The model wants more before it says anything.
        interaction_status: `"IN_PROGRESS"` = more turns will come without input,
            `"IDLE"` = none; None = the model does not say.
        grounding_metadata: Sources of what was said, as they came.
        url_context_metadata: Likewise, of pages that the model has read.
    """

    type: ClassVar[Literal["serverContent"]] = "serverContent"
    model_turn: Content | None = _LATER
    turn_complete: bool = False
    generation_complete: bool = False
    interrupted: bool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    turn_complete_reason: str | None = None
    waiting_for_input: bool = False
    interaction_status: str | None = None
    grounding_metadata: Mapping[str, object] | None = None
    url_context_metadata: Mapping[str, object] | None = None

    @classmethod
    def of_inline(
        cls,
        role: str | None,
        inline: Inline,
        raw_parts: list[dict[str, object]],
        raw: dict[str, object],
    ) -> ServerContent:
        """A message of nothing but `inline` data; its turn is made if it is wanted.

        By `role`, and of the `raw_parts` and the whole message, `raw`, as they came.
        """
        message: ServerContent = object.__new__(cls)
        kept = message.__dict__
        kept["raw"] = raw
        kept["_role"] = role
        kept["_inline"] = inline
        kept["_raw_parts"] = raw_parts
        return message

    @property
    def inline(self) -> Inline:
        """MIME type and bytes of every part that has inline data, in order."""
        found: Inline | None = self.__dict__.get("_inline")
        if found is not None:
            return found
        if self.model_turn is None:
            return ()
        blobs = [part.inline_data for part in self.model_turn.parts]
        return tuple([(b.mime_type, b.data) for b in blobs if b is not None])

    @property
    def text(self) -> str | None:
        """What the model says in words, without its thoughts; None = nothing."""
        if "_inline" in self.__dict__ or self.model_turn is None:
            return None
        parts = self.model_turn.parts
        return "".join([p.text for p in parts if p.text and not p.thought]) or None

    @property
    def sample_rate(self) -> int | None:
        """Of the audio, in Hz; None = there is none."""
        rates = (pcm_rate(mime_type) for mime_type, _ in self.inline)
        return next((rate for rate in rates if rate is not None), None)

    @property
    def audio(self) -> NDArray[np.int16] | None:
        """The samples of all audio parts: mono, int16, `(frames,)`; None = no audio.

        Half a sample at the end of a part is left out, and so are parts of another
        rate than the first one's, which no service is known to send: see `inline`.
        """
        wanted = None
        pieces = []
        for mime_type, data in self.inline:
            rate = pcm_rate(mime_type)
            if wanted is None:
                wanted = rate
            if rate is not None and rate == wanted:
                pieces.append(data[: len(data) & ~1])
        if wanted is None:
            return None
        return bytes_to_int16(pieces[0] if len(pieces) == 1 else b"".join(pieces))


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
