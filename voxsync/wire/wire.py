"""One connection's frames: what may be sent when, pongs, and the closing handshake."""

from __future__ import annotations

from voxsync.errors import InvalidState
from voxsync.wire.decoder import Decoder
from voxsync.wire.encoder import FIN, Encoder
from voxsync.wire.frames import (
    MAX_CONTROL,
    NO_STATUS,
    Close,
    Fault,
    Message,
    Opcode,
    Ping,
    Role,
    WireTaps,
    is_sendable_close_code,
)

__all__ = ["PONG_BACKLOG", "Wire"]

PONG_BACKLOG = 64 * 1024
"""With more bytes than this waiting in `Wire.out`, pongs are put off."""

_MAX_REASON = MAX_CONTROL - 2  # two bytes of a Close frame are the code

# Plain ints: arithmetic with an IntEnum costs more than writing the header.
_TEXT = FIN | int(Opcode.TEXT)
_BINARY = FIN | int(Opcode.BINARY)
_CLOSE = FIN | int(Opcode.CLOSE)
_PING = FIN | int(Opcode.PING)
_PONG = FIN | int(Opcode.PONG)


class Wire:
    """RFC 6455 after the handshake, for either role. One thread at a time.

    Attributes:
        role: The side this is.
        out: Bytes for the socket. The owner sends them and deletes what was taken
            from the front; it is always this same object.
        close_sent: A Close frame is in `out` or went out.
        close_received: The peer's Close frame, if it came.
        failed: The peer broke the rules; a `Fault` was given out.
        answer_pings: False: a test service leaves pings unanswered.
    """

    __slots__ = (
        "_decoder",
        "_encoder",
        "_owed",
        "_sending",
        "answer_pings",
        "close_received",
        "close_sent",
        "failed",
        "out",
        "role",
        "taps",
    )

    def __init__(
        self,
        role: Role,
        *,
        max_message_size: int = 16 * 2**20,
        taps: WireTaps | None = None,
    ) -> None:
        """Make the wire of one connection.

        Args:
            role: CLIENT masks what it sends and refuses masked input; SERVER the
                reverse.
            max_message_size: Most payload bytes of one incoming message, over all
                its fragments. A longer one is refused (1009) by its header.
            taps: Who watches; None = nobody ever will.
        """
        self.role = role
        self.out = bytearray()
        self.close_sent = False
        self.close_received: Close | None = None
        self.failed = False
        self.answer_pings = True
        is_client = role is Role.CLIENT
        self.taps = taps
        self._encoder = Encoder(self.out, masked=is_client, taps=taps)
        self._decoder = Decoder(masked=not is_client, max_size=max_message_size)
        self._owed: bytes | None = None  # the ping whose pong was put off
        self._sending: type[str | bytes] | None = None  # a fragmented message's kind

    @property
    def is_server(self) -> bool:
        """Whether this is the server's side."""
        return self.role is Role.SERVER

    # Out

    def send_text(self, text: str) -> None:
        """Append one text message.

        Raises:
            InvalidState: After `send_close`, or inside a fragmented message.
            UnicodeEncodeError: `text` holds half a surrogate pair; nothing was sent.
        """
        self._check_whole()
        self._encoder.frame(_TEXT, text.encode())

    def send_binary(self, data: bytes) -> None:
        """Append one binary message.

        Raises:
            InvalidState: After `send_close`, or inside a fragmented message.
        """
        self._check_whole()
        self._encoder.frame(_BINARY, data)

    def send_fragment(self, data: str | bytes, *, first: bool, final: bool) -> None:
        """Append one part of a message; pings, pongs and a Close may come between.

        Args:
            data: The part; all parts of one message are of one type.
            first: This part begins the message.
            final: This part ends the message.

        Raises:
            InvalidState: After `send_close`; `first` inside a message, or not
                `first` outside of one.
            TypeError: The message began with the other type.
        """
        if self.close_sent or first != (self._sending is None):
            self._refuse()
        kind = str if isinstance(data, str) else bytes
        if not first and kind is not self._sending:
            raise TypeError("all fragments of a message must be of one type")
        payload = data.encode() if isinstance(data, str) else data
        head = FIN if final else 0
        if first:
            head |= Opcode.TEXT if kind is str else Opcode.BINARY
        self._sending = None if final else kind
        self._encoder.frame(head, payload)

    def send_ping(self, data: bytes = b"") -> None:
        """Append a ping.

        Raises:
            InvalidState: After `send_close`.
            ValueError: `data` has more than 125 bytes.
        """
        self._send_control(_PING, data)

    def send_pong(self, data: bytes = b"") -> None:
        """Append a pong nobody asked for; those asked for are sent by themselves.

        Raises:
            InvalidState: After `send_close`.
            ValueError: `data` has more than 125 bytes.
        """
        self._send_control(_PONG, data)

    def send_close(self, code: int | None = 1000, reason: str = "") -> None:
        """Append a Close frame, if none was sent before.

        Args:
            code: See `is_sendable_close_code`. None: an empty Close frame.
            reason: For people; at most 123 bytes of UTF-8.

        Raises:
            ValueError: The code must not be sent, the reason is too long, or there
                is a reason without a code.
        """
        words = reason.encode()
        if code is None:
            if words:
                raise ValueError("a Close frame without a code has no reason")
            payload = b""
        else:
            if not is_sendable_close_code(code):
                raise ValueError(f"close code {code} must not be sent")
            if len(words) > _MAX_REASON:
                raise ValueError(
                    f"a close reason has at most {_MAX_REASON} bytes of UTF-8, "
                    f"this one has {len(words)}"
                )
            payload = code.to_bytes(2, "big") + words
        if not self.close_sent:
            self.close_sent = True
            self._encoder.frame(_CLOSE, payload)

    def flush_pong(self) -> None:
        """Append the pong that was put off, if `out` has drained.

        A peer that pings and does not read would make `out` grow without end. So
        while more than `PONG_BACKLOG` bytes wait there, only the latest ping is
        remembered, which is the one that RFC 6455, 5.5.3, wants answered. `messages`
        and the `send_*` methods for data call this; an owner that may do neither
        for long calls it when the socket took bytes.
        """
        if self._owed is not None and len(self.out) <= PONG_BACKLOG:
            owed, self._owed = self._owed, None
            self._encoder.frame(_PONG, owed)

    def _check_whole(self) -> None:
        if self.close_sent or self._sending is not None:
            self._refuse()
        if self._owed is not None:
            self.flush_pong()

    def _refuse(self) -> None:
        if self.close_sent:
            raise InvalidState("the Close frame was sent; nothing may follow it")
        raise InvalidState(
            "a fragmented message must be ended before another begins"
            if self._sending
            else "a fragmented message must begin with its first part"
        )

    def _send_control(self, head: int, data: bytes) -> None:
        if self.close_sent:
            self._refuse()
        if len(data) > MAX_CONTROL:
            raise ValueError(f"a ping or pong has at most {MAX_CONTROL} bytes")
        self._encoder.frame(head, data)

    # In

    @property
    def fragment_code(self) -> int | None:
        """See `Decoder.fragment_code`."""
        return self._decoder.fragment_code

    @fragment_code.setter
    def fragment_code(self, code: int | None) -> None:
        self._decoder.fragment_code = code

    @property
    def buffered(self) -> int:
        """Bytes received that no message has been made of."""
        return self._decoder.buffered

    @property
    def has_more(self) -> bool:
        """Whether the last `messages` stopped because of its limit."""
        return self._decoder.has_more

    @property
    def in_message(self) -> bool:
        """Whether the input so far stops inside a frame or a fragmented message.

        Order: ask when `messages` has nothing more to give.
        """
        return self._decoder.in_message

    def receive(self, data: bytes) -> None:
        """Store what arrived; after a Close or Fault it is ignored."""
        self._decoder.receive(data)

    def messages(self, limit: int) -> list[Message]:
        """Decode up to `limit` messages; what is left waits for the next call.

        Pings are answered, a Close is answered with its own code, a Fault with the
        code it names. Data is given out also after our own Close, until the peer's.
        """
        self.flush_pong()
        decoder = self._decoder
        found = decoder.decode(limit)
        if self.taps and found:
            self.taps.received(found)
        if decoder.saw_control:
            self._answer(found)
        return found

    def _answer(self, found: list[Message]) -> None:
        for message in found:
            if isinstance(message, Ping):
                if not self.answer_pings:
                    continue
                # Also after our own Close: RFC 6455, 5.5.2, lifts the duty to
                # answer only when the peer's Close has come.
                self._owed = message.data
                self.flush_pong()
            elif isinstance(message, Close):
                self.close_received = message
                self._owed = None
                code = None if message.code == NO_STATUS else message.code
                self.send_close(code)
            elif isinstance(message, Fault):
                self.failed = True
                self._owed = None
                self.send_close(message.code, message.message)
