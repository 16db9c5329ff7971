"""Units that give audio, to any number of consumers."""

import threading

import numpy as np
import pytest

from tests.media.toys import (
    BLOCK,
    RATE,
    SOON,
    Counter,
    Ear,
    Errors,
    Feed,
    in_thread,
    numbered,
)
from voxsync.errors import DeviceError, InvalidState, MediaError
from voxsync.media import ToneSource
from voxsync.media.source import EndOfStream, Source

# Reading


def test_reading():
    """Blocks of any length, one after the other, then the end."""
    source = Counter(1000)
    got = [source.read(300) for _ in range(4)]
    assert [len(block) for block in got] == [300, 300, 300, 100]
    assert np.array_equal(np.concatenate(got), numbered(0, 1000))
    for _ in range(2):
        with pytest.raises(EndOfStream):
            source.read(300)


@pytest.mark.parametrize("frames", [0, -1])
def test_reading_nothing(frames):
    """A length that is none is refused."""
    with pytest.raises(ValueError, match="1 or more"):
        Counter().read(frames)


def test_reading_what_is_pushed():
    """The first call opens; None if nothing came in time."""
    source = Feed()
    assert source.read(10, 0) is None
    assert source.opened == 1
    source.give(15)
    assert list(source.read(10, 0)) == list(range(10))
    assert list(source.read(10, 0)) == list(range(10, 15))
    source.close()
    assert source.closed == 1


def test_reading_without_a_limit():
    """It waits for audio as long as it takes."""
    source = Feed()
    join = in_thread(lambda: source.read(10))
    while not source._taps:
        threading.Event().wait(0.001)
    source.give(10)
    assert list(join()) == list(range(10))
    source.close()


def test_closing_releases_a_reader():
    """Who waits in `read` learns that there is no more."""
    source = Feed()

    def read():
        with pytest.raises(EndOfStream):
            source.read(10)
        return True

    join = in_thread(read)
    while not source._taps:
        threading.Event().wait(0.001)
    source.close()
    assert join()
    source.close()  # idempotent
    assert source.closed == 1


def test_after_close_it_can_be_read_again():
    """The next call opens it anew."""
    source = Counter()
    assert list(source.read(2)) == [0, 1]
    source.close()
    assert list(source.read(2)) == [2, 3]
    source.close()


def test_two_that_read_at_once():
    """The second waits until the first has opened the source; no frame is lost."""
    source = Counter()
    opening, may = threading.Event(), threading.Event()

    def begin():
        opening.set()
        assert may.wait(SOON)

    source._begin = begin
    first = in_thread(lambda: source.read(10))
    assert opening.wait(SOON)
    second = in_thread(lambda: source.read(10))
    may.set()
    got = sorted([*first(), *second()])
    assert got == list(range(20))
    source.close()


def test_what_the_reader_does_not_take_is_lost_and_counted():
    """A bound, a count, one event (I8)."""
    source = Feed(seconds=0.01)  # 160 frames
    errors = Errors(source)
    source.read(1, 0)
    for _ in range(3):
        source.give(100)
    assert errors.come()
    assert len(errors.seen) == 1
    assert isinstance(errors.seen[0], MediaError)
    assert "lost" in str(errors.seen[0])
    assert source.stats.refused == 140
    assert source.stats.dropped == 0
    assert source.stats.buffered == pytest.approx(0.01)
    source.close()
    assert source.stats.refused == 140  # also after the reader has gone
    assert source.stats.dropped == 0


def test_a_live_source_loses_the_oldest():
    """Who is behind hears what is new."""
    source = Feed(seconds=0.01)
    source.is_clock = True
    source.read(1, 0)
    source.give(100)
    source.give(100)
    assert source.stats.dropped == 40
    assert list(source.read(160, 0)) == list(range(40, 200))
    source.close()
    assert source.stats.dropped == 40


def test_clearing_reaches_the_reader():
    """`read` returns what comes after the clear."""
    source = Feed()
    source.read(1, 0)
    source.give(10)
    source.clear_media_buffer()
    source.give(10)
    assert list(source.read(20, 0)) == list(range(10, 20))
    source.close()


def test_a_source_says_what_it_lacks():
    """A subclass that forgot `_produce` is told by Python, not by silence."""
    source = Source(RATE)
    source._tell = print
    with pytest.raises(NotImplementedError):
        source.read(10)
    source.close()


# Sending


def test_what_is_no_sink():
    """The message says what would be one."""
    with pytest.raises(TypeError, match=r"int takes no audio; send it to an instance"):
        Counter().send_media_to(5)
    with pytest.raises(TypeError, match="Counter gives audio and takes no audio"):
        Counter().send_media_to(Counter())
    with pytest.raises(TypeError, match=r"class Ear was given; .* instance: Ear\(\)"):
        Counter().send_media_to(Ear)
    with pytest.raises(TypeError, match=r"class Counter was .* instance: Speaker\(\)"):
        Counter().send_media_to(Counter)
    with pytest.raises(TypeError, match="Ear takes no parameters \\(parameters\\)"):
        Counter().send_media_to(Ear(), {"tag": "a"})
    with pytest.raises(TypeError, match="Ear takes no parameters \\(tag\\)"):
        Counter().send_media_to(Ear(), tag="x")


def test_once_to_each_sink():
    """Twice the same audio is a mistake."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear)
    assert source.links == (link,)
    with pytest.raises(InvalidState, match="sends to ear already"):
        source.send_media_to(ear)
    assert source.links == (link,)
    source.stop_media_to(ear)
    assert source.links == ()
    source.stop_media_to(ear)
    source.send_media_to(ear).stop()
    assert source.opened == source.closed == 2


def test_one_source_many_sinks():
    """All of them hear the same, and audio is made by one at a time."""
    source = Counter(20 * BLOCK)
    ears = [Ear() for _ in range(4)]
    for ear in ears:  # until all are there, nothing flows
        ear.open = False
    gate = threading.Event()
    produce = source._produce

    def late(frames):
        assert gate.wait(SOON)
        return produce(frames)

    source._produce = late
    links = [source.send_media_to(ear, paced=False) for ear in ears]
    gate.set()
    for ear in ears:
        ear.uncover()
    for link in links:
        link.wait(SOON)
    for ear in ears:
        assert np.array_equal(ear.heard, numbered(0, 20 * BLOCK))
    assert not source.crowded
    assert source.error is None
    assert source.stats.frames == 20 * BLOCK


def test_a_slow_sink_delays_nobody():
    """It loses what does not fit into its own link; that is counted and told once."""
    source = Feed(seconds=0.1)  # 1600 frames
    errors = Errors(source)
    quick, slow = Ear(), Ear()
    slow.open = False
    to_quick = source.send_media_to(quick, paced=False)
    to_slow = source.send_media_to(slow, paced=False)
    source.give(BLOCK)
    assert slow.waits.wait(SOON)  # this block is in its hand
    for _ in range(20):
        source.give(BLOCK)
        assert quick.hears(source.given)
    assert errors.come()
    slow.uncover()
    source.over()
    to_quick.wait(SOON)
    to_slow.wait(SOON)
    assert np.array_equal(quick.heard, numbered(0, 21 * BLOCK))
    assert np.array_equal(slow.heard, numbered(0, 6 * BLOCK))
    assert to_quick.stats.lost == 0
    assert to_slow.stats.lost == source.stats.refused == 15 * BLOCK
    assert len(errors.seen) == 1


def test_an_error_ends_its_links_and_nothing_else():
    """What was given before is heard; then each link has the error; others live."""
    source, other = Feed(), Feed()
    errors = Errors(source)
    ears = [Ear(), Ear(), Ear()]
    links = [source.send_media_to(ear, paced=False) for ear in ears[:2]]
    alive = other.send_media_to(ears[2], paced=False)
    source.give(1000)
    gone = DeviceError("unplugged")
    source.over(gone)
    for link, ear in zip(links, ears, strict=False):
        with pytest.raises(DeviceError, match="unplugged"):
            link.wait(SOON)
        assert link.error is gone
        assert not link.is_active
        assert len(ear.heard) == 1000
    assert errors.come()
    assert errors.seen == [gone]
    other.give(BLOCK)
    assert ears[2].hears(BLOCK)
    assert alive.is_active
    alive.stop()


def test_closing_ends_the_links():
    """All of them, from any thread; `with` does the same."""
    ears = [Ear(), Ear()]
    with Counter() as source:
        links = [source.send_media_to(ear) for ear in ears]
    for link in links:
        link.wait(SOON)
        assert link.error is None
    assert source.links == ()


def test_closing_a_source_whose_sink_hangs(monkeypatch):
    """All links are told before one of them is waited for; the wait has an end."""
    import voxsync.media.source as module

    monkeypatch.setattr(module, "_JOIN", 0.05)
    source = Feed()
    gate, inside = threading.Event(), threading.Semaphore(0)

    class Stuck(Ear):
        def _put(self, block, wanted):
            inside.release()
            return gate.wait(SOON)

    links = [source.send_media_to(Stuck(), paced=False) for _ in range(3)]
    source.give(BLOCK)
    for _ in links:
        assert inside.acquire(timeout=SOON)
    join = in_thread(source.close)
    join()
    assert all(link.is_active for link in links)
    gate.set()
    for link in links:
        link.wait(SOON)


def test_it_has_ended_when_that_is_told():
    """A listener that begins anew is not ended with the old links."""
    source, ear = Counter(), Ear()
    seen = []

    def fail(frames):
        raise DeviceError("torn")

    source._produce = fail
    source._tell = lambda error: seen.append([tap.buffer.ended for tap in source._taps])
    link = source.send_media_to(ear)
    with pytest.raises(DeviceError):
        link.wait(SOON)
    assert seen == [[True]]


def test_a_listener_may_close_and_send_anew():
    """An `error` listener that stops the link and starts it again: nobody hangs."""
    source, ear = Feed(), Ear()
    again = threading.Event()

    def listener(event):
        source.stop_media_to(ear)
        source.send_media_to(ear, paced=False)
        again.set()

    source.add_event_listener("error", listener)
    source.send_media_to(ear, paced=False)
    source.over(DeviceError("unplugged"))
    assert again.wait(SOON)
    source.give(BLOCK)
    assert ear.hears(BLOCK)
    source.close()
    assert source.opened == source.closed


def test_what_is_read_is_the_readers_own():
    """It may be changed; the others still get what was made."""
    source = ToneSource(440, 1.0)
    other = source._make_tap()
    source._attach(other)
    block = source.read(100)
    expected = block.copy()
    block[:] = 0
    np.testing.assert_array_equal(other.get(100, 0), expected)
    source._detach(other)
    source.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a",), "frames must be an int"),
        ((1.5,), "frames must be an int"),
        ((10, "x"), "timeout must be a number"),
    ],
)
def test_reading_takes_numbers(arguments, words):
    """Told at once, by their names."""
    with pytest.raises(TypeError, match=words):
        ToneSource(440).read(*arguments)
