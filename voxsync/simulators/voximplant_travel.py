"""What happens to VoxEngine's messages on their way out, if a fault says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from voxsync.dialects.base import Dialect, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from voxsync.dialects.base import Output, UpgradeRequest
    from voxsync.errors import VoxsyncError
    from voxsync.simulators.voximplant_faults import VoxFault

    _Outputs = list[Output[str]]

__all__ = ["TRAVEL", "Travel"]

_NUMBERS = frozenset(
    {"sequenceNumber", "chunk", "timestamp", "sampleRate", "bytesSent", "duration"}
)
_OTHER_RATE = {8000: 16000, 16000: 8000}


class Travel(Dialect[str]):
    """A dialect around another one that changes what that wants to send.

    Args:
        inner: What translates.
        fault: What is to happen to its messages: one of `TRAVEL`.
    """

    def __init__(self, inner: Dialect[str], fault: VoxFault) -> None:
        self._inner = inner
        self._fault = fault
        self._change = TRAVEL[fault.name]
        self._held: list[Output[str]] = []
        self._media = 0

    def request(self) -> UpgradeRequest:
        """See `Dialect`; the others likewise."""
        return self._inner.request()

    def opened(self) -> Iterable[Output[str]]:
        """See `Dialect`."""
        return self._inner.opened()

    def encode(self, command: object) -> Iterable[Output[str]]:
        """See `Dialect`."""
        return self._changed(self._inner.encode(command))

    def finish(self) -> Iterable[Output[str]]:
        """See `Dialect`."""
        return self._changed(self._inner.finish())

    def closing(self) -> Iterable[Output[str]]:
        """See `Dialect`."""
        return self._changed(self._inner.closing())

    def decode(self, data: str | bytes) -> Iterable[Output[str]]:
        """See `Dialect`."""
        return self._inner.decode(data)

    def verdict(
        self, code: int, reason: str, *, by_us: bool, was_clean: bool
    ) -> VoxsyncError | None:
        """See `Dialect`."""
        return self._inner.verdict(code, reason, by_us=by_us, was_clean=was_clean)

    def _changed(self, outputs: Iterable[Output[str]]) -> list[Output[str]]:
        found: list[Output[str]] = []
        for output in outputs:
            event = _event(output)
            if event is None:  # the application's own
                found.append(output)
            else:
                found += self._change(self, output, event)
        return found

    # The changes; each gets a message of the protocol, and what it holds

    def _gaps(self, output: Output[str], event: Mapping[str, object]) -> _Outputs:
        return [] if self._is_turn(event) else [output]

    def _twice(self, output: Output[str], event: Mapping[str, object]) -> _Outputs:
        return [output, output] if self._is_turn(event) else [output]

    def _late(self, output: Output[str], event: Mapping[str, object]) -> _Outputs:
        if self._is_turn(event):
            self._held.append(output)
            return []
        held, self._held = self._held, []
        # Behind the next chunk, but not behind the end of the stream.
        return [output, *held] if event["event"] == "media" else [*held, output]

    def _strings(self, _: Output[str], event: Mapping[str, object]) -> _Outputs:
        return [Reply(json.dumps(_with_strings(event)))]

    def _wrong_rate(self, output: Output[str], event: Mapping[str, object]) -> _Outputs:
        start = event.get("start")
        if not isinstance(start, dict):
            return [output]
        form = start["mediaFormat"]
        form["sampleRate"] = _OTHER_RATE.get(form["sampleRate"], 8000)
        return [Reply(json.dumps(event))]

    def _is_turn(self, event: Mapping[str, object]) -> bool:
        """Whether this is the last of `count` chunks."""
        if event["event"] != "media":
            return False
        self._media += 1
        return self._media % max(1, self._fault.count) == 0


TRAVEL: Mapping[
    str,
    Callable[[Travel, Output[str], Mapping[str, object]], list[Output[str]]],
] = {
    "gaps": Travel._gaps,  # noqa: SLF001 - it is our own menu
    "duplicates": Travel._twice,  # noqa: SLF001
    "late": Travel._late,  # noqa: SLF001
    "strings": Travel._strings,  # noqa: SLF001
    "wrong_rate": Travel._wrong_rate,  # noqa: SLF001
}
"""What can happen, by the names of the faults."""


def _event(output: Output[str]) -> dict[str, object] | None:
    """The message of the protocol that this sends; None = it is none."""
    if not isinstance(output, Reply):  # a report, which nobody sends
        return None
    try:
        found = json.loads(output.data)
    except ValueError:
        return None
    if isinstance(found, dict) and found.get("event") in ("start", "media", "stop"):
        return found
    return None


def _with_strings(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _with_strings(each, key) for key, each in value.items()}
    return str(value) if name in _NUMBERS else value
