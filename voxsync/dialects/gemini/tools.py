"""What a model may use: functions of the application, tools of the service."""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.fields import (
    WireObject,
    choice,
    each,
    nested,
    option,
    recased,
    string,
    struct,
    to_wire,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FunctionBehavior",
    "FunctionDeclaration",
    "Tool",
    "tool_config_to_wire",
    "tools_to_wire",
]


class FunctionBehavior(StrEnum):
    """Whether the model waits for a function's answer."""

    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FunctionDeclaration(WireObject):
    """A function of the application that the model may call.

    Attributes:
        name: By which it is called.
        description: What it is for, in words that the model understands.
        parameters: Schema of its arguments, in the service's words. Never re-cased.
        parameters_json_schema: The same as JSON schema, instead. Never re-cased.
        response, response_json_schema: Likewise of what it gives.
        behavior: Whether the model waits for its answer; the default depends on the
            model.
    """

    name: str = option(string)
    description: str | None = option(string)
    parameters: Mapping[str, Any] | None = option(struct, hash=False)
    parameters_json_schema: Mapping[str, Any] | None = option(struct, hash=False)
    response: Mapping[str, Any] | None = option(struct, hash=False)
    response_json_schema: Mapping[str, Any] | None = option(struct, hash=False)
    behavior: FunctionBehavior | str | None = option(choice(FunctionBehavior))

    def wire(self) -> dict[str, object]:
        """The JSON object to send."""
        if self.name is None:
            raise ValueError("a FunctionDeclaration must have a name")
        return WireObject.wire(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tool(WireObject):
    """Functions of the application, or a tool of the service's own.

    Attributes:
        function_declarations: Functions, or dicts that stand for them.
        google_search, code_execution, url_context: `{}` is enough.
    """

    function_declarations: Sequence[FunctionDeclaration | Mapping[str, Any]] | None = (
        option(each(nested(FunctionDeclaration)))
    )
    google_search: Mapping[str, Any] | None = option(recased())
    code_execution: Mapping[str, Any] | None = option(recased())
    url_context: Mapping[str, Any] | None = option(recased())


_TOOL_CONFIG = recased(
    functionCallingConfig=recased(),
    retrievalConfig=recased(latLng=recased()),
)


def tools_to_wire(tools: object) -> list[object]:
    """A list of tools, as objects or dicts with keys in either case.

    Raises:
        TypeError, ValueError: It is no list, or one of them is no tool.
    """
    if isinstance(tools, list | tuple):
        for one in tools:
            if callable(one):
                raise TypeError(
                    "tools are declarations, not functions: give a dict with "
                    "'function_declarations', and answer the calls yourself"
                )
    return each(lambda where, value: to_wire(where, value, Tool))("tools", tools)


def tool_config_to_wire(tool_config: object) -> object:
    """How tools are to be used: a dict with keys in either case.

    Raises:
        TypeError, ValueError: It is nothing of that.
    """
    return _TOOL_CONFIG("tool_config", tool_config)
