"""Bytes to messages: resumable at any byte, in time linear in the bytes.

Why it is linear. Stored bytes are in two places: `_data`, which is parsed at
`_pos`, and `_tail`, where bytes wait that came while `_data` was not used up. The
tail is joined to what is left of the data only when both together hold what the
next step `_need`s: two bytes of a frame, then its header, then the whole frame. So
a byte of a payload is moved when its first part is joined and when its frame is
complete, however small the pieces are in which it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxsync.wire.frames import (
    Binary,
    Fault,
    Opcode,
    Ping,
    Pong,
    Text,
)
from voxsync.wire.masking import Masker
from voxsync.wire.rules import CONTROL, BrokenRule, check_head, check_size, parse_close

if TYPE_CHECKING:
    from voxsync.wire.frames import Message

__all__ = ["Decoder"]

_MIN_FRAME = 2
_TEXT, _BINARY = int(Opcode.TEXT), int(Opcode.BINARY)
_PING, _PONG = int(Opcode.PING), int(Opcode.PONG)
_WHOLE_TEXT: Final = 0x80 | _TEXT
_WHOLE_BINARY: Final = 0x80 | _BINARY


class Decoder:
    """Reads the frames of the other side of a connection.

    Attributes:
        has_more: The last `decode` stopped because of its limit, and bytes are left.
        saw_control: The last `decode` gave a Ping, Close or Fault: something that
            has to be answered.
        ended: A Close or Fault was given; all later input is ignored.
        fragment_code: For services that take no fragmented messages: the close code
            they answer one with. None: fragments are joined.
    """

    __slots__ = (
        "_data",
        "_mask",
        "_masker",
        "_max_size",
        "_message",
        "_need",
        "_opcode",
        "_pos",
        "_tail",
        "ended",
        "fragment_code",
        "has_more",
        "saw_control",
    )

    def __init__(self, *, masked: bool, max_size: int) -> None:
        """Make a decoder.

        Args:
            masked: Whether the other side must mask (it is a client) or must not.
            max_size: Most payload bytes of one message, over all its fragments.
        """
        self.has_more = False
        self.saw_control = False
        self.ended = False
        self.fragment_code: int | None = None
        self._max_size = max_size
        self._mask = 0x80 if masked else 0
        self._masker = Masker()
        self._data = b""
        self._pos = 0
        self._tail = bytearray()
        self._need = _MIN_FRAME
        # The fragmented message that has begun: its opcode, 0 if there is none. A
        # bytearray and not a list of parts: each part of two bytes would cost 50.
        self._opcode = 0
        self._message = bytearray()

    @property
    def buffered(self) -> int:
        """Stored bytes that no message has been made of."""
        return len(self._data) - self._pos + len(self._tail)

    @property
    def in_message(self) -> bool:
        """Whether the input stops inside a frame or a fragmented message."""
        return self._opcode != 0 or self.buffered > 0

    def receive(self, data: bytes) -> None:
        """Store what arrived."""
        if self.ended:
            return
        if self._tail or self._pos < len(self._data):
            self._tail += data
        else:
            # The common case: all was used up, so nothing needs to be copied.
            self._data = data
            self._pos = 0

    def decode(self, limit: int) -> list[Message]:
        """Make up to `limit` messages of what is stored."""
        found: list[Message] = []
        self.saw_control = False
        try:
            while len(found) < limit and self._ready():
                if self._opcode == 0:
                    self._decode_whole(found, limit)
                    if len(found) == limit:
                        break
                message = self._decode_one()
                if message is not None:
                    found.append(message)
        except BrokenRule as exc:
            self._end()
            found.append(Fault(exc.code, str(exc)))
        self.has_more = len(found) >= limit and self.buffered > 0
        return found

    def _ready(self) -> bool:
        """Bring what the next step needs into `_data`, if it has come."""
        missing = self._need - (len(self._data) - self._pos)
        if missing <= 0:
            return True
        if missing > len(self._tail):
            return False
        self._data = self._data[self._pos :] + self._tail
        self._pos = 0
        self._tail = bytearray()
        return True

    def _decode_whole(self, found: list[Message], limit: int) -> None:
        """Take the data messages that lie here whole, in one frame each.

        This is nearly all of the traffic, so it is one loop without calls. What is
        not plainly right, or not there yet, is left for `_decode_one` to judge.
        """
        data, pos, mask, max_size = self._data, self._pos, self._mask, self._max_size
        append, apply = found.append, self._masker.apply
        end = len(data)
        header_end = end - 4  # up to here, a two-byte length can be read unseen
        for _ in range(limit - len(found)):
            if pos > header_end:
                break
            head = data[pos]
            size = data[pos + 1] ^ mask  # a wrong mask bit makes it more than 127
            start = pos + 2
            if size == 126:
                size = data[start] << 8 | data[pos + 3]
                start = pos + 4
                if size < 126:
                    break
            elif size > 126:
                break
            if mask:
                start += 4
            stop = start + size
            if stop > end or size > max_size:
                break
            payload = data[start:stop]
            if mask:
                payload = bytes(apply(data[start - 4 : start], payload))
            if head == _WHOLE_BINARY:
                append(Binary(payload))
            elif head == _WHOLE_TEXT:
                try:
                    append(Text(payload.decode()))
                except UnicodeDecodeError:
                    break
            else:
                break
            pos = stop
        if pos != self._pos:
            self._pos = pos
            self._need = _MIN_FRAME

    def _decode_one(self) -> Message | None:
        """Take any one frame; set `_need` where it is not complete yet.

        Returns:
            What it meant; None for a fragment and for want of bytes.

        Raises:
            BrokenRule: It must not be.
        """
        data, pos = self._data, self._pos
        if len(data) - pos < _MIN_FRAME:
            return None
        head = data[pos]
        size = data[pos + 1] ^ self._mask
        check_head(head, size, masked=self._mask != 0, inside=self._opcode != 0)
        extra = 2 if size == 126 else 8 if size == 127 else 0
        start = pos + 2 + extra + (4 if self._mask else 0)
        if start > len(data):
            self._need = start - pos
            return None
        if extra:
            size = int.from_bytes(data[pos + 2 : pos + 2 + extra], "big")
        # The bytearray holds what a fragmented message has so far, else nothing.
        check_size(head, size, extra, held=len(self._message), most=self._max_size)
        stop = start + size
        if stop > len(data):
            self._need = stop - pos
            return None
        payload = data[start:stop]
        if self._mask:
            payload = bytes(self._masker.apply(data[start - 4 : start], payload))
        self._pos = stop
        self._need = _MIN_FRAME
        if head & CONTROL:
            return self._control(head & 0x0F, payload)
        return self._fragment(head, payload)

    def _fragment(self, head: int, payload: bytes) -> Message | None:
        """Take a data frame that may be a part only."""
        opcode = self._opcode or head & 0x0F
        if not head & 0x80:
            if self.fragment_code is not None:
                raise BrokenRule(self.fragment_code, "a message is fragmented")
            self._opcode = opcode
            self._message += payload
            return None
        if self._opcode != 0:
            self._message += payload
            payload = bytes(self._message)
            self._message = bytearray()
            self._opcode = 0
        if opcode == _BINARY:
            return Binary(payload)
        try:
            return Text(payload.decode())
        except UnicodeDecodeError as exc:
            raise BrokenRule(1007, "a text message is not UTF-8") from exc

    def _control(self, opcode: int, payload: bytes) -> Message:
        if opcode == _PONG:
            return Pong(payload)
        self.saw_control = True
        if opcode == _PING:
            return Ping(payload)
        close = parse_close(payload)
        self._end()
        return close

    def _end(self) -> None:
        """Let go of everything; nothing counts after this."""
        self.ended = True
        self.saw_control = True
        self._data = b""
        self._pos = 0
        self._tail = bytearray()
        self._message = bytearray()
        self._opcode = 0
        self._need = _MIN_FRAME
