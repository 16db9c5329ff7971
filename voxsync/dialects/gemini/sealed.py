"""JSON objects of the service that hold a resumption handle, which no repr may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxsync.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["sealed"]

_UPDATES = ("sessionResumptionUpdate", "session_resumption_update")
_HANDLES = frozenset({"newHandle", "new_handle"})


class _Sealed(dict[str, object]):
    """An object as any other, but for its repr."""

    def __repr__(self) -> str:
        shown = {
            name: MASK if name in _HANDLES and value else value
            for name, value in self.items()
        }
        return repr(shown)


def sealed(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The same message of the service, its repr without the handle.

    Whoever has a handle can take the session over, and messages get into logs.

    Args:
        raw: As it came; one object may be several messages. Not changed, and itself
            given back where it holds no handle.
    """
    for name in _UPDATES:
        update = raw.get(name)
        if isinstance(update, dict):
            raw = {**raw, name: _Sealed(update)}
    return raw
