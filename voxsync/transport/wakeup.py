"""A socketpair that gets a thread out of `select`."""

from __future__ import annotations

import contextlib
import socket

__all__ = ["Wakeup"]


class _Writer:
    """The writing end, closed when its last user lets go of it.

    `wake()` may be between reading the descriptor and writing to it while the
    owner closes; were the descriptor closed then, the byte could land in a
    stranger's socket of the same number. Reference counting is the one guard
    that needs no lock, and a signal handler must not take locks.
    """

    __slots__ = ("sock",)

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def __del__(self) -> None:
        self.sock.close()


class Wakeup:
    """Wakes the one thread that selects on it.

    The rule that loses no wake-up: the owner drains first, clears the flag, then
    looks for work; the others put their work first, then test and set the flag,
    then write.
    """

    __slots__ = ("_awake", "_writer", "reader")

    def __init__(self) -> None:
        self.reader, writer = socket.socketpair()
        self.reader.setblocking(False)
        writer.setblocking(False)
        self._writer: _Writer | None = _Writer(writer)
        self._awake = False

    def wake(self) -> None:
        """Make the owner's `select` return. Thread: any, also a signal handler."""
        if self._awake:
            return
        self._awake = True
        writer = self._writer  # held for the length of the call; see _Writer
        if writer is not None:
            # A full buffer is fine: one waiting byte is enough. A broken pipe as well:
            # the owner has closed its end just now and needs no waking any more.
            with contextlib.suppress(BlockingIOError, ConnectionError):
                writer.sock.send(b"\0")

    def drain(self) -> None:
        """Forget the wake-ups so far. Thread: the owner, before it looks for work."""
        with contextlib.suppress(BlockingIOError):
            while len(self.reader.recv(64)) == 64:
                pass
        self._awake = False

    def close(self) -> None:
        """Release both ends; later `wake()` does nothing. Thread: the owner."""
        self._awake = True
        self._writer = None
        self.reader.close()
