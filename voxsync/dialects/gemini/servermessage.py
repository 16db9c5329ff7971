"""What all messages of the service have in common."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar

from voxsync.dialects.gemini.sealed import sealed
from voxsync.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxsync.dialects.gemini.usage import UsageMetadata

__all__ = ["ServerMessage"]

_SHOWN = 500  # characters of each field in a repr


# Not slotted, against the custom of the house: what is absent is then found in the
# class, and a message of audio, of which 25 may come a second, need not set it.
@dataclass(frozen=True, kw_only=True, repr=False)
class ServerMessage:
    """What all messages of the service have.

    Attributes:
        type: Says which message it is.
        raw: The JSON object as it came, with all that has no field here. Messages
            are equal without being equal in this. Do not change it. Its repr masks
            a resumption handle.
        usage_metadata: If the service said it along with this message.
    """

    type: ClassVar[str] = ""
    usage_metadata: UsageMetadata | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "raw", sealed(self.raw))

    def __repr__(self) -> str:
        shown = []
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "new_handle" and value:
                value = MASK
            if each.compare and value is not None and value is not False:
                shown.append(f"{each.name}={repr(value)[:_SHOWN]}")
        return f"{type(self).__name__}({', '.join(shown)})"
