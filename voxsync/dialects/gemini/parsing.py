"""From a message on the wire to messages of `messages`.

`_audio` is the short way for what comes most, and a `Likeness` a shorter one: they say
the same as the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.blob import decode_base64
from voxsync.dialects.gemini.fields import snake
from voxsync.dialects.gemini.messages import (
    GoAway,
    LiveServerMessage,
    ModalityTokenCount,
    ServerContent,
    ServerError,
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
from voxsync.dialects.gemini.parts import Content, FunctionCall
from voxsync.dialects.gemini.reading import (
    Members,
    duration,
    enum,
    flag,
    listed,
    members,
    obj,
    read_members,
    read_object,
    require_shallow,
    seconds,
    text,
    whole,
)
from voxsync.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxsync.dialects.gemini.likeness import Likeness

__all__ = ["parse"]

_SHOWN = 120  # characters of an error's words

Fields = dict[str, Any]


def parse(
    data: str | bytes, likeness: Likeness | None = None
) -> list[LiveServerMessage]:
    """Read one text or binary message.

    Args:
        data: The message.
        likeness: Of the messages before it, where there is one.

    Returns:
        One message for each kind of content in it, mostly one; the usage goes with
        the first. What has no kind that is known is an `UnknownMessage`.

    Raises:
        ProtocolError: It is no JSON object, or what it holds makes no sense.
    """
    like = None if likeness is None else likeness.read(data)
    if like is not None:
        return [like]
    found = read_object(data)
    try:
        quick = _audio(found)
        if quick is not None:
            if likeness is not None and len(quick.inline) == 1:
                likeness.learn(data, found)
            return [quick]
        require_shallow(found)
        return _messages(found)
    except ProtocolError as exc:
        exc.raw = data
        raise


def _audio(found: Fields) -> ServerContent | None:
    """A message of nothing but inline data in its simplest form, else None.

    Nothing else is in it, so it needs no look at how deep it goes.
    """
    content = found.get("serverContent")
    if len(found) != 1 or type(content) is not dict:
        return None
    turn = content.get("modelTurn")
    if len(content) != 1 or type(turn) is not dict:
        return None
    role, parts = turn.get("role"), turn.get("parts")
    if type(parts) is not list or type(role) is not str or len(turn) != 2:
        return None
    inline = []
    for part in parts:
        blob = part.get("inlineData") if type(part) is dict else None
        if type(blob) is not dict or len(part) != 1 or len(blob) != 2:
            return None
        mime_type, data = blob.get("mimeType"), blob.get("data")
        if type(mime_type) is not str or type(data) is not str or not mime_type:
            return None
        try:
            inline.append((mime_type, decode_base64(data)))
        except ValueError:
            raise ProtocolError("data of modelTurn are no base64") from None
    return ServerContent.of_inline(role, tuple(inline), parts, found)


def _messages(found: Fields) -> list[LiveServerMessage]:
    usage = None
    made: list[tuple[type[LiveServerMessage], Fields]] = []
    for key, value in found.items():
        if key in ("usageMetadata", "usage_metadata"):
            usage = None if value is None else _usage(value, key)
            continue
        known = _KINDS.get(key)
        # Its presence counts, not what it is (Gemini notes, 2.4); of others null is
        # as good as nothing (proto3 JSON).
        if known is not None and (value is not None or known[0] is SetupComplete):
            kind, read = known
            made.append((kind, read(value, key)))
    if not made:
        made.append((UnknownMessage if usage is None else UsageUpdate, {}))
    first, *others = made
    return [
        first[0](raw=found, usage_metadata=usage, **first[1]),
        *[kind(raw=found, **fields) for kind, fields in others],
    ]


# What stands inside


def _content(value: object, where: str) -> Content:
    turn = obj(value, where)
    role, parts = turn.get("role"), turn.get("parts")
    if role is not None:
        text(role, f"{where}.role")
    if parts is not None:
        _objects(parts, f"{where}.parts")
    try:
        content = Content.from_wire(turn)
        for part in content.parts:
            if part.function_call is not None:
                part.function_call.wire()  # which checks it
    except (TypeError, ValueError) as exc:
        why = str(exc)[:_SHOWN]
        raise ProtocolError(f"{where} has a part that makes no sense: {why}") from exc
    return content


def _call(value: object, where: str) -> FunctionCall:
    found = members(value, where, _CALL)
    return FunctionCall(found.get("id"), found.get("name", ""), found.get("args"))  # type: ignore[arg-type]


def _transcription(value: object, where: str) -> Transcription:
    return Transcription(**members(value, where, _TRANSCRIPTION))


def _word(value: object, where: str) -> WordInfo:
    return WordInfo(**members(value, where, _WORD))


def _usage(value: object, where: str) -> UsageMetadata:
    return UsageMetadata(**members(value, where, _USAGE))


def _tokens(value: object, where: str) -> ModalityTokenCount:
    return ModalityTokenCount(**members(value, where, _TOKENS))


_objects = listed(obj)
_CALL = read_members(id=text, name=text, args=obj)
_WORD = read_members(word=text, start_offset=seconds, end_offset=seconds)
_TRANSCRIPTION = read_members(
    text=text,
    finished=flag,
    language_code=text,
    speaker_label=text,
    words=listed(_word),
    start_offset=seconds,
    end_offset=seconds,
)
_TOKENS = read_members(modality=enum, token_count=whole)
_USAGE = {
    **read_members(
        prompt_token_count=whole,
        cached_content_token_count=whole,
        response_token_count=whole,
        tool_use_prompt_token_count=whole,
        thoughts_token_count=whole,
        total_token_count=whole,
        prompt_tokens_details=listed(_tokens),
        cache_tokens_details=listed(_tokens),
        response_tokens_details=listed(_tokens),
        tool_use_prompt_tokens_details=listed(_tokens),
        traffic_type=enum,
    ),
    # Vertex's own words for what the model said.
    "candidatesTokenCount": ("response_token_count", whole),
    "candidates_token_count": ("response_token_count", whole),
    "candidatesTokensDetails": ("response_tokens_details", listed(_tokens)),
    "candidates_tokens_details": ("response_tokens_details", listed(_tokens)),
}


# The kinds of messages


def _setup_complete(value: object, where: str) -> Fields:
    # `true` has been seen, too.
    return members(value, where, _SETUP) if type(value) is dict else {}


def _of(table: Members) -> Callable[[object, str], Fields]:
    return lambda value, where: members(value, where, table)


def _go_away(value: object, where: str) -> Fields:
    found = obj(value, where)
    left = duration(found.get("timeLeft", found.get("time_left")))
    return {"time_left": max(0.0, left or 0.0)}


def _error(value: object, where: str) -> Fields:
    if isinstance(value, str):
        return {"message": value}
    return members(value, where, _ERROR)


_SETUP = read_members(session_id=text)
_ERROR = read_members(code=whole, message=text, status=enum)
_KINDS: dict[str, tuple[type[LiveServerMessage], Callable[[object, str], Fields]]] = {
    "setupComplete": (SetupComplete, _setup_complete),
    "serverContent": (
        ServerContent,
        _of(
            read_members(
                model_turn=_content,
                turn_complete=flag,
                generation_complete=flag,
                interrupted=flag,
                input_transcription=_transcription,
                output_transcription=_transcription,
                interim_input_transcription=_transcription,
                turn_complete_reason=enum,
                waiting_for_input=flag,
                interaction_status=enum,
                grounding_metadata=obj,
                url_context_metadata=obj,
            )
        ),
    ),
    "toolCall": (ToolCall, _of(read_members(function_calls=listed(_call)))),
    "toolCallCancellation": (
        ToolCallCancellation,
        _of(read_members(ids=listed(text))),
    ),
    "goAway": (GoAway, _go_away),
    "sessionResumptionUpdate": (
        SessionResumptionUpdate,
        _of(
            read_members(
                new_handle=text,
                resumable=flag,
                last_consumed_client_message_index=whole,
            )
        ),
    ),
    "voiceActivity": (
        VoiceActivity,
        _of(
            {
                **read_members(voice_activity_type=enum, audio_offset=seconds),
                "type": ("voice_activity_type", enum),
            }
        ),
    ),
    "voiceActivityDetectionSignal": (
        VoiceActivityDetectionSignal,
        _of(read_members(vad_signal_type=enum)),
    ),
    "error": (ServerError, _error),
}
_KINDS.update({snake(name): kind for name, kind in _KINDS.items()})
