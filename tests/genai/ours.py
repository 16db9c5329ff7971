"""Our client goes through the scenes and prints what it got, as JSON.

SSL_CERT_FILE=ca.pem python -m tests.genai.ours '{"usual": "https://..."}'
"""

from __future__ import annotations

import json

from tests.genai.scenes import (
    AUDIO,
    INSTRUCTION,
    KEY,
    LIMIT,
    LISTENING,
    MODEL,
    RESULT,
    SPEECH,
    SPOKEN,
    TEXT,
    TOOLS,
    ended,
    sha256,
    told,
    urls,
)
from voxsync.errors import SessionClosed, SetupError
from voxsync.gemini import FunctionResponse, LiveGenerativeModel, ServerContent


def _transcript(found):
    return found and found.text


def _usage(found):
    if found is None:
        return None
    details = found.response_tokens_details
    return [
        found.prompt_token_count,
        found.response_token_count,
        found.total_token_count,
        [[each.modality, each.token_count] for each in details],
    ]


def _told(message):
    kind = message.type
    content = message if kind == "serverContent" else ServerContent()
    turn = content.model_turn
    parts = turn.parts if turn else ()
    calls = message.function_calls if kind == "toolCall" else None
    update = message if kind == "sessionResumptionUpdate" else None
    data = b"".join(data for _, data in content.inline)
    return told(
        text=content.text,
        thoughts="".join(p.text for p in parts if p.thought) or None,
        audio=sha256(data) if data else None,
        input=_transcript(content.input_transcription),
        output=_transcript(content.output_transcription),
        generation_complete=content.generation_complete,
        turn_complete=content.turn_complete,
        interrupted=content.interrupted,
        calls=calls and [[call.id, call.name, call.args] for call in calls],
        cancelled=list(message.ids) if kind == "toolCallCancellation" else None,
        resumable=update and update.resumable,
        handle=bool(update and update.new_handle),
        leaving=message.time_left if kind == "goingAwayNotice" else None,
        usage=_usage(message.usage_metadata),
    )


def _turn(session, got):
    got.extend(_told(message) for message in session.receive_turn(LIMIT))


def _until(session, name, got):
    """Messages until one that has this; returns it as it came."""
    for message in session.receive(LIMIT):
        got.append(_told(message))
        if name in got[-1]:
            return message
    raise EOFError(name)


class Scenes:
    """Each returns what it got; the same as in `official.py`."""

    def __init__(self, urls):
        self.urls = urls

    def connect(
        self,
        config,
        *,
        service="usual",
        model=MODEL,
        session_resumption=None,
        **more,
    ):
        made = LiveGenerativeModel(
            model, api_key=KEY, base_url=self.urls[service], config=config, **more
        )
        return made.connect(session_resumption, timeout=LIMIT)

    def text(self):
        got = []
        with self.connect(TEXT, system_instruction=INSTRUCTION) as session:
            for text in ("hello", "and again"):
                session.send(text)
                _turn(session, got)
            session.send_text_realtime("as it is typed")
            _turn(session, got)
        return got

    def audio(self):
        got = []
        with self.connect(AUDIO) as session:
            session.send_activity_start()
            for block in SPEECH:
                session.send_audio_realtime(block)
            session.send_activity_end()
            _turn(session, got)
        return got

    def listening(self):
        got = []
        with self.connect(LISTENING) as session:
            for block in SPOKEN:
                session.send_audio_realtime(block)
            session.send_audio_stream_end()
            _turn(session, got)
        return got

    def video(self):
        got = []
        with self.connect(TEXT) as session:
            session.send_video_realtime(b"\xff\xd8\xff picture")
            session.send("what is that")
            _turn(session, got)
        return got

    def tool(self):
        got = []
        with self.connect(AUDIO, tools=TOOLS) as session:
            session.send("lamp, please")
            message = _until(session, "calls", got)
            session.send_function_responses(
                FunctionResponse(call.id, call.name, RESULT)
                for call in message.function_calls
            )
            _turn(session, got)
            session.send_context_update(system_instruction="Be formal.")
            session.send("your instruction")
            _turn(session, got)
        return got

    def interruption(self):
        got = []
        with self.connect(AUDIO, service="standing") as session:
            session.send("a long story")
            for _ in range(3):  # words, each behind its audio; then time stands still
                _until(session, "output", got)
            session.send_activity_start()
            _until(session, "turn_complete", got)
            session.send_activity_end()
            _turn(session, got)
        return got

    def cancellation(self):
        got = []
        with self.connect(AUDIO, service="standing", tools=TOOLS) as session:
            session.send("lamp, please")
            _until(session, "calls", got)
            session.send("never mind")
            _until(session, "interrupted", got)
            _turn(session, got)
            _turn(session, got)
        return got

    def resumption(self):
        got = []
        with self.connect(TEXT, session_resumption={}) as session:
            session.send("hello")
            handle = _until(session, "handle", got).new_handle
        again = {"handle": handle}
        with self.connect(TEXT, session_resumption=again) as session:
            session.send("what did I say")
            _turn(session, got)
        return got

    def leaving(self):
        got = []
        with self.connect(TEXT, service="leaving") as session:
            _until(session, "leaving", got)
        return got

    def failing(self):
        got = []
        with self.connect(AUDIO, service="failing") as session:
            session.send("hello")
            try:
                got.extend(_told(message) for message in session.receive(LIMIT))
            except SessionClosed as exc:
                got.append(ended(exc.code, exc.reason))
        return got

    def refused(self):
        try:
            self.connect(TEXT, model="unheard-of")
        except SetupError as exc:
            return [ended(exc.code, exc.reason)]
        return []


def main():
    scenes = Scenes(urls())
    names = [name for name in vars(Scenes) if name[0] != "_" and name != "connect"]
    print(json.dumps({name: getattr(scenes, name)() for name in names}))


if __name__ == "__main__":
    main()
