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
    MAX_CONTROL,
    NO_STATUS,
    Binary,
    Close,
    Fault,
    Opcode,
    Ping,
    Pong,
    Text,
    is_sendable_close_code,
)
from voxsync.wire.masking import Masker

if TYPE_CHECKING:
    from voxsync.wire.frames import Message

__all__ = ["Decoder"]

_MIN_FRAME = 2
_CONTROL = 8  # this bit of the opcode marks control frames
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = map(int, Opcode)
_WHOLE_TEXT: Final = 0x80 | _TEXT
_WHOLE_BINARY: Final = 0x80 | _BINARY


class _BrokenRule(Exception):
    """The peer broke a rule; becomes a Fault before it leaves this file."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Decoder:
    """Reads the frames of the other side of a connection.

    Attributes:
        has_more: The last `decode` stopped because of its limit, and bytes are left.
        saw_control: The last `decode` gave a Ping, Close or Fault: something that
            has to be answered.
        ended: A Close or Fault was given; all later input is ignored.
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
        except _BrokenRule as exc:
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
            _BrokenRule: It must not be.
        """
        data, pos = self._data, self._pos
        if len(data) - pos < _MIN_FRAME:
            return None
        head = data[pos]
        size = data[pos + 1] ^ self._mask
        self._check_head(head, size)
        extra = 2 if size == 126 else 8 if size == 127 else 0
        start = pos + 2 + extra + (4 if self._mask else 0)
        if start > len(data):
            self._need = start - pos
            return None
        if extra:
            size = int.from_bytes(data[pos + 2 : pos + 2 + extra], "big")
        self._check_size(head, size, extra)
        stop = start + size
        if stop > len(data):
            self._need = stop - pos
            return None
        payload = data[start:stop]
        if self._mask:
            payload = bytes(self._masker.apply(data[start - 4 : start], payload))
        self._pos = stop
        self._need = _MIN_FRAME
        if head & _CONTROL:
            return self._control(head & 0x0F, payload)
        return self._fragment(head, payload)

    def _check_head(self, head: int, size: int) -> None:
        """Judge the first two bytes, before any more is waited for."""
        opcode = head & 0x0F
        if head & 0x70:
            raise _BrokenRule(1002, "reserved bits are set, but nothing was agreed on")
        if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            raise _BrokenRule(1002, f"opcode {opcode} is reserved")
        if size > 127:
            raise _BrokenRule(
                1002,
                "a client's frame is not masked"
                if self._mask
                else "a server's frame is masked",
            )
        if opcode & _CONTROL:
            if not head & 0x80:
                raise _BrokenRule(1002, "a control frame is fragmented")
            if size > MAX_CONTROL:
                raise _BrokenRule(1002, "a control frame has more than 125 bytes")
        elif opcode == _CONTINUATION and self._opcode == 0:
            raise _BrokenRule(1002, "a continuation continues no message")
        elif opcode != _CONTINUATION and self._opcode != 0:
            raise _BrokenRule(1002, "a new message begins inside a fragmented one")

    def _check_size(self, head: int, size: int, extra: int) -> None:
        """Judge the declared length, before any byte of the payload is waited for."""
        if size >= 1 << 63:
            raise _BrokenRule(1002, "the top bit of a frame's length is set")
        if (extra == 2 and size < 126) or (extra == 8 and size < 65536):
            raise _BrokenRule(1002, "a frame's length is not in its shortest form")
        # The bytearray holds what a fragmented message has so far, else nothing.
        total = size + len(self._message)
        if not head & _CONTROL and total > self._max_size:
            raise _BrokenRule(
                1009, f"a message has {total} bytes or more, over {self._max_size}"
            )

    def _fragment(self, head: int, payload: bytes) -> Message | None:
        """Take a data frame that may be a part only."""
        opcode = self._opcode or head & 0x0F
        if not head & 0x80:
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
            raise _BrokenRule(1007, "a text message is not UTF-8") from exc

    def _control(self, opcode: int, payload: bytes) -> Message:
        if opcode == _PONG:
            return Pong(payload)
        self.saw_control = True
        if opcode == _PING:
            return Ping(payload)
        close = _parse_close(payload)
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


def _parse_close(payload: bytes) -> Close:
    if not payload:
        return Close(NO_STATUS, "")
    if len(payload) == 1:
        raise _BrokenRule(1002, "a Close frame has one byte, half a code")
    code = int.from_bytes(payload[:2], "big")
    if not is_sendable_close_code(code):
        raise _BrokenRule(1002, f"a Close frame has the code {code}")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError as exc:
        raise _BrokenRule(1007, "the reason of a Close frame is not UTF-8") from exc
