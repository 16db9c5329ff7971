"""What both clients do with the services, and how they tell what they got."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from typing import Any

MODEL = "gemini-live"
KEY = "AIza-0123456789-abcdef"
LIMIT = 30.0  # seconds that anything may take

# Half a second of a ramp at 16 kHz, in blocks of 100 ms.
SPEECH = [
    struct.pack("<1600h", *(n * 4 - 16_000 for n in range(at, at + 1600)))
    for at in range(0, 8000, 1600)
]
# A second of noise between silences: somebody has spoken.
_NOISE = [(n * 7919 % 10_007 - 5003) * 4 for n in range(1600)]
SPOKEN = [bytes(3200)] * 5 + [struct.pack("<1600h", *_NOISE)] * 10 + [bytes(3200)] * 20
INSTRUCTION = "Answer in one line."
SCHEMA = {
    "type": "OBJECT",
    "properties": {"room_name": {"type": "STRING"}},
    "required": ["room_name"],
}
TOOLS = [
    {
        "function_declarations": [
            {"name": "lamp", "description": "Turns a lamp on.", "parameters": SCHEMA}
        ]
    }
]
RESULT = {"some_key": {"inner_key": 1}, "result": "on"}
MANUAL = {"automatic_activity_detection": {"disabled": True}}
AUDIO = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "realtime_input_config": MANUAL,
    "speech_config": {
        "voice_config": {"prebuilt_voice_config": {"voice_name": "Leda"}}
    },
    "context_window_compression": {"sliding_window": {"target_tokens": 1000}},
}
LISTENING = {**AUDIO, "realtime_input_config": {}}
TEXT = {
    "response_modalities": ["TEXT"],
    "temperature": 0.5,
    "thinking_config": {"include_thoughts": True},
}


def sha256(data: bytes) -> str:
    """Of audio; the whole of it would say no more."""
    return hashlib.sha256(data).hexdigest()


def told(**what: Any) -> dict[str, Any]:
    """One message, in words that both clients can say; what is absent is left out."""
    return {name: value for name, value in what.items() if value not in (None, False)}


def ended(code: int | None, reason: str | None) -> dict[str, Any]:
    """How a session, or the attempt at one, ended."""
    return {"code": code, "reason": reason}


def urls() -> dict[str, str]:
    """The services' addresses."""
    found: dict[str, str] = json.loads(sys.argv[1])
    return found
