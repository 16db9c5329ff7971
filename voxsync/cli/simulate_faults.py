"""Faults on the command line of `voxsync simulate`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from voxsync.simulators.faults import Fault, FaultT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["menu", "read_fault"]

_SETTINGS = {each.name: each.type for each in fields(Fault) if each.name != "name"}


def menu(faults: Mapping[str, str]) -> str:
    """What there is, and what each does."""
    wide = max(map(len, faults))
    lines = [f"{name:{wide}}  {faults[name]}" for name in faults]
    return "\n".join([*lines, "", f"settings: {', '.join(_SETTINGS)}"])


def read_fault(text: str, make: Callable[..., FaultT]) -> FaultT:
    """A fault from the command line, e.g. `close:code=4003,at=audio`.

    Args:
        text: Name and settings.
        make: Makes it of those: that of the menu.

    Raises:
        argparse.ArgumentTypeError: Nothing like that; the message says what there is.
    """
    name, _, rest = text.partition(":")
    settings: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if key not in _SETTINGS or not equals:
            raise argparse.ArgumentTypeError(
                f"{pair!r}: write KEY=VALUE with a key of {', '.join(_SETTINGS)}"
            )
        settings[key] = _value(key, value)
    try:
        return make(name, **settings)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _value(key: str, value: str) -> object:
    kind = str(_SETTINGS[key])  # annotations are text here
    try:
        if kind.startswith("int"):
            return int(value)
        if kind == "float":
            return float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{key}={value}: not a number") from None
    return value
