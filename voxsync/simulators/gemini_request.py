"""What clients of the Live API send, read by rules of our own.

Written from the protocol's description, apart from `voxsync.dialects`: what one of
the two has got wrong the other will not understand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voxsync.simulators.gemini_schema import (
    ANY,
    BOOL,
    BYTES,
    INTEGER,
    NUMBER,
    STRUCT,
    TEXT,
    BadRequest,
    Reader,
    choice,
    fields,
    many,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.simulators.gemini_schema import Kind

__all__ = ["KINDS", "Request", "read_request"]

_EMPTY = fields()
_BLOB = fields(mimeType=TEXT, data=BYTES, displayName=TEXT)
_FUNCTION_RESPONSE = fields(
    id=TEXT,
    name=TEXT,
    response=STRUCT,
    scheduling=choice("SCHEDULING_UNSPECIFIED", "INTERRUPT", "WHEN_IDLE", "SILENT"),
    willContinue=BOOL,
    parts=many(STRUCT),
)
_PART = fields(
    text=TEXT,
    inlineData=_BLOB,
    fileData=fields(mimeType=TEXT, fileUri=TEXT, displayName=TEXT),
    functionCall=fields(
        id=TEXT, name=TEXT, args=STRUCT, partialArgs=many(STRUCT), willContinue=BOOL
    ),
    functionResponse=_FUNCTION_RESPONSE,
    executableCode=STRUCT,
    codeExecutionResult=STRUCT,
    thought=BOOL,
    thoughtSignature=BYTES,
    videoMetadata=STRUCT,
    mediaResolution=ANY,
    partMetadata=STRUCT,
    toolCall=STRUCT,
    toolResponse=STRUCT,
    audioTranscription=STRUCT,
    mediaProcessing=ANY,
    speechMetadata=STRUCT,
    documentMetadata=STRUCT,
    spreadsheetMetadata=STRUCT,
    audioMetadata=STRUCT,
)
_CONTENT = fields(role=TEXT, parts=many(_PART))
_TOOLS = many(
    fields(
        functionDeclarations=many(
            fields(
                name=TEXT,
                description=TEXT,
                parameters=STRUCT,
                parametersJsonSchema=ANY,
                response=STRUCT,
                responseJsonSchema=ANY,
                behavior=choice("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"),
            )
        ),
        googleSearch=STRUCT,
        googleSearchRetrieval=STRUCT,
        googleMaps=STRUCT,
        codeExecution=STRUCT,
        computerUse=STRUCT,
        enterpriseWebSearch=STRUCT,
        fileSearch=STRUCT,
        mcpServers=many(STRUCT),
        parallelAiSearch=STRUCT,
        exaAiSearch=STRUCT,
        retrieval=STRUCT,
        urlContext=STRUCT,
    )
)
_TRANSCRIPTION = fields(
    languageCodes=many(TEXT),
    languageHints=STRUCT,
    languageAuto=STRUCT,
    adaptationPhrases=many(TEXT),
    customVocabulary=many(TEXT),
    wordTimestamp=BOOL,
    diarization=BOOL,
    mode=TEXT,
    sourceText=ANY,
)
_VOICE = fields(
    prebuiltVoiceConfig=fields(voiceName=TEXT),
    replicatedVoiceConfig=STRUCT,
    voice=ANY,
)
_GENERATION = fields(
    responseModalities=many(
        choice("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
    ),
    temperature=NUMBER,
    topP=NUMBER,
    topK=NUMBER,
    maxOutputTokens=INTEGER,
    presencePenalty=NUMBER,
    frequencyPenalty=NUMBER,
    candidateCount=INTEGER,
    seed=INTEGER,
    speechConfig=fields(
        voiceConfig=_VOICE, languageCode=TEXT, multiSpeakerVoiceConfig=STRUCT
    ),
    mediaResolution=choice(
        "MEDIA_RESOLUTION_UNSPECIFIED",
        "MEDIA_RESOLUTION_LOW",
        "MEDIA_RESOLUTION_MEDIUM",
        "MEDIA_RESOLUTION_HIGH",
    ),
    thinkingConfig=fields(
        thinkingBudget=INTEGER, thinkingLevel=TEXT, includeThoughts=BOOL
    ),
    enableAffectiveDialog=BOOL,
    translationConfig=STRUCT,
)
_REALTIME_CONFIG = fields(
    automaticActivityDetection=fields(
        disabled=BOOL,
        startOfSpeechSensitivity=choice(
            "START_SENSITIVITY_UNSPECIFIED",
            "START_SENSITIVITY_HIGH",
            "START_SENSITIVITY_LOW",
        ),
        endOfSpeechSensitivity=choice(
            "END_SENSITIVITY_UNSPECIFIED",
            "END_SENSITIVITY_HIGH",
            "END_SENSITIVITY_LOW",
        ),
        prefixPaddingMs=INTEGER,
        silenceDurationMs=INTEGER,
    ),
    interimTranscriptTimestampEnabled=BOOL,
    activityHandling=choice(
        "ACTIVITY_HANDLING_UNSPECIFIED",
        "START_OF_ACTIVITY_INTERRUPTS",
        "NO_INTERRUPTION",
    ),
    turnCoverage=choice(
        "TURN_COVERAGE_UNSPECIFIED",
        "TURN_INCLUDES_ONLY_ACTIVITY",
        "TURN_INCLUDES_ALL_INPUT",
        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
    ),
)
_SETUP = fields(
    model=TEXT,
    generationConfig=_GENERATION,
    systemInstruction=_CONTENT,
    tools=_TOOLS,
    toolConfig=fields(
        functionCallingConfig=STRUCT,
        retrievalConfig=STRUCT,
        includeServerSideToolInvocations=BOOL,
    ),
    realtimeInputConfig=_REALTIME_CONFIG,
    sessionResumption=fields(handle=TEXT, transparent=BOOL),
    contextWindowCompression=fields(
        triggerTokens=INTEGER, slidingWindow=fields(targetTokens=INTEGER)
    ),
    inputAudioTranscription=_TRANSCRIPTION,
    outputAudioTranscription=_TRANSCRIPTION,
    proactivity=fields(proactiveAudio=BOOL, proactiveVideo=BOOL),
    historyConfig=fields(initialHistoryInClientContent=BOOL),
    explicitVadSignal=BOOL,
    avatarConfig=STRUCT,
    safetySettings=many(STRUCT),
    labels=STRUCT,
)

KINDS: Final[Mapping[str, Kind]] = {
    "setup": _SETUP,
    "clientContent": fields(turns=many(_CONTENT), turnComplete=BOOL),
    "realtimeInput": fields(
        mediaChunks=many(_BLOB),
        audio=_BLOB,
        video=_BLOB,
        text=TEXT,
        audioStreamEnd=BOOL,
        activityStart=_EMPTY,
        activityEnd=_EMPTY,
    ),
    "toolResponse": fields(functionResponses=many(_FUNCTION_RESPONSE)),
    "contextUpdate": fields(systemInstruction=_CONTENT, tools=fields(tools=_TOOLS)),
}
"""The messages of a client, by their keys."""

_FRAME = fields(**KINDS)


@dataclass(frozen=True, slots=True)
class Request:
    """One message of a client.

    Attributes:
        kind: Its key, one of `KINDS`.
        body: What is under it: names in lowerCamelCase, bytes decoded.
        unknown: Fields that nobody knows, where that is borne.
    """

    kind: str
    body: Mapping[str, Any]
    unknown: tuple[str, ...] = ()


def read_request(data: str | bytes, *, strict: bool = True) -> Request:
    """Read one frame, text or binary.

    Args:
        data: What came.
        strict: Refuse unknown fields and more than one key.

    Raises:
        BadRequest: It is none, or breaks a rule; with the close code and reason.
    """
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise BadRequest("not_json", "a message must be one JSON object") from exc
    if not isinstance(found, dict):
        raise BadRequest("not_json", "a message must be one JSON object")
    reader = Reader(strict=strict)
    body = _FRAME(reader, found, "message")
    if not body or (len(body) > 1 and strict):
        names = ", ".join(KINDS)
        raise BadRequest(
            "one_key", f"a message has exactly one of {names}; this has {len(body)}"
        )
    kind = next(iter(body))
    return Request(kind, body[kind], tuple(reader.unknown))
