"""What a connection needs of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from voxsync.session.delivery import Delivery
    from voxsync.session.figures import Figures
    from voxsync.session.options import SessionOptions
    from voxsync.session.outbox import Outbox
    from voxsync.session.streams import Streams
    from voxsync.session.tapping import Taps

__all__ = ["Owner"]


class Owner(Protocol):
    """What of a session outlives one connection."""

    id: str
    options: SessionOptions
    _outbox: Outbox
    _delivery: Delivery
    _figures: Figures
    _taps: Taps

    def _secrets(self) -> tuple[str, ...]:
        """What no text may repeat, besides what the request holds."""
        ...

    def _make_streams(self) -> Streams: ...

    def _ending(self) -> None: ...

    def _ended_badly(self, error: BaseException) -> None: ...
