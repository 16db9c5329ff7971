"""The voice app `transcribe`: what is said comes back as text."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from voxsync.audio import AudioFormat
from voxsync.cli.exits import explain
from voxsync.cli.serve_call import shown
from voxsync.errors import SessionClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.cli.serve_call import Call
    from voxsync.events import MediaStartedEvent
    from voxsync.media import CallbackSink, PcmBuffer
    from voxsync.simulators.recogniser import (
        Hypothesis,
        Recogniser,
        RecogniserStream,
    )

__all__ = ["Transcriber"]

_RATE = 16_000  # of the recognisers
_TELEPHONE = 8000
_BLOCK_S = 0.1
# What may wait for the recogniser here; behind that the link, and the stream's own
# bound of 10 s, beyond which audio is refused and told.
_WAITING_S = 1.0
# When a stream has ended and no more came for so long, the recogniser is told.
_REST_S = 0.2


class Transcriber:
    """Has each stream recognised as it comes, and sends what is heard as messages.

        {"customEvent": "transcript",
         "payload": {"tag": "", "text": "good morning", "isFinal": true}}

    A text that is not final replaces the one before it. Where audio runs out for a
    second, or is stopped, what was said until then becomes final.

    Args:
        recogniser: English, 16 kHz.

    Thread: see `App`. Each stream has a thread for its recogniser.
    """

    most_streams = 4  # the recogniser takes 60 MB for each
    lag = 1.0

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def answer(self, call: Call, tag: str) -> _HeardStream:
        """See `App`."""
        return _HeardStream(call, tag, self._recogniser)

    def text(self, call: Call, text: str) -> None:
        """See `App`. Nothing is asked for in texts."""


class _HeardStream:
    """See `Answer`: a link fills a buffer, a thread of its own empties it."""

    def __init__(self, call: Call, tag: str, recogniser: Recogniser) -> None:
        self._call = call
        self._tag = tag
        self._recogniser = recogniser
        self._rate = _RATE
        self._buffer: PcmBuffer | None = None
        self._sink: CallbackSink | None = None
        self._silent = False  # written by the events thread only

    def begun(self, event: MediaStartedEvent) -> None:
        self._silent = False
        if self._buffer is None:
            self._begin(event.encoding)

    def _begin(self, encoding: str) -> None:
        from voxsync.media import CallbackSink, PcmBuffer  # noqa: PLC0415 - numpy

        if AudioFormat.from_voximplant(encoding).sample_rate <= _TELEPHONE:
            self._rate = _TELEPHONE
        self._buffer = PcmBuffer(round(_WAITING_S * self._rate))
        name = f"recogniser:{self._tag}"
        self._sink = CallbackSink(self._buffer.put, self._rate, name=name)
        threading.Thread(
            target=self._run,
            args=(self._buffer,),
            name=f"voxsync-{name}"[:60],
            daemon=True,
        ).start()
        with suppress(SessionClosed):
            # As fast as it comes: the clock of what is heard is the far end's.
            self._call.ws.send_media_to(self._sink, tag=self._tag, paced=False)
        self._call.say(f"hearing {shown(self._tag)} in {encoding}")

    def ended(self) -> None:
        self._silent = True

    def close(self) -> None:
        if self._buffer is not None and self._sink is not None:
            self._buffer.end()  # first: the link may wait for room
            self._buffer.clear()
            self._call.ws.stop_media_to(self._sink, tag=self._tag)

    # The recogniser's thread

    def _run(self, buffer: PcmBuffer) -> None:
        try:
            self._recognise(buffer)
        except SessionClosed:
            pass  # nobody is left to be told
        except Exception as exc:  # noqa: BLE001 - any engine may fail in its own way
            self._call.say(
                f"the recogniser of {shown(self._tag)} failed: {explain(exc)}"
            )
            self.close()
            with suppress(SessionClosed):
                self._send("transcriptFailed", {"tag": self._tag})

    def _recognise(self, buffer: PcmBuffer) -> None:
        frames = round(_BLOCK_S * self._rate)
        # Of a telephone's audio each sample twice, not resampled: the mirror of its
        # band above 4 kHz suits models of 16 kHz better than nothing at all there (of
        # five sentences in G.711 the first was not found, and now all are).
        times = _RATE // self._rate
        stream: RecogniserStream | None = None
        try:
            while True:
                block = buffer.get(frames, _REST_S)
                if block is not None and not len(block):
                    return
                if block is not None:
                    if stream is None:
                        stream = self._recogniser.open(sample_rate=_RATE, language="en")
                    self._tell(stream.feed(block.repeat(times).astype("<i2").tobytes()))
                elif self._silent and stream is not None:
                    self._tell(stream.finish())
                    stream.close()
                    stream = None
        finally:
            if stream is not None:
                stream.close()

    def _tell(self, found: Sequence[Hypothesis]) -> None:
        for each in found:
            payload = {
                "tag": self._tag,
                "text": each.text,
                "isFinal": each.is_final,
            }
            self._send("transcript", payload)
            if each.is_final and each.text:
                self._call.say(f"heard in {shown(self._tag)}: {each.text}")

    def _send(self, event: str, payload: dict[str, object]) -> None:
        # Waits while the far end is behind; who never takes anything is cut off.
        message = {"customEvent": event, "payload": payload}
        self._call.ws.send(json.dumps(message, ensure_ascii=False))
