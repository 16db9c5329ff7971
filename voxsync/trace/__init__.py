"""Traces: what went over a session's wire, in a file that people and tests can read.

    from voxsync.trace import read, record

    with record(session, "call.trace"):   # before or after connect()
        ...
    for entry in read("call.trace"):
        print(entry.t, entry.dir, entry.kind)

May import: session, dialects, wire, audio, events, errors, redact; numpy and a plotting
library inside functions only. Doors and simulators do not come here.
Threads: one per recording that runs (`voxsync-trace-…`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxsync.trace.reading import Loss, Record, Trace, read
    from voxsync.trace.recording import Recording, record

__all__ = ["Loss", "Record", "Recording", "Trace", "read", "record"]

_HOMES = {
    "reading": ("Loss", "Record", "Trace", "read"),
    "recording": ("Recording", "record"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'voxsync.trace' has no attribute {name!r}")
    value = getattr(import_module(f"voxsync.trace.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
