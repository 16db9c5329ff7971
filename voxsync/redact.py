"""What may be shown of a URL, a header or a text that could hold a secret.

Used wherever something goes to a log, a repr, an exception or a trace.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MASK", "Redactor", "redact_headers", "redact_url"]

MASK = "***"

_SECRET_HEADER = re.compile(
    r"auth|cookie|token|key|secret|session|password", re.IGNORECASE
)
_QUERY_VALUE = re.compile(r"([?&;][^=&;#]*=)[^&;#]*")
# The path of a VoxEngine session's access URL is its password (Voximplant notes, 1.1).
_ACCESS = re.compile(r"(?<=/request/)[^?#\s]+")
# Any other part of a path that nobody would choose: 20 characters, four digits.
_OPAQUE = re.compile(
    r"(?<=/)(?=(?:[^/?#0-9]*[0-9]){4})(?=[^/?#]*[A-Za-z])[\w~%=+-]{20,}(?=[/?#]|$)"
)
_USER_INFO = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#]*@")
# RFC 6455 fields that look secret by name but are public by design.
_PUBLIC = frozenset({"sec-websocket-key", "sec-websocket-accept"})
# Shorter values (true, 16, ja) are settings; masking them would spoil every text.
_MIN_SECRET = 6


def redact_url(url: str) -> str:
    """The URL with its user information and all query values masked.

    All values, because no list of secret parameter names is ever complete. Of the
    path what gives access, or looks like it.
    """
    shown = _USER_INFO.sub(rf"\g<1>{MASK}@", url)
    shown = _OPAQUE.sub(MASK, _ACCESS.sub(MASK, shown))
    return _QUERY_VALUE.sub(rf"\g<1>{MASK}", shown)


def redact_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers with the values of all that smell of credentials masked."""
    return [(name, MASK if _is_secret(name) else value) for name, value in headers]


def _is_secret(name: str) -> bool:
    return bool(_SECRET_HEADER.search(name)) and name.lower() not in _PUBLIC


class Redactor:
    """Takes one request's secrets out of texts that come from elsewhere.

    A service may repeat the token in the body of its refusal; that must not
    reach an exception either.
    """

    def __init__(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        found = {value for name, value in headers if _is_secret(name)}
        # "Bearer abc": the scheme is not the secret, the rest is.
        found |= {part for value in found for part in value.split()}
        parts = urlsplit(url)
        found |= {value for _, value in parse_qsl(parts.query)}
        found |= set(re.findall(r"=([^&;]+)", parts.query))
        for secret in _ACCESS.findall(parts.path) + _OPAQUE.findall(parts.path):
            found |= set(secret.split("/"))
        found |= {part for part in (parts.username, parts.password) if part}
        # As `data` sees what a server echoes in UTF-8.
        found |= {secret.encode().decode("latin-1") for secret in found}
        usable = sorted((s for s in found if len(s) >= _MIN_SECRET), key=len)
        self._pattern = (
            re.compile("|".join(map(re.escape, reversed(usable)))) if usable else None
        )

    def text(self, text: str) -> str:
        """The text with every known secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def data(self, data: bytes) -> bytes:
        """The bytes with every known secret masked."""
        if self._pattern is None:
            return data
        # latin-1 maps every byte to one character and back.
        return self.text(data.decode("latin-1")).encode("latin-1")

    def __repr__(self) -> str:
        return "<Redactor>"
