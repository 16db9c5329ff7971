"""The functions that a model calls: a call, and the answer to it."""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, overload

from voxsync.dialects.gemini.fields import (
    WireObject,
    boolean,
    choice,
    option,
    string,
    struct,
)

__all__ = ["FunctionCall", "FunctionResponse", "FunctionResponseScheduling"]


class FunctionResponseScheduling(StrEnum):
    """When the model hears of the answer to a call that it did not wait for."""

    INTERRUPT = "INTERRUPT"
    WHEN_IDLE = "WHEN_IDLE"
    SILENT = "SILENT"


@dataclass(frozen=True, slots=True)
class FunctionCall(WireObject):
    """The model asks for a function to be called.

    Attributes:
        id: Names the call in its answer; None where the service gives none (Vertex).
        name: The function's.
        args: Its arguments as they came.
    """

    id: str | None = option(string)
    name: str = option(string, default="")
    args: Mapping[str, Any] = option(struct, default=None, hash=False)

    def __post_init__(self) -> None:
        if self.args is None:
            object.__setattr__(self, "args", {})

    @classmethod
    def from_wire(cls, obj: Mapping[str, Any]) -> FunctionCall:
        """Read the JSON object `obj`; without `args` there are none."""
        return cls(obj.get("id"), obj.get("name") or "", obj.get("args"))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class FunctionResponse(WireObject):
    """The answer to one call.

    Attributes:
        id: The call's; None only where the call had none.
        name: The function's.
        response: A mapping that JSON can carry; what stands under `"output"` or
            `"error"` is taken for that, else all of it for the output. Never re-cased.
        scheduling: For functions the model does not wait for: when it hears of it.
        will_continue: More responses to this call will follow; False = this was the
            last one.

    Raises:
        TypeError, ValueError: A field has no value that the service could take.
    """

    id: str | None = option(string)
    name: str = option(string)
    response: Mapping[str, Any] = option(struct, hash=False)
    scheduling: FunctionResponseScheduling | str | None = option(
        choice(FunctionResponseScheduling)
    )
    will_continue: bool | None = option(boolean)

    if TYPE_CHECKING:  # the id may be left out, name and response may not

        @overload
        def __init__(
            self,
            id: str | None,
            name: str,
            response: Mapping[str, Any],
            scheduling: FunctionResponseScheduling | str | None = None,
            will_continue: bool | None = None,
        ) -> None: ...
        @overload
        def __init__(
            self,
            *,
            name: str,
            response: Mapping[str, Any],
            id: str | None = None,
            scheduling: FunctionResponseScheduling | str | None = None,
            will_continue: bool | None = None,
        ) -> None: ...
        def __init__(self, *_: Any, **__: Any) -> None: ...

    def __post_init__(self) -> None:
        string("FunctionResponse.name", self.name)
        if not isinstance(self.response, Mapping):
            raise TypeError(
                "FunctionResponse.response must be a mapping, e.g. "
                f'{{"output": ...}}, not {type(self.response).__name__}'
            )
        self.wire()
