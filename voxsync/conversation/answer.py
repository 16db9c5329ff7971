"""PURE: what a function handler takes, and what becomes of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from voxsync.session.messages import json_text

__all__ = ["FunctionHandler", "ModelCall", "error_answer", "good_answer", "takes_event"]

FunctionHandler = Callable[..., object]

# Most that the model is told of an error: it is to read it, not a traceback.
_MOST_WORDS = 1000
_JSON = (type(None), bool, int, float, str, list, tuple)


class ModelCall(Protocol):
    """What the service's message says of one call."""

    @property
    def id(self) -> str | None:
        """By which it is answered, and cancelled."""
        ...

    @property
    def name(self) -> str:
        """The function's."""
        ...

    @property
    def args(self) -> Any:
        """Its arguments."""
        ...


def takes_event(handler: FunctionHandler) -> bool:
    """Whether the handler wants to know when its answer is not wanted any more.

    That is so if it must be given two arguments, or its second is called `cancelled`.

    Raises:
        TypeError: It cannot be called with the call, or is a coroutine function.
    """
    if not callable(handler):
        raise TypeError(
            f"function_handler must be callable, not {type(handler).__name__}"
        )
    if inspect.iscoroutinefunction(handler):
        raise TypeError(
            f"function_handler must be a plain function, not the coroutine {handler!r}"
        )
    try:
        signature = inspect.signature(handler)
    except ValueError:  # some built-ins have none
        return False
    own = [
        p
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    second = own[1] if len(own) > 1 else None
    both = second is not None and (
        second.default is second.empty or second.name == "cancelled"
    )
    try:
        signature.bind(*(2 if both else 1) * (None,))
    except TypeError as exc:
        raise TypeError(
            f"function_handler is called with the call, and with an Event if it takes "
            f"two arguments; {handler!r} takes neither: {exc}"
        ) from None
    return both


def good_answer(call: ModelCall, result: object) -> dict[str, Any]:
    """The answer to a call: by its own id, whatever the handler says of that.

    Args:
        call: Which one.
        result: A dict is the response; what has a `response` gives that, `scheduling`
            and `will_continue`; any other JSON value becomes `{"result": value}`.

    Raises:
        TypeError, ValueError: That is no JSON.
    """
    more: dict[str, Any] = {}
    inner = getattr(result, "response", None)
    if isinstance(inner, Mapping):
        response = dict(inner)
        for name in ("scheduling", "will_continue"):
            value = getattr(result, name, None)
            if value is not None:
                more[name] = value
    elif isinstance(result, Mapping):
        response = dict(result)
    elif isinstance(result, _JSON):
        response = {"result": result}
    else:
        raise TypeError(
            f"the handler of {call.name!r} returned {type(result).__name__}; return a "
            "dict, another JSON value, or a FunctionResponse"
        )
    try:
        json_text(response)
    except (TypeError, ValueError, RecursionError) as exc:
        raise TypeError(
            f"what the handler of {call.name!r} returned is no JSON: {exc}"
        ) from exc
    return _answer(call, response) | more


def error_answer(call: ModelCall, error: BaseException) -> dict[str, Any]:
    """The answer to a call that failed: the model is told why."""
    try:
        words = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an exception of the program's that cannot be shown
        words = type(error).__name__
    # A lone surrogate could not be sent, and then the model would wait for ever.
    words = words[:_MOST_WORDS].encode(errors="replace").decode()
    return _answer(call, {"error": words})


def _answer(call: ModelCall, response: dict[str, Any]) -> dict[str, Any]:
    answer = {"id": call.id, "name": call.name, "response": response}
    if call.id is None:  # a service that gives none takes none
        del answer["id"]
    return answer
