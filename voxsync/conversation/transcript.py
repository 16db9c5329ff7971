"""PURE: from a service's messages to what was said, piece by piece."""

from __future__ import annotations

from voxsync.events import TranscriptEvent

__all__ = ["Transcript"]

_SPEAKERS = (("user", "input_transcription"), ("model", "output_transcription"))


class Transcript:
    """Finds what was said in messages, and where it ends.

    A service may say that a piece was the last one; else the turn's end does, and for
    the model being interrupted.

    Args:
        target: What the events are about: the conversation.
    """

    def __init__(self, target: object) -> None:
        self._target = target
        self._open: dict[str, bool] = {}  # who has said something that has not ended

    def events(self, message: object) -> list[TranscriptEvent]:
        """What this message adds; most add nothing."""
        events = []
        for speaker, name in _SPEAKERS:
            said = getattr(message, name, None)
            if said is None:
                continue
            text = getattr(said, "text", None) or ""
            final = bool(getattr(said, "finished", False))
            if text or (final and self._open.get(speaker)):
                events.append(TranscriptEvent(self._target, text, speaker, final))
                self._open[speaker] = not final
        if getattr(message, "turn_complete", False):
            ended = ["user", "model"]
        elif getattr(message, "interrupted", False):
            ended = ["model"]
        else:
            return events
        return events + [
            TranscriptEvent(self._target, "", speaker, is_final=True)
            for speaker in ended
            if self._open.pop(speaker, False)
        ]
