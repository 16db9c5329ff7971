"""A service without rules of its own: every message is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.base import (
    Audio,
    Deliver,
    Dialect,
    Reply,
    SendAudio,
    UpgradeRequest,
)
from voxsync.errors import FormatError, ProtocolError, SessionClosed, VoxsyncError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxsync.audio import AudioFormat
    from voxsync.audio.convert import Decoder, Encoder
    from voxsync.dialects.base import Output

__all__ = ["PlainDialect"]

# 1005: the peer closed properly and gave no code (RFC 6455, 7.1.5).
_GOOD_CODES = frozenset({1000, 1001, 1005})


class PlainDialect(Dialect["str | bytes"]):
    """Text and binary messages, in and out, unchanged.

    Args:
        url: Where to.
        audio: Binary messages are audio of this format, both ways; they are
            delivered as they are all the same. None: they are just bytes.
    """

    def __init__(self, url: str, audio: AudioFormat | None = None) -> None:
        self._url = url
        self._audio = audio
        self._decoder: Decoder | None = None
        self._encoder: Encoder | None = None
        self._seconds_per_byte = 0.0  # of binary messages; 0 = it cannot be known
        if audio is not None:
            from voxsync.audio.convert import Decoder, Encoder  # noqa: PLC0415 - numpy

            self._decoder, self._encoder = Decoder(audio), Encoder(audio)
            if audio.encoding != "opus":
                self._seconds_per_byte = audio.seconds(1)

    def request(self) -> UpgradeRequest:
        """An upgrade with no headers of its own."""
        return UpgradeRequest(url=self._url)

    def encode(self, command: object) -> Iterable[Output[str | bytes]]:
        """`str` becomes a text message, `bytes` and audio a binary one."""
        if isinstance(command, SendAudio):
            assert self._audio is not None
            assert self._encoder is not None
            self.audio_sent += len(command.pcm) / (2 * self._audio.sample_rate)
            packets = self._encoder.packets(bytes_to_int16(command.pcm))
            return tuple(Reply(packet) for packet in packets)
        assert isinstance(command, (str, bytes))
        if isinstance(command, bytes):
            self.audio_sent += len(command) * self._seconds_per_byte
        return (Reply(command),)

    def finish(self) -> Iterable[Output[str | bytes]]:
        """What the encoder has held back."""
        if self._encoder is None:
            return ()
        return tuple(Reply(packet) for packet in self._encoder.last_packets())

    def decode(self, data: str | bytes) -> Iterable[Output[str | bytes]]:
        """Deliver it; what is audio is that, too.

        Raises:
            ProtocolError: A binary message that is no audio of the declared format.
        """
        if self._decoder is None or isinstance(data, str):
            return (Deliver(data),)
        assert self._audio is not None
        try:
            samples = self._decoder.decode(data)
        except FormatError as exc:
            raise ProtocolError(
                f"a binary message is not {self._audio.encoding}: {exc}", raw=data
            ) from exc
        pcm = samples.astype("<i2", copy=False).tobytes()
        return (Audio("", pcm, self._audio.sample_rate), Deliver(data))

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """Good: our own doing, or a proper close with 1000, 1001 or no code."""
        if by_us or (was_clean and code in _GOOD_CODES):
            return None
        return SessionClosed(
            f"the session ended with code {code}" + (f": {reason}" if reason else ""),
            code=code,
            reason=reason,
            was_clean=was_clean,
        )
