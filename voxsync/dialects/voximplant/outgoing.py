"""One stream that goes out: start, media of exactly 20 ms, stop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from voxsync.audio.format import AudioFormat
from voxsync.audio.pcm import bytes_to_int16
from voxsync.dialects.voximplant.messages import (
    Start,
    Stop,
    format_media,
    format_message,
    tag_member,
)
from voxsync.dialects.voximplant.names import WebSocketAudioEncoding
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from voxsync.audio.convert import Encoder
    from voxsync.dialects.base import OpenStream

__all__ = ["OutgoingStream", "SentStats", "Side"]

Side = Literal["app", "voxengine"]

_BLOCKS_PER_SECOND = 50  # 20 ms each


@dataclass(slots=True)
class SentStats:
    """What went out under one tag: of its last stream, and summed over all of them.

    Attributes:
        encoding: Of the last stream: PCM8, PCM16, ULAW, ALAW or OPUS.
        sample_rate: Of the last stream, in Hz.
        messages: Media messages.
        frames: Samples in them; of OPUS 960 a packet.
        bytes: Bytes of encoded audio in them, before base64.
    """

    encoding: str = ""
    sample_rate: int = 0
    messages: int = 0
    frames: int = 0
    bytes: int = 0


class OutgoingStream:
    """Writes one stream's messages.

    Args:
        opening: Tag, encoding (one of VoxEngine's five names; "" = PCM8) and custom
            parameters (a mapping, or None) of the stream.
        side: Whom we play: custom parameters go as an object from an "app", as JSON
            in a string from "voxengine".
        stats: To count in.

    Attributes:
        sample_rate: Of the audio it takes, in Hz.

    Raises:
        ValueError: The encoding is not one of VoxEngine's five.
        TypeError: The custom parameters are no mapping.
        MissingExtra: It is OPUS, and the extra `opus` is not installed.
    """

    def __init__(self, opening: OpenStream, side: Side, stats: SentStats) -> None:
        name = opening.encoding or WebSocketAudioEncoding.PCM16_8KHZ
        self._form = form = AudioFormat.from_voximplant(WebSocketAudioEncoding(name))
        self.sample_rate = form.sample_rate
        self._encoder: Encoder | None = None
        if form.encoding != "pcm16":
            from voxsync.audio.convert import Encoder  # noqa: PLC0415 - numpy

            self._encoder = Encoder(form)
        self._tag = opening.tag
        self._parameters = _parameters(opening.custom_parameters, side)
        self._member = tag_member(opening.tag)
        self._block = form.sample_rate // _BLOCKS_PER_SECOND  # frames
        self._held = b""  # samples of less than a block
        self._chunk = self._frames = self._bytes = 0
        stats.encoding, stats.sample_rate = form.voximplant_name, form.sample_rate
        self._stats = stats

    def start(self) -> str:
        """The first message."""
        return format_message(
            Start(
                tag=self._tag,
                encoding=self._form.voximplant_name,
                sample_rate=self._form.sample_rate,
                custom_parameters=self._parameters,
            )
        )

    def audio(self, pcm: bytes) -> list[str]:
        """The media messages that are full; the rest is held back.

        Args:
            pcm: int16 little-endian samples, any number.

        Raises:
            FormatError: The last sample is not whole.
        """
        if len(pcm) % 2:
            raise FormatError(f"{len(pcm)} bytes are not whole 16-bit samples")
        size = 2 * self._block
        if len(pcm) == size and not self._held:
            return self._media(pcm)
        held = self._held + pcm
        whole = len(held) - len(held) % size
        self._held = held[whole:]
        return [
            text
            for at in range(0, whole, size)
            for text in self._media(held[at : at + size])
        ]

    def stop(self) -> list[str]:
        """The last messages: what was held back, and that the stream ends."""
        texts = self._media(self._held) if self._held else []
        self._held = b""
        if self._encoder is not None:
            last = self._encoder.last_packets()
            texts += [self._message(packet, self._block) for packet in last]
        ending = Stop(
            tag=self._tag,
            bytes_sent=self._bytes,
            duration=self._frames * 1000 // self._form.sample_rate,
            sequence_number=self._chunk + 1,
        )
        texts.append(format_message(ending))
        return texts

    def _media(self, pcm: bytes) -> list[str]:
        """Messages of at most one block."""
        if self._encoder is None:
            return [self._message(pcm, len(pcm) // 2)]
        # A packet of Opus is always a whole block, whatever was put in.
        packets = self._encoder.packets(bytes_to_int16(pcm))
        return [self._message(packet, len(pcm) // 2) for packet in packets]

    def _message(self, data: bytes, frames: int) -> str:
        chunk, timestamp = self._chunk, self._frames
        self._chunk = chunk + 1
        self._frames = timestamp + frames
        self._bytes += len(data)
        stats = self._stats
        stats.messages += 1
        stats.frames += frames
        stats.bytes += len(data)
        return format_media(self._member, chunk + 1, chunk, timestamp, data)


def _parameters(given: object, side: Side) -> object:
    """Custom parameters as they stand in a start; None = not at all."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise TypeError(
            f"custom_parameters must be a mapping, not {type(given).__name__}"
        )
    if not given:
        return None
    found = dict(given)
    return found if side == "app" else json.dumps(found, separators=(",", ":"))
