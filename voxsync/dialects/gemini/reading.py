"""What the service says, read with patience: either case, and numbers as strings.

Whatever comes, it becomes a value of the type that is promised, or a `ProtocolError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from voxsync.dialects.gemini.fields import camel
from voxsync.errors import ProtocolError

__all__ = [
    "Members",
    "Reader",
    "duration",
    "enum",
    "flag",
    "listed",
    "members",
    "obj",
    "pcm_rate",
    "read_members",
    "read_object",
    "require_shallow",
    "seconds",
    "text",
    "whole",
]

Reader = Callable[[object, str], Any]
"""Takes a value that is not null, and its name for errors."""

Members = Mapping[str, tuple[str, Reader]]
"""By key on the wire, in both cases: the name here, and who reads it."""

# What proto3 JSON allows. Deeper ones would fail later, in the application's hands:
# a repr or a comparison ends with a RecursionError.
_MOST_LEVELS = 100
_INT64 = 2**63
# Bounded: int() of thousands of digits is refused by Python in words of its own.
_DIGITS = re.compile(r"-?[0-9]{1,19}")
_DURATION = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,18})?s")
_RATE = re.compile(r";\s*rate\s*=\s*\"?([0-9]*)")
_RATES = (1, 384_000)
_RATE_DIGITS = 6
_USUAL = "audio/pcm;rate=24000"
_USUAL_RATE = 24_000
# They would be noise if they were played as samples.
_NOT_SAMPLES = re.compile(
    r"audio/(?:x-)?(?:wave?|mpeg\d?|mp[234]|m4a|aac|aiff?|ogg|opus|webm|flac|amr|3gpp"
    r"|basic|mulaw|alaw|pcmu|pcma|vorbis|speex)(?![\w.+-])"
)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


# Python's own reader would take NaN and Infinity, which are no JSON.
_decode = json.JSONDecoder(parse_constant=_no_number).decode


def read_object(data: str | bytes) -> dict[str, Any]:
    """The JSON object in a text or binary message.

    Raises:
        ProtocolError: It is something else.
    """
    try:
        found = _decode(data if isinstance(data, str) else data.decode())
    # ValueError: not UTF-8, not JSON, or a number of thousands of digits.
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(
            f"the service sent something that is not JSON ({type(exc).__name__})",
            raw=data,
        ) from exc
    if type(found) is not dict:
        raise ProtocolError(
            f"the service sent JSON that is not an object ({type(found).__name__})",
            raw=data,
        )
    return found


def require_shallow(found: Mapping[str, Any]) -> None:
    """Refuse what is nested more deeply than anybody does in earnest.

    Raises:
        ProtocolError: More than 100 levels.
    """
    level: list[Any] = [found]
    for _ in range(_MOST_LEVELS):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise ProtocolError(f"a message is nested more than {_MOST_LEVELS} levels deep")


def read_members(**readers: Reader) -> Members:
    """A table for `members` of snake_case names."""
    table = {}
    for name, reader in readers.items():
        table[name] = table[camel(name)] = (name, reader)
    return table


def members(value: object, where: str, table: Members) -> dict[str, Any]:
    """What this object has of the table's members, by their names here.

    Others are passed over, and so is null, which means absent (proto3 JSON).

    Raises:
        ProtocolError: It is no object, or one of them is not what it should be.
    """
    found = {}
    for key, item in obj(value, where).items():
        known = table.get(key)
        if known is not None and item is not None:
            name, read = known
            found[name] = read(item, f"{where}.{key}")
    return found


def obj(value: object, where: str) -> dict[str, Any]:
    """A JSON object."""
    if type(value) is not dict:
        raise _wrong(where, "an object", value)
    return value


def listed(read: Reader) -> Reader:
    """A list, of which every item is read so; it becomes a tuple."""

    def read_list(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return tuple([read(item, f"an item of {where}") for item in value])

    return read_list


def text(value: object, where: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(where, "a string", value)
    return value


def enum(value: object, where: str) -> str:
    """The name of an enum's member; one that has no name yet comes as its number."""
    return str(whole(value, where)) if type(value) is int else text(value, where)


def flag(value: object, where: str) -> bool:
    """True or false, also as a string."""
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise _wrong(where, "true or false", value)


def whole(value: object, where: str) -> int:
    """A whole number of 64 bits, as a number or as a string (proto3 JSON)."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    # True is an int to Python.
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise _wrong(where, "a whole number of 64 bits", value)
    return value


def duration(value: object) -> float | None:
    """Seconds of a duration such as "12.5s"; None = it is something else."""
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return float(value[:-1])
    return None


def seconds(value: object, where: str) -> float:
    """Seconds of a duration that must be one."""
    found = duration(value)
    if found is None:
        raise _wrong(where, 'a duration such as "1.5s"', value)
    return found


def pcm_rate(mime_type: str) -> int | None:
    """The sample rate in Hz of raw 16-bit audio; None = it is nothing that can sound.

    24000 where it is not named. What begins with `audio/` counts as raw, but for types
    that are known to be something else, and rates outside of 1 to 384000.
    """
    if mime_type == _USUAL:
        return _USUAL_RATE
    kind = mime_type.lower()
    if not kind.startswith("audio/") or _NOT_SAMPLES.match(kind):
        return None
    named = _RATE.search(kind)
    if named is None:
        return _USUAL_RATE
    least, most = _RATES
    rate = int(named[1]) if 0 < len(named[1]) <= _RATE_DIGITS else 0
    return rate if least <= rate <= most else None


def _wrong(where: str, wanted: str, value: object) -> ProtocolError:
    # Its type, not its value: that may be a megabyte.
    return ProtocolError(f"{where} must be {wanted}, not {type(value).__name__}")
