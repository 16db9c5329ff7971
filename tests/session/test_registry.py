"""The exit hook and the fork hook, in this process; real exits are in test_session."""

import threading

import pytest

from voxsync.session import registry


class Fake:
    """A session as the hook sees it."""

    def __init__(self, *, ends=True):
        self.ends = ends
        self.calls = []

    def close(self, code, reason, *, wait):
        self.calls.append(("close", code, reason, wait))

    def cancel(self):
        self.calls.append("cancel")

    def _join_io(self, timeout):
        self.calls.append(timeout)
        return self.ends


@pytest.fixture
def hooks(monkeypatch):
    """A registry of its own, and what it hooks into the process."""
    import atexit
    import os
    import weakref

    found = {"exit": [], "fork": []}
    monkeypatch.setattr(registry, "_sessions", weakref.WeakSet())
    monkeypatch.setattr(registry, "_lock", threading.Lock())
    monkeypatch.setattr(registry, "_hooked", False)
    monkeypatch.setattr(atexit, "register", found["exit"].append)
    monkeypatch.setattr(
        os,
        "register_at_fork",
        lambda *, after_in_child: found["fork"].append(after_in_child),
    )
    return found


def test_the_first_session_sets_the_hooks(hooks):
    """Once, however many follow."""
    first, second = Fake(), Fake()
    registry.register(first)
    registry.register(second)
    assert hooks == {"exit": [registry._say_goodbye], "fork": [registry._forget]}
    assert set(registry._sessions) == {first, second}


def test_where_there_is_no_fork(hooks, monkeypatch):
    """Windows: the exit hook alone."""
    monkeypatch.delattr(registry.os, "register_at_fork")
    registry.register(Fake())
    assert hooks == {"exit": [registry._say_goodbye], "fork": []}


def test_sessions_are_not_kept_alive(hooks):
    """The registry is no reason to hold a session that nobody has any more."""
    registry.register(Fake())
    assert len(registry._sessions) == 0


def test_goodbye_at_the_exit(hooks):
    """All get Close 1001 before the first is waited for; who ended is left alone."""
    first, second = Fake(), Fake()
    registry.register(first)
    registry.register(second)
    registry._say_goodbye()
    for session in (first, second):
        close, waited = session.calls
        assert close == ("close", 1001, "the program ended", False)
        assert 0 <= waited <= registry.EXIT_PATIENCE


def test_the_late_are_cancelled_at_the_exit(hooks):
    """They get the patience that is left, then the end, then a moment to see it."""
    slow = Fake(ends=False)
    registry.register(slow)
    registry._say_goodbye()
    assert slow.calls[2:] == ["cancel", 0.05]


def test_a_child_forgets_its_parents_sessions(hooks):
    """And takes no lock that another thread of the parent may have held."""
    parents = Fake()
    registry.register(parents)
    registry._lock.acquire()
    registry._forget()
    registry._say_goodbye()
    assert parents.calls == []
    own = Fake()
    registry.register(own)
    assert list(registry._sessions) == [own]


def test_here_is_this_process():
    """What a session remembers."""
    import os

    assert registry.here() == os.getpid()
