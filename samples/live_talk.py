"""Talk with a Gemini model; Ctrl-C ends. Cut in when it says too much.

    GEMINI_API_KEY=... python samples/live_talk.py
    python samples/live_talk.py --simulated            # a service in this process
    python samples/live_talk.py ws://127.0.0.1:8080    # `voxsync simulate gemini`

Wear headphones, or the model hears itself. Needs the extra `audio`, and for --simulated
`demo`; it knows what is in voxsync/simulators/data/phrases.txt.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress

from voxsync.conversation import AudioConversation, TranscriptEvent
from voxsync.errors import VoxsyncError
from voxsync.gemini import LiveGenerativeModel
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import PhraseBrain
from voxsync.simulators.recogniser import open_recogniser
from voxsync.simulators.voice import open_voice


def simulated() -> GeminiService:
    brain = PhraseBrain({"good morning": "Good morning to you."})
    return GeminiService(
        brain=brain, recogniser=open_recogniser("phrases"), voice=open_voice("flite")
    )


def show(event: TranscriptEvent) -> None:
    print(event.text, end="\n" if event.is_final else "", flush=True)


def main(url: str | None = None) -> None:
    with ExitStack() as stack:
        if url == "--simulated":
            url = stack.enter_context(simulated()).url
        key = os.environ.get("GEMINI_API_KEY")
        model = LiveGenerativeModel(
            "gemini-3.8-live",
            api_key=key,
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
