"""Type-checked only: what a program of `voxsync.gemini` may write, with its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from voxsync.gemini import (
    Blob,
    Content,
    FunctionCall,
    FunctionResponse,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerMessage,
    LiveSession,
    Part,
    ServerContent,
    SessionResumptionConfig,
    ToolCall,
    ToolCallCancellation,
    UsageMetadata,
    VertexAIBackend,
)
from voxsync.session import SessionOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def answer(call: FunctionCall) -> FunctionResponse:
    """Functions get what the model gave."""
    return FunctionResponse(call.id, call.name, {"result": dict(call.args)})


def talk(samples: NDArray[np.int16], image: bytes) -> None:
    """Every verb."""
    model = LiveGenerativeModel(
        "gemini-live",
        api_key=lambda: "key",
        backend=VertexAIBackend("project"),
        config=LiveGenerationConfig(temperature=0.5),
        system_instruction="Answer in one line.",
        tools=[{"google_search": {}}],
        tool_config={"function_calling_config": {"mode": "ANY"}},
        options=SessionOptions(receive_queue=10),
    )
    with model.connect({}, timeout=None) as session:
        assert_type(session, LiveSession)
        session.send("text")
        session.send(["text", Part(text="part"), Blob("image/png", image)])
        session.send(
            Content("user", (Part(text="text"),)), turn_complete=False, block=False
        )
        texts: list[str] = ["one", "two"]
        for content in (
            Content("user", "text"),
            Content("user", texts),
            Content("user", ["text", Part(text="part"), Blob("image/png", image)]),
            Content(parts=Part(text="part")),
        ):
            assert_type(content.parts, tuple[Part, ...])
        session.send_text_realtime("text", timeout=1)
        session.send_audio_realtime(samples, 48_000)
        session.send_audio_realtime(b"\0\0")
        assert_type(session.send_video_realtime(image, excess="drop"), bool)
        session.send_activity_start()
        session.send_activity_end()
        session.send_audio_stream_end()
        session.send_context_update(tools=[])
        for message in session.receive(timeout=1):
            assert_type(message, LiveServerMessage)
            take(session, message)
        for message in session.receive_turn():
            take(session, message)
        session.resume(SessionResumptionConfig(handle="h"))
        session.resume()
        assert_type(session.usage, UsageMetadata | None)
        assert_type(session.resumption_handle, str | None)
        assert_type(session.is_closed, bool)


def take(session: LiveSession, message: LiveServerMessage) -> None:
    """Messages are told apart by their class."""
    if isinstance(message, ServerContent):
        assert_type(message.text, str | None)
        assert_type(message.turn_complete, bool)
        if message.audio is not None:
            session.send_audio_realtime(message.audio, 24_000)
    elif isinstance(message, ToolCall):
        session.send_function_responses(map(answer, message.function_calls))
    elif isinstance(message, ToolCallCancellation):
        assert_type(message.ids, tuple[str, ...])


def required() -> None:
    """What has to be given, is asked for by the type checker too."""
    Blob(data=b"x")  # type: ignore[call-arg]
    FunctionResponse(name="x")  # type: ignore[call-overload]
    FunctionResponse("id", "x")  # type: ignore[call-overload]
    FunctionResponse(name="x", response={})
    FunctionResponse("id", "x", {}, will_continue=True)
    Blob(mime_type="image/png", data=b"x")
