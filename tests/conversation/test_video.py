"""Pictures, one a second, in time that the test moves."""

import itertools
import logging
import queue
import threading

import pytest

from tests.conversation.model import SOON
from voxsync.clocks import VirtualClock
from voxsync.conversation.video import VideoSender, check_pictures
from voxsync.errors import SendQueueFull, SessionClosed


class Service:
    """Takes pictures, notes when."""

    def __init__(self, clock):
        self.clock = clock
        self.pictures = queue.Queue()
        self.errors = []
        self.asked = threading.Semaphore(0)
        self.is_full = False
        self.room = threading.Event()  # never set

    def send_video_realtime(self, image, *, block=True, timeout=None):
        self.asked.release()
        if self.is_full:
            self.room.wait(min(timeout, 0.01))
            raise SendQueueFull("full")
        if self.errors:
            raise self.errors.pop(0)
        self.pictures.put((self.clock.now(), image))

    def get(self):
        return self.pictures.get(timeout=SOON)


@pytest.fixture
def clock():
    return VirtualClock(speed=100)


@pytest.fixture
def service(clock):
    return Service(clock)


@pytest.fixture
def told():
    return queue.Queue()


@pytest.fixture
def send(service, clock, told):
    made = []

    def send_(video):
        sender = VideoSender(video, service, name="x", clock=clock, tell=told.put)
        sender.start()
        made.append(sender)
        return sender

    yield send_
    for sender in made:
        sender.stop()
        assert sender.join(SOON)


def test_never_two_in_a_second(send, service):
    """The first at once; in order; the end of the iterable is the end."""
    sender = send([b"1", b"2", None, b"3"])
    times, pictures = zip(*(service.get() for _ in range(3)), strict=True)
    assert pictures == (b"1", b"2", b"3")
    assert times[1] - times[0] >= 1
    assert times[2] - times[1] >= 2  # there was none in between
    assert sender.join(SOON)
    assert service.pictures.empty()


def test_a_function_is_asked_for_the_present_picture(send, service):
    """Until it raises StopIteration."""
    pictures = iter([b"1", None, b"2"])
    sender = send(lambda: next(pictures))
    assert [service.get()[1] for _ in range(2)] == [b"1", b"2"]
    assert sender.join(SOON)


def test_stop_ends_the_wait_for_the_next(service, told):
    """Without a clock of its own it is the machine's."""
    sender = VideoSender(
        itertools.repeat(b"1"), service, name="x", clock=None, tell=told.put
    )
    sender.start()
    service.get()
    sender.stop()
    assert sender.join(SOON)
    assert service.pictures.empty()


def test_no_room_is_waited_for_until_it_is_stopped(send, service):
    """A picture that finds none is tried again."""
    service.errors = [SendQueueFull("full")]
    send([b"1"])
    assert service.get()[1] == b"1"
    service.is_full = True
    service.asked = threading.Semaphore(0)
    sender = send([b"2"])
    for _ in range(3):
        assert service.asked.acquire(timeout=SOON)
    sender.stop()
    assert sender.join(SOON)
    assert service.pictures.empty()


def broken():
    yield b"1"
    raise OSError("no camera")


def test_a_camera_that_fails_ends_the_video_and_is_told(send, service, told):
    """As it is."""
    sender = send(broken())
    service.get()
    assert str(told.get(timeout=SOON)) == "no camera"
    assert sender.join(SOON)


def test_a_picture_that_is_refused_ends_the_video(send, service, told):
    """What the session says of it is told."""
    service.errors = [fault := ValueError("no picture")]
    assert send([b"1", b"2"]).join(SOON)
    assert told.get(timeout=SOON) is fault


def test_the_end_of_the_session_is_no_fault(send, service, told, caplog):
    """It ends the video, too."""
    caplog.set_level(logging.INFO)
    service.errors = [SessionClosed("over")]
    assert send([b"1", b"2"]).join(SOON)
    assert told.empty()
    assert "before the video: over" in caplog.text


def test_who_gives_the_pictures_does_not_wait_for_himself(send, service):
    """The function may end the conversation."""
    joined = []

    def picture():
        joined.append(sender.join(None))
        raise StopIteration

    ready = threading.Event()

    def first():
        ready.wait(SOON)
        return picture()

    sender = send(first)
    ready.set()
    assert sender.join(SOON)
    assert joined == [True]
    assert not sender.runs_here()


@pytest.mark.parametrize("video", [b"\xff\xd8", bytearray(2), "camera", 7, None])
def test_what_gives_no_pictures(video):
    """A single one is no video."""
    with pytest.raises(TypeError, match="video must"):
        check_pictures(video)


@pytest.mark.parametrize("video", [[], iter([]), print])
def test_what_does(video):
    """Iterables and functions."""
    check_pictures(video)
