"""Frames to bytes: one call, one frame, appended to the bytes that wait."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from voxsync.wire.masking import KeySource, Masker

if TYPE_CHECKING:
    from voxsync.wire.frames import WireTaps

__all__ = ["FIN", "Encoder"]

FIN = 0x80
"""The bit of a frame's first byte that says: the message ends here."""

_MASKED = 0x80

_short_masked = struct.Struct("!BB4s").pack
_medium_masked = struct.Struct("!BBH4s").pack
_long_masked = struct.Struct("!BBQ4s").pack
_medium = struct.Struct("!BBH").pack
_long = struct.Struct("!BBQ").pack


class Encoder:
    """Writes frames of one side of a connection. It knows no order of frames.

    Attributes:
        out: Where the frames go.
        taps: Told of each frame as `taps.sent(head, data)`, while it is true.
    """

    __slots__ = ("_keys", "_masker", "out", "taps")

    def __init__(
        self, out: bytearray, *, masked: bool, taps: WireTaps | None = None
    ) -> None:
        """Make an encoder.

        Args:
            out: Frames are appended here.
            masked: Whether to mask, as clients must and servers must not.
            taps: Who watches; None = nobody ever will.
        """
        self.out = out
        self.taps = taps
        self._keys = KeySource() if masked else None
        self._masker = Masker()

    def frame(self, head: int, data: bytes) -> None:
        """Append one frame.

        Args:
            head: First byte of the frame: FIN bit and opcode.
            data: Payload.
        """
        if self.taps:
            self.taps.sent(head, data)
        size = len(data)
        keys = self._keys
        if keys is None:
            if size < 126:
                self.out += bytes((head, size))
            elif size < 65536:
                self.out += _medium(head, 126, size)
            else:
                self.out += _long(head, 127, size)
            self.out += data
            return
        try:
            key = keys.take()
        except StopIteration:
            key = keys.refill()
        # Masked before the header is written: were it to fail for want of memory,
        # half a frame in `out` would spoil all that follows.
        masked = self._masker.apply(key, data)
        if size < 126:
            self.out += _short_masked(head, _MASKED | size, key)
        elif size < 65536:
            self.out += _medium_masked(head, _MASKED | 126, size, key)
        else:
            self.out += _long_masked(head, _MASKED | 127, size, key)
        self.out += masked
