"""Talk with a Gemini model, cut in when it says too much; Ctrl-C ends.

    GEMINI_API_KEY=... python samples/live_talk.py
    python samples/live_talk.py --simulated            # a service in this process
    python samples/live_talk.py ws://127.0.0.1:8080    # `voxsync simulate gemini`

Wear headphones. Needs the extra `audio`, and for --simulated `demo` and flite.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from contextlib import ExitStack, suppress

from voxsync.conversation import AudioConversation, TranscriptEvent
from voxsync.errors import VoxsyncError
from voxsync.gemini import LiveGenerativeModel
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import PhraseBrain
from voxsync.simulators.recogniser import open_recogniser
from voxsync.simulators.voice import open_voice

said: defaultdict[str, str] = defaultdict(str)


def show(event: TranscriptEvent) -> None:
    said[event.speaker] += event.text
    if event.is_final:
        print(f"{event.speaker}: {said.pop(event.speaker).strip()}", flush=True)


def main(url: str | None = None) -> None:
    with ExitStack() as stack:
        if url == "--simulated":
            brain = PhraseBrain({"good morning": "Good morning to you."})
            ears, voice = open_recogniser("phrases"), open_voice("flite")
            service = GeminiService(brain=brain, recogniser=ears, voice=voice)
            url = stack.enter_context(service).url
        model = LiveGenerativeModel(
            "gemini-3.8-live",
            api_key=os.environ.get("GEMINI_API_KEY"),
            base_url=url,
            config={"input_audio_transcription": {}, "output_audio_transcription": {}},
        )
        session = stack.enter_context(model.connect())
        conversation = AudioConversation(session)  # the system's microphone and speaker
        conversation.on_transcript = show
        with conversation, suppress(KeyboardInterrupt):
            print("speak; Ctrl-C ends", flush=True)
            conversation.wait()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except VoxsyncError as exc:  # refused, nobody there, no device, quota used up
        sys.exit(str(exc))
