"""Fields of what a client sends: checked where they are written, camelCase on the wire.

Keys are re-cased at places whose names are known, and nowhere else: what stands in
`args`, `response`, a JSON schema or labels belongs to the application.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from enum import StrEnum

__all__ = [
    "Kind",
    "WireObject",
    "boolean",
    "camel",
    "choice",
    "each",
    "kinds",
    "member",
    "nested",
    "number",
    "option",
    "recased",
    "snake",
    "sort_keys",
    "string",
    "strings",
    "struct",
    "to_wire",
    "whole",
]

Kind = Callable[[str, object], object]
"""Checks a value and gives it as it stands on the wire; told its name for errors."""

_UNDERSCORE = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")
_MISSING = object()


@lru_cache(maxsize=512)  # an application's keys are in it, too
def camel(name: str) -> str:
    """`mime_type` as `mimeType`; a name that is camelCase already stays."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


@lru_cache(maxsize=512)
def snake(name: str) -> str:
    """`mimeType` as `mime_type`; a name that is snake_case already stays."""
    return _CAPITAL.sub(lambda found: "_" + found[0].lower(), name)


def member(obj: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """What a JSON object has under this camelCase name, in whichever case it came."""
    found = obj.get(name, _MISSING)
    return obj.get(snake(name), default) if found is _MISSING else found


def option(kind: Kind, *, default: object = None, **settings: Any) -> Any:
    """A field that is checked by this kind, and absent where it is None."""
    return field(default=default, metadata={"kind": kind}, **settings)


class WireObject:
    """A frozen dataclass of `option`s; each is checked when the object is made."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        self.wire()

    def wire(self) -> dict[str, object]:
        """The JSON object to send: camelCase, what is None left out.

        Raises:
            TypeError, ValueError: A field has no value that the service could take.
        """
        found: dict[str, object] = {}
        for name, kind in kinds(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                found[camel(name)] = kind(f"{type(self).__name__}.{name}", value)
        return found

    def __repr__(self) -> str:
        given = [(name, getattr(self, name)) for name in kinds(type(self))]
        shown = (f"{name}={value!r}" for name, value in given if value is not None)
        return f"{type(self).__name__}({', '.join(shown)})"


def kinds(form: type[WireObject]) -> Mapping[str, Kind]:
    """The class's options by name; its other fields are not of the wire."""
    found = _KINDS.get(form)
    if found is None:
        # Two threads may do this at once; both find the same.
        found = _KINDS[form] = {
            one.name: one.metadata["kind"]
            for one in fields(form)
            if "kind" in one.metadata
        }
    return found


_KINDS: dict[type[WireObject], Mapping[str, Kind]] = {}
ObjectT = TypeVar("ObjectT", bound=WireObject)


def to_wire(where: str, value: object, form: type[ObjectT]) -> dict[str, object]:
    """An object of this class, or a dict that stands for one, as JSON object.

    Args:
        where: Its name for errors.
        value: An instance, or a mapping with keys in either case. Keys that the class
            does not know go along, re-cased, with their values as they are.
        form: The class.

    Raises:
        TypeError, ValueError: It is neither, or one of its values makes no sense.
    """
    if isinstance(value, form):
        return value.wire()
    if not isinstance(value, Mapping):
        raise _wrong(where, f"{form.__name__} or a dict", value)
    known, extra = sort_keys(where, value, kinds(form))
    return {**extra, **form(**known).wire()}


def sort_keys(
    where: str, value: Mapping[Any, Any], names: Container[str]
) -> tuple[dict[str, Any], dict[str, object]]:
    """The members of these snake_case names, and the others under camelCase names."""
    known: dict[str, Any] = {}
    extra: dict[str, object] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _wrong(f"a key of {where}", "a str", key)
        place, name = (
            (known, snake(key)) if snake(key) in names else (extra, camel(key))
        )
        if name in place:
            raise ValueError(f"{where} has {key!r} twice, once in each case")
        place[name] = item
    return known, extra


def nested(form: type[ObjectT]) -> Kind:
    """An object of this class, or a dict that stands for one."""
    return lambda where, value: to_wire(where, value, form)


def each(kind: Kind) -> Callable[[str, object], list[object]]:
    """A list or tuple, every item of this kind."""

    def check(where: str, value: object) -> list[object]:
        if not isinstance(value, list | tuple):
            raise _wrong(where, "a list or tuple", value)
        return [kind(f"{where}[{at}]", item) for at, item in enumerate(value)]

    return check


def strings(where: str, value: object) -> list[object]:
    """A list or tuple of texts that are not empty."""
    return each(string)(where, value)


def recased(**inner: Kind) -> Kind:
    """An object in the service's words, its keys in either case.

    Args:
        inner: Kinds of members by camelCase name; of the others the values stay as
            they are.
    """

    def check(where: str, value: object) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise _wrong(where, "a dict", value)
        _, found = sort_keys(where, value, ())
        for name, kind in inner.items():
            if found.get(name) is not None:
                found[name] = kind(f"{where}.{name}", found[name])
        return found

    return check


def choice(names: type[StrEnum]) -> Kind:
    """A member of the enum, or its value as a str."""

    def check(where: str, value: object) -> str:
        if not isinstance(value, str):
            raise _wrong(where, f"{names.__name__} or its name as a str", value)
        if value not in list(names):
            known = ", ".join(names)
            raise ValueError(f"{where} must be one of {known}, not {str(value)!r}")
        return str(value)

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Kind:
    """A finite number between two bounds, which belong to it."""

    def check(where: str, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(where, "a number", value)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{where} must be {_range(low, high)}, not {value!r}")
        return value

    return check


def whole(low: float = -math.inf, high: float = math.inf) -> Kind:
    """A whole number between two bounds, which belong to it."""

    def check(where: str, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(where, "a whole number", value)
        return number(low, high)(where, value)

    return check


def boolean(where: str, value: object) -> object:
    """A bool."""
    if not isinstance(value, bool):
        raise _wrong(where, "a bool", value)
    return value


def string(where: str, value: object) -> str:
    """A str that is not empty."""
    if not isinstance(value, str):
        raise _wrong(where, "a str", value)
    if not value:
        raise ValueError(f"{where} is empty; leave it out instead")
    return str(value)


def struct(where: str, value: object) -> dict[str, object]:
    """An object of the application's own, never re-cased."""
    if not isinstance(value, Mapping):
        raise _wrong(where, "a mapping", value)
    return dict(value)


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return "finite" if math.isinf(high) else f"at most {high:g}"
    return f"{low:g} or more" if math.isinf(high) else f"from {low:g} to {high:g}"


def _wrong(where: str, wanted: str, value: object) -> TypeError:
    # Its type, not its value: that may be a secret, or a megabyte of sound.
    return TypeError(f"{where} must be {wanted}, not {type(value).__name__}")
