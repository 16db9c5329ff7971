"""The public surface as mypy sees it: checked, never run.

Every public name is used with the types that a program would write down. Where one
changes, this file stops to pass, and the changelog has something to say.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import voxsync
from voxsync import (
    AudioFormat,
    CloseEvent,
    ConcurrencyError,
    ConnectError,
    ErrorEvent,
    EventType,
    FormatError,
    HandshakeError,
    InvalidState,
    MessageEvent,
    MimiSession,
    MissingExtra,
    OpenEvent,
    OpenTimeout,
    PlainSession,
    ProtocolError,
    QueueDispatcher,
    ReadyState,
    ReceiveTimeout,
    SendQueueFull,
    SessionClosed,
    SessionOptions,
    SetupError,
    Stats,
    VoxsyncError,
)
from voxsync.clocks import Clock, VirtualClock
from voxsync.dialects.voximplant import MediaStatistics
from voxsync.errors import DeviceError, MediaError
from voxsync.events import MediaEndedEvent, MediaInfo, MediaStartedEvent
from voxsync.media import BufferSink, Link, SilenceSource
from voxsync.mimi import (
    AsrResult,
    AsrWord,
    NictOptions,
    NictV1Item,
    NictV1Result,
    NictV2Result,
    NictV2Segment,
    Segment,
    Transcript,
    UnknownResult,
)
from voxsync.server import IncomingRequest, Listener, Refusal, ServerSession
from voxsync.session import AUTO, MessageSession, Session
from voxsync.voximplant import (
    ClearMediaBufferParameters,
    SendMediaParameters,
    WebSocket,
    WebSocketAudioEncoding,
    WebSocketCloseCode,
    WebSocketEvents,
    WebSocketParameters,
    WebSocketReadyState,
    WebSocketServer,
    send_media_between,
    stop_media_between,
)


def options() -> SessionOptions:
    """Every option by name, with its unit's type."""
    found = SessionOptions(
        headers={"X-Name": "value"},
        subprotocols=("voice",),
        ssl_context=ssl.create_default_context(),
        proxy="http://user:password@proxy.example:8080",
        dispatcher=QueueDispatcher(),
        open_timeout=10.0,
        close_timeout=5.0,
        eof_timeout=1.0,
        write_timeout=None,
        ping_interval=AUTO,
        ping_timeout=None,
        idle_timeout=None,
        finish_timeout=None,
        linger_timeout=1.0,
        send_queue=16,
        write_buffer=16 * 1024,
        send_buffer=None,
        max_message_size=1 << 24,
        inbox=256,
        receive_queue=256,
        clock=VirtualClock(speed=20.0),
    )
    _pairs = SessionOptions(headers=[("X-A", "1"), ("X-A", "2")], ping_interval=5.0)
    _off = SessionOptions(ping_interval=None)
    _seconds: float = found.open_timeout
    _maybe: float | None = found.write_timeout
    _count: int = found.send_queue
    return found


def lifecycle(session: Session[Any]) -> None:
    """What every session has, whatever its service."""
    _self: Session[Any] = session.connect()
    session.connect(3.5)
    session.connect(timeout=None, wait=False)
    with session as entered:
        _entered: Session[Any] = entered
    _state: ReadyState = session.ready_state
    _flags: tuple[bool, bool] = (session.is_active, session.is_closed)
    _texts: tuple[str, str] = (session.id, session.url)
    _code: int | None = session.close_code
    _reason: str | None = session.close_reason
    _subprotocol: str | None = session.subprotocol
    _options: SessionOptions = session.options
    session.finish()
    session.close()
    session.close(1000, "done", wait=False)
    session.cancel()
    end: CloseEvent = session.wait_closed()
    end = session.wait_closed(timeout=1.5)
    _numbers: tuple[int, int] = (end.code, end.unsent)
    _clean: bool = end.was_clean
    _why: BaseException | None = end.error
    figures(session.stats)


def figures(stats: Stats) -> None:
    """Counters are whole numbers, times are seconds."""
    _counts: list[int] = [
        stats.bytes_sent,
        stats.bytes_received,
        stats.messages_sent,
        stats.messages_received,
        stats.send_queue,
        stats.send_queue_highest,
        stats.send_refused,
        stats.unsent,
        stats.inbox,
        stats.inbox_highest,
        stats.receive_queue,
        stats.receive_queue_highest,
        stats.receive_dropped,
        stats.listener_errors,
    ]
    _seconds: list[float] = [
        stats.send_blocked,
        stats.reading_blocked,
        stats.listener_seconds,
        stats.listener_highest,
        stats.audio_sent,
        stats.audio_received,
        stats.audio_unlinked,
        stats.audio_refused,
        stats.audio_gated,
        stats.audio_dropped,
        stats.audio_lost,
    ]
    _times: list[float | None] = [
        stats.ping_round_trip,
        stats.open_seconds,
        stats.first_result,
        stats.first_result_of_audio,
    ]
    _slowest: str | None = stats.listener_slowest


def listeners(session: PlainSession) -> None:
    """Three ways to be told: listeners, handlers, signals."""

    def on_message(event: MessageEvent) -> None:
        _data: str | bytes = event.data
        _target: Any = event.target
        _type: EventType = event.type

    def on_open(event: OpenEvent) -> None: ...

    def on_error(event: ErrorEvent) -> None:
        _error: BaseException = event.error

    session.add_event_listener("message", on_message)
    session.add_event_listener(EventType.OPEN, on_open, once=True)
    session.addEventListener("error", on_error)
    session.remove_event_listener("message", on_message)
    session.removeEventListener("error")
    session.on_created = None
    session.on_open = on_open
    session.on_message = on_message
    session.on_error = on_error
    session.on_close = lambda event: print(event.code)
    session.on_media_started = session.on_media_ended = None

    def receiver(sender: object, event: MessageEvent) -> None: ...

    signals = session.signals
    for signal in (
        signals.created,
        signals.open,
        signals.message,
        signals.close,
        signals.error,
        signals.media_started,
        signals.media_ended,
    ):
        signal.connect(receiver)
        signal.disconnect(receiver)


def plain() -> None:
    """The door to any service."""
    session = PlainSession("wss://example.org/", options=options())
    _base: MessageSession = session
    _session: PlainSession = session.connect()
    session.send_text("text")
    session.send_text("text", block=False)
    session.send_binary(b"bytes", timeout=0.5)
    session.send_binary(bytearray(2))
    session.send_binary(memoryview(b"12"), block=True, timeout=None)
    session.send_json({"any": ["json", 1, None]}, block=True, timeout=1.0)
    messages: Iterator[str | bytes] = session.receive()
    messages = session.receive(timeout=2.0)
    for message in messages:
        _message: str | bytes = message
    lifecycle(session)
    listeners(session)


def mimi() -> None:
    """The door to mimi, and its results."""
    ask: Callable[[], str] = lambda: "token"  # noqa: E731 - its type is the point
    session = MimiSession(
        ask,
        process="nict-asr",
        language="en",
        audio=AudioFormat("pcm16", 16000, 1, 16),
        nict=NictOptions(response_format="v2", progressive=True),
        url="wss://service.mimi.fd.ai/",
        headers={"x-mimi-lid-options": "lang=ja"},
        converter=None,
        options=options(),
    )
    _bare = MimiSession("token")
    _nobody = MimiSession(None, converter=lambda found: found["response"])
    _format: AudioFormat = session.audio
    session.send_binary(b"\0\0", block=True, timeout=None)
    session.send_binary(np.zeros(160, np.int16), block=False)
    session.send_binary_blocking(b"\0\0")
    session.send_json({"command": "x"}, block=True, timeout=1.0)
    session.stop_recognition()
    transcript = Transcript("en")
    for result in session.receive(timeout=5.0):
        results(result)
        if isinstance(result, AsrResult | NictV1Result | NictV2Result):
            transcript.add(result)
    assembled(transcript)
    lifecycle(session)


def results(found: AsrResult | NictV1Result | NictV2Result | UnknownResult) -> None:
    """What all results have, and what each engine's own adds."""
    _texts: tuple[str, str, str] = (found.text, found.session_id, found.status)
    _final: bool = found.is_final
    _raw: dict[str, object] = found.raw
    if isinstance(found, AsrResult):
        _words: tuple[AsrWord, ...] = found.response
        _start: int | None = found.response[0].start_ms
    elif isinstance(found, NictV1Result):
        _items: tuple[NictV1Item, ...] = found.response
        _surface: str = found.response[0].surface
    elif isinstance(found, NictV2Result):
        _segments: tuple[NictV2Segment, ...] = found.response
        _determined: bool = found.response[0].determined


def assembled(transcript: Transcript) -> None:
    """The text of all results so far, and its pieces."""
    _texts: list[str] = [
        transcript.text,
        transcript.final_text,
        transcript.pending_text,
    ]
    _final: bool = transcript.is_final
    _types: tuple[str, ...] = transcript.types
    _view: Transcript = transcript.for_type("asr#mimilvcsr")
    segments: tuple[Segment, ...] = transcript.segments
    _times: list[tuple[int | None, int | None]] = [
        (segment.start_ms, segment.end_ms) for segment in segments
    ]


def audio() -> None:
    """What bytes mean."""
    found = AudioFormat(sample_rate=8000)
    _size: int = found.bytes_per_frame
    _mime: str = found.content_type
    _seconds: float = found.seconds(16000)
    _parsed: AudioFormat = AudioFormat.from_content_type("audio/x-pcm;rate=8000")


def time(clock: VirtualClock) -> None:
    """Time for tests."""
    clock.advance(1.5)
    _now: float = clock.now()
    _clock: Clock = clock


def voximplant(other: WebSocket) -> None:
    """VoxEngine's WebSocket."""
    parameters = WebSocketParameters(
        protocols=("chat",),
        headers=[{"name": "X-Name", "value": "1"}],
        privacy=False,
        trace=True,
        statistics=True,
    )
    _names = WebSocketParameters(protocols="chat", headers={"X-Name": "1"})
    ws = WebSocket("wss://example/", parameters, options=options(), side="voxengine")
    with ws.connect() as entered:
        _entered: WebSocket = entered
    ws.add_event_listener(WebSocketEvents.MESSAGE, lambda event: print(event.text))
    ws.remove_event_listener(WebSocketEvents.MESSAGE)
    _state: WebSocketReadyState = ws.ready_state
    _open: bool = ws.ready_state == "open"
    _request: IncomingRequest | None = ws.request
    ws.send("text")
    ws.send("text", block=False, timeout=1.5)
    _text: str = next(ws.receive())
    settings = SendMediaParameters(
        tag="a",
        encoding=WebSocketAudioEncoding.PCM16_16KHZ,
        custom_parameters={"k": "v"},
    )
    link: Link = SilenceSource().send_media_to(ws, settings)
    link = SilenceSource().send_media_to(
        ws, tag="a", encoding="ULAW", custom_parameters={}, paced=False
    )
    link = ws.send_media_to(BufferSink(), settings)
    link = ws.send_media_to(BufferSink(), tag="a", paced=False)
    link = ws.send_media_to(other, tag="a", encoding="PCM16", custom_parameters={})
    ws.stop_media_to(link.sink, settings)
    ws.stop_media_to(other, tag="a")
    ws.clear_media_buffer()
    ws.clear_media_buffer(ClearMediaBufferParameters("a"))
    ws.clear_media_buffer(tag="a", gate=True)
    ws.open_media_gate("a")
    ws.interrupt()
    ws.interrupt("a", "clear")
    statistics: MediaStatistics = ws.media_statistics
    _numbers: list[int] = [
        statistics.rejected,
        statistics.sent["a"].bytes,
        statistics.received["a"].lost,
    ]
    _seconds: list[float] = [ws.stats.audio_refused, ws.stats.audio_gated]
    send_media_between(ws, other, encoding="PCM16")
    stop_media_between(ws, other)
    _normal: bool = ws.close_code == WebSocketCloseCode.CLOSE_NORMAL


def heard(started: MediaStartedEvent, ended: MediaEndedEvent) -> None:
    """What a stream tells."""
    _tags: tuple[str, str] = (started.tag, ended.tag)
    _encoding: str = started.encoding
    info: MediaInfo = ended.media_info
    _whole: int = info.duration
    _exact: tuple[float, float] = (info.seconds, info.burst_seconds)
    _reason: str = info.reason


def incoming() -> None:
    """What VoxEngine connects to."""

    def connected(_: WebSocketServer, websocket: WebSocket) -> None:
        websocket.send_media_to(websocket)

    def authenticate(request: IncomingRequest) -> bool:
        return request.query.get("key") == "k"

    with WebSocketServer(port=0, path="/voice", authenticate=authenticate) as found:
        found.connection.connect(connected)
        _where: tuple[str, int] = (found.url, found.port)
        _sockets: frozenset[WebSocket] = found.websockets
        found.close(1.5)


def server() -> None:
    """The other end."""

    def check(request: IncomingRequest) -> Refusal | None:
        return None if request.path == "/voice" else Refusal(404, "not here")

    def connected(_: Listener, session: ServerSession) -> None:
        _path: str = session.request.path
        session.send_text("welcome")

    with Listener(port=0, check=check, options=options()) as listener:
        listener.connection.connect(connected)
        _where: tuple[str, int] = (listener.url, listener.port)
        _sessions: frozenset[ServerSession] = listener.sessions


def errors(session: PlainSession) -> None:
    """Each error by its own name, and by the builtin that it also is."""
    try:
        session.connect()
    except HandshakeError as exc:
        _answer: tuple[int, dict[str, str], bytes] = (exc.status, exc.headers, exc.body)
        _auth: bool = exc.is_auth
    except (SetupError, OpenTimeout) as exc:
        _as_builtin: OSError = exc
    except ConnectError as exc:
        _connection: ConnectionError = exc
    try:
        session.send_text("x")
    except (SendQueueFull, ReceiveTimeout, InvalidState, ConcurrencyError) as exc:
        _root: VoxsyncError = exc
    except SessionClosed as exc:
        _end: tuple[int, str, bool, int] = (
            exc.code,
            exc.reason,
            exc.was_clean,
            exc.unsent,
        )
        _text: str = exc.text
    except ProtocolError as exc:
        _raw: str | bytes | None = exc.raw
        _code: int | None = exc.code
    except DeviceError as exc:
        _number: int | None = exc.portaudio_code
    except (MissingExtra, FormatError, MediaError) as exc:
        _other: VoxsyncError = exc
    _version_free: list[str] = voxsync.__all__
