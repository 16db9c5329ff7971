"""`import voxsync`: all the public names, and nothing before it is used."""

import subprocess
import sys

import pytest

import voxsync


def python(code):
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_names_come_from_their_rooms():
    """A name is the same object wherever it is imported from."""
    from voxsync.errors import SessionClosed
    from voxsync.mimi import MimiSession
    from voxsync.session import SessionOptions
    from voxsync.voximplant import WebSocket, WebSocketServer

    assert voxsync.WebSocket is WebSocket
    assert voxsync.WebSocketServer is WebSocketServer
    assert voxsync.MimiSession is MimiSession
    assert voxsync.SessionOptions is SessionOptions
    assert voxsync.SessionClosed is SessionClosed


def test_a_name_is_looked_up_once():
    """The second use of a name costs nothing: it is in the module then."""
    code = (
        "import voxsync; print('PlainSession' in vars(voxsync));"
        "voxsync.PlainSession; print('PlainSession' in vars(voxsync))"
    )
    assert python(code) == ["False", "True"]


def test_a_name_that_is_not_public():
    """A typing error is an AttributeError like anywhere else."""
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = voxsync.Nonsense
    with pytest.raises(ImportError):
        from voxsync import Nonsense  # noqa: F401


def test_star_and_dir():
    """Both show every public name, also those not used so far."""
    shown = python("import voxsync; print(*dir(voxsync))")
    assert set(voxsync.__all__) <= set(shown)
    found = python("from voxsync import *; print(*dir())")
    assert set(voxsync.__all__) <= set(found)
    assert set(voxsync.__all__) <= set(dir(voxsync))


def test_a_socket_is_no_server():
    """Who dials loads nothing of those that are dialled, nor numpy."""
    loaded = python("import sys, voxsync; voxsync.WebSocket; print(*sys.modules)")
    assert "voxsync.voximplant" in loaded
    for absent in ("voxsync.websocket_server", "voxsync.server", "numpy"):
        assert absent not in loaded


def test_using_one_door_does_not_load_the_rest():
    """Errors cost neither the transport nor audio."""
    loaded = python("import sys, voxsync; voxsync.SessionClosed; print(*sys.modules)")
    assert "voxsync.errors" in loaded
    assert "voxsync.transport" not in loaded
    assert "voxsync.audio" not in loaded
