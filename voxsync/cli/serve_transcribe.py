"""The voice app `transcribe`: what is said comes back as text."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from voxsync.cli.exits import explain
from voxsync.cli.serve_call import shown
from voxsync.errors import SessionClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.cli.serve_call import Call
    from voxsync.events import MediaStartedEvent
    from voxsync.simulators.recogniser import (
        Hypothesis,
        Recogniser,
        RecogniserStream,
    )

__all__ = ["Transcriber"]

_RATE = 16_000  # of the recognisers
_BLOCK = _RATE // 10
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
        from voxsync.media import CallbackSink, PcmBuffer  # noqa: PLC0415 - numpy

        self._call = call
        self._tag = tag
        self._recogniser = recogniser
        self._buffer = PcmBuffer(round(_WAITING_S * _RATE))
        self._sink = CallbackSink(self._buffer.put, _RATE, name=f"recogniser:{tag}")
        self._silent = False  # written by the events thread only
        self._thread = threading.Thread(
            target=self._run, name=f"voxsync-recogniser-{tag}"[:60], daemon=True
        )
        self._thread.start()
        with suppress(SessionClosed):
            # As fast as it comes: the clock of what is heard is the far end's.
            call.ws.send_media_to(self._sink, tag=tag, paced=False)

    def begun(self, event: MediaStartedEvent) -> None:
        self._silent = False
        self._call.say(f"hearing {shown(self._tag)} in {event.encoding}")

    def ended(self) -> None:
        self._silent = True

    def close(self) -> None:
        self._buffer.end()  # first: the link may wait for room
        self._buffer.clear()
        self._call.ws.stop_media_to(self._sink, tag=self._tag)

    # The recogniser's thread

    def _run(self) -> None:
        try:
            self._recognise()
        except SessionClosed:
            pass  # nobody is left to be told
        except Exception as exc:  # noqa: BLE001 - any engine may fail in its own way
            self._call.say(
                f"the recogniser of {shown(self._tag)} failed: {explain(exc)}"
            )
            self.close()
            with suppress(SessionClosed):
                self._send("transcriptFailed", {"tag": self._tag})

    def _recognise(self) -> None:
        stream: RecogniserStream | None = None
        try:
            while True:
                block = self._buffer.get(_BLOCK, _REST_S)
                if block is not None and not len(block):
                    return
                if block is not None:
                    if stream is None:
                        stream = self._recogniser.open(sample_rate=_RATE, language="en")
                    self._tell(stream.feed(block.astype("<i2").tobytes()))
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
