"""Keeping Python's record of a foreign thread. On a real one: tests/sound."""

from tests.media.toys import in_thread
from voxsync.media.pinned import ThreadPin


def test_hold_and_release():
    """What is held can be waited for until it is let go; then it is over for good."""
    pin = ThreadPin()
    assert pin.wait(0)
    assert not pin.is_held
    pin.hold()
    assert pin.is_held
    assert not pin.wait(0.001)
    pin.release()
    assert not pin.is_held
    assert pin.wait(0)
    pin.hold()
    assert not pin.is_held


def test_another_thread():
    """Each thread has its own record: letting go of another's would be the crash."""
    pin = ThreadPin()
    pin.hold()
    in_thread(pin.release)()
    assert pin.is_held
    pin.release()
    assert not pin.is_held
