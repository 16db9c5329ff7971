"""Reads JSON as the Live API does: by tables of fields, each in either spelling."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "ANY",
    "BOOL",
    "BYTES",
    "INTEGER",
    "NUMBER",
    "STRUCT",
    "TEXT",
    "BadRequest",
    "Kind",
    "Reader",
    "choice",
    "fields",
    "many",
]

_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
_NAMES = 1000  # unknown ones that are kept


class BadRequest(ValueError):
    """What a client sent breaks a rule. The text is the close reason.

    Attributes:
        rule: A name for the rule, for records.
        code: The close code.
    """

    def __init__(self, rule: str, reason: str, code: int = 1007) -> None:
        super().__init__(reason)
        self.rule = rule
        self.code = code


class Reader:
    """How one message is read.

    Attributes:
        strict: Refuse unknown fields; False = pass them over.
        unknown: Those that were passed over, with their paths.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict
        self.unknown: list[str] = []

    def pass_over(self, key: str, path: str) -> None:
        """There is no such field.

        Raises:
            BadRequest: That is not borne.
        """
        if self.strict:
            raise BadRequest("unknown_field", f"{path} has no field {key[:80]!r}")
        if len(self.unknown) < _NAMES:
            self.unknown.append(f"{path}.{key[:80]}")


Kind = Callable[[Reader, Any, str], Any]
"""Takes a reader, a JSON value that is not null, and its path; gives what it means."""


def _wrong(path: str, expected: str, value: object) -> BadRequest:
    return BadRequest("wrong_type", f"{path} must be {expected}, not {_name(value)}")


def _name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number" if value is not None else "null")


def TEXT(_: Reader, value: Any, path: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(path, "a string", value)
    return value


def BOOL(_: Reader, value: Any, path: str) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise _wrong(path, "a boolean", value)
    return value


def NUMBER(_: Reader, value: Any, path: str) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(path, "a number", value)
    return value


def INTEGER(_: Reader, value: Any, path: str) -> int:
    """A whole number, also as a decimal string or as 3.0."""
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(path, "a whole number", value)
    return value


def BYTES(_: Reader, value: Any, path: str) -> bytes:
    """Base64 of either alphabet, padded or not."""
    if not isinstance(value, str):
        raise _wrong(path, "base64", value)
    text = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("bad_base64", f"{path} is not base64") from None


def STRUCT(_: Reader, value: Any, path: str) -> Mapping[str, Any]:
    """An object with keys of its own, which are left as they are."""
    if not isinstance(value, dict):
        raise _wrong(path, "an object", value)
    return value


def ANY(_: Reader, value: Any, path: str) -> Any:
    """Whatever it is."""
    del path
    return value


def choice(*names: str) -> Kind:
    """One of these names."""

    def read(_: Reader, value: Any, path: str) -> str:
        if value not in names:
            shown = repr(value[:80]) if isinstance(value, str) else _name(value)
            reason = f"{path} must be one of {', '.join(names)}, not {shown}"
            raise BadRequest("bad_value", reason)
        return str(value)

    return read


def many(kind: Kind) -> Kind:
    """A list of these."""

    def read(reader: Reader, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(path, "a list", value)
        return [kind(reader, one, f"{path}[{at}]") for at, one in enumerate(value)]

    return read


def fields(**kinds: Kind) -> Kind:
    """An object with these fields, spelled lowerCamelCase or snake_case.

    What is read has them in lowerCamelCase; those that are null are left out.
    """
    names = {name: name for name in kinds}
    names |= {_snake(name): name for name in kinds}

    def read(reader: Reader, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(path, "an object", value)
        found: dict[str, Any] = {}
        for key, inner in value.items():
            name = names.get(key)
            if name is None:
                reader.pass_over(key, path)
            elif name in found:
                raise BadRequest("field_twice", f"{path}.{name} is there twice")
            elif inner is not None:
                found[name] = kinds[name](reader, inner, f"{path}.{name}")
        return found

    return read


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)
