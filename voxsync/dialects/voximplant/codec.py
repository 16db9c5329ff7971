"""VoxEngine's media protocol on one connection: streams by tag, both ways."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from voxsync.dialects.base import (
    CloseStream,
    Deliver,
    Dialect,
    OpenStream,
    Reply,
    Report,
    SendAudio,
    StreamEnded,
    StreamStarted,
    UpgradeRequest,
)
from voxsync.dialects.voximplant.incoming import (
    IncomingStream,
    ReceivedStats,
    declared_format,
)
from voxsync.dialects.voximplant.messages import (
    Media,
    Start,
    Stop,
    parse,
    read_parameters,
    read_payload,
    read_strict,
)
from voxsync.dialects.voximplant.outgoing import OutgoingStream, SentStats, Side
from voxsync.errors import FormatError, MissingExtra, ProtocolError, SessionClosed
from voxsync.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from voxsync.dialects.base import Output

__all__ = ["MediaStatistics", "VoximplantDialect"]

# 1005: the peer closed properly and gave no code (RFC 6455, 7.1.5).
_GOOD_CODES = frozenset({1000, 1001, 1005})
_MOST_STREAMS = 64  # that are open at once, and tags without a start that are told
_MOST_COUNTED = 128  # tags; of those that are over the oldest go first
_TELL_EVERY = 50  # payloads of a stream that cannot be decoded
_SHOWN = 60  # characters of the peer's that a message of ours repeats

StatsT = TypeVar("StatsT", ReceivedStats, SentStats)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaStatistics:
    """What was sent, received and refused, at one moment.

    Attributes:
        received: By tag; of more than 128 tags the oldest that are over are left out.
        sent: Likewise.
        rejected: Messages of the far end that could not be used: media without start,
            payloads that cannot be decoded, malformed and binary messages.
    """

    received: Mapping[str, ReceivedStats] = field(default_factory=dict)
    sent: Mapping[str, SentStats] = field(default_factory=dict)
    rejected: int = 0


class VoximplantDialect(Dialect[str]):
    """Translates for one VoxEngine WebSocket, from either end.

    Strict in what it sends, tolerant in what it takes (Voximplant notes, 2 and 8).

    Args:
        url: Where to.
        headers: Extra headers of the upgrade.
        subprotocols: What to offer. Default `("chat",)`, as VoxEngine does.
        side: Whom we play. It decides how custom parameters are written: "app", an
            object; "voxengine", JSON in a string.
        tap: Sees every text message, as `tap("in" or "out", text)`. Default: nobody.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        subprotocols: Iterable[str] = ("chat",),
        side: Side = "app",
        tap: Callable[[str, str], None] | None = None,
    ) -> None:
        self._url = url
        self._headers = tuple(headers)
        self._subprotocols = tuple(subprotocols)
        self._side = side
        self._tap = tap
        self._incoming: dict[str, IncomingStream] = {}
        self._outgoing: dict[str, OutgoingStream] = {}
        # Replaced as a whole where a tag is added, for `statistics` of any thread.
        self._received: dict[str, ReceivedStats] = {}
        self._sent: dict[str, SentStats] = {}
        self._rejected = 0
        self._unknown: set[str] = set()  # tags without a start that were told
        self._told_binary = False

    def request(self) -> UpgradeRequest:
        """The upgrade with the given headers and subprotocols."""
        return UpgradeRequest(
            url=self._url, headers=self._headers, subprotocols=self._subprotocols
        )

    def statistics(self) -> MediaStatistics:
        """What was sent, received and refused so far.

        Thread: any; what is counted at this very moment may be in it or not.
        """
        received, sent = self._received, self._sent
        return MediaStatistics(
            received={tag: copy(stats) for tag, stats in received.items()},
            sent={tag: copy(stats) for tag, stats in sent.items()},
            rejected=self._rejected,
        )

    # Out

    def encode(self, command: object) -> Iterable[Output[str]]:
        """Turn a text, or what becomes of a stream, into messages.

        Audio for a tag that is not open opens it, as PCM8. To open one that is open
        ends it before.

        Raises:
            TypeError, ValueError: The command, an encoding or parameters make no sense.
            FormatError: The audio is not whole samples.
            MissingExtra: OPUS needs the extra `opus`.
        """
        if isinstance(command, SendAudio):
            stream = self._outgoing.get(command.tag)
            texts = []
            if stream is None:
                texts = self._open(OpenStream(command.tag))
                stream = self._outgoing[command.tag]
            texts += stream.audio(command.pcm)
            self.audio_sent += len(command.pcm) / (2 * stream.sample_rate)
        elif isinstance(command, str):
            texts = [command]
        elif isinstance(command, OpenStream):
            texts = self._open(command)
        elif isinstance(command, CloseStream):
            stream = self._outgoing.pop(command.tag, None)
            texts = [] if stream is None else stream.stop()
        else:
            raise TypeError(f"a {type(command).__name__} cannot be sent: give a str")
        return self._replies(texts)

    def finish(self) -> Iterable[Output[str]]:
        """A stop for every stream that is open."""
        streams = list(self._outgoing.values())
        self._outgoing.clear()
        return self._replies([text for stream in streams for text in stream.stop()])

    def closing(self) -> Iterable[Output[str]]:
        """The same: the far end hears of the end of a stream before that of all."""
        return self.finish()

    def _open(self, opening: OpenStream) -> list[str]:
        tag = opening.tag
        stats = self._sent.get(tag) or SentStats()
        stream = OutgoingStream(opening, self._side, stats)
        before = self._outgoing.get(tag)
        texts = [] if before is None else before.stop()
        self._outgoing[tag] = stream
        self._sent = _counted(self._sent, tag, stats, self._outgoing)
        texts.append(stream.start())
        return texts

    def _replies(self, texts: list[str]) -> list[Output[str]]:
        if self._tap is not None:
            for text in texts:
                self._tap("out", text)
        return [Reply(text) for text in texts]

    # In

    def decode(self, data: str | bytes) -> Iterable[Output[str]]:
        """Turn a message into audio and what becomes of streams, or deliver it.

        Raises:
            ProtocolError: It belongs to the protocol and makes no sense.
        """
        if not isinstance(data, str):
            return self._binary()
        if self._tap is not None:
            self._tap("in", data)
        media = read_strict(data)
        if media is not None:
            tag, chunk, timestamp, audio = media
            stream = self._incoming.get(tag)
            if stream is None:
                return self._without_start(tag, data)
            try:
                return self._taken(stream, chunk, timestamp, audio)
            except FormatError as exc:
                return self._bad_payload(stream, exc, data)
        try:
            message = parse(data)
        except ProtocolError:
            self._rejected += 1
            raise
        match message:
            case None:
                return (Deliver(data),)
            case Media():
                return self._media(message, data)
            case Start():
                return self._start(message, data)
            case Stop():
                return self._stop(message)
        return ()  # init

    def _media(self, media: Media, raw: str) -> Iterable[Output[str]]:
        stream = self._incoming.get(media.tag)
        if stream is None:
            return self._without_start(media.tag, raw)
        try:
            audio = read_payload(media.payload)
            return self._taken(stream, media.chunk, media.timestamp, audio)
        except FormatError as exc:
            return self._bad_payload(stream, exc, raw)

    def _taken(
        self,
        stream: IncomingStream,
        chunk: int | None,
        timestamp: int | None,
        data: bytes,
    ) -> Iterable[Output[str]]:
        before = stream.stats.concealed
        outputs = stream.take(chunk, timestamp, data)
        if stream.stats.concealed != before:
            silence = stream.stats.concealed - before
            self.audio_lost += silence / stream.sample_rate
        return outputs

    def _start(self, start: Start, raw: str) -> Iterable[Output[str]]:
        tag = start.tag
        # A second start is a stop, too (2.8). Whoever hears of it knows that; but where
        # it cannot be followed the old stream must not take what comes now.
        before = self._incoming.pop(tag, None)
        outputs: list[Output[str]] = []
        stats = self._received.get(tag) or ReceivedStats()
        try:
            self._check_room(tag)
            form, name, odd = declared_format(start)
            stream = IncomingStream(tag, form, stats)
        except (ProtocolError, MissingExtra) as exc:
            self._rejected += 1
            if isinstance(exc, ProtocolError):
                exc.raw = raw
                if before is None:
                    raise
            if before is not None:
                outputs.append(StreamEnded(tag))
            return [*outputs, Report(exc)]
        try:
            parameters = read_parameters(start.custom_parameters)
        except ProtocolError as exc:  # no reason to hear nothing
            exc.raw = raw
            outputs.append(Report(exc))
            parameters = {}
        if odd:
            outputs.append(Report(ProtocolError(odd, raw=raw)))
        stats.encoding, stats.sample_rate = name, form.sample_rate
        self._incoming[tag] = stream
        self._received = _counted(self._received, tag, stats, self._incoming)
        self._unknown.discard(tag)
        outputs.append(StreamStarted(tag, name, parameters))
        return outputs

    def _check_room(self, tag: str) -> None:
        if len(self._incoming) >= _MOST_STREAMS:
            raise ProtocolError(
                f"{_MOST_STREAMS} streams are open: stream {tag[:_SHOWN]!r} is "
                "refused, its media is dropped"
            )

    def _stop(self, stop: Stop) -> Iterable[Output[str]]:
        stream = self._incoming.pop(stop.tag, None)
        if stream is None:
            return ()
        stream.stats.declared_bytes = stop.bytes_sent
        stream.stats.declared_ms = stop.duration
        return (StreamEnded(stop.tag),)

    def _binary(self) -> Iterable[Output[str]]:
        self._rejected += 1
        if self._told_binary:
            return ()
        self._told_binary = True
        raise ProtocolError(
            "a binary message came, and VoxEngine's protocol has none: audio goes as "
            "base64 in media messages; this is told once"
        )

    def _without_start(self, tag: str, raw: str) -> Iterable[Output[str]]:
        self._rejected += 1
        if tag in self._unknown or len(self._unknown) >= _MOST_STREAMS:
            return ()
        self._unknown.add(tag)
        raise ProtocolError(
            f"media of stream {tag[:_SHOWN]!r} came without a start before it that "
            "could be followed, and is dropped; this is told once per stream",
            raw=raw,
        )

    def _bad_payload(
        self, stream: IncomingStream, exc: FormatError, raw: str
    ) -> Iterable[Output[str]]:
        self._rejected += 1
        stream.bad += 1
        if stream.bad % _TELL_EVERY != 1:
            return ()
        raise ProtocolError(
            f"payload {stream.bad} of stream {stream.tag[:_SHOWN]!r} that cannot be "
            f"decoded: {exc}; this is told for every {_TELL_EVERY}th",
            raw=raw,
        ) from exc

    # The end

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> SessionClosed | None:
        """Good: our own doing, or a proper close with 1000, 1001 or no code."""
        if by_us or (was_clean and code in _GOOD_CODES):
            return None
        # The far end may repeat a token in its reason.
        reason = Redactor(self._url, self._headers).text(reason)
        return SessionClosed(
            f"the session ended with code {code}" + (f": {reason}" if reason else ""),
            code=code,
            reason=reason,
            was_clean=was_clean,
        )


def _counted(
    kept: dict[str, StatsT], tag: str, stats: StatsT, running: Container[str]
) -> dict[str, StatsT]:
    """The kept statistics with those of this tag last, and not too many of them."""
    found = {name: old for name, old in kept.items() if name != tag}
    if len(found) >= _MOST_COUNTED:
        over = next((name for name in found if name not in running), None)
        if over is not None:
            del found[over]
    found[tag] = stats
    return found
