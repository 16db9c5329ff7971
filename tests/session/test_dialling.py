"""A client's socket."""

import pytest

from voxsync.dialects.base import UpgradeRequest
from voxsync.session import SessionOptions
from voxsync.session.dialling import dialler
from voxsync.session.tapping import Taps


class Connection:
    """What of a connection its opener touches."""

    subprotocol = None

    def __init__(self):
        self.opening = self
        self.taps = Taps().connection()
        self.socks = []

    def connected(self, sock):
        self.socks.append(sock)


def test_it_connects(echo):
    """Socket and what was read behind the answer; the subprotocol is noted."""
    made = Connection()
    opener = dialler(UpgradeRequest(url=echo.url), SessionOptions())
    sock, rest = opener(made)
    with sock:
        assert rest == b""
        assert sock.getpeername()[1] == echo.port
    assert made.subprotocol is None
    assert len(made.socks) == 1


def test_what_makes_no_sense_is_said_before():
    """Not only once somebody connects."""
    request = UpgradeRequest(url="ws://127.0.0.1:9/", headers=(("X", "a\r\nb"),))
    with pytest.raises(ValueError, match="X"):
        dialler(request, SessionOptions())
