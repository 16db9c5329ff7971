"""An opening in progress, which others may give up on.

The I/O thread may be stuck in a system call then (the resolver cannot be
interrupted); whoever gives up ends the session in its place, and the thread owns
nothing by the time that call returns.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import TYPE_CHECKING

from voxsync.errors import ConnectError, OpenTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Opening"]

logger = logging.getLogger("voxsync.session")


class Opening:
    """Decides, once, whether the I/O thread or somebody else ends the opening.

    Attributes:
        started_at: Monotonic seconds.
        given_up_by_us: The application cancelled it; a timeout is not that.
        secrets: URL and headers of the request, for a `Redactor`.
    """

    def __init__(self, timeout: float) -> None:
        self.started_at = time.monotonic()
        self.given_up_by_us = False
        self.secrets: tuple[str, Sequence[tuple[str, str]]] = ("", ())
        self._timeout = timeout
        self._timed_out: OpenTimeout | None = None
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()  # guards the next two
        self._done = False
        self._abandoned = False

    @property
    def is_over(self) -> bool:
        """Whether the I/O thread is past it, or somebody gave it up. Thread: any."""
        return self._done or self._abandoned

    @property
    def due(self) -> float:
        """When it has taken too long (monotonic seconds)."""
        return self.started_at + self._timeout

    def time_out(self, seconds: float) -> None:
        """The caller of `connect` has waited long enough. Thread: any."""
        self._timed_out = OpenTimeout(f"the session was not open within {seconds:g} s")

    def why_not(self, wanted: bool) -> ConnectError | None:
        """Why it should stop, if it should. Thread: any.

        Args:
            wanted: False once the application cancelled or closed the session.
        """
        if not wanted:
            self.given_up_by_us = True
            return ConnectError("cancelled before the session was open")
        if self._timed_out is None and time.monotonic() >= self.due:
            self.time_out(self._timeout)
        return self._timed_out

    def connected(self, sock: socket.socket) -> None:
        """The socket of the upgrade in progress. Thread: I/O."""
        self._sock = sock
        if self._abandoned:
            self._shut()

    def finish(self) -> bool:
        """The I/O thread goes on to its loop; False = it was given up meanwhile."""
        with self._lock:
            self._sock = None
            self._done = not self._abandoned
            return self._done

    def abandon(self) -> bool:
        """Give it up; False = too late, the I/O thread sees for itself. Thread: any."""
        with self._lock:
            if self._done or self._abandoned:
                return False
            self._abandoned = True
        self._shut()
        return True

    def _shut(self) -> None:
        """Make the dialler's blocked read or write return."""
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                logger.debug("the socket of a given-up opening was gone already")
