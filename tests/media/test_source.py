"""Units that give audio, to any number of consumers."""

import threading

import numpy as np
import pytest

from tests.media.toys import BLOCK, RATE, SOON, Ear, Errors, Feed, in_thread, numbered
from voxsync.errors import DeviceError, InvalidState, MediaError
from voxsync.media import BufferSink, CallbackSink, CallbackSource, ToneSource
from voxsync.media.source import EndOfStream, Source


class Counter(Source):
    """Makes numbered frames, and sees to it that nobody asks twice at a time."""

    def __init__(self, total=10**9, rate=RATE):
        super().__init__(rate, "counter")
        self.total = total
        self.made = 0
        self.inside = threading.Semaphore(1)
        self.crowded = False

    def _produce(self, frames):
        if not self.inside.acquire(blocking=False):
            self.crowded = True
            raise AssertionError("two at once")
        try:
            count = min(frames, self.total - self.made)
            if not count:
                raise EndOfStream
            start, self.made = self.made, self.made + count
            return numbered(start, count)
        finally:
            self.inside.release()


class Door(Feed):
    """A pushed source whose opening and closing the test holds up."""

    def __init__(self):
        super().__init__()
        self.log = []
        self.opening, self.may_open = threading.Event(), threading.Event()
        self.closing, self.may_close = threading.Event(), threading.Event()
        self.may_open.set()
        self.may_close.set()
        self.fails = []

    def _begin(self):
        self.log.append("open")
        self.opening.set()
        assert self.may_open.wait(SOON)
        if self.fails:
            raise self.fails.pop()
        self.log.append("opened")

    def _cease(self):
        self.log.append("close")
        self.closing.set()
        assert self.may_close.wait(SOON)
        self.log.append("closed")


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


# Opening and closing


def test_the_first_opens_the_last_closes():
    """However many there are in between."""
    source = Feed()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source._attach(second)
    source._attach(second)  # once is enough
    assert (source.opened, source.closed) == (1, 0)
    source._detach(first)
    source._detach(first)
    assert source.closed == 0
    source._detach(second)
    assert (source.opened, source.closed) == (1, 1)


def test_who_comes_while_it_opens_waits():
    """If the opening fails, the second tries itself: no source that is dead for it."""
    source = Door()
    source.may_open.clear()
    source.fails = [DeviceError("busy")]
    first, second = source._make_tap(), source._make_tap()

    def attach_first():
        with pytest.raises(DeviceError, match="busy"):
            source._attach(first)
        return True

    one = in_thread(attach_first)
    assert source.opening.wait(SOON)
    two = in_thread(lambda: source._attach(second))
    source.may_open.set()
    assert one()
    two()
    assert source.log == ["open", "close", "closed", "open", "opened"]
    assert source._taps == (second,)
    source._detach(second)


def test_who_comes_while_it_closes_waits():
    """A source that the last one closes is opened again after that, not before."""
    source = Door()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source.may_close.clear()
    one = in_thread(lambda: source._detach(first))
    assert source.closing.wait(SOON)
    two = in_thread(lambda: source._attach(second))
    assert source.log[-1] == "close"
    source.may_close.set()
    one()
    two()
    assert source.log == ["open", "opened", "close", "closed", "open", "opened"]
    source._detach(second)


def test_many_that_come_and_go():
    """Open and closed alternate, and it is closed in the end."""
    source = Door()

    def come_and_go():
        for _ in range(200):
            tap = source._make_tap()
            source._attach(tap)
            source._detach(tap)
        return True

    joins = [in_thread(come_and_go) for _ in range(4)]
    assert all(join() for join in joins)
    cycle = ["open", "opened", "close", "closed"]
    assert source.log == cycle * (len(source.log) // 4)
    assert source._taps == ()


def test_who_comes_after_the_end_learns_it():
    """While another still has audio to take, nobody waits for ever."""
    source = Feed()
    first, second = source._make_tap(), source._make_tap()
    source._attach(first)
    source.give(10)
    source.over(DeviceError("unplugged"))
    source._attach(second)
    with pytest.raises(DeviceError, match="unplugged"):
        second.get(10, None)
    assert len(first.get(10, None)) == 10
    source._detach(first)
    source._detach(second)
    third = source._make_tap()
    source._attach(third)  # the first again: the source may be there again
    assert third.get(10, 0) is None
    source._detach(third)


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


# Many that take of a source which makes its audio when it is asked


def test_audio_keeps_its_order_whoever_has_it_made():
    """Several ask at a time; no block overtakes another on its way to the others."""
    source = Counter(total=200 * BLOCK)
    taps = [source._make_tap() for _ in range(3)]
    for tap in taps:
        source._attach(tap)

    def drain(tap):
        parts = []
        try:
            while True:
                parts.append(tap.get(BLOCK, SOON))
        except EndOfStream:
            return np.concatenate(parts)

    for join in [in_thread(lambda tap=tap: drain(tap)) for tap in taps]:
        np.testing.assert_array_equal(join(), numbered(0, 200 * BLOCK))
    assert not source.crowded
    for tap in taps:
        source._detach(tap)


def test_links_without_a_clock_wait_for_each_other():
    """However much slower one is: what is made for all is lost by none."""
    total = 20 * RATE  # four times what a link's buffer holds
    left = total

    def make(frames):
        nonlocal left
        frames = min(frames, left)
        if not frames:
            raise EndOfStream
        left -= frames
        return np.full(frames, 7, np.int16)

    source = CallbackSource(make, RATE)
    fast, count, gate = BufferSink(sample_rate=RATE), 0, threading.Event()

    def take(block):
        nonlocal count
        gate.wait(5)
        count += len(block)

    links = [
        source.send_media_to(sink, paced=False)
        for sink in (CallbackSink(take, RATE), fast)
    ]
    while fast.stats.frames < 4 * RATE:  # it runs ahead as far as the buffer goes
        threading.Event().wait(0.005)
    gate.set()
    for link in links:
        link.wait(20)
    assert source.stats.refused == 0
    # The second may have come a moment after the first block was made.
    assert count == total
    assert fast.stats.frames >= total - 5 * RATE


def test_a_reader_that_has_stopped_holds_up_no_link():
    """`read` was called once; the file still goes where it is sent."""
    source = ToneSource(440, 20.0)
    source.read(10)
    sink = BufferSink()
    source.send_media_to(sink, paced=False).wait(20)
    assert len(sink.frames) == 20 * 16000 - 10
    assert source.stats.refused > 0
    source.close()


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
