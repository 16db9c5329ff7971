"""Let a Gemini model call a function of this program.

GEMINI_API_KEY=... python samples/live_tools.py
python samples/live_tools.py --simulated            # a service in this process
python samples/live_tools.py ws://127.0.0.1:8080    # `voxsync simulate gemini`
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from voxsync.errors import VoxsyncError
from voxsync.gemini import FunctionCall, LiveGenerativeModel, ServerContent, ToolCall
from voxsync.simulators.gemini import GeminiService
from voxsync.simulators.gemini_brain import Call, PhraseBrain

WARM = {
    "name": "how_warm",
    "description": "How many degrees Celsius it has in a city.",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
    "behavior": "BLOCKING",  # the answer waits for what it returns
}


def how_warm(call: FunctionCall) -> dict[str, object]:
    city = call.args.get("city", "Oslo")
    print("called:", call.name, city, flush=True)
    result = {"result": f"{4 * len(city)} degrees"}
    return {"id": call.id, "name": call.name, "response": result}


def main(url: str | None = None) -> None:
    with ExitStack() as stack:
        if url == "--simulated":
            brain = PhraseBrain({"warm": Call("how_warm", {"city": "Oslo"})})
            url = stack.enter_context(GeminiService(brain=brain)).url
        key = os.environ.get("GEMINI_API_KEY")
        tools = [{"function_declarations": [WARM]}]
        words: dict[str, object] = {"output_audio_transcription": {}}
        model = LiveGenerativeModel(
            "gemini-3.8-live", api_key=key, base_url=url, config=words, tools=tools
        )
        session = stack.enter_context(model.connect())
        session.send("How warm is it in Oslo?")
        for message in session.receive_turn(timeout=30):
            if isinstance(message, ToolCall):
                session.send_function_responses(map(how_warm, message.function_calls))
            elif isinstance(message, ServerContent) and message.output_transcription:
                print(message.output_transcription.text, end="", flush=True)
        print()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except VoxsyncError as exc:  # refused, nobody there, quota used up
        sys.exit(str(exc))
