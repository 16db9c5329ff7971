"""What every test gets: no thread and no descriptor of ours may be left behind."""

import gc
import threading
import time
from pathlib import Path

import pytest


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("voxsync-")]


def _descriptors() -> dict[int, str]:
    found = {}
    for path in Path("/proc/self/fd").iterdir():
        try:
            found[int(path.name)] = str(path.readlink())
        except OSError:
            continue  # the descriptor of this very listing
    return found


def leftovers(before: dict[int, str]) -> tuple[list[str], list[str]]:
    """Threads of ours, and sockets or pipes that were not there before."""
    new = {
        fd: what
        for fd, what in _descriptors().items()
        if before.get(fd) != what and what.startswith(("socket:", "anon_inode:"))
    }
    return _threads(), sorted(new.values())


@pytest.fixture(autouse=True)
def nothing_left_behind(request):
    """Fail a test that leaves a thread, a socket or a selector."""
    if request.node.get_closest_marker("leaks_on_purpose"):
        yield
        return
    before = _descriptors()
    yield
    # The threads end by themselves; how soon is the scheduler's affair.
    end = time.monotonic() + 5
    gate = threading.Event()
    while any(left := leftovers(before)) and time.monotonic() < end:
        gc.collect()
        gate.wait(0.01)
    assert left == ([], []), f"left behind: {left}"
