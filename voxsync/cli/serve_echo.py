"""The voice app `echo`: whatever comes goes back."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from voxsync.cli.serve_call import shown
from voxsync.errors import SessionClosed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.cli.serve_call import Call
    from voxsync.events import MediaStartedEvent
    from voxsync.media import Delay

__all__ = ["Echo"]

_USUAL = "PCM16"  # for what VoxEngine has no name of its own for


class Echo:
    """Sends each stream back under its tag, in its encoding, and texts as they are.

    PCM comes back bit by bit as it was. What is encoded is decoded and encoded again:
    G.711 bears that without a change, Opus does not.

    Args:
        delay: Seconds that the audio waits here. Default 0.

    Thread: see `App`.
    """

    most_streams = 16

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.lag = delay + 1.0

    def answer(self, call: Call, tag: str) -> _EchoedStream:
        """See `App`."""
        return _EchoedStream(call, tag, self.delay)

    def text(self, call: Call, text: str) -> None:
        """See `App`."""
        with suppress(SessionClosed):  # it was the last that the far end said
            call.ws.send(text)


class _EchoedStream:
    """See `Answer`. The far end's own rule ends the echo: a second of silence."""

    def __init__(self, call: Call, tag: str, seconds: float) -> None:
        self._call = call
        self._tag = tag
        self._seconds = seconds
        self._encoding = ""
        self._delay: Delay | None = None

    def begun(self, event: MediaStartedEvent) -> None:
        encoding = _encoding(event.encoding)
        if encoding == self._encoding:
            return
        if self._encoding:
            # It was announced anew as something else. Its first blocks, which came
            # before we were told, went the old way, and may end here.
            self.close()
        self._encoding = encoding
        with suppress(SessionClosed):
            self._link(encoding, _strings(event.custom_parameters or {}))
            self._call.say(f"echo of {shown(self._tag)} in {encoding}")

    def ended(self) -> None:
        pass

    def close(self) -> None:
        ws, delay = self._call.ws, self._delay
        ws.stop_media_to(ws, tag=self._tag)
        if delay is not None:
            delay.close()

    def _link(self, encoding: str, parameters: dict[str, str]) -> None:
        from voxsync.audio import AudioFormat  # noqa: PLC0415 - start-up time
        from voxsync.media import Delay  # noqa: PLC0415
        from voxsync.voximplant import SendMediaParameters  # noqa: PLC0415

        ws, tag = self._call.ws, self._tag
        sending = SendMediaParameters(tag, encoding, parameters)
        if not self._seconds:
            ws.send_media_to(ws, sending)
            return
        rate = AudioFormat.from_voximplant(encoding).sample_rate
        delay = self._delay = Delay(self._seconds, rate, clock=ws.options.clock)
        delay.send_media_to(ws, sending)
        ws.send_media_to(delay, tag=tag)


def _encoding(name: str) -> str:
    """What to answer in: the same, if VoxEngine takes it."""
    from voxsync.voximplant import WebSocketAudioEncoding  # noqa: PLC0415 - start-up time

    return name if name in set(WebSocketAudioEncoding) else _USUAL


def _strings(parameters: Mapping[str, object]) -> dict[str, str]:
    """Custom parameters as we may send them; what is no str comes back as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
    }
