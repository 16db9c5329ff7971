"""What the other side must not do, judged as early as the bytes allow.

The order of the rules is fixed, so that the same stream earns the same verdict
however it is cut.
"""

from __future__ import annotations

from voxsync.wire.frames import (
    MAX_CONTROL,
    NO_STATUS,
    Close,
    Opcode,
    is_sendable_close_code,
)

__all__ = ["CONTROL", "BrokenRule", "check_head", "check_size", "parse_close"]

CONTROL = 0x08
"""The bit of a frame's first byte that marks control frames."""

_OPCODES = frozenset(map(int, Opcode))


class BrokenRule(Exception):
    """The peer broke a rule; the decoder makes a Fault of it.

    Attributes:
        code: The close code it earned.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_head(head: int, size: int, *, masked: bool, inside: bool) -> None:
    """Judge the first two bytes of a frame, before any more is waited for.

    Args:
        head: First byte.
        size: Second byte, its mask bit inverted where the peer must mask: more than
            127 means that the bit is wrong.
        masked: Whether the peer must mask.
        inside: Whether a fragmented message has begun.

    Raises:
        BrokenRule: 1002.
    """
    opcode = head & 0x0F
    if head & 0x70:
        raise BrokenRule(1002, "reserved bits are set, but nothing was agreed on")
    if opcode not in _OPCODES:
        raise BrokenRule(1002, f"opcode {opcode} is reserved")
    if size > 127:
        raise BrokenRule(
            1002,
            "a client's frame is not masked"
            if masked
            else "a server's frame is masked",
        )
    if opcode & CONTROL:
        if not head & 0x80:
            raise BrokenRule(1002, "a control frame is fragmented")
        if size > MAX_CONTROL:
            raise BrokenRule(1002, "a control frame has more than 125 bytes")
    elif opcode == Opcode.CONTINUATION:
        if not inside:
            raise BrokenRule(1002, "a continuation continues no message")
    elif inside:
        raise BrokenRule(1002, "a new message begins inside a fragmented one")


def check_size(head: int, size: int, extra: int, *, held: int, most: int) -> None:
    """Judge the declared length, before any byte of the payload is waited for.

    Args:
        head: First byte.
        size: Declared length of the payload.
        extra: Bytes in which it was declared beyond the second byte: 0, 2 or 8.
        held: Payload bytes of the message that came before this frame.
        most: Payload bytes a message may have.

    Raises:
        BrokenRule: 1002 for the form of the length, 1009 for too much.
    """
    if size >= 1 << 63:
        raise BrokenRule(1002, "the top bit of a frame's length is set")
    if (extra == 2 and size < 126) or (extra == 8 and size < 65536):
        raise BrokenRule(1002, "a frame's length is not in its shortest form")
    total = held + size
    if not head & CONTROL and total > most:
        raise BrokenRule(
            1009,
            f"a message that came has {total} bytes or more, over {most} "
            "(max_message_size)",
        )


def parse_close(payload: bytes) -> Close:
    """Read the payload of a Close frame; an empty one is code 1005.

    Raises:
        BrokenRule: 1002 for the code, 1007 for a reason that is not UTF-8.
    """
    if not payload:
        return Close(NO_STATUS, "")
    if len(payload) == 1:
        raise BrokenRule(1002, "a Close frame has one byte, half a code")
    code = int.from_bytes(payload[:2], "big")
    if not is_sendable_close_code(code):
        raise BrokenRule(1002, f"a Close frame has the code {code}")
    try:
        return Close(code, payload[2:].decode())
    except UnicodeDecodeError as exc:
        raise BrokenRule(1007, "the reason of a Close frame is not UTF-8") from exc
