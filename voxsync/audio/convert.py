"""From one format to another: decode, mix down, resample, encode, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxsync.audio.flac import FlacEncoder
from voxsync.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from voxsync.audio.opus import PACKET_FRAMES, OpusDecoder, OpusEncoder
from voxsync.audio.pcm import (
    bytes_to_int16,
    check_block,
    int16_to_bytes,
    mix_down,
    to_bytes,
)
from voxsync.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from voxsync.audio.format import AudioFormat

__all__ = ["Converter", "Decoder", "Encoder"]

_NOTHING = np.zeros(0, np.int16)
_DECODE: dict[str, Callable[[bytes], NDArray[np.int16]]] = {
    "pcm16": bytes_to_int16,
    "ulaw": ulaw_decode,
    "alaw": alaw_decode,
}
_ENCODE: dict[str, Callable[[NDArray[np.int16]], bytes]] = {
    "pcm16": int16_to_bytes,
    "ulaw": ulaw_encode,
    "alaw": alaw_encode,
}


class Decoder:
    """Makes samples of the bytes of one stream; several channels become one.

    Args:
        format: Of the bytes. Anything but flac.

    Raises:
        FormatError: `format` is flac: there is no decoder for it here.
        MissingExtra: It is opus, and the extra `opus` is not installed.

    Thread: one at a time.
    """

    def __init__(self, format: AudioFormat) -> None:
        if format.encoding == "flac":
            raise FormatError(
                "decoding flac is not offered: decode the file first, e.g. with flac -d"
            )
        self.format = format
        self._opus = OpusDecoder() if format.encoding == "opus" else None

    def decode(self, data: bytes | bytearray | memoryview) -> NDArray[np.int16]:
        """Decode a block.

        Args:
            data: Whole frames, any number; of opus one packet.

        Returns:
            int16, shape `(frames,)`, at the rate of `format`.

        Raises:
            TypeError: Not bytes.
            FormatError: The last frame is not whole, or the packet corrupted.
        """
        if isinstance(data, np.ndarray):
            raise TypeError("decode takes bytes: an array is decoded already")
        taken = to_bytes(data, self.format)
        if self._opus is not None:
            return self._opus.decode(taken)
        samples = _DECODE[self.format.encoding](taken)
        if self.format.channels == 1:
            return samples
        return mix_down(samples.reshape(-1, self.format.channels))

    def reset(self) -> None:
        """Begin anew with another stream of the same format."""
        if self._opus is not None:
            self._opus.reset()


class Encoder:
    """Makes the bytes of one stream of samples; each channel gets the same.

    Opus comes in packets of 20 ms that must be sent one by one: use `packets` and
    `last_packets` for it, which do for all formats. `encode` and `flush` are for
    byte streams; `encode` also for Opus in blocks of 20 ms.

    Args:
        format: Of the bytes; flac with one channel of 16 bits.

    Raises:
        FormatError: flac of another kind.
        MissingExtra: It is opus, and the extra `opus` is not installed.
        ValueError: flac of a rate that it has not.

    Thread: one at a time.
    """

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self._flac: FlacEncoder | None = None
        self._opus: OpusEncoder | None = None
        if format.encoding == "flac":
            if (format.channels, format.bit_depth) != (1, 16):
                raise FormatError(
                    f"flac is encoded with 1 channel of 16 bits, not {format.channels} "
                    f"of {format.bit_depth}"
                )
            self._flac = FlacEncoder(format.sample_rate)
        elif format.encoding == "opus":
            self._opus = OpusEncoder()
        self._held = _NOTHING  # less than a packet of Opus
        self._late = 0  # frames of Opus that are still inside the codec

    def packets(self, block: NDArray[np.int16]) -> list[bytes]:
        """Encode a block into pieces that are to be sent as a message each.

        Args:
            block: int16, shape `(frames,)`, at the rate of `format`, any length. flac
                and opus hold back what is not 20 ms yet.

        Returns:
            Of opus all packets that are full; else one piece, or none if it is empty.

        Raises:
            TypeError, FormatError: Not such a block.
        """
        samples = check_block(block, "block")
        if self._opus is not None:
            return self._opus_packets(samples, self._opus)
        if self._flac is not None:
            made = self._flac.encode(samples)
        else:
            spread = np.repeat(samples, self.format.channels)
            made = _ENCODE[self.format.encoding](spread)
        return [made] if made else []

    def last_packets(self) -> list[bytes]:
        """End the stream and return what was held back, in pieces.

        The next block begins anew. Of opus the last packet is filled with silence, so
        that all that was given comes out of the decoder.
        """
        made: list[bytes] = []
        if self._flac is not None:
            made = [self._flac.flush()]
        elif self._opus is not None:
            missing = -(len(self._held) + self._late) % PACKET_FRAMES
            made = self.packets(np.zeros(self._late + missing, np.int16))
        self.reset()
        return [piece for piece in made if piece]

    def encode(self, block: NDArray[np.int16]) -> bytes:
        """Encode a block as part of a byte stream.

        Args:
            block: As for `packets`.

        Returns:
            The bytes; of opus one packet, or none while 20 ms are not full.

        Raises:
            TypeError, FormatError: Not such a block, or, of opus, one that makes two
                packets or more: the stream must be `reset` then.
        """
        return _joined(self.packets(block), self.format)

    def flush(self) -> bytes:
        """End the byte stream: return what was held back. The next block begins anew.

        Raises:
            FormatError: Of opus more than one packet can be left: use `last_packets`.
                Nothing was ended then.
        """
        _check_flush(self.format)
        return b"".join(self.last_packets())

    def reset(self) -> None:
        """Forget what is held back and begin anew."""
        self._held, self._late = _NOTHING, 0
        if self._flac is not None:
            self._flac.reset()
        if self._opus is not None:
            self._opus.reset()

    def _opus_packets(
        self, samples: NDArray[np.int16], codec: OpusEncoder
    ) -> list[bytes]:
        if samples.size:
            self._late = codec.look_ahead
        held = np.concatenate((self._held, samples))
        whole = len(held) - len(held) % PACKET_FRAMES
        self._held = held[whole:]
        return [
            codec.encode(held[at : at + PACKET_FRAMES])
            for at in range(0, whole, PACKET_FRAMES)
        ]


class Converter:
    """Takes audio of one format and returns it in another, block by block.

    How the audio is cut into blocks makes no difference to what comes out.

    Args:
        source: What comes in: anything but flac. Several channels are mixed down.
        target: What goes out. Several channels get the same.

    Raises:
        FormatError: The source is flac, or the target flac of a kind that is not
            encoded.
        ValueError: The rates differ and one is not in `voxsync.audio.resample.RATES`.
        MissingExtra: The extra `opus` is needed and not installed.

    Thread: one at a time.
    """

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._decoder, self._encoder = Decoder(source), Encoder(target)
        self._resampler = None
        if source.sample_rate != target.sample_rate:
            from voxsync.audio.resample import Resampler  # noqa: PLC0415 - start-up time

            self._resampler = Resampler(source.sample_rate, target.sample_rate)

    @property
    def source(self) -> AudioFormat:
        """What comes in."""
        return self._decoder.format

    @property
    def target(self) -> AudioFormat:
        """What goes out."""
        return self._encoder.format

    def convert(self, data: bytes | bytearray | memoryview) -> bytes:
        """Convert a block of a byte stream.

        Args:
            data: Whole frames, any number; of opus one packet.

        Returns:
            What is ready: resampler, flac and opus hold something back.

        Raises:
            TypeError: Not bytes.
            FormatError: The last frame is not whole, or the packet corrupted: nothing
                was taken then. To opus, the block makes two packets or more (use
                `packets`): the stream must be `reset` then.
        """
        return _joined(self.packets(data), self.target)

    def packets(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Convert a block; return the pieces that are to be sent as a message each.

        Args:
            data: As for `convert`.

        Raises:
            TypeError, FormatError: As for `convert`, but for the number of packets.
        """
        samples = self._decoder.decode(data)
        if self._resampler is not None:
            samples = self._resampler.process(samples)
        return self._encoder.packets(samples)

    def flush(self) -> bytes:
        """End the byte stream: return what was held back. The next block begins anew.

        Raises:
            FormatError: To opus more than one packet can be left: use `last_packets`.
                Nothing was ended then.
        """
        _check_flush(self.target)
        return b"".join(self.last_packets())

    def last_packets(self) -> list[bytes]:
        """End the stream and return what was held back; the next block begins anew."""
        tail = _NOTHING if self._resampler is None else self._resampler.flush()
        made = [*self._encoder.packets(tail), *self._encoder.last_packets()]
        self.reset()
        return made

    def reset(self) -> None:
        """Forget what is held back and begin anew."""
        self._decoder.reset()
        self._encoder.reset()
        if self._resampler is not None:
            self._resampler.reset()


def _joined(pieces: list[bytes], format: AudioFormat) -> bytes:
    """The pieces as a byte stream, which Opus is not: without borders it is lost."""
    if format.encoding == "opus" and len(pieces) > 1:
        raise FormatError(
            f"that makes {len(pieces)} packets of opus: use packets(), and send each "
            "as a message of its own"
        )
    return b"".join(pieces)


def _check_flush(format: AudioFormat) -> None:
    if format.encoding == "opus":
        raise FormatError(
            "opus may end with more than one packet: use last_packets(), and send each "
            "as a message of its own"
        )
