"""Units that take audio."""

import numpy as np
import pytest

from tests.media.toys import BLOCK, SOON, Ear, Feed, numbered
from voxsync.errors import DeviceError, FormatError, InvalidState
from voxsync.media.sink import Sink


@pytest.mark.parametrize("wrap", [lambda b: b, bytes, lambda b: bytearray(bytes(b))])
def test_writing(wrap):
    """Arrays and bytes; the caller may use its buffer again."""
    ear = Ear()
    block = numbered(0, 10)
    data = wrap(block)
    ear.write(data)
    if not isinstance(data, bytes):
        data[:2] = data[2:4]
    assert list(ear.heard) == list(range(10))


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (np.zeros(10), "float64"),
        (np.zeros((10, 2), np.int16), "mono"),
        (b"odd", "16-bit samples"),
    ],
)
def test_what_cannot_be_written(block, words):
    """Refused with the reason, before anything is taken."""
    ear = Ear()
    with pytest.raises(FormatError, match=words):
        ear.write(block)
    assert len(ear.heard) == 0


def test_a_sink_that_cannot_be_made_ready():
    """The link fails where it is made, and nothing stays behind."""
    ear, source = Ear(), Feed()
    fails = [DeviceError("busy")]

    def begin():
        if fails:
            raise fails.pop()

    ear._begin = begin
    with pytest.raises(DeviceError, match="busy"):
        source.send_media_to(ear)
    assert source.links == ()
    assert source.opened == 0
    assert ear.released == 0  # it never was ready
    link = source.send_media_to(ear)
    link.stop()
    assert ear.released == 1


def test_a_source_that_cannot_be_opened():
    """The sink is free again, and told so."""
    ear, source = Ear(), Feed()

    def begin():
        raise DeviceError("no such microphone")

    source._begin = begin
    with pytest.raises(DeviceError, match="no such microphone"):
        source.send_media_to(ear)
    assert source.links == ()
    assert ear.released == 1
    other = Feed()
    other.send_media_to(ear).stop()


def test_one_source_at_a_time():
    """There is no mixing; the message names who sends, and what to do."""
    ear, first, second = Ear(), Feed(), Feed()
    link = first.send_media_to(ear)
    with pytest.raises(InvalidState, match="takes the audio of feed already"):
        second.send_media_to(ear)
    assert second.links == ()
    assert link.is_active
    first.stop_media_to(ear)
    second.send_media_to(ear).stop()


def test_released_before_the_next():
    """A link lets go of the sink before another may have it."""
    ear, source, other = Ear(), Feed(), Feed()
    seen = []

    def release():
        # Who comes now is refused; it is not that its sink is closed under it.
        with pytest.raises(InvalidState):
            other.send_media_to(ear)
        seen.append(ear._link)

    ear._release = release
    link = source.send_media_to(ear)
    link.stop()
    assert seen == [link]
    assert ear._link is None


def test_closing_ends_its_link():
    """And only that; without a link nothing happens."""
    source, ear, other = Feed(), Ear(), Ear()
    link, alive = source.send_media_to(ear), source.send_media_to(other, paced=False)
    ear.close()
    link.wait(SOON)
    assert source.links == (alive,)
    ear.close()
    source.give(BLOCK)
    assert other.hears(BLOCK)
    source.close()


def test_a_sink_says_what_it_lacks():
    """A subclass that forgot `_put` is told by Python, not by silence."""
    with pytest.raises(NotImplementedError):
        Sink(16000).write(b"")
