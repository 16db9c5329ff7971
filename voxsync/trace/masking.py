"""What of a message may stand in a trace: all but the secrets.

Secrets are, in texts and in binary messages that are JSON:

- whatever the request for the connection held as a secret (`voxsync.redact`: header
  values of credentials, the query's values, user information) and what the caller
  names, wherever a message repeats it;
- the value of a JSON member whose name ends like that of a credential (`accessToken`,
  `api_key`, `password`, `Authorization`, ...), a text or a list of texts;
- the handles by which a Live session could be resumed: `newHandle`, and `handle` in a
  message about resumption.

All else of a message stays as it is, byte by byte: what was said, too, and binary
messages that are no JSON, whatever is in them. A trace is as private as the
conversation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voxsync.redact import MASK, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Masker"]

# The last words of names; what counts tokens (`totalTokenCount`) ends otherwise.
_SECRET_NAME = re.compile(
    r"(?:token|secret|password|passwd|passphrase|authorization|credentials?|cookie"
    r"|bearer|(?:api|access|private|secret|auth|session)[._-]?key(?:[._-]?string)?"
    r"|newhandle|new_handle)\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r'"([\w.-]{1,64})"\s*:')
_RESUMPTION = re.compile("session_?resumption", re.IGNORECASE)
_STRING = r'"(?:[^"\\]|\\.)*"'
_LIST = rf"\[\s*{_STRING}(?:\s*,\s*{_STRING})*\s*\]"
_TEXT = re.compile(_STRING)
_MOST_NAMES = 1024  # that are remembered as harmless
_LONGEST_NAME = 64
_LONG = 600  # characters
_EDGE = 256  # characters at both ends that may hold names
_LEAST_LEARNED = 14  # characters with quotes: shorter ones may be words
_MOST_LEARNED = 8  # they are looked for in each message
_MIN_SECRET = 6  # as in voxsync.redact: shorter ones are settings


class Masker:
    """Takes the secrets of one session out of its messages. Thread: one at a time.

    Args:
        secrets: Further texts that must not appear, of 6 characters at least.

    Raises:
        TypeError: `secrets` are not texts.
        ValueError: One is too short: it would be found in words.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: one may begin with another.
        self._own = dict.fromkeys(sorted(_checked(secrets), key=len, reverse=True))
        self._most = len(self._own) + _MOST_LEARNED
        self._redactors: dict[object, Redactor] = {}
        self._harmless: set[str] = set()  # names, and what might be one

    def learn(self, url: str, headers: Sequence[tuple[str, str]]) -> None:
        """From here on the secrets of this request are known, too."""
        key = (url, tuple(headers))
        if key not in self._redactors and len(self._redactors) < 64:
            self._redactors[key] = Redactor(url, headers)

    def text(self, text: str) -> str:
        """The message, or any other text, without secrets."""
        text = self.own(text)
        for redactor in self._redactors.values():
            text = redactor.text(text)
        if text.startswith(("{", "[", " ", "\n")):
            text = self._members(text)
        return text

    def own(self, text: str) -> str:
        """The text without the caller's secrets, and the handles that were given out.

        For a URL, whose own secrets are known by their place.
        """
        for secret in self._own:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def _members(self, text: str) -> str:
        short = _without_run(text) if len(text) > _LONG else None
        if short is not None and "\\" not in short:
            # This service's audio, over and over: all of its strings are known.
            strings = short.split('"')[1::2]
            if self._harmless.issuperset(strings):
                return text
            self._learn_harmless(strings)
        names = _NAME.findall(text if short is None else short)
        if self._harmless.issuperset(names):
            return text
        for name in set(names).difference(self._harmless):
            if self._is_secret(name, text):
                pattern = rf'("{re.escape(name)}"\s*:\s*)({_STRING}|{_LIST})'
                text = re.sub(pattern, self._masked, text)
        self._learn_harmless(names)
        return text

    def _learn_harmless(self, strings: Iterable[str]) -> None:
        """Remember those that are no secret's name, in whatever message."""
        for name in strings:
            if (
                len(self._harmless) < _MOST_NAMES
                and len(name) <= _LONGEST_NAME
                and name.lower() != "handle"
                and not _SECRET_NAME.search(name)
            ):
                self._harmless.add(name)

    def _masked(self, found: re.Match[str]) -> str:
        for value in _TEXT.findall(found[2]):
            # A service that gave out a handle may repeat it in its last words.
            if len(value) >= _LEAST_LEARNED and len(self._own) < self._most:
                self._own.setdefault(value[1:-1])
        return found[1] + _TEXT.sub(f'"{MASK}"', found[2])

    @staticmethod
    def _is_secret(name: str, text: str) -> bool:
        if name.lower() == "handle":
            return _RESUMPTION.search(text) is not None
        return _SECRET_NAME.search(name) is not None


def _checked(secrets: Iterable[str]) -> list[str]:
    if isinstance(secrets, str | bytes):
        kind = type(secrets).__name__
        raise TypeError(f"secrets must be several texts, not one {kind}")
    found = list(secrets)
    for secret in found:
        if not isinstance(secret, str):
            raise TypeError(f"each secret must be a str, not {type(secret).__name__}")
        if len(secret) < _MIN_SECRET:
            raise ValueError(
                f"each secret must have {_MIN_SECRET} characters or more, "
                f"not {len(secret)}: a shorter one would be found in words"
            )
    return found


def _without_run(text: str) -> str | None:
    """The text without the one long run that it is made of mostly, as audio is.

    The run has no quote in it, so no names. None: there is no such run.
    """
    end = len(text) - _EDGE
    if text.find('"', _EDGE, end) >= 0:
        return None
    start = text.rfind('"', 0, _EDGE) + 1
    if text[start] in ": \t\r\n":  # that quote ended a name
        return None
    return text[:start] + text[max(text.find('"', end), end) :]
