"""Images: what they are, and one a second."""

import threading

import pytest

from voxsync.clocks import VirtualClock
from voxsync.errors import InvalidState
from voxsync.gemini import Blob
from voxsync.gemini.images import ImagePace, as_blob

JPEG = b"\xff\xd8\xff\xe0" + b"jpeg"
PNG = b"\x89PNG\r\n\x1a\n" + b"png"


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def pace(clock):
    return ImagePace(clock)


def test_one_a_second(clock, pace):
    """The first one at once; what comes too soon is refused or dropped."""
    assert pace.admit("refuse") is not None
    clock.advance(0.25)
    with pytest.raises(InvalidState, match=r"0\.25 s ago"):
        pace.admit("refuse")
    assert pace.dropped == 0
    assert pace.admit("drop") is None
    assert pace.dropped == 1
    clock.advance(0.75)
    assert pace.admit("drop") is not None


def test_one_that_was_not_sent(pace):
    """It does not count as the last one."""
    pace.take_back(pace.admit("refuse"))
    assert pace.admit("refuse") is not None


def test_of_many_threads_one_sends(pace):
    """In the same moment."""
    admitted, barrier = [], threading.Barrier(8)

    def send():
        barrier.wait(10)
        admitted.append(pace.admit("drop") is not None)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(admitted) == [False] * 7 + [True]
    assert pace.dropped == 7


@pytest.mark.parametrize(
    ("image", "mime_type", "found"),
    [
        (JPEG, None, "image/jpeg"),
        (bytearray(PNG), None, "image/png"),
        (memoryview(PNG), None, "image/png"),
        (JPEG, "image/heic", "image/heic"),
    ],
)
def test_what_it_is(image, mime_type, found):
    """Said, or seen by the first bytes."""
    assert as_blob(image, mime_type) == Blob(found, bytes(image))


@pytest.mark.parametrize("image", [Blob("image/png", PNG), {"mimeType": "image/png"}])
def test_what_says_its_type_stays(image):
    """Whatever it is: it is looked at when it is written."""
    assert as_blob(image, None) is image


def test_what_it_is_not():
    """Told before anything is sent."""
    with pytest.raises(TypeError, match="not str"):
        as_blob("a.png", None)
    with pytest.raises(ValueError, match="neither JPEG nor PNG"):
        as_blob(b"RIFF....WEBP", None)
