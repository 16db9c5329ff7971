"""Transcribe a WAV file with a mimi service; with none given, with a local one.

    python samples/mimi_transcribe.py speech.wav ws://127.0.0.1:9000/

The token is taken from the environment variable MIMI_TOKEN.
"""

from __future__ import annotations

import contextlib
import os
import sys
import wave
from importlib import resources

from voxsync.mimi import AudioFormat, MimiSession, Transcript
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.phrases import PhraseRecogniser

SPEECH = resources.files("voxsync.simulators") / "data" / "sense_and_sensibility.wav"


def main(path: str, url: str) -> None:
    with wave.open(path) as source:
        audio = AudioFormat(sample_rate=source.getframerate())
        blocks = iter(lambda: source.readframes(1600), b"")
        transcript = Transcript(language="en")
        session = MimiSession(
            os.environ.get("MIMI_TOKEN"),
            process="nict-asr",
            language="en",
            audio=audio,
            url=url,
        )
        session.add_event_listener("message", lambda e: transcript.add(e.message))
        with session:
            for block in blocks:
                session.send_binary(block)
            session.stop_recognition()
            for result in session.receive():
                print("final:" if result.is_final else "so far:", transcript.text)


if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        if len(sys.argv) > 2:
            main(sys.argv[1], sys.argv[2])
        else:
            service = stack.enter_context(MimiService(recogniser=PhraseRecogniser()))
            local = stack.enter_context(resources.as_file(SPEECH))
            main(sys.argv[1] if len(sys.argv) > 1 else str(local), service.url)
