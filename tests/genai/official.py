"""Google's own client goes through the scenes and prints what it got, as JSON.

    SSL_CERT_FILE=ca.pem python -m tests.genai.official '{"usual": "https://..."}'

In a process of its own, for it is async, and warns while it is imported.
"""

from __future__ import annotations

import asyncio
import json

from google import genai
from google.genai import errors, types

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


def _transcript(found):
    return found and found.text


def _usage(found):
    if found is None:
        return None
    details = found.response_tokens_details or ()
    return [
        found.prompt_token_count,
        found.response_token_count,
        found.total_token_count,
        [[each.modality.value, each.token_count] for each in details],
    ]


def _told(message):
    content = message.server_content or types.LiveServerContent()
    parts = content.model_turn.parts if content.model_turn else ()
    calls = message.tool_call and message.tool_call.function_calls
    update = message.session_resumption_update
    leaving = message.go_away
    return told(
        text=message.text,
        thoughts="".join(p.text for p in parts if p.thought) or None,
        audio=sha256(message.data) if message.data else None,
        input=_transcript(content.input_transcription),
        output=_transcript(content.output_transcription),
        generation_complete=content.generation_complete,
        turn_complete=content.turn_complete,
        interrupted=content.interrupted,
        calls=calls and [[call.id, call.name, call.args] for call in calls],
        cancelled=message.tool_call_cancellation and message.tool_call_cancellation.ids,
        resumable=update and bool(update.resumable),
        handle=bool(update and update.new_handle),
        leaving=leaving and float(leaving.time_left.removesuffix("s")),
        usage=_usage(message.usage_metadata),
    )


async def _turn(session, got):
    """One turn; receive() ends with it."""
    async for message in session.receive():
        got.append(_told(message))


async def _until(session, name, got):
    """Messages until one that has this; returns it as it came."""
    while True:
        async for message in session.receive():
            got.append(_told(message))
            if name in got[-1]:
                return message


class Scenes:
    """Each returns what it got."""

    def __init__(self, urls):
        self.urls = urls

    def connect(self, service="usual", *, model=MODEL, **config):
        client = genai.Client(
            api_key=KEY, http_options={"base_url": self.urls[service]}
        )
        return client.aio.live.connect(model=model, config=config)

    async def text(self):
        got = []
        async with self.connect(**TEXT, system_instruction=INSTRUCTION) as session:
            for text in ("hello", "and again"):
                turn = {"role": "user", "parts": [{"text": text}]}
                await session.send_client_content(turns=turn)
                await _turn(session, got)
            await session.send_realtime_input(text="as it is typed")
            await _turn(session, got)
        return got

    async def audio(self):
        got = []
        async with self.connect(**AUDIO) as session:
            await session.send_realtime_input(activity_start={})
            for block in SPEECH:
                blob = types.Blob(data=block, mime_type="audio/pcm;rate=16000")
                await session.send_realtime_input(audio=blob)
            await session.send_realtime_input(activity_end={})
            await _turn(session, got)
        return got

    async def listening(self):
        got = []
        async with self.connect(**LISTENING) as session:
            for block in SPOKEN:
                blob = types.Blob(data=block, mime_type="audio/pcm;rate=16000")
                await session.send_realtime_input(audio=blob)
            await session.send_realtime_input(audio_stream_end=True)
            await _turn(session, got)
        return got

    async def video(self):
        got = []
        async with self.connect(**TEXT) as session:
            blob = types.Blob(data=b"\xff\xd8\xff picture", mime_type="image/jpeg")
            await session.send_realtime_input(video=blob)
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "what is that"}]}
            )
            await _turn(session, got)
        return got

    async def tool(self):
        got = []
        async with self.connect(**AUDIO, tools=TOOLS) as session:
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "lamp, please"}]}
            )
            message = await _until(session, "calls", got)
            await session.send_tool_response(
                function_responses=[
                    types.FunctionResponse(id=call.id, name=call.name, response=RESULT)
                    for call in message.tool_call.function_calls
                ]
            )
            await _turn(session, got)
            await session.send_context_update(system_instruction="Be formal.")
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "your instruction"}]}
            )
            await _turn(session, got)
        return got

    async def interruption(self):
        got = []
        async with self.connect("standing", **AUDIO) as session:
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "a long story"}]}
            )
            for _ in range(3):  # words, each behind its audio; then time stands still
                await _until(session, "output", got)
            await session.send_realtime_input(activity_start={})
            await _until(session, "turn_complete", got)
            await session.send_realtime_input(activity_end={})
            await _turn(session, got)
        return got

    async def cancellation(self):
        got = []
        async with self.connect("standing", **AUDIO, tools=TOOLS) as session:
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "lamp, please"}]}
            )
            await _until(session, "calls", got)
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "never mind"}]}
            )
            await _until(session, "interrupted", got)
            await _turn(session, got)
            await _turn(session, got)
        return got

    async def resumption(self):
        got = []
        async with self.connect(**TEXT, session_resumption={}) as session:
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "hello"}]}
            )
            message = await _until(session, "handle", got)
            handle = message.session_resumption_update.new_handle
        again = {"handle": handle}
        async with self.connect(**TEXT, session_resumption=again) as session:
            await session.send_client_content(
                turns={"role": "user", "parts": [{"text": "what did I say"}]}
            )
            await _turn(session, got)
        return got

    async def leaving(self):
        got = []
        async with self.connect("leaving", **TEXT) as session:
            await _until(session, "leaving", got)
        return got

    async def failing(self):
        got = []
        try:
            async with self.connect("failing", **AUDIO) as session:
                await session.send_client_content(
                    turns={"role": "user", "parts": [{"text": "hello"}]}
                )
                while True:
                    await _turn(session, got)
        except errors.APIError as exc:
            got.append(ended(exc.code, exc.details))
        return got

    async def refused(self):
        try:
            async with self.connect(model="unheard-of", **TEXT):
                return []
        except errors.APIError as exc:
            return [ended(exc.code, exc.details)]


async def main():
    scenes = Scenes(urls())
    found = {}
    for name in vars(Scenes):
        if name[0] != "_" and name != "connect":
            async with asyncio.timeout(LIMIT):
                found[name] = await getattr(scenes, name)()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
