"""Ears: what understands the audio and the words in a service's messages, offline.

They are dialects read from outside: a trace may begin in the middle, and what is sent
has to be understood as well as what comes.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Protocol

from voxsync.errors import VoxsyncError
from voxsync.trace.hearing import Cut, Ended, Missing, Sound, Turn, Unheard, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxsync.audio.format import AudioFormat
    from voxsync.dialects.mimi import Segment
    from voxsync.trace.hearing import Heard
    from voxsync.trace.reading import Record, Trace

__all__ = ["Ear", "ear"]

_PAUSE_MS = 800  # between words of one utterance, where a service times each word
_AUDIO_END = "audioStreamEnd"


class Ear(Protocol):
    """Understands one connection's messages. Raises VoxsyncError: it does not."""

    def take(self, record: Record) -> Iterator[Heard]:
        """Say what is heard in a text or binary message."""
        ...


def ear(trace: Trace, record: Record) -> Ear:
    """What understands the messages of a connection.

    Args:
        trace: Its header says which dialect is spoken.
        record: The first of the connection: of an upgrade the headers help.
    """
    match trace.header.get("dialect"):
        case "mimi":
            declared = _header(record, "content-type", "x-mimi-content-type")
            language = _header(record, "x-mimi-input-language") or "ja"
            return _Mimi(_declared(declared) or _format(trace), language)
        case "voximplant":
            return _Voximplant(_started(trace))
        case "gemini":
            return _Gemini()
        case _:
            return _Plain(_format(trace))


def _format(trace: Trace) -> AudioFormat | None:
    from voxsync.audio.format import AudioFormat  # noqa: PLC0415

    given = trace.header.get("audio")
    if not isinstance(given, dict):
        return None
    try:
        return AudioFormat(**given)
    except (TypeError, ValueError):
        return None


def _started(trace: Trace) -> dict[str, str]:
    """Encodings by tag: who begins to record late has missed the announcement."""
    found: dict[str, str] = {}
    for record in trace:
        if record.type == "media-started":
            tag, encoding = record.fields.get("tag"), record.fields.get("encoding")
            if isinstance(tag, str) and isinstance(encoding, str):
                found.setdefault(tag, encoding)
    return found


def _declared(content_type: str) -> AudioFormat | None:
    """What goes over the wire may be smaller than what the application sends."""
    from voxsync.audio.format import AudioFormat  # noqa: PLC0415

    try:
        return AudioFormat.from_content_type(content_type)
    except VoxsyncError:
        return None


def _header(record: Record, *names: str) -> str:
    """The value of the last of these that is there, or ""."""
    headers = record.fields.get("headers")
    given = headers if isinstance(headers, dict) else {}
    lower = {str(name).lower(): str(value) for name, value in given.items()}
    return next((lower[name] for name in reversed(names) if name in lower), "")


class _Plain:
    """Binary messages are audio where the header says which."""

    def __init__(self, form: AudioFormat | None) -> None:
        self._form = form
        self._why = ""
        self._decoders = {}
        if form is not None:
            from voxsync.audio.convert import Decoder  # noqa: PLC0415 - numpy

            try:
                self._decoders = {way: Decoder(form) for way in ("out", "in")}
            except VoxsyncError as exc:  # flac, or opus without its extra
                self._why = str(exc)

    def take(self, record: Record) -> Iterator[Heard]:
        if record.kind != "binary" or self._form is None:
            return
        if self._why:
            yield Unheard(self._why)
            return
        payload = record.payload
        if not isinstance(payload, bytes):
            yield Unheard("a binary message has no content")
            return
        samples = self._decoders[record.dir].decode(payload)
        if len(samples):
            yield Sound(record.dir, "", samples, self._form.sample_rate)


class _Mimi(_Plain):
    """Audio goes out; what comes in are words of it."""

    def __init__(self, form: AudioFormat | None, language: str) -> None:
        from voxsync.dialects.mimi import Transcript  # noqa: PLC0415

        super().__init__(form)
        self._language = language
        self._transcript = Transcript(language)
        self._fixed = 0  # segments that were told

    def take(self, record: Record) -> Iterator[Heard]:
        if record.dir == "out":
            if record.kind == "text":
                yield Ended("out", "")  # recog-break
            else:
                yield from super().take(record)
            return
        from voxsync.dialects.mimi import AsrResult, parse_result  # noqa: PLC0415

        obj = json.loads(record.text or "")
        if not isinstance(obj, dict):
            return
        result = parse_result(obj, self._language)
        self._transcript.add(result)
        segments = self._transcript.segments
        fixed = [segment for segment in segments if segment.is_final]
        pending = [segment for segment in segments if not segment.is_final]
        fresh, self._fixed = fixed[self._fixed :], len(fixed)
        # `asr` says single words, the others what belongs together.
        is_words = isinstance(result, AsrResult)
        pieces = _pieces(fresh) if is_words else [[segment] for segment in fresh]
        yield from (self._words(piece, is_final=True) for piece in pieces)
        if pending:
            yield self._words(pending, is_final=False)

    def _words(self, piece: list[Segment], *, is_final: bool) -> Words:
        from voxsync.dialects.mimi.messages import join_text  # noqa: PLC0415

        text = join_text((segment.text for segment in piece), self._language)
        since, until = _seconds(piece[0].start_ms), _seconds(piece[-1].end_ms)
        return Words("out", text, is_final, since, until)


def _pieces(segments: list[Segment]) -> list[list[Segment]]:
    """Cut where one paused."""
    found: list[list[Segment]] = []
    for segment in segments:
        if found and _follows(found[-1][-1], segment):
            found[-1].append(segment)
        else:
            found.append([segment])
    return found


def _follows(one: Segment, other: Segment) -> bool:
    if one.end_ms is None or other.start_ms is None:
        return True
    return other.start_ms - one.end_ms < _PAUSE_MS


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


class _Voximplant:
    """Streams in JSON; either way the same."""

    def __init__(self, started: dict[str, str]) -> None:
        from voxsync.dialects.voximplant import VoximplantDialect  # noqa: PLC0415

        self._dialects = {way: VoximplantDialect("") for way in ("out", "in")}
        self._lost = {"out": 0, "in": 0}
        for tag, encoding in started.items():
            self._begin(tag, encoding)

    def _begin(self, tag: str, encoding: str) -> None:
        """As if it were announced; where it is, too, nothing changes by that."""
        from voxsync.audio.format import AudioFormat  # noqa: PLC0415
        from voxsync.dialects.voximplant.messages import (  # noqa: PLC0415
            Start,
            format_message,
        )

        with contextlib.suppress(VoxsyncError, ValueError):
            rate = AudioFormat.from_voximplant(encoding).sample_rate
            start = Start(tag=tag, encoding=encoding, sample_rate=rate)
            tuple(self._dialects["in"].decode(format_message(start)))

    def take(self, record: Record) -> Iterator[Heard]:
        from voxsync.audio.pcm import bytes_to_int16  # noqa: PLC0415 - numpy
        from voxsync.dialects.base import Audio, Deliver, StreamEnded  # noqa: PLC0415

        way, dialect = record.dir, self._dialects[record.dir]
        before = dialect.audio_lost
        payload = record.payload
        for output in dialect.decode("" if payload is None else payload):
            if isinstance(output, Audio):
                samples = bytes_to_int16(output.pcm)
                yield Sound(way, output.tag, samples, output.sample_rate)
            elif isinstance(output, StreamEnded):
                yield Ended(way, output.tag)
            elif isinstance(output, Deliver) and _asks_to_clear(output.message):
                yield Cut(way)
        seconds = dialect.audio_lost - before
        if seconds > 0:
            yield Missing(way, self._newly_lost(way), seconds)

    def _newly_lost(self, way: str) -> int:
        received = self._dialects[way].statistics().received.values()
        before, self._lost[way] = self._lost[way], sum(s.lost for s in received)
        return self._lost[way] - before


def _asks_to_clear(text: str) -> bool:
    """An app's usual words to its scenario; the protocol has none (notes, 2.10)."""
    if '"clearMediaBuffer"' not in text:
        return False
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("customEvent") == "clearMediaBuffer"


class _Gemini:
    """JSON both ways; words come in pieces, and a turn ends them."""

    def __init__(self) -> None:
        self._said = {"out": "", "in": ""}

    def take(self, record: Record) -> Iterator[Heard]:
        text = record.text
        if text is None:
            return
        if record.dir == "out":
            yield from self._sent(text)
        else:
            yield from self._received(text)

    def _sent(self, text: str) -> Iterator[Heard]:
        if '"realtimeInput"' not in text:
            return
        whole = json.loads(text)
        found = whole.get("realtimeInput") if isinstance(whole, dict) else None
        if not isinstance(found, dict):
            return
        audio = found.get("audio")
        if isinstance(audio, dict):
            mime_type = str(audio.get("mimeType", ""))
            if "rate=" not in mime_type:
                mime_type += ";rate=16000"  # this way; 24 kHz on the way back
            yield from _pcm("out", mime_type, audio.get("data", ""))
        elif found.get(_AUDIO_END) or found.get("activityEnd") is not None:
            yield Ended("out", "")

    def _received(self, text: str) -> Iterator[Heard]:
        from voxsync.dialects.gemini import ServerContent, parse  # noqa: PLC0415

        for message in parse(text):
            if not isinstance(message, ServerContent):
                continue
            heard, spoken = message.input_transcription, message.output_transcription
            if message.interrupted:
                yield Cut("in")
                yield from self._end("in")
                yield Turn("in")
            if heard is not None and heard.text:
                yield self._more("out", heard.text)
            if heard is not None and heard.finished:
                yield from self._end("out")
            said = (spoken.text if spoken is not None else "") or message.text
            if said:
                yield self._more("in", said)
            for mime_type, data in message.inline:
                yield from _pcm("in", mime_type, data)
            if message.generation_complete or message.turn_complete:
                yield Ended("in", "")
            if message.turn_complete:
                yield from self._end("out")
                yield from self._end("in")
                yield Turn("in")

    def _more(self, way: str, text: str) -> Words:
        self._said[way] += text
        return Words(way, self._said[way].strip(), is_final=False)

    def _end(self, way: str) -> Iterator[Words]:
        if self._said[way]:
            self._said[way] = ""
            yield Words(way, "", is_final=True)


def _pcm(way: str, mime_type: str, data: str | bytes) -> Iterator[Heard]:
    from voxsync.audio.pcm import bytes_to_int16  # noqa: PLC0415 - numpy
    from voxsync.dialects.gemini.blob import decode_base64  # noqa: PLC0415
    from voxsync.dialects.gemini.reading import pcm_rate  # noqa: PLC0415

    rate = pcm_rate(mime_type)
    if rate is None:
        return  # a picture
    pcm = decode_base64(data) if isinstance(data, str) else data
    if len(pcm) > 1:
        yield Sound(way, "", bytes_to_int16(pcm[: len(pcm) & ~1]), rate)
