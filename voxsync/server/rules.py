"""Whom a listener lets in: by path, by origin, and as the application says."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from voxsync.redact import Redactor
from voxsync.server.upgrade import IncomingRequest, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Rules"]

logger = logging.getLogger("voxsync.server")


class Rules:
    """Judges requests.

    Args:
        path: The path that is served, or several; exactly, without a query. None =
            any.
        origins: The values of the `Origin` header that are let in, e.g.
            "https://app.example.com"; None = any. Browsers always send the header,
            programs (VoxEngine too) do not, and could write into it what they like:
            a request without it is let in.
        check: The application's own word; see `ask`.

    Raises:
        ValueError: No path at all, or one without "/" at its begin or with a query.
        TypeError: Something else than strings.

    Thread: any.
    """

    def __init__(
        self,
        *,
        path: str | Collection[str] | None = None,
        origins: str | Collection[str] | None = None,
        check: Callable[[IncomingRequest], Refusal | None] | None = None,
    ) -> None:
        self.paths = _strings("path", path)
        if self.paths == ():
            raise ValueError("path is empty: nobody could be let in")
        for one in self.paths or ():
            if not one.startswith("/") or "?" in one or "#" in one:
                raise ValueError(f'path must be like "/voice", not {one!r}')
        found = _strings("origins", origins)
        self._origins = (
            None if found is None else frozenset(_origin(value) for value in found)
        )
        self._check = check

    def judge(self, request: IncomingRequest) -> Refusal | None:
        """What path and origin say: 404, 403, or None = welcome so far."""
        if self.paths is not None and request.path not in self.paths:
            return Refusal(404, "nothing is served at this path")
        origin = request.headers.get("origin")
        if (
            self._origins is not None
            and origin is not None
            and _origin(origin) not in self._origins
        ):
            return Refusal(403, "pages of this origin are not let in")
        return None

    def ask(self, request: IncomingRequest) -> Refusal | None:
        """What the application says: its refusal, or None = welcome.

        If it raises, or returns something else, that is a 500 for the client and a
        traceback, without the request's secrets, in the log.
        """
        if self._check is None:
            return None
        try:
            found: object = self._check(request)
            if found is None or isinstance(found, Refusal):
                return found
            raise TypeError(  # noqa: TRY301 - reported as if the check had raised it
                "a check must return None or a Refusal, not "
                f"{type(found).__name__}: {self._check!r}"
            )
        except BaseException as exc:  # noqa: BLE001 - whatever user code raises is reported
            secrets = Redactor(
                "/?" + urlencode(request.query), tuple(request.headers.items())
            )
            logger.error(  # noqa: TRY400 - the traceback is in it, without secrets
                "the check of a request for %s failed; 500 was answered\n%s",
                request.path,
                secrets.text("".join(traceback.format_exception(exc))).rstrip(),
            )
            return Refusal(500, "the server could not judge this request")


def _strings(name: str, value: str | Collection[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a str, or several, not {value!r}")
    found = (value,) if isinstance(value, str) else tuple(value)
    for one in found:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be strings, not {one!r}")
    return found


def _origin(value: str) -> str:
    """As it is compared: scheme and host know no case."""
    return value.strip().rstrip("/").lower()
