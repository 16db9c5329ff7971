"""Door: Voximplant VoxEngine's WebSocket, from either of its ends.

    from voxsync.media import Microphone, Speaker
    from voxsync.voximplant import WebSocket

    with WebSocket("wss://example.org/agent") as ws, Microphone() as microphone:
        ws.add_event_listener("message", lambda event: print(event.text))
        ws.send_media_to(Speaker())
        microphone.send_media_to(ws, tag="caller", encoding="PCM16")
        ws.wait_closed()

VoxEngine's names in Python's spelling: `sendMediaTo` is `send_media_to`. Media is JSON
in text messages (Voximplant notes, 2); what is no media event is a `message`.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self

from voxsync.audio import AudioFormat
from voxsync.dialects.base import OpenStream, SendAudio
from voxsync.dialects.voximplant import VoximplantDialect
from voxsync.dialects.voximplant.names import (
    ClearMediaBufferParameters,
    SendMediaParameters,
    WebSocketAudioEncoding,
    WebSocketCloseCode,
    WebSocketEvents,
    WebSocketParameters,
    WebSocketReadyState,
)
from voxsync.dialects.voximplant.parameters import send_parameters, tag_given
from voxsync.dialects.voximplant.trace import Tracer
from voxsync.session import Session, SessionOptions
from voxsync.session.messages import check_text
from voxsync.session.options import normal_headers
from voxsync.transport.dial import check_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxsync.dialects.base import Dialect
    from voxsync.dialects.voximplant import MediaStatistics
    from voxsync.events import EventType
    from voxsync.media import Link, Sink
    from voxsync.media.source import MediaTarget
    from voxsync.server import IncomingRequest
    from voxsync.websocket_server import WebSocketServer

__all__ = [
    "ClearMediaBufferParameters",
    "SendMediaParameters",
    "WebSocket",
    "WebSocketAudioEncoding",
    "WebSocketCloseCode",
    "WebSocketEvents",
    "WebSocketParameters",
    "WebSocketReadyState",
    "WebSocketServer",
    "send_media_between",
    "stop_media_between",
]

logger = logging.getLogger("voxsync.voximplant")
_trace_logger = logging.getLogger("voxsync.trace")

Side = Literal["app", "voxengine"]

# What VoxEngine holds of a stream (Voximplant notes, 1.7), and how far ahead of it an
# unpaced link gets: less, so that nothing is lost to a clock that differs.
_BUFFER_SECONDS = 10.0
_MOST_AHEAD = 8.0
# Voximplant documents no limit; a second of 48 kHz is 128 KiB in base64.
_OPTIONS = SessionOptions(max_message_size=1024 * 1024)


class WebSocket(Session[str]):
    """VoxEngine's WebSocket: text messages, and named audio streams both ways.

    As a source it gives the far end's streams, each by its tag: `send_media_to`. As a
    target it takes any unit's audio as a stream of its own:
    `unit.send_media_to(ws, tag=..., encoding=..., custom_parameters=...)`, which sends
    start, media of 20 ms as it sounds, and stop. Received audio waits 10 s per stream
    at most to be heard; the newest is refused, counted in `stats.audio_refused`, and
    told once as an `error` event.

    Args:
        url: `ws://` or `wss://`; an access URL of a running VoxEngine session may be
            given as it is, `https://`. IP addresses do for both (VoxEngine itself
            takes `wss://` with a name only).
        parameters: Subprotocols, headers, privacy, trace, statistics.
        options: Limits, timeouts, TLS, proxy, dispatcher. Default: those of
            `SessionOptions`, with `max_message_size` of 1 MiB.
        side: Whom we play. It decides how custom parameters are written: "app", an
            object; "voxengine", JSON in a string (Voximplant notes, 2.3).

    Attributes:
        request: What the peer asked for, where the connection came in; else None.

    Raises:
        TypeError, ValueError: The URL, a parameter or an option makes no sense.

    Thread: any; see `Session`.
    """

    _playout_seconds = _BUFFER_SECONDS
    _plays_out = True

    def __init__(
        self,
        url: str,
        parameters: WebSocketParameters | None = None,
        *,
        options: SessionOptions | None = None,
        side: Side = "app",
    ) -> None:
        if parameters is None:
            parameters = WebSocketParameters()
        elif not isinstance(parameters, WebSocketParameters):
            raise TypeError(
                "parameters must be WebSocketParameters(...), not "
                f"{type(parameters).__name__}"
            )
        if side not in ("app", "voxengine"):
            raise ValueError(f'side must be "app" or "voxengine", not {side!r}')
        for name, value in parameters.headers:
            check_header(name, value)
        super().__init__(_with_ws(url), options or _OPTIONS)
        self.request: IncomingRequest | None = None
        self._parameters = parameters
        self._side = side
        self._dialect: VoximplantDialect | None = None
        self._tracer = Tracer(
            self._url, (*parameters.headers, *normal_headers(self.options.headers))
        )

    @classmethod
    def _incoming(
        cls, request: IncomingRequest, options: SessionOptions, side: Side
    ) -> Self:
        """The socket of a connection that came in; for `WebSocketServer`."""
        host, port = request.address
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ws = cls(f"ws://{where}{request.path}", options=options, side=side)
        ws.request = request
        return ws

    @property
    def ready_state(self) -> WebSocketReadyState:  # type: ignore[override]
        """`"connecting"`, `"open"`, `"closing"` or `"closed"`.

        Equal to the `ReadyState` of that name, too.
        """
        return WebSocketReadyState[self._state.name]

    @property
    def media_statistics(self) -> MediaStatistics:
        """What was sent, received, lost and refused, by stream."""
        dialect = self._dialect
        if dialect is None:
            from voxsync.dialects.voximplant import MediaStatistics  # noqa: PLC0415

            return MediaStatistics()
        return dialect.statistics()

    # Messages

    def send(
        self, text: str, *, block: bool = True, timeout: float | None = None
    ) -> None:
        """Send a text message. VoxEngine gets it as `MESSAGE` with `text`.

        JSON with a key `event` of `"start"`, `"media"` or `"stop"` would be taken as
        media there; VoxEngine's advice is to name your own key `customEvent`.

        Args:
            text: Any length.
            block: Wait for room in the send queue; False = raise at once.
            timeout: Seconds to wait for room; None = as long as it takes.

        Raises:
            SendQueueFull: No room; the message was not accepted.
            InvalidState: Not open yet, or finished.
            SessionClosed: Closing or over, also while waiting.
            TypeError: It is no str.

        Thread: any. Returns when the message is accepted; it goes out in order.
        """
        if not isinstance(text, str):
            raise TypeError(
                f"text must be a str, not {type(text).__name__}; VoxEngine knows no "
                "binary messages"
            )
        check_text(text)
        self._send(text, block, timeout)

    # The far end's streams

    def send_media_to(
        self,
        target: MediaTarget,
        parameters: SendMediaParameters | None = None,
        *,
        tag: str | None = None,
        **more: Any,
    ) -> Link:
        """Let one of the far end's streams flow to a unit, or to another WebSocket.

        Args:
            target: A sink of `voxsync.media` (speaker, file, callback) or a session.
            parameters: `tag` says which stream. If `target` is a WebSocket, the stream
                there gets the same tag, and the encoding and custom parameters.
            tag: Instead of `parameters`. Default "": the stream without a tag.
            more: `encoding` and `custom_parameters`, where `target` is a WebSocket.

        Returns:
            The link; it runs until it is stopped or the socket is closed.

        Raises:
            InvalidState: It flows there already.
            DeviceError: The sink's device cannot be opened.
            TypeError: A parameter that nobody knows.

        Thread: any. Before `connect()`, in a `connection` handler, or in a
        `media-started` listener: then nothing of the stream is missed.
        """
        if parameters is not None and more.keys() & {"encoding", "custom_parameters"}:
            raise TypeError("give parameters, or tag=... and so on, not both")
        ours = tag_given(parameters, tag, SendMediaParameters) or ""
        if not isinstance(target, WebSocket):
            parameters = None  # the tag is ours, and a sink has no use for the others
        elif parameters is None:
            more["tag"] = ours
        return self._units().stream(ours).send_media_to(target, parameters, **more)

    def stop_media_to(
        self,
        target: MediaTarget,
        parameters: SendMediaParameters | None = None,
        *,
        tag: str | None = None,
    ) -> None:
        """Let no more audio flow there; nothing happens where none flows.

        Args:
            target: As in `send_media_to`.
            parameters: Only the stream of this `tag`.
            tag: The same; None and no parameters = all streams.
        """
        ours = tag_given(parameters, tag, SendMediaParameters)
        super().stop_media_to(target, tag=ours)

    def clear_media_buffer(  # type: ignore[override]
        self,
        parameters: ClearMediaBufferParameters | None = None,
        *,
        tag: str | None = None,
        gate: bool = False,
    ) -> None:
        """Drop received audio that is not heard yet, down to the speaker.

        The far end is not told (Voximplant notes, 2.10); if it is to stop, send it a
        message. What it sends from now on is heard; what it had sent before and is
        still on its way would be, too: with `gate=True` that is dropped and counted in
        `stats.audio_gated`, until the far end sends a new start for the stream, or
        `open_media_gate(tag)` is called. `media-ended` follows after a second.

        Args:
            parameters: Only the stream of this `tag`.
            tag: The same; None and no parameters = all streams.
            gate: Drop what is still on its way.

        Thread: any, listeners too; never waits.
        """
        ours = tag_given(parameters, tag, ClearMediaBufferParameters)
        super().clear_media_buffer(ours, gate=gate)

    # Our streams

    def interrupt(self, tag: str = "", text: str | None = None) -> None:
        """Fall silent at once: end the audio that flows into our stream `tag`.

        Its link is stopped, what of it is still queued is taken back, and `stop` is
        sent. The next unit that is sent here begins a new stream, whose start tells
        the far end's `clear_media_buffer(gate=True)` old from new.

        Args:
            tag: Which of our outgoing streams; nothing happens if nothing flows.
            text: A message to send behind that: what asks the far end to clear its
                buffer, for VoxEngine does so only by its scenario.

        Raises:
            As `send`, if there is a text.

        Thread: any; waits at most a second.
        """
        units = self._media_units
        sink = None if units is None else units.occupant(tag)
        if sink is not None:
            sink.interrupt()
        if text is not None:
            self.send(text)

    def __repr__(self) -> str:
        if self._parameters.privacy:
            return f"<WebSocket {self.id} {self._state.name} (private)>"
        return super().__repr__()

    # For the session

    def _make_dialect(self) -> Dialect[str]:
        parameters = self._parameters
        self._dialect = VoximplantDialect(
            self._url,
            headers=parameters.headers,
            subprotocols=tuple(parameters.protocols),
            side=self._side,
            tap=self._traced if parameters.trace else None,
        )
        return self._dialect

    def _media_format(self) -> AudioFormat:
        return AudioFormat()  # until a stream's start says more

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        settings = send_parameters(parameters)
        form = AudioFormat.from_voximplant(settings.encoding)
        if form.encoding == "opus":
            from voxsync.audio.convert import Encoder  # noqa: PLC0415 - numpy

            Encoder(form)  # says now, not when the first block comes, what is missing
        opening = OpenStream(
            settings.tag, str(settings.encoding), settings.custom_parameters
        )
        return self._units().sink(
            settings.tag, form.sample_rate, opening=opening, most_ahead=_MOST_AHEAD
        )

    def _media_command(self, block: NDArray[np.int16], tag: str) -> object:
        return SendAudio(tag, block.astype("<i2", copy=False).tobytes())

    def _kind(self, name: str) -> EventType:
        known = WebSocketEvents.find(name)
        return super()._kind(name if known is None else known.own)

    def _ending(self) -> None:
        super()._ending()
        if self._parameters.statistics:
            logger.info("websocket %s: %s", self.id, self.media_statistics)

    def _traced(self, direction: str, text: str) -> None:
        line = self._tracer.line(text)
        _trace_logger.info("websocket %s %s: %s", self.id, direction, line)


def send_media_between(one: WebSocket, other: WebSocket, **parameters: Any) -> None:
    """Bind `one` and `other`, both directions.

    Args:
        one: A WebSocket.
        other: Another one.
        parameters: As of `send_media_to`.

    Thread: any.
    """
    one.send_media_to(other, **parameters)
    try:
        other.send_media_to(one, **parameters)
    except BaseException:
        one.stop_media_to(other)
        raise


def stop_media_between(one: WebSocket, other: WebSocket) -> None:
    """Let no more flow between `one` and `other`. Thread: any."""
    one.stop_media_to(other)
    other.stop_media_to(one)


def _with_ws(url: str) -> str:
    """An access URL as what a WebSocket is dialled by."""
    if not isinstance(url, str):
        raise TypeError(f"url must be a str, not {type(url).__name__}")
    scheme, colon, rest = url.partition(":")
    if scheme.lower() in ("http", "https"):
        return f"ws{scheme[4:].lower()}{colon}{rest}"
    return url


def __getattr__(name: str) -> object:
    if name == "WebSocketServer":  # it needs the extra `server`
        return import_module("voxsync.websocket_server").WebSocketServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
