"""What may be shown of a URL, a header or a text that could hold a secret.

Used wherever something goes to a log, a repr, an exception or a trace. Of a URL these
are secrets:

- The user information (`user:password@`) and the fragment.
- Of the query every value, and what stands there without a value: a parameter with
  no "=", or nothing behind it.
- Of the path all behind `/request/` (VoxEngine's access URL), values (`;name=value`),
  and any other part between two "/" that looks like no name, where

  - it begins like a JSON Web Token (`eyJ`) and has 20 characters, or
  - a piece of it, between "." and ":", has 20 characters, four digits and a letter;
    not where the part ends as file names do (`.wav`: four at most), or dates in them
    would be secrets, or
  - such a piece has 16 characters that change so often between small letters,
    capitals and digits (every five characters) as no words do. Words and numbers that
    are joined by many "-" or "_" (every seven characters) are names.

What is none of these stays: scheme, host and port, names of parameters, words
(`BidiGenerateContent`), versions (`v1.2`), numbers, file names (`speech.wav`), and so
does a secret in the path that is short, or made of words or of digits alone: nothing
tells it from a name. Put such a secret into a header, or the query.

Of headers the values of those whose name smells of credentials are secrets. A
`Redactor` finds all these in other texts, if they have six characters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MASK", "Redactor", "redact_headers", "redact_url"]

MASK = "***"

_SECRET_HEADER = re.compile(
    r"auth|appcheck|cookie|token|key|secret|session|password", re.IGNORECASE
)
# Matrix parameters: who writes them means them as values, too.
_PATH_VALUE = re.compile(r"([&;][^=&;]*=)[^&;]*")
# The path of a VoxEngine session's access URL is its password (Voximplant notes, 1.1).
_ACCESS = re.compile(r"(?<=/request/)[^?#\s]+")
# What may be a part that nobody would choose. All of this takes linear time.
_JSON_TOKEN = re.compile(r"eyJ[\w.~%=+-]{17}")
_NUMBERED = re.compile(r"(?=(?:[^0-9]*[0-9]){4})(?=[^A-Za-z]*[A-Za-z])[\w~%=+-]{20,}")
_LIKE_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,3}\Z")
_RUN = re.compile(r"[\w~%=+-]{16,}")
_CHANGE = re.compile(
    r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Z])(?=[0-9])"
)
_JOINT = re.compile(r"[^A-Za-z0-9]")
_AUTHORITY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/]*")
# RFC 6455 fields that look secret by name but are public by design.
_PUBLIC = frozenset({"sec-websocket-key", "sec-websocket-accept"})
# Shorter values (true, 16, ja) are settings; masking them would spoil every text.
_MIN_SECRET = 6
# A shorter piece of an opaque part may be a word.
_LONG_PIECE = 16


def redact_url(url: str) -> str:
    """The URL with all masked that is a secret by the rules above.

    All values of the query, because no list of secret names is ever complete.
    """
    front, hash_, fragment = url.partition("#")
    front, mark, query = front.partition("?")
    found = _AUTHORITY.match(front)
    authority = found[0] if found else ""
    path = _ACCESS.sub(MASK, front[len(authority) :])
    parts = [MASK if _is_opaque(part) else part for part in path.split("/")]
    path = _PATH_VALUE.sub(rf"\g<1>{MASK}", "/".join(parts))
    pairs = re.split("([&;])", query)
    pairs[::2] = [_pair(pair) for pair in pairs[::2]]
    tail = hash_ + (fragment and MASK)
    return "".join((_without_user(authority), path, mark, *pairs, tail))


def _without_user(authority: str) -> str:
    scheme, slashes, rest = authority.partition("//")
    user, at, host = rest.rpartition("@")
    return scheme + slashes + (MASK if at else user) + at + host


def _pair(pair: str) -> str:
    """A parameter of a query as it may be shown."""
    name, _, value = pair.partition("=")
    if not value.strip("="):  # a bare word, or Base64 with its padding
        return pair and MASK
    return f"{MASK if _is_opaque(name) else name}={MASK}"


def _is_opaque(part: str) -> bool:
    """Whether a part of a path looks like no name; see above."""
    if _JSON_TOKEN.match(part) or any(map(_changes, _RUN.findall(part))):
        return True
    if _LIKE_FILE.search(part):
        return False
    return any(map(_NUMBERED.fullmatch, _pieces(part)))


def _changes(run: str) -> bool:
    joints = len(_JOINT.findall(run))
    return 5 * len(_CHANGE.findall(run)) > len(run) >= 7 * joints


def _pieces(part: str) -> list[str]:
    return re.split("[.:]", part)


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
        for pair in re.split("[&;]", parts.query):
            name, _, value = pair.partition("=")
            found |= {value} if value.strip("=") else {pair, name, unquote(name)}
            found |= {name} if _is_opaque(name) else set()
        for secret in _ACCESS.findall(parts.path):
            found |= set(secret.split("/"))
        for part in filter(_is_opaque, parts.path.split("/")):
            # A service that repeats the password of `id:password` repeats but that.
            found |= {part, *(p for p in _pieces(part) if len(p) >= _LONG_PIECE)}
        for part in (parts.username or "", parts.password or "", parts.fragment):
            found |= {part, unquote(part)}
        # As `data` sees what a server echoes in UTF-8.
        found |= {secret.encode().decode("latin-1") for secret in found}
        usable = sorted((s for s in found if len(s) >= _MIN_SECRET), key=len)
        self._pattern = (
            re.compile("|".join(map(re.escape, reversed(usable)))) if usable else None
        )
        # To look for these is a hundred times faster than for the pattern; who holds a
        # longer one ("Bearer abc") holds one of these, too.
        self._shortest: list[str] = []
        for secret in usable:
            if not any(short in secret for short in self._shortest):
                self._shortest.append(secret)

    def text(self, text: str) -> str:
        """The text with every known secret masked."""
        for secret in self._shortest:
            if secret in text:
                assert self._pattern is not None
                return self._pattern.sub(MASK, text)
        return text

    def data(self, data: bytes) -> bytes:
        """The bytes with every known secret masked."""
        if self._pattern is None:
            return data
        # latin-1 maps every byte to one character and back.
        return self.text(data.decode("latin-1")).encode("latin-1")

    def __repr__(self) -> str:
        return "<Redactor>"
