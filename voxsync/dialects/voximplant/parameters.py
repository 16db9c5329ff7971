"""What the door was called with: a parameters object, or its fields by name."""

from __future__ import annotations

from typing import Any

from voxsync.dialects.voximplant.names import (
    ClearMediaBufferParameters,
    SendMediaParameters,
)

__all__ = ["send_parameters", "tag_given"]

_FIELDS = ("tag", "encoding", "custom_parameters")


def send_parameters(given: dict[str, Any]) -> SendMediaParameters:
    """How audio is to go out: of `parameters=` or of the fields, not of both.

    Raises:
        TypeError, ValueError: Both, a name that nobody knows, or a value that makes no
            sense.
    """
    more = {name: value for name, value in given.items() if name != "parameters"}
    settings = given.get("parameters")
    if settings is None:
        unknown = sorted(more.keys() - set(_FIELDS))
        if unknown:
            raise TypeError(
                f"a WebSocket takes no parameter {', '.join(unknown)}; there are "
                f"{', '.join(_FIELDS)}"
            )
        return SendMediaParameters(**more)
    if more:
        raise TypeError("give SendMediaParameters, or tag=... and so on, not both")
    _check(settings, SendMediaParameters)
    return settings  # type: ignore[no-any-return]


def tag_given(
    parameters: SendMediaParameters | ClearMediaBufferParameters | None,
    tag: str | None,
    kind: type[SendMediaParameters | ClearMediaBufferParameters],
) -> str | None:
    """The tag, whichever way it was given; None = it was not.

    Raises:
        TypeError: Both ways, or parameters that are not of this kind.
    """
    if parameters is None:
        if tag is not None and not isinstance(tag, str):
            raise TypeError(f"tag must be a str, not {type(tag).__name__}")
        return tag
    _check(parameters, kind)
    if tag is not None:
        raise TypeError("give parameters, or tag=..., not both")
    return parameters.tag


def _check(parameters: object, kind: type) -> None:
    if not isinstance(parameters, kind):
        raise TypeError(
            f"parameters must be {kind.__name__}(...), not "
            f"{type(parameters).__name__}; a tag alone is given as tag=..."
        )
