"""What stands in the send queue beside messages."""

from voxsync.session.commands import FINISH, Inject


def test_they_show_what_they_are():
    """A queue that is looked at in a debugger can be read."""
    assert repr(FINISH) == "FINISH"
    assert Inject(b"\x81\x00") == Inject(data=b"\x81\x00")
