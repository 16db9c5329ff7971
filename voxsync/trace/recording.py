"""A recording: the session is watched on its threads, and written on another one."""

from __future__ import annotations

import errno
import logging
import os
import threading
import weakref
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from voxsync.errors import FormatError, InvalidState, TraceError
from voxsync.events import CloseEvent
from voxsync.session import Session
from voxsync.session.options import normal_headers
from voxsync.trace.lines import Lines
from voxsync.trace.losses import Losses
from voxsync.trace.masking import Masker
from voxsync.trace.output import Output
from voxsync.wire import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from voxsync.session.tapping import TapRecord

__all__ = ["Recording", "record"]

logger = logging.getLogger("voxsync.trace")

_FLUSH_SECONDS = 1.0  # a crash costs at most this much of the trace
_PATIENCE = 5.0  # for a disk
_ROOM = 8 * 2**20
_RECORD_SIZE = 200  # bytes that a record takes besides its payload, roughly


class Recording:
    """Writes what a session does to a file, until it is stopped or the session ends.

    A context manager, which stops it. Made and started by `record`.

    Thread: any.

    Attributes:
        path: Of the file.
        lost: Records that found no room, for the disk was too slow, or came after it
            failed. The trace says where.
        error: Why there is no more to be recorded; None = nothing went wrong. The
            session tells of it as an `error` event, too.
    """

    def __init__(
        self,
        session: Session[Any],
        path: str | os.PathLike[str],
        *,
        secrets: Iterable[str] = (),
        force: bool = False,
        room: int = _ROOM,
    ) -> None:
        """Prepare; `start` starts.

        Args:
            session: Whose.
            path: Of the file; a trace that is there is written anew.
            secrets: See `record`.
            force: Replace a file that is no trace, too.
            room: Bytes that may wait for the disk, at least 1.
        """
        self.path = os.fsdecode(path)
        self.lost = 0
        self.error: TraceError | None = None
        # Weakly: a session that nobody connects must not live on because of this.
        self._session = weakref.ref(session)
        self._taps = session._taps  # noqa: SLF001 - the session's side of one seam
        self._room = room
        self._lock = threading.Lock()  # guards the three below, and lost
        self._queue: list[TapRecord] = []
        self._size = 0
        self._left_out = 0  # since the last that found room
        self._starting = threading.Lock()  # taken by who starts or stops
        self._wanted = threading.Event()  # the writer is to write now, and may end
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._output = Output(self.path, force=force)
        self._masker = Masker(secrets)
        self._lines = Lines(self._masker, self._taps.now())
        self._losses = Losses()
        self._has_header = False

    def __repr__(self) -> str:
        state = "running" if self.is_recording else "stopped"
        return f"<Recording {state} {self.path!r}>"

    @property
    def is_recording(self) -> bool:
        """Whether it goes on."""
        thread = self._thread
        return thread is not None and thread.is_alive() and not self._stopping

    def check(self) -> None:
        """Look whether the file that is there may be replaced; before `start`.

        Raises:
            TraceError: It has something in it, and is no trace.
        """
        self._output.check()

    def start(self) -> Self:
        """Record (again); what follows is appended, and the times count on.

        Nothing happens where it runs. Errors of the disk are told later; see `error`.

        Raises:
            TraceError: What it had to write until `stop` is not written yet, or another
                recording writes to that file.
        """
        with self._starting:
            if self.is_recording:
                return self
            if not self._end_thread(_PATIENCE):
                raise TraceError(
                    f"the trace {self.path!r} is still being written", path=self.path
                )
            self._output.claim()
            self._stopping = False
            self.error = None
            self._wanted.clear()
            self._thread = threading.Thread(
                target=self._write, name=f"voxsync-trace-{self._name()}", daemon=True
            )
            session = self._session()
            if session is not None:
                self._losses.new(session.stats)  # what was lost before is not told
            self._taps.append(self.tap)
            try:
                self._thread.start()
            except BaseException:
                self._taps.discard(self.tap)
                self._output.release()
                raise
        return self

    def stop(self, timeout: float | None = _PATIENCE) -> None:
        """Record no more; what was seen until now is written.

        Nothing happens where it is stopped.

        Args:
            timeout: Seconds to wait for the disk, None = as long as it takes. What is
                not written by then is written later, if the program lives on.
        """
        self._taps.discard(self.tap)
        with self._starting:
            self._stopping = True
            self._wanted.set()
            self._end_thread(timeout)

    def _end_thread(self, timeout: float | None) -> bool:
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        if thread.is_alive():
            logger.warning("%s: the disk is slow; the trace is not whole yet", self)
        return not thread.is_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _name(self) -> str:
        session = self._session()
        return "gone" if session is None else session.id

    # On the session's threads

    def tap(self, record: TapRecord) -> None:
        """Take a record; never waits. The session's `Taps` call it."""
        _, _, kind, data, _ = record
        size = _RECORD_SIZE
        if kind == "binary" or kind == "text":  # noqa: PLR1714 - faster
            size += len(data)
        with self._lock:
            if self._size + size > self._room and self._queue:
                self._left_out += 1
                self.lost += 1
            else:
                self._size += size
                self._queue.append(record)
        if kind == "event" and isinstance(data, CloseEvent):
            self._wanted.set()

    # On the writer's thread

    def _write(self) -> None:
        try:
            with self._output.open(append=self._has_header) as file:
                self._write_all(file.write)
        except OSError as exc:
            self._fail(exc)
        except Exception as exc:
            logger.exception("%s failed", self)
            self._fail(exc)
        finally:
            self._taps.discard(self.tap)
            self._stopping = True
            self._output.release()

    def _write_all(self, write: Callable[[bytes | memoryview], int | None]) -> None:
        if self._has_header:
            _write_whole(write, b"\n")  # the line before may have been cut short
        while not self._write_some(write):
            self._wanted.wait(_FLUSH_SECONDS)

    def _write_some(self, write: Callable[[bytes | memoryview], int | None]) -> bool:
        """Write what there is; whether that was all."""
        session = self._session()
        over = self._stopping or session is None
        batch, left_out = self._take()
        if self._wanted.is_set():
            over = over or any(map(_is_close, batch))
        data = []
        if not self._has_header:
            if not (batch or over):
                return False  # nothing may stand before it
            data.append(self._header(session))
        data += [self._lines.of(record) for record in batch]
        if left_out:
            data.append(self._lines.lost(self._taps.now(), "trace", left_out))
        data += self._look(session, over=over)
        if data:
            _write_whole(write, b"".join(data))
            self._has_header = True
        return over

    def _take(self) -> tuple[list[TapRecord], int]:
        with self._lock:
            batch, self._queue, self._size = self._queue, [], 0
            left_out, self._left_out = self._left_out, 0
        return batch, left_out

    def _look(self, session: Session[Any] | None, *, over: bool) -> list[bytes]:
        """Lines of what the session has lost, and at the end of all its figures."""
        now = self._taps.now()
        stats = None if session is None else session.stats
        found = []
        if stats is not None:
            found += [self._lines.lost(now, *loss) for loss in self._losses.new(stats)]
        if over:
            found.append(self._lines.end(now, stats))
        return found

    def _header(self, session: Session[Any] | None) -> bytes:
        request = self._taps.request
        if request is not None:  # it may have been connected before
            self._masker.learn(*request)
        if session is None:
            return self._lines.header(session="", door="", url="")
        self._masker.learn(session.url, normal_headers(session.options.headers))
        return self._lines.header(
            session=session.id,
            door=type(session).__name__,
            dialect=_dialect(session),
            audio=_audio(session),
            role=_role(session),
            url=session.url,
        )

    def _fail(self, cause: Exception) -> None:
        """Record no more, and say so; the session goes on."""
        self._stopping = True
        self._taps.discard(self.tap)
        why = getattr(cause, "strerror", None) or cause
        error = TraceError(
            f"the trace {self.path!r} cannot be written: {why}; it ends here, the "
            "session goes on",
            path=self.path,
        )
        error.__cause__ = cause
        batch, _ = self._take()
        self.lost += len(batch)
        self.error = error
        session = self._session()
        if session is None or session.is_closed:
            logger.warning("%s", error)
        else:
            self._taps.report(error)
            session._wake()  # noqa: SLF001 - the session's side of one seam


def record(
    session: Session[Any], path: str | os.PathLike[str], *, secrets: Iterable[str] = ()
) -> Recording:
    """Write what a session does to a file, from now on until its end.

    All messages both ways with their times, pings, what was lost, events, the upgrade
    and the end, as lines of JSON. The disk slows nothing: what waits for it is bounded
    (8 MiB), and what finds no room is left out and counted. Where the file cannot be
    written, or not any more, the session tells that as an `error` event with a
    `TraceError`, and goes on.

    Keys, tokens, passwords and resumption handles are masked (`voxsync.trace.masking`).
    What was said is not: a trace is as private as the conversation.

    Args:
        session: Before or after `connect()`; any door's.
        path: Of the file; a trace that is there is written anew. A new one is for its
            owner's eyes only (mode 0600).
        secrets: Further texts that must not appear, e.g. a customer's number, each of 6
            characters or more. They are masked in texts, not in binary messages that
            are no JSON: those are written as they are.

    Returns:
        The recording, which runs: a context manager, with `stop()` and `start()`.

    Raises:
        TypeError: `session` is no session, `path` no path, or `secrets` no texts.
        ValueError: A secret is too short.
        InvalidState: The session has ended.
        TraceError: The file has something in it and is no trace, or another recording
            writes there.

    Thread: any; of the disk it waits for a look at a file that is there, no more.
    """
    if not isinstance(session, Session):
        raise TypeError(f"session must be a session, not {type(session).__name__}")
    if session.is_closed:
        raise InvalidState("the session has ended: there is nothing to record any more")
    recording = Recording(session, path, secrets=secrets)
    recording.check()
    return recording.start()


def _write_whole(
    write: Callable[[bytes | memoryview], int | None], data: bytes
) -> None:
    """All of it: an unbuffered file may take less, above all a full disk's."""
    rest = memoryview(data)
    while rest:
        taken = write(rest)
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[taken:]


def _is_close(record: TapRecord) -> bool:
    return record.kind == "event" and isinstance(record.data, CloseEvent)


def _dialect(session: Session[Any]) -> str | None:
    """The folder or file of its translator, e.g. "gemini"; None = not connected."""
    connection = session._connection  # noqa: SLF001 - the session's side of one seam
    if connection is None:
        return None
    for kind in type(connection.engine.dialect).__mro__:  # a door may have its own
        parts = kind.__module__.split(".")
        if parts[:2] == ["voxsync", "dialects"]:
            return parts[2]
    return None


def _role(session: Session[Any]) -> str:
    """Which end of its connections it is."""
    connection = session._connection  # noqa: SLF001 - the session's side of one seam
    role = Role.CLIENT if connection is None else connection.engine.wire.role
    return str(role.value)


def _audio(session: Session[Any]) -> dict[str, object] | None:
    """What its audio is, where that is known: who reads the trace must decode it."""
    try:
        form = session._media_format()  # noqa: SLF001 - the session's side of one seam
    except FormatError:
        return None
    return None if form is None else asdict(form)
