"""What the end of a connection amounts to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from voxsync.errors import ConnectError, SessionClosed, SetupError, VoxsyncError
from voxsync.redact import Redactor, redact_url
from voxsync.session.lifecycle import Ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxsync.events import CloseEvent
    from voxsync.session.engine import Engine

__all__ = ["cleaned", "closed_error", "failed", "judge"]

_URL = re.compile(r"\b\w+://\S+")


def failed(exc: Exception) -> Ended:
    """The end of a connection that this broke."""
    reason = str(exc) if isinstance(exc, VoxsyncError) else "internal error"
    return Ended(code=1006, reason=reason, was_clean=False, by_us=False, cause=exc)


def cleaned(
    ended: Ended, request: tuple[str, Sequence[tuple[str, str]]], more: Sequence[str]
) -> Ended:
    """The same end, in words that repeat no secret of ours.

    Args:
        ended: How the connection came to its end; the words may be the peer's.
        request: URL and headers of the upgrade.
        more: Other secrets.
    """
    if not ended.reason:
        return ended
    url, headers = request
    redactor = Redactor(url, [*headers, *(("token", secret) for secret in more)])
    reason = redactor.text(ended.reason)
    # A Close frame has room for the beginning of a secret only, which is one, too.
    reason = _URL.sub(lambda found: redact_url(found[0]), reason)
    return replace(ended, reason=reason)


def judge(
    engine: Engine,
    ended: Ended,
    cause: Exception | None,
    unsent: int,
    *,
    cancelled: bool,
) -> Exception | None:
    """The error the end amounts to, if it does.

    Args:
        engine: The connection's.
        ended: How it came to its end.
        cause: What broke it, if something did.
        unsent: Accepted messages that did not go out.
        cancelled: The application asked for an end at once.
    """
    if engine.opened_at is None and isinstance(cause, ConnectError):
        return cause
    verdict = engine.dialect.verdict(
        ended.code, ended.reason, by_us=ended.by_us, was_clean=ended.was_clean
    )
    if engine.opened_at is None:
        # One with a handshake of its own has words for it.
        said = verdict if isinstance(verdict, ConnectError) else None
        error: Exception = said or _not_opened(ended)
    else:
        if verdict is None and cancelled:
            verdict = SessionClosed("the session was cancelled", reason="cancelled")
        if verdict is None:
            return None
        error = verdict
        if isinstance(verdict, SessionClosed):
            verdict.unsent = unsent
    if error.__cause__ is None:
        error.__cause__ = cause
    return error


def _not_opened(ended: Ended) -> ConnectError:
    if ended.was_clean and not ended.by_us:
        words = f": {ended.reason}" if ended.reason else ""
        return SetupError(
            f"the service refused the session with close code {ended.code}{words}",
            code=ended.code,
            reason=ended.reason,
        )
    return ConnectError(
        f"the session ended before it was open: {ended.reason or ended.code}"
    )


def closed_error(event: CloseEvent | None) -> SessionClosed:
    """For whoever sends too late; None = closing, but not over yet."""
    if event is None:
        return SessionClosed("the session is closing; nothing more can be sent")
    error = SessionClosed(
        f"the session is over (code {event.code}"
        + (f", {event.reason}" if event.reason else "")
        + ")",
        code=event.code,
        reason=event.reason,
        was_clean=event.was_clean,
        unsent=event.unsent,
    )
    error.__cause__ = event.error
    return error
