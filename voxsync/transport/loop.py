"""One thread that moves the bytes of any number of connections.

It never runs user code and never blocks but in `select`. What the bytes mean is
the driver's affair (I4: socket and driver are touched by this thread alone).
"""

from __future__ import annotations

import collections
import contextlib
import heapq
import itertools
import selectors
import socket
import time
from typing import TYPE_CHECKING, Protocol

from voxsync.transport.wakeup import Wakeup

if TYPE_CHECKING:
    from voxsync.clocks import Clock

__all__ = ["Channel", "Driver", "IOLoop"]

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE
_CALL = 4  # beside those two: the driver was notified, or its deadline has come
_PIECE = 64 * 1024
# A TLS record: OpenSSL takes a write whole or not at all, and a refused write
# must be repeated with at least the same bytes.
_TLS_PIECE = 16 * 1024
# Pieces read in one go at most, so that a flood on one connection leaves time for its
# own writes and for the other connections.
_PIECES = 8


def _tls_would_block() -> tuple[type[OSError], ...]:
    # Imported by the first TLS connection: others do without.
    from ssl import SSLWantReadError, SSLWantWriteError  # noqa: PLC0415

    return (BlockingIOError, SSLWantReadError, SSLWantWriteError)


class Driver(Protocol):
    """What the loop moves: pure of sockets, asked and told on the loop's thread."""

    out: bytearray
    """Bytes for the socket; the loop takes them from the front."""

    reading: bool
    """False while the driver holds back: the socket is then not read."""

    @property
    def half_closed(self) -> bool:
        """True: once `out` is empty the writing side is shut (FIN)."""
        ...

    @property
    def ending(self) -> bool:
        """True: only the peer's end of stream is still to come."""
        ...

    done: bool
    """True: the loop closes the socket and forgets the connection."""

    def fill(self, now: float) -> None:
        """Put into `out` what is to be sent, while there is room."""
        ...

    def wrote(self, count: int, now: float) -> None:
        """The socket took `count` bytes; they are gone from `out` already."""
        ...

    def received(self, data: bytes, now: float) -> None:
        """These bytes arrived."""
        ...

    def eof(self, error: Exception | None, now: float) -> None:
        """Nothing more will arrive: the peer's end of stream, or an error."""
        ...

    def tick(self, now: float) -> None:
        """A deadline may have passed, or somebody notified the channel."""
        ...

    def deadline(self) -> float | None:
        """When `tick` wants to be called at the latest (monotonic seconds)."""
        ...

    def detached(self) -> None:
        """The socket is closed; the loop will not call again."""
        ...


class Channel:
    """One connection in the loop."""

    __slots__ = (
        "driver",
        "due",
        "interest",
        "is_tls",
        "notified",
        "shut",
        "sock",
        "would_block",
    )

    def __init__(self, sock: socket.socket, driver: Driver) -> None:
        self.sock = sock
        self.driver = driver
        self.is_tls = hasattr(sock, "pending")  # an ssl.SSLSocket
        self.would_block = _tls_would_block() if self.is_tls else (BlockingIOError,)
        self.interest = _READ
        self.due: float | None = None  # the entry of the heap that counts
        self.notified = False
        self.shut = False


class IOLoop:
    """Selects, reads, writes and keeps deadlines until its last connection is gone.

    Args:
        clock: None = the machine's.
        selector: None = one that is cheap to make; it gets slower by the connection.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        selector: selectors.BaseSelector | None = None,
    ) -> None:
        self._clock = clock
        self._now = time.monotonic if clock is None else clock.now
        self._wakeup = Wakeup()
        if clock is not None:
            clock.subscribe(self._wakeup.wake)
        # poll needs no object in the kernel, which shows when a loop is made for each
        # session; its cost per call grows with the connections of a loop.
        cheap = getattr(selectors, "PollSelector", selectors.DefaultSelector)
        self._selector: selectors.BaseSelector = selector or cheap()
        self._selector.register(self._wakeup, _READ, None)
        self._channels: set[Channel] = set()
        # Those over TLS that may hold decrypted bytes, which `select` does not see.
        self._unread: set[Channel] = set()
        self._notified: collections.deque[Channel] = collections.deque()
        self._due: list[tuple[float, int, Channel]] = []
        self._tie = itertools.count()

    def notify(self, channel: Channel) -> None:
        """Have the driver's `tick` and `fill` called soon.

        Thread: any, also a signal handler (no lock is taken).
        """
        if not channel.notified:
            channel.notified = True
            self._notified.append(channel)
        self._wakeup.wake()

    def add(self, channel: Channel) -> None:
        """Take over a connected, non-blocking socket. Thread: the loop's."""
        self._channels.add(channel)
        if channel.is_tls:
            self._unread.add(channel)  # what came with the handshake
        self._selector.register(channel.sock, _READ, channel)
        # Served by the next step, whose caller cleans up after a driver that fails.
        channel.notified = True
        self._notified.append(channel)

    def run(self) -> None:
        """Move bytes until no connection is left, then close the loop itself."""
        try:
            while self._channels:
                self._step()
        finally:
            self._leave()

    def _leave(self) -> None:
        for channel in list(self._channels):  # only after a bug: leave no socket
            self._remove(channel)
        self.close()

    def close(self) -> None:
        """Release the selector and the wake-up pair. Thread: the loop's."""
        if self._clock is not None:
            self._clock.unsubscribe(self._wakeup.wake)
        self._selector.close()
        self._wakeup.close()

    def _step(self) -> None:
        ready: dict[Channel, int] = {}
        for key, mask in self._selector.select(self._patience()):
            if key.data is None:
                self._wakeup.drain()  # before the deque is looked into
            else:
                ready[key.data] = mask
        while self._notified:
            channel = self._notified.popleft()
            channel.notified = False  # before the driver looks for work
            ready[channel] = ready.get(channel, 0) | _CALL
        now = self._now()
        while self._due and self._due[0][0] <= now:
            due, _, channel = heapq.heappop(self._due)
            if channel.due == due:  # else the entry is stale
                channel.due = None
                ready[channel] = ready.get(channel, 0) | _CALL
        for channel, mask in ready.items():
            if channel in self._channels:
                self._serve(channel, mask, now)

    def _patience(self) -> float | None:
        if self._notified:
            return 0
        for channel in self._unread:
            if channel.driver.reading:
                self._notified.append(channel)
                return 0
        if not self._due:
            return None
        left = max(0.0, self._due[0][0] - self._now())
        return left if self._clock is None else self._clock.real(left)

    def _serve(self, channel: Channel, mask: int, now: float) -> None:
        driver = channel.driver
        # TLS may have to write before it can read.
        wanted = _READ | _WRITE if channel.is_tls else _READ
        if driver.reading and (mask & wanted or channel in self._unread):
            self._read(channel, now)
        if mask & _CALL:
            driver.tick(now)
        driver.fill(now)
        if driver.out:
            self._write(channel, now)
        if driver.half_closed and not driver.out and not channel.shut:
            channel.shut = True
            with contextlib.suppress(OSError):  # the peer may be gone already
                channel.sock.shutdown(socket.SHUT_WR)
        if driver.done:
            self._remove(channel)
            return
        interest = (_READ if driver.reading else 0) | (_WRITE if driver.out else 0)
        if interest != channel.interest:
            self._show(channel, interest)
        due = driver.deadline()
        # A later deadline needs no entry: the old one will ask again when it is due.
        if due is not None and (channel.due is None or due < channel.due):
            channel.due = due
            heapq.heappush(self._due, (due, next(self._tie), channel))

    def _show(self, channel: Channel, interest: int) -> None:
        """Tell the selector; an interest in nothing cannot be registered."""
        if not interest:
            self._selector.unregister(channel.sock)
        elif not channel.interest:
            self._selector.register(channel.sock, interest, channel)
        else:
            self._selector.modify(channel.sock, interest, channel)
        channel.interest = interest

    def _read(self, channel: Channel, now: float) -> None:
        if channel.is_tls:
            self._read_records(channel, now)
            return
        driver, sock = channel.driver, channel.sock
        for _ in range(_PIECES):
            try:
                data = sock.recv(_PIECE)
            except channel.would_block:
                return
            except OSError as exc:
                driver.eof(exc, now)
                return
            if not data:
                driver.eof(None, now)
                return
            driver.received(data, now)
            if not driver.reading or driver.done:
                return
            # The end of stream mostly comes together with the Close frame; else
            # `select` has the say.
            if not driver.ending:
                return

    def _read_records(self, channel: Channel, now: float) -> None:
        """Read from a TLS object, which gives one record at a time.

        The driver gets all of them at once, when nothing more is there: whoever it
        wakes would fight with the remaining reads for the interpreter.
        """
        driver, sock = channel.driver, channel.sock
        records: list[bytes] = []
        error: Exception | None = None
        is_over = False
        self._unread.add(channel)
        try:
            while len(records) < _PIECES and not is_over:
                records.append(sock.recv(_PIECE))
                is_over = not records[-1]
        except channel.would_block:
            # Remembered: to ask each `pending()` in each step would cost a loop of many
            # connections more than to read.
            self._unread.discard(channel)
        except OSError as exc:
            error, is_over = exc, True
        data = b"".join(records)
        if data:
            driver.received(data, now)
        # Of a driver that holds back the end is found again when it reads again.
        if is_over and not driver.done and driver.reading:
            driver.eof(error, now)

    def _write(self, channel: Channel, now: float) -> None:
        driver, sock = channel.driver, channel.sock
        out = driver.out
        try:
            while out:
                if channel.is_tls:
                    count = sock.send(out[:_TLS_PIECE])
                else:
                    count = sock.send(out)
                del out[:count]
                driver.wrote(count, now)
        except channel.would_block:
            pass
        except OSError as exc:
            self._lost(channel, exc, now)

    def _lost(self, channel: Channel, error: OSError, now: float) -> None:
        """The peer is gone for writing; what it said before still counts.

        A service that refuses sends its Close frame and shuts down; the reset
        that answers our late audio must not hide the reason.
        """
        driver = channel.driver
        for _ in range(64):
            try:
                data = channel.sock.recv(_PIECE)
            except OSError:
                break
            if not data:
                break
            driver.received(data, now)
        driver.eof(error, now)

    def _remove(self, channel: Channel) -> None:
        self._channels.discard(channel)
        self._unread.discard(channel)
        if channel.interest:
            self._selector.unregister(channel.sock)
        channel.sock.close()
        channel.driver.detached()
