"""What a trace shows of a message: no secret, and no recording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voxsync.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tracer"]

_PAYLOAD = re.compile(r'("payload"\s*:\s*")([^"]*)"')


class Tracer:
    """Makes lines for a log of messages.

    Args:
        url: Where to; the values of its query are masked wherever they turn up.
        headers: Of the upgrade: so are those of credentials.
    """

    def __init__(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._redactor = Redactor(url, headers)

    def line(self, text: str) -> str:
        """The message on one line, media with the length of its payload for it."""
        if '"media"' in text:
            text = _PAYLOAD.sub(
                lambda found: f'{found[1]}({len(found[2])} characters)"', text
            )
        # A peer's line break is not to look like the next entry.
        return self._redactor.text(text).replace("\r", "\\r").replace("\n", "\\n")
