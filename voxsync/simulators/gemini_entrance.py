"""Where clients of the Live API come in: which API a path means, and who may enter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxsync.server import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from voxsync.server import IncomingRequest

__all__ = ["PATHS", "Door", "Entrance", "credential"]

_V = r"v[0-9]+[a-z0-9]*"
_GENERATIVE = rf"/ws/google\.ai\.generativelanguage\.{_V}\.GenerativeService"
_FIREBASE = rf"/ws/google\.firebase\.vertexai\.{_V}"

PATHS: Final = {
    "developer": re.compile(rf"{_GENERATIVE}\.BidiGenerateContent\Z"),
    "constrained": re.compile(rf"{_GENERATIVE}\.BidiGenerateContentConstrained\Z"),
    "vertex": re.compile(
        rf"/ws/google\.cloud\.aiplatform\.{_V}\.LlmBidiService/BidiGenerateContent\Z"
    ),
    "firebase": re.compile(rf"{_FIREBASE}\.GenerativeService/BidiGenerateContent\Z"),
    "firebase-vertex": re.compile(
        rf"{_FIREBASE}\.LlmBidiService/BidiGenerateContent/locations/[A-Za-z0-9-]+\Z"
    ),
    "any": re.compile(r"/\Z"),
}
"""The paths of each API, doubled slashes taken for one; "any" asks for no form."""

_SCHEMES: Final = {
    "constrained": ("token",),
    "vertex": ("bearer",),
    "any": ("token", "bearer"),
}


@dataclass(frozen=True, slots=True)
class Door:
    """By which way a client came in.

    Attributes:
        api: One of `PATHS`.
    """

    api: str

    @property
    def counts_candidates(self) -> bool:
        """Whether usage has Vertex's names."""
        return self.api in ("vertex", "firebase-vertex")


class Entrance:
    """Judges requests. Thread: any.

    Args:
        keys: What lets in: an API key or token, several, or a callable that judges
            one. None = everybody is let in.
    """

    def __init__(
        self, keys: str | Collection[str] | Callable[[str], bool] | None = None
    ) -> None:
        self._keys = frozenset({keys}) if isinstance(keys, str) else keys

    def judge(self, request: IncomingRequest) -> Door | Refusal:
        """Say by which door a request comes in, or why it does not."""
        path = re.sub("/{2,}", "/", request.path)
        api = next((api for api, form in PATHS.items() if form.match(path)), None)
        if api is None:
            return Refusal(404, "The requested URL was not found on this server.")
        if self._keys is not None:
            found = credential(request, api)
            if found is None:
                return Refusal(401, "Request is missing a valid API key or token.")
            keys = self._keys
            if not (keys(found) if callable(keys) else found in keys):
                return Refusal(403, "The API key or token is not valid.")
        return Door(api)


def credential(request: IncomingRequest, api: str) -> str | None:
    """The key or token that a request carries, where its API looks for it.

    `Authorization: Firebase ...` says who the user is, not which app: it is not
    looked at, nor is App Check.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if token.strip() and scheme.lower() in _SCHEMES.get(api, ()):
        return token.strip()
    if api in ("constrained", "any") and request.query.get("access_token"):
        return request.query["access_token"]
    return request.headers.get("x-goog-api-key") or request.query.get("key") or None
