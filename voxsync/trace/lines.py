"""Records as lines of a trace: JSON, one object each, without secrets."""

from __future__ import annotations

import binascii
import datetime as dt
import functools
import json
import platform
from dataclasses import asdict, is_dataclass
from importlib.metadata import version
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from voxsync.redact import redact_headers, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voxsync.events import Event
    from voxsync.session.stats import Stats
    from voxsync.session.tapping import TapRecord
    from voxsync.trace.masking import Masker

__all__ = ["FORMAT", "Lines"]

FORMAT = 1
"""The number that a trace's first line gives as `voxsync_trace`."""

_BRACE = ord("{")
# What of an event is for everybody; its target, and what only programs know, is not.
_FIGURES = ("tag", "encoding", "code", "reason", "was_clean", "unsent")


class Lines:
    """Makes lines; pure but for the date. Thread: one at a time.

    Args:
        masker: Takes out the secrets.
        started: The time of the records that is 0 in the trace.
    """

    def __init__(self, masker: Masker, started: float) -> None:
        self._masker = masker
        self._started = started
        self._last = 0.0  # two connections' threads may be out of step by a little

    def header(self, **about: object) -> bytes:
        """The first line: what is recorded, and by what."""
        if "url" in about:
            about["url"] = self._url(str(about["url"]))
        return _line(
            voxsync_trace=FORMAT,
            t=0.0,
            **about,
            started=dt.datetime.now(dt.UTC).isoformat("T", "milliseconds"),
            python=platform.python_version(),
            voxsync=_version(),
        )

    def of(self, record: TapRecord) -> bytes:
        """One record."""
        moment, way, kind, data, connection = record
        moment = self._last = max(self._last, moment - self._started)
        head = f'{{"t":{moment:.6f},"dir":"{way}","kind":"{kind}",'
        if connection > 1:
            head += f'"conn":{connection},'
        if kind == "text":
            text = data if type(data) is str else data.decode("utf-8", "replace")
            words = encode_basestring(self._masker.text(text))
            return f'{head}"text":{words}}}\n'.encode()
        if kind in ("binary", "ping", "pong"):
            return self._binary(head, data)
        return (head + _members(self._figures(kind, way, data))).encode()

    def _binary(self, head: str, data: bytes) -> bytes:
        if data and data[0] == _BRACE:  # JSON, as Gemini sends it
            try:
                text = data.decode()
            except UnicodeDecodeError:
                pass
            else:
                words = encode_basestring(self._masker.text(text))
                return f'{head}"text":{words}}}\n'.encode()
        encoded = binascii.b2a_base64(data, newline=False)
        return b'%b"base64":"%b"}\n' % (head.encode(), encoded)

    def _figures(self, kind: str, way: str, data: Any) -> dict[str, object]:
        if kind == "close":
            return {"code": data[0], "reason": self._masker.text(data[1])}
        if kind == "upgrade":
            what, headers = data
            return self._asked(what, headers) if way == "out" else self._told(*data)
        if kind == "event":
            return self._event(data)
        tag = self._masker.text(data) if isinstance(data, str) else data
        return {"tag": tag}  # interrupted

    def _asked(self, url: str, headers: Sequence[tuple[str, str]]) -> dict[str, object]:
        self._masker.learn(url, headers)
        return {"url": self._url(url), "headers": self._headers(headers)}

    def _told(self, status: int, headers: Mapping[str, str]) -> dict[str, object]:
        return {"status": status, "headers": self._headers(headers.items())}

    def _url(self, url: str) -> str:
        return self._masker.own(redact_url(url))

    def _headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        shown = redact_headers(headers)
        return {name: self._masker.text(value) for name, value in shown}

    def _event(self, event: Event) -> dict[str, object]:
        found: dict[str, object] = {"type": str(event.type)}
        for name in _FIGURES:
            value = getattr(event, name, None)
            if value is not None:
                is_text = name in ("tag", "reason")
                found[name] = self._masker.text(value) if is_text else value
        error = getattr(event, "error", None)
        if error is not None:
            found["error"] = type(error).__name__
            found["message"] = self._masker.text(str(error))
        info = getattr(event, "media_info", None)
        if info is not None and is_dataclass(info) and not isinstance(info, type):
            found["media_info"] = asdict(info)
        return found

    def lost(
        self, moment: float, what: str, count: int = 0, seconds: float = 0.0
    ) -> bytes:
        """Something was lost since the last such line."""
        found: dict[str, object] = {"what": what}
        if count:
            found["count"] = count
        if seconds:
            found["seconds"] = round(seconds, 6)
        return self._local(moment, "lost", found)

    def end(self, moment: float, stats: Stats | None) -> bytes:
        """The last line."""
        figures = None if stats is None else asdict(stats)
        return self._local(moment, "end", {"stats": figures})

    def _local(self, moment: float, kind: str, found: dict[str, object]) -> bytes:
        self._last = max(self._last, moment - self._started)
        head = f'{{"t":{self._last:.6f},"dir":"local","kind":"{kind}",'
        return (head + _members(found)).encode()


@functools.cache
def _version() -> str:
    """Of this package; to find that out takes a millisecond."""
    return version("voxsync")


def _line(**members: object) -> bytes:
    return ("{" + _members(members)).encode()


def _members(members: dict[str, object]) -> str:
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), default=str)
    return text[1:] + "\n"
