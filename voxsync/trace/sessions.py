"""Recording whatever sessions a program makes, without a change to the program."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from voxsync.errors import TraceError
from voxsync.session.tapping import newcomers
from voxsync.trace.recording import Recording
from voxsync.wire import Role

if TYPE_CHECKING:
    from types import TracebackType

    from voxsync.session import Session
    from voxsync.session.tapping import TapRecord

__all__ = ["SessionRecorder"]


class SessionRecorder:
    """Records each session of this process that begins while it runs.

    A context manager. The first session is written to `path`, the next one to a file
    beside it: `call.trace`, `call-2.trace`, ...

    Args:
        path: Of the first file.
        incoming: Record the connections that come in, not those that go out.
        force: Replace files that are no traces, too.

    Thread: any.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        incoming: bool = False,
        force: bool = False,
    ) -> None:
        self._force = force
        self._path = Path(os.fsdecode(path))
        self._role = Role.SERVER if incoming else Role.CLIENT
        self._lock = threading.Lock()  # guards the next one
        self._recordings: list[Recording] = []

    @property
    def recordings(self) -> list[Recording]:
        """Of each session, in the order in which they began."""
        with self._lock:
            return list(self._recordings)

    def __enter__(self) -> Self:
        newcomers.append(self._came)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        newcomers.remove(self._came)
        for recording in self.recordings:
            recording.stop()

    def _came(self, session: Session[Any]) -> None:
        """A session was made; many are never connected. Thread: who makes it."""

        def tap(record: TapRecord) -> None:
            session._taps.discard(tap)  # noqa: SLF001 - the session's side of one seam
            connection = session._connection  # noqa: SLF001
            if connection is None or connection.engine.wire.role is not self._role:
                return
            with self._lock:
                number = len(self._recordings) + 1
                stem = self._path.stem if number == 1 else f"{self._path.stem}-{number}"
                path = self._path.with_stem(stem)
                recording = Recording(session, path, force=self._force)
                self._recordings.append(recording)
            try:
                recording.start()
            except TraceError as exc:  # the program's session goes on
                recording.error = exc
            else:
                recording.tap(record)

        session._taps.append(tap)  # noqa: SLF001
