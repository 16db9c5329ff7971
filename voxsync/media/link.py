"""A link: one thread that moves audio from a source to a sink, by one clock."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxsync.errors import InvalidState, VoxsyncError
from voxsync.media.clock import Metronome
from voxsync.media.pipe import Pipe
from voxsync.media.source import EndOfStream

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.media.sink import Sink
    from voxsync.media.source import MediaTarget, Source

__all__ = ["BLOCK_SECONDS", "Link", "LinkStats"]

logger = logging.getLogger("voxsync.media")

BLOCK_SECONDS = 0.02
"""What goes into one block: VoxEngine's recommended chunk, RTP's usual packet."""

# How long a thread waits at most before it looks up (Ctrl-C, a lost wake-up).
_SLICE = 0.5
# A source without audio for so long has paused: what waits for the rest of its block
# goes out short. Longer than what a network or a busy machine holds back.
_PAUSE = 0.1
# What is gathered before a stream from a network begins to be heard (again): blocks
# that come 20 ms apart, more or less, would leave a gap at the first that is late.
_RESERVE_BLOCKS = 3
# How long `stop` waits for the link's thread, seconds.
_JOIN = 1.0

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStats:
    """A snapshot of a link's figures. Frames are at the sink's rate.

    Attributes:
        frames: Handed to the sink.
        seconds: The same as time.
        cleared: Frames dropped by `clear`, `stop` or the sink's failure, at the
            source's rate. What was in the sink already is not among them.
        lost: Frames that did not fit into the link's buffer, at the source's rate.
        buffered: Seconds of audio in our own buffers on this way, now: the link's,
            the resampler's, the sink's.
        buffered_highest: The most seconds there were when a block was taken.
        late: Seconds the last block left late (paced links).
        latest: The most seconds that any did.
        slipped: Seconds that were not made up, since that would have been a burst.
    """

    frames: int = 0
    seconds: float = 0.0
    cleared: int = 0
    lost: int = 0
    buffered: float = 0.0
    buffered_highest: float = 0.0
    late: float = 0.0
    latest: float = 0.0
    slipped: float = 0.0


class Link:
    """The way of audio from one source to one sink, until it is stopped or over.

    It has exactly one clock: the sink if that is one (speaker), else the source if
    that is one (microphone), else a metronome. Made by `Source.send_media_to`.

    Attributes:
        source: Where the audio comes from.
        sink: Where it goes.
        target: What `send_media_to` was called with: the sink, or a session.
        error: Why it ended, if that was a failure.
    """

    def __init__(
        self, source: Source, sink: Sink, target: MediaTarget, *, paced: bool = True
    ) -> None:
        self.source = source
        self.sink = sink
        self.target = target
        self.error: BaseException | None = None
        clocked = sink.is_clock or source.is_clock
        ahead = 0.0 if paced else sink.most_ahead
        self._paced = not clocked and ahead is not None
        self._clock = Metronome(lead=ahead or 0.0, clock=sink.clock or source.clock)
        hurried = paced or sink.is_clock
        self._tap = source._make_tap(patient=not hurried)  # noqa: SLF001 - a link owns its tap
        self._pipe = self._make_pipe()
        self._frames = 0
        self._cleared = 0  # of the sink's rate; the buffer counts its own
        self._highest = 0.0
        self._stopped = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            name=f"voxsync-link-{next(_numbers)}-{source.name}-{sink.name}"[:60],
            daemon=True,
        )

    # Public

    @property
    def is_active(self) -> bool:
        """Whether audio still flows, or could."""
        return not self._done.is_set()

    @property
    def stats(self) -> LinkStats:
        """The link's figures now."""
        clock, buffer, rate = self._clock, self._tap.buffer, self.sink.sample_rate
        return LinkStats(
            frames=self._frames,
            seconds=self._frames / rate,
            cleared=buffer.cleared
            + round(self._cleared * self.source.sample_rate / rate),
            lost=buffer.dropped + buffer.refused,
            buffered=self._buffered(),
            buffered_highest=self._highest,
            late=clock.late,
            latest=clock.latest,
            slipped=clock.slipped,
        )

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all was heard (a file), or the link has ended otherwise.

        Raises:
            TimeoutError: It still runs after `timeout` seconds.
            InvalidState: Called on the link's own thread (by a `CallbackSink`'s
                function): it would wait for itself.
            DeviceError, SessionClosed, ...: What it ended by, if that was a failure.

        Thread: any but the link's. Ctrl-C gets through.
        """
        if self._thread is threading.current_thread():
            raise InvalidState(f"{self!r} cannot wait for its own end; use stop()")
        end = None if timeout is None else time.monotonic() + timeout
        while not self._done.wait(_left(end)):
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"{self!r} still runs after {timeout:g} s")
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End the flow; what is on its way inside is dropped and counted as cleared.

        Thread: any. Waits for the link's thread at most a second, unless called on
        it. Idempotent.
        """
        self._halt()
        self._join(_JOIN)

    def abort(self, error: BaseException | None) -> None:
        """End the flow, with an `error` or without, and do not wait for its thread.

        Thread: any, the I/O thread of a session too.
        """
        if self.error is None and self.is_active:
            self.error = error
        self._halt()

    def clear(self) -> None:
        """Drop all that was given and is not heard yet, down to the speaker.

        Thread: any; never waits.
        """
        # In this order: a block that was taken before is stale from here on, and the
        # sink asks (`_wanted`) under the lock that its own clear() needs.
        self._tap.buffer.clear()
        self.sink.clear()
        self.sink._wake()  # noqa: SLF001 - a link is its sink's one writer

    # The link's thread

    def _make_pipe(self) -> Pipe:
        source, sink = self.source, self.sink
        # A speaker takes any length, and then nothing has to wait for a whole block.
        length = None if sink.is_clock else round(BLOCK_SECONDS * sink.sample_rate)
        return Pipe(source.sample_rate, sink.sample_rate, length)

    def start(self) -> None:
        """Claim the sink, open the source, let it flow. Raises what fails there.

        Thread: that of `send_media_to`.
        """
        try:
            self.sink._claim(self)  # noqa: SLF001
            self.source._attach(self._tap)  # noqa: SLF001
            self._thread.start()
        except BaseException as exc:
            self.error = exc
            self._leave()
            raise

    def _run(self) -> None:
        try:
            self._move()
        except EndOfStream:
            pass  # the sink has all it wants
        except VoxsyncError as exc:  # the unit or the session tells of it
            self.error = self.error or exc
        except BaseException as exc:  # a program's function may raise SystemExit, too
            self.error = self.error or exc
            if exc is not self.sink.error and exc is not self.source.error:
                logger.exception("%r failed", self)
        finally:
            self._leave()

    def _leave(self) -> None:
        """Give both ends free, whatever fails; after that nobody waits for us."""
        source, sink = self.source, self.sink
        # In this order: who looks for the link finds it as long as it has its sink.
        steps: list[Callable[[], None]] = [
            lambda: source._detach(self._tap),  # noqa: SLF001 - a link is one with its ends
            lambda: sink._unclaim(self),  # noqa: SLF001
            lambda: source._forget(self),  # noqa: SLF001
        ]
        for step in steps:
            try:
                step()
            except Exception as exc:
                self.error = self.error or exc
                logger.exception("%r: its end failed", self)
        self._tap.buffer.end()
        self._tap.buffer.clear()
        self._drop_rest()
        self._done.set()

    def _move(self) -> None:
        tap, clock, pipe = self._tap, self._clock, self._pipe
        pushed = self.source.is_pushed
        frames = round(BLOCK_SECONDS * self.source.sample_rate)
        generation = tap.buffer.generation
        waited: float | None = None  # while the pipe may hold a rest: since it was fed
        while self._runs():
            if pushed and not len(tap.buffer):
                clock.pause()  # what comes next is not late
            patience = _SLICE if pushed and waited is None else BLOCK_SECONDS
            blocks = _RESERVE_BLOCKS if self._is_dry() else 1
            try:
                block = tap.get(
                    blocks * frames, patience, blocks * BLOCK_SECONDS, self._runs
                )
            except EndOfStream:
                if self._send(pipe.flush()):
                    self.sink._finish(self._wanted)  # noqa: SLF001
                return
            except Exception:  # what ended the source; what it gave before is heard
                self._send(pipe.flush())
                raise
            if block is None:
                clock.pause()
                if waited is not None:
                    waited += patience
                    if waited >= _PAUSE:
                        waited = None
                        self._send_rest(pipe.flush())
                continue
            if generation != tap.buffer.taken:
                generation = tap.buffer.taken
                self._drop_rest()
            if self._pipe.source_rate != self.source.sample_rate:  # known only now
                pipe = self._pipe = self._make_pipe()
                frames = round(BLOCK_SECONDS * self.source.sample_rate)
            if (buffered := self._buffered()) > self._highest:
                self._highest = buffered
            # A clock never pauses: what it gives next belongs to what it gave.
            waited = None if self.source.is_clock else 0.0
            self._send(pipe.feed(block))

    def _send(self, blocks: list[NDArray[np.int16]]) -> bool:
        """Give blocks to the sink, each when it is due; False if that was stopped."""
        left = sum(map(len, blocks))
        try:
            for block in blocks:
                if not self._send_one(block):
                    return False  # nor are those behind it wanted
                left -= len(block)
            return True
        finally:
            self._cleared += left

    def _send_rest(self, blocks: list[NDArray[np.int16]]) -> None:
        """Give the end of what was said before a pause, late as it is."""
        if blocks:
            self.sink._pausing()  # noqa: SLF001 - a link is its sink's one writer
            self._send(blocks)

    def _send_one(self, block: NDArray[np.int16]) -> bool:
        if not self._wanted():
            return False
        if self._paced and not self._clock.tick(len(block) / self.sink.sample_rate):
            return False
        if not self.sink._put(block, self._wanted):  # noqa: SLF001
            return False
        self._frames += len(block)
        return True

    def _is_dry(self) -> bool:
        """Whether a stream is about to begin, or to go on after a gap."""
        if not self.sink.is_clock or self.source.is_clock or not self.source.is_pushed:
            return False
        return not len(self._tap.buffer) and self.sink._waiting() <= 0  # noqa: SLF001

    def _drop_rest(self) -> None:
        self._cleared += len(self._pipe)
        self._pipe.reset()

    def _join(self, timeout: float) -> None:
        started = self._thread.ident is not None
        if started and self._thread is not threading.current_thread():
            self._done.wait(max(0.0, timeout))

    def _halt(self) -> None:
        self._stopped.set()
        self._clock.stop()
        self._tap.buffer.wake()
        self.sink._wake()  # noqa: SLF001 - a link is its sink's one writer

    def _runs(self) -> bool:
        return not self._stopped.is_set()

    def _wanted(self) -> bool:
        """Whether the block in hand is still to be heard. Takes no lock."""
        buffer = self._tap.buffer
        return buffer.generation == buffer.taken and not self._stopped.is_set()

    def _buffered(self) -> float:
        return (
            len(self._tap.buffer) / self.source.sample_rate
            + len(self._pipe) / self.sink.sample_rate
            + self._pipe.delay
            + self.sink._waiting()  # noqa: SLF001
        )

    def __repr__(self) -> str:
        state = "active" if self.is_active else "ended"
        return f"<Link {self.source.name} to {self.sink.name}, {state}>"


def _left(end: float | None) -> float:
    return _SLICE if end is None else max(0.0, min(_SLICE, end - time.monotonic()))
