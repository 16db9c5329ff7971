"""Opus packets of 20 ms at 48 kHz, mono; needs the extra `opus`.

The extra is `opuslib-next-bundled`: one `pip install` on any Python, libopus included
in a wheel of 0.4 MB. It is the younger of two packages with one import name and one
interface; the better kept `opuslib-next` serves as well where the system has a libopus
(`apt-get install libopus0`), but with it alone `pip install` would leave a package that
cannot be imported. Never install both: the one overwrites the other's files.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from voxsync.audio.pcm import check_block
from voxsync.errors import FormatError, MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PACKET_FRAMES", "OpusDecoder", "OpusEncoder"]

PACKET_FRAMES = 960
"""Frames of one packet: 20 ms at 48 kHz."""

_RATE = 48000
_LONGEST = 5760  # frames: a packet has 120 ms at most
_BIT_RATES = (6000, 510_000)


class OpusEncoder:
    """Makes one packet of each 20 ms.

    It keeps the shape of the wave (libopus's "audio" mode). The mode for speech does
    not: it emphasises formants and filters what is low, so that speech is but 6 dB
    above its difference from the original, at any bit rate.

    Args:
        bit_rate: Bits per second, 6000 to 510,000, on average. Default 96,000: less
            than the 128,000 of PCM at 8 kHz, and speech that went through the codec
            twice, as an echo does, is still 23 dB above the difference.

    Attributes:
        look_ahead: Frames by which decoded audio is late (312 at 48 kHz, 6.5 ms): so
            much silence behind the last block brings its end out of the codec.

    Raises:
        MissingExtra: The extra `opus` is not installed.
        ValueError: The bit rate is out of range.

    Thread: one at a time.
    """

    def __init__(self, bit_rate: int = 96_000) -> None:
        least, most = _BIT_RATES
        if not least <= bit_rate <= most:
            raise ValueError(
                f"bit_rate must be {least} to {most} bits per second, not {bit_rate}"
            )
        self._encoder = _library().Encoder(_RATE, 1, "audio")
        self._encoder.bitrate = bit_rate
        self.look_ahead = int(self._encoder.lookahead)

    def encode(self, block: NDArray[np.int16]) -> bytes:
        """Encode 20 ms.

        Args:
            block: int16, shape `(960,)`, 48 kHz.

        Returns:
            One packet, about `bit_rate / 400` bytes.

        Raises:
            TypeError, FormatError: Not such a block.
        """
        samples = check_block(block, "block")
        if len(samples) != PACKET_FRAMES:
            raise FormatError(
                f"block must have {PACKET_FRAMES} frames (20 ms at 48 kHz), not "
                f"{len(samples)}: voxsync.audio.Encoder takes any number"
            )
        # The library reads samples in the order of this machine.
        packet: bytes = self._encoder.encode(samples.tobytes(), PACKET_FRAMES)
        return packet

    def reset(self) -> None:
        """Begin anew, as if nothing had been encoded."""
        self._encoder.reset_state()


class OpusDecoder:
    """Makes samples of packets, and something fitting of lost ones.

    Raises:
        MissingExtra: The extra `opus` is not installed.

    Thread: one at a time.
    """

    def __init__(self) -> None:
        library = _library()
        self._decoder = library.Decoder(_RATE, 1)
        self._error: type[Exception] = library.OpusError

    def decode(
        self, packet: bytes | bytearray | memoryview | None
    ) -> NDArray[np.int16]:
        """Decode one packet.

        Args:
            packet: As it came, without a container, of any duration up to 120 ms;
                stereo is mixed down. None: it was lost, 20 ms are made up.

        Returns:
            int16, 48 kHz, shape `(960,)` for a packet of 20 ms.

        Raises:
            FormatError: The packet is empty or corrupted. Not all damage can be seen;
                some is decoded to noise. Decoding may go on with the next packet.
        """
        if packet is None:
            return self._samples(b"", PACKET_FRAMES)
        taken = bytes(packet)
        if not taken:
            raise FormatError("an Opus packet has 1 byte or more: give None for a loss")
        try:
            return self._samples(taken, _LONGEST)
        except self._error as exc:
            raise FormatError(
                f"{len(taken)} bytes are no Opus packet ({exc}): give whole packets, "
                "without an Ogg container"
            ) from exc

    def reset(self) -> None:
        """Begin anew, as if nothing had been decoded."""
        self._decoder.reset_state()

    def _samples(self, packet: bytes, frames: int) -> NDArray[np.int16]:
        return np.frombuffer(self._decoder.decode(packet, frames), np.int16)


@cache
def _library() -> Any:
    try:
        return import_module("opuslib_next")
    # Without its libopus it raises an Exception or a RuntimeError of its own.
    except Exception as exc:
        raise MissingExtra(
            "Opus needs the package opuslib-next-bundled: pip install 'voxsync[opus]'"
        ) from exc
