"""Something a thread in `select` can be woken by: an eventfd, or a socketpair."""

from __future__ import annotations

import contextlib
import os
import socket

__all__ = ["Wakeup"]


class _EventFd:
    """One descriptor, two system calls for its whole life (Linux)."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ring(self) -> None:
        os.eventfd_write(self.fd, 1)

    def hush(self) -> None:
        os.eventfd_read(self.fd)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # there was no descriptor to be had
            os.close(self.fd)


class _SocketPair:
    """Where there is no eventfd; sockets, because Windows selects nothing else."""

    __slots__ = ("fd", "reader", "writer")

    def __init__(self) -> None:
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)
        self.fd = self.reader.fileno()

    def ring(self) -> None:
        self.writer.send(b"\0")

    def hush(self) -> None:
        while len(self.reader.recv(64)) == 64:
            pass

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # there was no descriptor to be had
            self.reader.close()
            self.writer.close()


_Bell = _EventFd if hasattr(os, "eventfd") else _SocketPair


class Wakeup:
    """Wakes the one thread that selects on it.

    The rule that loses no wake-up: the owner drains first, clears the flag, then
    looks for work; the others put their work first, then test and set the flag,
    then ring.

    The bell is closed when its last user lets go of it. `wake()` may be between
    reading the descriptor and writing to it while the owner closes; were the
    descriptor closed then, the byte could land in a stranger's socket of the same
    number. Reference counting is the one guard that needs no lock, and a signal
    handler must not take locks.
    """

    __slots__ = ("_awake", "_bell")

    def __init__(self) -> None:
        self._bell: _EventFd | _SocketPair | None = _Bell()
        self._awake = False

    def fileno(self) -> int:
        """What to select on. Thread: the owner, before `close`."""
        assert self._bell is not None
        return self._bell.fd

    def wake(self) -> None:
        """Make the owner's `select` return. Thread: any, also a signal handler."""
        if self._awake:
            return
        self._awake = True
        bell = self._bell  # held for the length of the call; see above
        if bell is not None:
            # Full is fine: one ring that waits is enough.
            with contextlib.suppress(BlockingIOError):
                bell.ring()

    def drain(self) -> None:
        """Forget the wake-ups so far. Thread: the owner, before it looks for work."""
        assert self._bell is not None
        with contextlib.suppress(BlockingIOError):
            self._bell.hush()
        self._awake = False

    def close(self) -> None:
        """Release it; later `wake()` does nothing. Thread: the owner."""
        self._awake = True
        self._bell = None
