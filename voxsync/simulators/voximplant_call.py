"""A call of a VoxEngine session: somebody who speaks and listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxsync.errors import InvalidState
from voxsync.media.sink import Sink
from voxsync.media.source import Source
from voxsync.media.unit import UnitStats
from voxsync.media.wavreader import WavReader
from voxsync.media.wavwriter import WavWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from voxsync.clocks import Clock
    from voxsync.media.link import Link
    from voxsync.media.source import MediaTarget

__all__ = ["Call"]

_RATE = 16000


class Call:
    """A connected call: a source of the caller's audio, a sink for what is heard.

    It hears one stream at a time; a newer one takes the place of the older, as in
    VoxEngine (Voximplant notes, 2.8 and 3.1). Any number of targets may get what the
    caller says. Made by `VoxEngine.call`.

    Attributes:
        number: From 1.
        on_connected: Called as `fn(call)` once it is connected, if it was set in the
            scenario; None = nothing.
        on_played: Called when the caller has said all that there was.
        on_disconnected: Called when it is over.

    Thread: any.
    """

    def __init__(
        self,
        number: int,
        source: Source | str | os.PathLike[str] | None,
        record: Sink | str | os.PathLike[str] | None,
        *,
        clock: Clock | None,
        played: Callable[[Call], object],
        hung_up: Callable[[Call], object],
    ) -> None:
        self.number = number
        self.on_connected: Callable[[Call], object] | None = None
        self.on_played: Callable[[Call], object] | None = None
        self.on_disconnected: Callable[[Call], object] | None = None
        self._hung_up = hung_up
        self._owned: list[Source | Sink] = []  # what we opened, and have to close
        self._over = False
        self._mouth: Source | None = None
        if source is None or isinstance(source, Source):
            if source is not None:
                source._check_more()  # noqa: SLF001 - or the call would be silent
            self._mouth = source
        else:
            self._mouth = WavReader(source)
            self._owned.append(self._mouth)
        if self._mouth is not None:
            self._mouth._at_end = lambda: played(self)  # noqa: SLF001 - nobody else can tell
        rate = _RATE if self._mouth is None else self._mouth.sample_rate
        if record is not None and not isinstance(record, Sink):
            try:
                record = WavWriter(record, rate)
            except BaseException:
                self._close_owned()
                raise
            self._owned.append(record)
        self._ear = _Ear(record, rate, f"call-{number}")
        if clock is not None:
            for unit in (self._mouth, self._ear):
                if unit is not None and unit.clock is None:
                    unit.clock = clock

    @property
    def is_over(self) -> bool:
        """Whether it was hung up."""
        return self._over

    @property
    def heard(self) -> UnitStats:
        """How much the caller has heard."""
        return self._ear.stats

    @property
    def spoken(self) -> UnitStats:
        """How much the caller has said."""
        return UnitStats() if self._mouth is None else self._mouth.stats

    def send_media_to(
        self,
        target: MediaTarget,
        parameters: object = None,
        *,
        paced: bool = True,
        **more: Any,
    ) -> Link:
        """Let what the caller says flow to `target`; as `Source.send_media_to`.

        Nothing flows once the caller has said all: that is no error, and the call goes
        on.

        Raises:
            InvalidState: It was hung up, or the caller has no voice.
            ...: As of `Source.send_media_to`.
        """
        if self._over or self._mouth is None:
            why = "is over" if self._over else "was made without a source"
            raise InvalidState(f"call {self.number} {why}: nobody speaks")
        return self._mouth._flow_to(target, parameters, paced, more)  # noqa: SLF001 - it speaks for us

    def stop_media_to(self, target: MediaTarget) -> None:
        """Let it flow to `target` no more."""
        if self._mouth is not None:
            self._mouth.stop_media_to(target)

    def hangup(self) -> None:
        """End the call: its audio stops, both ways. Idempotent."""
        if self._over:
            return
        self._over = True
        if self._mouth is not None:
            for link in self._mouth.links:
                link.stop()
        self._ear.close()
        self._close_owned()
        self._hung_up(self)

    def _media_sink(self, parameters: dict[str, Any]) -> Sink:
        """See `voxsync.media.source.MediaTarget`."""
        if self._over:
            raise InvalidState(f"call {self.number} is over: nobody listens")
        return self._ear._media_sink(parameters)  # noqa: SLF001 - it stands for us

    def _close_owned(self) -> None:
        for unit in self._owned:
            unit.close()

    def __repr__(self) -> str:
        return f"<Call {self.number}, {'over' if self._over else 'connected'}>"


class _Ear(Sink):
    """Takes one stream at a time, the newest, and gives it to another sink."""

    def __init__(self, inner: Sink | None, sample_rate: int, name: str) -> None:
        super().__init__(sample_rate if inner is None else inner.sample_rate, name)
        self._inner = inner

    @property
    def is_clock(self) -> bool:  # type: ignore[override]
        """As what is behind it: a speaker is one."""
        return self._inner is not None and self._inner.is_clock

    def clear(self) -> None:
        """See `Sink`."""
        if self._inner is not None:
            self._inner.clear()

    def _claim(self, link: Link) -> None:
        with self._link_lock:
            older, self._link = self._link, None
        if older is not None:
            older.abort(None)
        super()._claim(link)

    def _begin(self) -> None:
        if self._inner is not None:
            self._inner._begin()  # noqa: SLF001 - it is in front of it, and its only writer

    def _put(self, block: NDArray[np.int16], wanted: Callable[[], bool]) -> bool:
        if not wanted():
            return False
        if self._inner is not None and not self._inner._put(block, wanted):  # noqa: SLF001
            return False
        self._passed(block)
        return True

    def _waiting(self) -> float:
        return 0.0 if self._inner is None else self._inner._waiting()  # noqa: SLF001

    def _finish(self, wanted: Callable[[], bool]) -> None:
        if self._inner is not None:
            self._inner._finish(wanted)  # noqa: SLF001

    def _release(self) -> None:
        if self._inner is not None:
            self._inner._release()  # noqa: SLF001

    def _wake(self) -> None:
        if self._inner is not None:
            self._inner._wake()  # noqa: SLF001
