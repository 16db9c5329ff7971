"""What services are made of, judged when they are made and not by the first client."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from voxsync.simulators.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_callable",
    "check_codes",
    "check_duration",
    "check_faults",
    "check_flags",
    "check_keys",
    "check_names",
    "check_part",
    "kind_of",
]

FaultT = TypeVar("FaultT", bound=Fault)


def kind_of(value: object) -> str:
    """What was given, in a few words; of a text or a number itself."""
    if isinstance(value, type):
        return f"the class {value.__name__} (make one: {value.__name__}())"
    short = isinstance(value, str | bytes | int | float) and len(repr(value)) <= 40
    return repr(value) if short else f"an object of type {type(value).__name__}"


def check_faults(
    faults: Iterable[FaultT], kind: type[FaultT], home: str
) -> tuple[FaultT, ...]:
    """The faults of a service, all of its own menu.

    Args:
        faults: What was given.
        kind: The class of those faults.
        home: The module whose `fault` makes them.

    Raises:
        TypeError: Others, or no faults at all.
    """
    wanted = f"a list of faults, such as [{home}.fault('close')]"
    if isinstance(faults, str | Fault) or not isinstance(faults, Iterable):
        raise TypeError(f"faults must be {wanted}, not {kind_of(faults)}")
    found = tuple(faults)
    for number, each in enumerate(found):
        # Menus inherit from the first one, whose class says too little.
        if not isinstance(each, kind) or each.menu is not kind.menu:
            given = kind_of(each)
            if isinstance(each, Fault):
                given = f"the {type(each).__name__} {each.name!r} of another service"
            raise TypeError(f"faults must be {wanted}; faults[{number}] is {given}")
    return found


def check_part(name: str, value: object, method: str, wanted: str) -> None:
    """Complain about what cannot be a service's recogniser, voice or brain.

    Args:
        name: Of the argument.
        value: What was given; None is for the caller to judge.
        method: What it must have.
        wanted: Words for what would be right.

    Raises:
        TypeError: It has no such method, or is a class.
    """
    if isinstance(value, type) or not callable(getattr(value, method, None)):
        raise TypeError(
            f"{name} must be {wanted}, an object of yours with {method}(), or None, "
            f"not {kind_of(value)}"
        )


def check_callable(name: str, value: Callable[..., object] | None, call: str) -> None:
    """Complain about what is no function.

    Raises:
        TypeError: It is neither None nor can it be called as `call` says.
    """
    if value is not None and not callable(value):
        raise TypeError(
            f"{name} must be a function, called as {call}, or None, not "
            f"{kind_of(value)}"
        )


def check_keys(name: str, value: object) -> None:
    """Complain about what lets nobody in. What was given is not shown: it is secret.

    Raises:
        TypeError: It is not a str, several, a function or None.
    """
    if value is None or isinstance(value, str) or callable(value):
        return
    if not _are_texts(value):
        others = isinstance(value, Collection) and not isinstance(value, bytes)
        raise TypeError(
            f"{name} must be a str, several, a function that judges one, or None for "
            f"everybody, not {type(value).__name__}{' of others' if others else ''}"
        )


def check_names(name: str, value: object, example: str) -> None:
    """Complain about what are not several names.

    Raises:
        TypeError: It is a single str, or something else.
    """
    if isinstance(value, str) or not _are_texts(value):
        raise TypeError(
            f"{name} must be several names, such as {example}, not {kind_of(value)}"
        )


def check_codes(name: str, value: Mapping[str, int] | None) -> None:
    """Complain about what are not close codes by name.

    Raises:
        TypeError: It is no mapping, or not to integers.
    """
    good = value is None or isinstance(value, Mapping)
    if not good or any(type(each) is not int for each in (value or {}).values()):
        raise TypeError(
            f"{name} must be a mapping of names to close codes, such as "
            f"{{'idle': 4001}}, or None, not {value!r}"
        )


def check_duration(name: str, value: object, *, endless: bool = False) -> None:
    """Complain about what is no time.

    Args:
        name: Of the argument.
        value: Seconds.
        endless: None is allowed, too.

    Raises:
        TypeError: It is no number.
        ValueError: It is less than 0, or no number that can be compared.
    """
    if value is None and endless:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        none = ", or None for no limit" if endless else ""
        raise TypeError(f"{name} must be seconds{none}, not {kind_of(value)}")
    if not value >= 0:
        raise ValueError(f"{name} must be 0 s or more, not {value}")


def check_flags(**flags: object) -> None:
    """Complain about what is neither True nor False.

    Raises:
        TypeError: One of them is something else.
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, not {kind_of(value)}")


def _are_texts(value: object) -> bool:
    return isinstance(value, Collection) and all(isinstance(x, str) for x in value)
