"""Everything a client says, as the JSON text of one message each.

They are made in the thread of the caller, who hears of a mistake where it stands. Keys
go out in camelCase; what belongs to the application (`args`, `response`, schemas,
labels) as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.blob import Blob, blob_to_wire
from voxsync.dialects.gemini.config import resumption_to_wire, setup_fields
from voxsync.dialects.gemini.fields import sort_keys, to_wire
from voxsync.dialects.gemini.parts import Content, FunctionResponse, to_parts
from voxsync.dialects.gemini.tools import tool_config_to_wire, tools_to_wire

if TYPE_CHECKING:
    from voxsync.dialects.gemini.config import (
        LiveGenerationConfig,
        SessionResumptionConfig,
    )
    from voxsync.dialects.gemini.endpoints import Backend

__all__ = [
    "activity_end",
    "activity_start",
    "audio_stream_end",
    "client_content",
    "context_update",
    "media_chunk",
    "realtime_audio",
    "realtime_text",
    "realtime_video",
    "setup",
    "tool_response",
]


def setup(
    model: str,
    config: LiveGenerationConfig | Mapping[str, Any] | None = None,
    *,
    system_instruction: object = None,
    tools: object = None,
    tool_config: object = None,
    resumption: SessionResumptionConfig | Mapping[str, Any] | None = None,
    backend: Backend | None = None,
) -> str:
    """The first message: which model, and how the session is to be.

    Args:
        model: As the service names it; as the user does, where a backend is given.
        config: An object, or a dict with its keys in either case.
        system_instruction: Text, part, content (or a dict of one), or a list of parts;
            of text alone.
        tools: A list of tools, as objects or dicts.
        tool_config: How they are to be used, as a dict.
        resumption: Asks for handles, even if it is empty; None = does not.
        backend: Writes the model's name in full, refuses what its service does not
            know and adds what it wants said. None = all is sent as it is.

    Raises:
        TypeError, ValueError: An argument makes no sense.
    """
    if not isinstance(model, str):
        raise TypeError(f"model must be a str, not {type(model).__name__}")
    if not model:
        raise ValueError("model is empty: name one")
    found: dict[str, object] = {"model": model, **setup_fields(config)}
    if system_instruction is not None:
        found["systemInstruction"] = _instruction(system_instruction, "system")
    if tools is not None:
        found["tools"] = tools_to_wire(tools)
    if tool_config is not None:
        found["toolConfig"] = tool_config_to_wire(tool_config)
    if resumption is not None:
        found["sessionResumption"] = resumption_to_wire(resumption)
    if backend is not None:
        found["model"] = backend.model_name(model)
        backend.complete(found)
    return _text({"setup": found})


def client_content(request: object, turn_complete: bool = True) -> str:
    """Turns, in order, for the history.

    Args:
        request: What the user says: text, part, blob, or a list of these; or whole
            turns: a content (or its dict), or a list of them. None = no more than that
            the turn is complete.
        turn_complete: The model may answer.

    Raises:
        TypeError: The request is nothing of that, or the flag no bool.
        ValueError: The request is empty; or has function responses in it, on which
            the service would end the session.
    """
    if not isinstance(turn_complete, bool):
        raise TypeError(
            f"turn_complete must be a bool, not {type(turn_complete).__name__}"
        )
    found: dict[str, object] = {}
    if request is None:
        if not turn_complete:
            raise ValueError("the request is empty: there is nothing to send")
    else:
        found["turns"] = _turns(request)
    return _text({"clientContent": {**found, "turnComplete": turn_complete}})


def realtime_text(text: str) -> str:
    """Text as it is typed.

    Raises:
        TypeError, ValueError: It is no text, or empty.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    if not text:
        raise ValueError("the text is empty: there is nothing to send")
    return _text({"realtimeInput": {"text": text}})


def realtime_audio(blob: Blob | Mapping[str, Any]) -> str:
    """Audio as it sounds: a blob, or its dict, of a mime type `audio/...`.

    Raises:
        TypeError, ValueError: It is no blob, of another type, or empty.
    """
    return _text({"realtimeInput": {"audio": _media(blob, "audio", "audio/")}})


def realtime_video(blob: Blob | Mapping[str, Any]) -> str:
    """One image of a video: a blob, or its dict, of a mime type `image/...`.

    Raises:
        TypeError, ValueError: It is no blob, of another type, or empty.
    """
    return _text({"realtimeInput": {"video": _media(blob, "video", "image/")}})


def media_chunk(blob: Blob | Mapping[str, Any]) -> str:
    """One chunk in the obsolete way; the service would ignore a second one in it.

    Raises:
        TypeError, ValueError: It is no blob, or empty.
    """
    return _text({"realtimeInput": {"mediaChunks": [_media(blob, "chunk", "")]}})


def audio_stream_end() -> str:
    """No audio for a while; only where the service itself hears who speaks."""
    return _text({"realtimeInput": {"audioStreamEnd": True}})


def activity_start() -> str:
    """The user begins to speak; only where the service does not hear that itself."""
    return _text({"realtimeInput": {"activityStart": {}}})


def activity_end() -> str:
    """The user has spoken; only where the service does not hear that itself."""
    return _text({"realtimeInput": {"activityEnd": {}}})


def tool_response(
    responses: FunctionResponse
    | Mapping[str, Any]
    | Iterable[FunctionResponse | Mapping[str, Any]],
    *,
    ids_required: bool = True,
) -> str:
    """The answers to function calls.

    Args:
        responses: One, or several, as objects or dicts with keys in either case.
        ids_required: False only for services that give calls no ids.

    Raises:
        TypeError, ValueError: There is none, or one makes no sense or has no id.
    """
    if isinstance(responses, FunctionResponse | Mapping):
        responses = (responses,)
    if isinstance(responses, str | bytes) or not isinstance(responses, Iterable):
        raise TypeError(
            "responses must be FunctionResponse objects or dicts, not "
            f"{type(responses).__name__}"
        )
    found = [
        to_wire(f"responses[{at}]", one, FunctionResponse)
        for at, one in enumerate(responses)
    ]
    if not found:
        raise ValueError("there are no function responses to send")
    for at, one in enumerate(found):
        if ids_required and "id" not in one:
            raise ValueError(
                f"responses[{at}] has no id; give it the id of the call it answers"
            )
    return _text({"toolResponse": {"functionResponses": found}})


def context_update(system_instruction: object = None, tools: object = None) -> str:
    """Another system instruction, other tools, from here on.

    Args:
        system_instruction: As in `setup`; None = as before.
        tools: As in `setup`; None = as before, `[]` = none any more.

    Raises:
        TypeError, ValueError: Neither is given, or one makes no sense.
    """
    found: dict[str, object] = {}
    if system_instruction is not None:
        found["systemInstruction"] = _instruction(system_instruction, "user")
    if tools is not None:
        # The object around the list tells "none any more" from "as before".
        found["tools"] = {"tools": tools_to_wire(tools)}
    if not found:
        raise ValueError("give system_instruction, tools or both")
    return _text({"contextUpdate": found})


def _is_content(value: object) -> bool:
    return isinstance(value, Content) or (
        isinstance(value, Mapping) and "parts" in value
    )


def _content(where: str, value: object, role: str) -> dict[str, Any]:
    """A content or its dict on the wire, with this role where it has none."""
    if isinstance(value, Content):
        value = {"role": value.role, "parts": value.parts}
    assert isinstance(value, Mapping)
    known, extra = sort_keys(where, value, ("role", "parts"))
    own, parts = known.get("role"), known["parts"]
    if not (own is None or isinstance(own, str)):
        raise TypeError(f"the role of {where} must be a str, not {type(own).__name__}")
    return {**extra, "role": own or role, "parts": to_parts(parts, where)}


def _instruction(value: object, role: str) -> dict[str, Any]:
    if _is_content(value):
        found = _content("system_instruction", value, role)
    else:
        parts = to_parts(value, "system_instruction")  # type: ignore[arg-type]
        found = {"role": role, "parts": parts}
    if not all("text" in part for part in found["parts"]):
        raise ValueError("a system instruction is of texts only")
    return found


def _turns(request: object) -> list[dict[str, Any]]:
    if isinstance(request, list | tuple) and any(map(_is_content, request)):
        if not all(map(_is_content, request)):
            raise TypeError("a request is of contents or of parts, not of both")
        turns = [_content(f"turn {at}", one, "user") for at, one in enumerate(request)]
    elif _is_content(request):
        turns = [_content("the request", request, "user")]
    else:
        turns = [{"role": "user", "parts": to_parts(request)}]  # type: ignore[arg-type]
    for turn in turns:
        if turn["role"] not in ("user", "model"):
            raise ValueError(f"a turn's role is user or model, not {turn['role']!r}")
        if any("functionResponse" in part for part in turn["parts"]):
            raise ValueError(
                "function responses are no part of a turn: the service would end the "
                "session; use send_function_responses"
            )
    return turns


def _media(blob: object, what: str, kind: str) -> dict[str, object]:
    found = blob_to_wire(what, blob)
    mime = found["mimeType"]
    assert isinstance(mime, str)
    if not mime.lower().startswith(kind):
        raise ValueError(f"{what} must be of a mime type {kind}*, not {mime!r}")
    if not found["data"]:
        raise ValueError(f"the {what} has no data: there is nothing to send")
    return found


def _mapping(value: object) -> object:
    """What JSON cannot write by itself."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _text(message: dict[str, object]) -> str:
    found = json.dumps(
        message,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        default=_mapping,
    )
    try:
        found.encode()
    except UnicodeEncodeError:
        raise ValueError(
            "a text holds a lone surrogate; UTF-8 cannot carry it"
        ) from None
    return found
