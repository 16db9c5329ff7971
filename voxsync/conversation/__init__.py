"""Door: talk with whatever answers a session, by microphone and speaker.

    from voxsync.conversation import start_audio_conversation

    with start_audio_conversation(session, function_handler=answer) as conversation:
        conversation.wait()

That has begun when it returns: what happens at once, such as an `error` about the first
picture, is only logged. To be told of it attach listeners before the start:

    conversation = AudioConversation(session, function_handler=answer)
    conversation.on_error = lambda event: print(event.error)
    with conversation:  # or conversation.start()
        conversation.wait()

- `AudioConversation`: microphone, speaker, calls, pictures; `start`, `wait`, `stop`,
  `mute`, `levels`, `error`. `start_audio_conversation` makes and starts one.
- `TranscriptEvent` is what `on_transcript` gets, `Levels` what `levels` is.

May import: session, media, events, audio, errors, clocks; no dialect, no other door:
messages are known by what they have.
Threads: `voxsync-conversation-<session>` waits for the end; besides, while there is
something to do, `voxsync-calls-...`, `voxsync-video-...` and `voxsync-told-...`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.conversation.conversation import (
        AudioConversation,
        start_audio_conversation,
    )
    from voxsync.conversation.flow import Levels
    from voxsync.events import TranscriptEvent

__all__ = [
    "AudioConversation",
    "Levels",
    "TranscriptEvent",
    "start_audio_conversation",
]

_HOMES = {"Levels": "voxsync.conversation.flow", "TranscriptEvent": "voxsync.events"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'voxsync.conversation' has no attribute {name!r}")
    home = _HOMES.get(name, "voxsync.conversation.conversation")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
