"""Speak into the microphone and read along; Ctrl-C ends.

    python samples/mic_transcribe.py                      # the embedded service
    python samples/mic_transcribe.py wss://service.mimi.fd.ai/   # token: MIMI_TOKEN

Needs the extras `audio` and, for the embedded service, `demo`.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack, suppress

from voxsync import MessageEvent, SessionClosed
from voxsync.media import Microphone
from voxsync.mimi import MimiSession, Transcript
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import open_recogniser

transcript = Transcript(language="en")


def show(event: MessageEvent) -> None:
    transcript.add(event.data)
    print(transcript.text, flush=True)


def main() -> None:
    over = threading.Event()
    with ExitStack() as stack:
        if len(sys.argv) > 1:
            url = sys.argv[1]
        else:
            # It knows the sentences of voxsync/simulators/data/phrases.txt.
            service = MimiService(recogniser=open_recogniser("phrases"))
            url = stack.enter_context(service).url
        microphone = stack.enter_context(Microphone())
        session = MimiSession(
            os.environ.get("MIMI_TOKEN"), process="nict-asr", language="en", url=url
        )
        session.on_message = show
        session.on_close = lambda _: over.set()
        microphone.on_error = lambda _: session.stop_recognition()
        stack.enter_context(session)  # connects
        microphone.send_media_to(session)
        print("listening; Ctrl-C ends", flush=True)
        with suppress(KeyboardInterrupt):
            while not over.wait(0.1):
                pass
        microphone.stop_media_to(session)
        with suppress(SessionClosed):  # it may be over already
            session.stop_recognition()
        while not over.wait(0.1):
            pass
    print("final:", transcript.text)


if __name__ == "__main__":
    main()
