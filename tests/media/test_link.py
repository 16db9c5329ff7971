"""Links: audio from a source to a sink, by one clock, until it is stopped or over."""

import contextlib
import itertools
import logging
import random
import threading

import numpy as np
import pytest

from tests.media.toys import BLOCK, RATE, SOON, Ear, Feed, in_thread, numbered
from voxsync.clocks import Clock, VirtualClock
from voxsync.errors import DeviceError, InvalidState
from voxsync.media.buffer import PcmBuffer
from voxsync.media.callback import CallbackSource
from voxsync.media.clock import Metronome
from voxsync.media.generators import SilenceSource, ToneSource
from voxsync.media.source import EndOfStream


def made(count, rate=RATE):
    """A source that makes so many numbered frames."""
    at = [0]

    def make(frames):
        frames = min(frames, count - at[0])
        if not frames:
            raise EndOfStream
        at[0] += frames
        return numbered(at[0] - frames, frames)

    return CallbackSource(make, rate)


class Speaker(Ear):
    """A clocked sink with a small buffer that the test plays out."""

    is_clock = True

    def __init__(self, frames=4 * BLOCK):
        super().__init__(clock=True)
        self.queue = PcmBuffer(frames)

    def _put(self, block, wanted):
        return self.queue.put(block, wanted)

    def _finish(self, wanted):
        while wanted() and not self.queue.drained(0.01):
            pass

    def _wake(self):
        self.queue.wake()

    def clear(self):
        self.queue.clear()


# Moving


def test_a_file_flows_to_its_end():
    """All of it in blocks of 20 ms, the last as short as it is; the sink is told."""
    source, ear = made(1000), Ear()
    link = source.send_media_to(ear, paced=False)
    link.wait(SOON)
    assert np.array_equal(ear.heard, numbered(0, 1000))
    assert ear.blocks == [320, 320, 320, 40]
    assert (ear.finished, ear.released) == (1, 1)
    assert not link.is_active
    assert source.links == ()
    stats = link.stats
    assert (stats.frames, stats.cleared, stats.lost) == (1000, 0, 0)
    assert stats.seconds == pytest.approx(1000 / RATE)
    assert stats.buffered == 0
    assert repr(link) == f"<Link {source.name} to ear, ended>"


def test_resampled_on_its_way():
    """The sink gets its own rate, as long as it was to the frame."""
    ear = Ear(8000)
    link = ToneSource(440, 0.5, sample_rate=48000).send_media_to(ear, paced=False)
    link.wait(SOON)
    assert len(ear.heard) == 4000
    assert set(ear.blocks[:-1]) == {160}
    assert np.abs(ear.heard).max() > 8000
    assert link.stats.cleared == 0


def test_a_speaker_is_fed_any_length():
    """It is the clock, so nothing waits for a whole block."""
    source, ear = Feed(), Ear(clock=True)
    link = source.send_media_to(ear)
    source.give(50)
    assert ear.hears(50)
    link.stop()


def test_the_rest_of_a_burst_is_heard():
    """Half a block is not kept until more comes: it goes out when the source pauses."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear)
    source.give(BLOCK + 100)
    assert ear.hears(BLOCK + 100)
    source.give(BLOCK)
    assert ear.hears(2 * BLOCK + 100)
    assert np.array_equal(ear.heard, numbered(0, 2 * BLOCK + 100))
    link.stop()
    assert link.stats.cleared == 0


def test_the_rest_before_an_error_is_heard():
    """What was given before the source broke is not lost."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    source.give(BLOCK + 100)
    source.over(DeviceError("unplugged"))
    with pytest.raises(DeviceError):
        link.wait(SOON)
    assert np.array_equal(ear.heard, numbered(0, BLOCK + 100))
    assert ear.finished == 0


@pytest.mark.parametrize(
    ("source_clock", "sink_clock", "paced", "expected"),
    [
        (False, False, True, True),
        (False, False, False, False),
        (True, False, True, False),
        (False, True, True, False),
        (True, True, True, False),
    ],
)
def test_one_clock(source_clock, sink_clock, paced, expected):
    """The sink if it is one, else the source if it is one, else the metronome."""
    source, ear = Feed(), Ear(clock=sink_clock)
    source.is_clock = source_clock
    link = source.send_media_to(ear, paced=paced)
    link.stop()
    assert link._paced is expected


def test_unpaced_goes_no_further_ahead_than_the_far_end_can_hold():
    """8 s of audio of an hour; then as fast as it sounds."""
    clock, ear = VirtualClock(), Ear()
    ear.most_ahead, ear.clock = 8.0, clock
    link = SilenceSource().send_media_to(ear, paced=False)
    assert ear.hears(8 * RATE)
    for step in range(1, 6):
        clock.advance(0.5)
        assert ear.hears(round((8 + 0.5 * step) * RATE))
    link.stop()
    # The first block leaves at 0, so 8 s ahead is one block more.
    assert len(ear.heard) <= round(10.5 * RATE) + BLOCK
    assert link.error is None


@pytest.mark.parametrize("owner", ["source", "sink"])
def test_the_time_of_a_session(owner):
    """A link keeps to the clock that one of its ends has."""
    clock, source, ear = VirtualClock(), made(3 * BLOCK), Ear()
    {"source": source, "sink": ear}[owner].clock = clock
    link = source.send_media_to(ear)
    assert ear.hears(BLOCK)
    with pytest.raises(TimeoutError):
        link.wait(0.05)
    clock.advance(0.02)
    assert ear.hears(2 * BLOCK)
    clock.advance(0.02)
    link.wait(SOON)
    assert ear.blocks == [BLOCK] * 3


def test_aborted_without_an_error():
    """Nobody waits for its thread, and nothing is told."""
    link = SilenceSource().send_media_to(Ear())
    link.abort(None)
    link.wait(SOON)
    assert link.error is None


def test_the_rate_of_a_source_that_learns_it_late():
    """Its first audio says so: the link adapts, a block of 20 ms is one still."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    source._change_rate(8000)
    source.give(8000)
    source.over()
    link.wait(SOON)
    assert len(ear.heard) == pytest.approx(RATE, abs=1)
    assert set(ear.blocks[:-1]) == {BLOCK}


def test_paced_by_the_metronome(monkeypatch):
    """Each block waits for its time, the last one too; here the time is ours."""
    ticks, pauses = [], []
    monkeypatch.setattr(
        Metronome, "tick", lambda self, seconds: ticks.append(seconds) or True
    )
    monkeypatch.setattr(Metronome, "pause", lambda self: pauses.append(1))
    made(700).send_media_to(Ear()).wait(SOON)
    assert ticks == [0.02, 0.02, pytest.approx(60 / RATE)]
    assert pauses == []


def test_figures():
    """What waits on the way is `buffered`; what the clock did is told."""
    source, ear = Feed(), Ear()
    ear.open = False
    link = source.send_media_to(ear, paced=False)
    source.give(BLOCK)
    assert ear.waits.wait(SOON)
    source.give(3 * BLOCK)
    assert link.stats.buffered == pytest.approx(0.06)
    ear.uncover()
    assert ear.hears(4 * BLOCK)
    link.stop()
    stats = link.stats
    assert stats.buffered_highest == pytest.approx(0.04)
    assert (stats.late, stats.latest, stats.slipped) == (0, 0, 0)


# Ending


def test_wait_with_a_limit():
    """It says so when the link still runs."""
    link = SilenceSource().send_media_to(Ear())
    with pytest.raises(TimeoutError, match=r"still runs after 0\.01 s"):
        link.wait(0.01)
    link.stop()
    link.wait()


def test_stop_counts_what_it_drops():
    """What is on its way is cleared: in the buffer, in hand, in the rest of a block."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    source.give(100)
    ear.uncover(False)
    source.give(BLOCK)
    assert ear.waits.wait(SOON)
    source.give(1000)
    link.stop()
    link.wait(SOON)
    assert len(ear.heard) + link.stats.cleared == source.given
    assert link.stats.buffered == 0
    assert link.error is None
    link.stop()  # idempotent
    source.give(1000)
    assert len(ear.heard) + link.stats.cleared == source.given - 1000


def test_cleared_is_told_at_the_sources_rate():
    """Also what was dropped behind the resampler."""
    source, ear = Feed(48000), Ear(8000)
    ear.open = False
    link = source.send_media_to(ear, paced=False)
    source.give(960 * 10)
    assert ear.waits.wait(SOON)
    link.stop()
    link.wait(SOON)
    # The resampler keeps a few of them.
    assert link.stats.cleared == pytest.approx(9600, abs=960 / 4)


@pytest.mark.parametrize("where", ["source", "clock", "sink", "speaker"])
def test_stop_releases_the_link_wherever_it_waits(where):
    """For audio, for its time, for room: `stop` returns, and the thread is gone."""
    reached = threading.Event()
    if where == "source":
        source, sink = Feed(), Ear()
        link = source.send_media_to(sink)
        reached.set()
    elif where == "clock":
        source, sink = Feed(), Ear()
        link = source.send_media_to(sink)
        link._clock.tick(3600)
        wait = link._clock._stop.wait
        link._clock._stop.wait = lambda seconds: reached.set() or wait(seconds)
        source.give(BLOCK)
    elif where == "sink":
        source, sink = Feed(), Ear()
        sink.open = False
        reached = sink.waits
        link = source.send_media_to(sink)
        source.give(BLOCK)
    else:
        source, sink = Feed(), Speaker(BLOCK)
        link = source.send_media_to(sink)
        source.give(2 * BLOCK)
        assert sink.queue.wait_for(BLOCK, SOON)
        reached.set()
    assert reached.wait(SOON)
    link.stop()
    link.wait(SOON)
    assert link.error is None


def test_abort_ends_it_with_an_error():
    """As a session does for the links that feed it; without waiting."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear)
    gone = DeviceError("gone")
    link.abort(gone)
    link.abort(DeviceError("later"))
    with pytest.raises(DeviceError, match="gone"):
        link.wait(SOON)
    assert source.error is None


def test_abort_after_the_end_changes_nothing():
    """A link that ended well has ended well."""
    link = made(10).send_media_to(Ear(), paced=False)
    link.wait(SOON)
    link.abort(DeviceError("late"))
    link.wait(SOON)


def test_wait_on_its_own_thread_is_refused():
    """It would wait for itself."""
    seen = []
    ready = threading.Event()

    class Waiting(Ear):
        def _put(self, block, wanted):
            assert ready.wait(SOON)
            try:
                link.wait()
            except InvalidState as exc:
                seen.append(str(exc))
            return True

    link = made(10).send_media_to(Waiting())
    ready.set()
    link.wait(SOON)
    assert "cannot wait for its own end" in seen[0]


def test_a_sink_that_has_enough():
    """`EndOfStream` from the sink (a session after `finish`) is a good end."""

    class Enough(Ear):
        def _put(self, block, wanted):
            raise EndOfStream

    link = made(1000).send_media_to(Enough())
    link.wait(SOON)
    assert link.stats.cleared > 0


def test_an_error_of_nobody_is_logged(caplog):
    """A sink that raises without telling of it is not swallowed."""

    class Bad(Ear):
        def _put(self, block, wanted):
            raise KeyError("sink")

    with caplog.at_level(logging.ERROR, "voxsync.media"):
        link = made(1000).send_media_to(Bad())
        with pytest.raises(KeyError):
            link.wait(SOON)
    assert "failed" in caplog.text
    assert link.stats.cleared > 0


@pytest.mark.parametrize("which", ["source", "sink"])
def test_an_end_that_fails_frees_the_other_end(which, caplog):
    """A device whose closing raises leaves no link behind, and no sink taken."""
    source, ear = Feed(), Ear()

    def fail():
        raise OSError("closing")

    if which == "source":
        source._cease = fail
    else:
        ear._release = fail
    link = source.send_media_to(ear)
    link.stop()
    with pytest.raises(OSError, match="closing"):
        link.wait(SOON)
    assert "its end failed" in caplog.text
    assert source.links == ()
    Feed().send_media_to(Ear()).stop()
    ear._release = lambda: None
    Feed().send_media_to(ear).stop()


def test_a_link_that_never_began_has_ended():
    """Who got hold of it while it failed to start does not wait for ever."""
    source, ear = Feed(), Ear()
    caught = []

    def begin():
        caught.extend(source.links)
        raise DeviceError("busy")

    ear._begin = begin
    with pytest.raises(DeviceError):
        source.send_media_to(ear)
    (link,) = caught
    with pytest.raises(DeviceError, match="busy"):
        link.wait(SOON)
    assert not link.is_active


def test_stopped_while_it_starts():
    """The stop counts."""
    source, ear = Feed(), Ear()
    ear._begin = lambda: source.stop_media_to(ear)
    link = source.send_media_to(ear)
    link.wait(SOON)
    assert source.links == ()
    assert source.opened == source.closed


def test_stopped_it_can_be_started_again_at_once():
    """When `stop_media_to` returns, both ends are free; a thousand times."""
    source, ear = Feed(), Ear()
    for _ in range(300):
        source.send_media_to(ear)
        source.stop_media_to(ear)
    assert source.opened == source.closed == 300


def test_links_that_stop_each_other():
    """Two functions, each stopping the other's link: nobody hangs."""
    links = []
    both = threading.Barrier(2)

    class Rival(Ear):
        def __init__(self, other):
            super().__init__()
            self.other = other

        def _put(self, block, wanted):
            both.wait(SOON)
            links[self.other].stop()
            return True

    gate = threading.Event()

    def make(frames):
        assert gate.wait(SOON)
        return np.zeros(frames, np.int16)

    links += [CallbackSource(make).send_media_to(Rival(n)) for n in (1, 0)]
    gate.set()
    for link in links:
        link.wait(SOON)


def test_stopped_from_many_threads():
    """Start, stop, clear and close at random: nobody hangs, nothing is left."""
    source = Feed()
    ears = [Ear() for _ in range(3)]
    runs = [True]

    def feed():
        while runs[0]:
            source.give(100)
        return True

    def meddle(seed):
        chance = random.Random(seed)
        for _ in range(100):
            ear = chance.choice(ears)
            what = chance.randrange(5)
            if what < 2:
                with contextlib.suppress(InvalidState):  # another was quicker
                    source.send_media_to(ear, paced=chance.random() < 0.5)
            elif what == 2:
                source.stop_media_to(ear)
            elif what == 3:
                source.clear_media_buffer()
            else:
                ear.close()
        return True

    feeding = in_thread(feed)
    joins = [in_thread(lambda seed=seed: meddle(seed)) for seed in range(4)]
    assert all(join() for join in joins)
    runs[0] = False
    assert feeding()
    source.close()
    assert source.links == ()
    assert source.opened == source.closed


# Clearing


def test_a_clear_while_a_block_waits_for_its_time():
    """It is not heard after the clear; what is given after it is heard whole."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear)
    reached, go = threading.Event(), threading.Event()
    link._clock.tick(3600)
    real_wait = link._clock._stop.wait

    def wait(seconds):
        reached.set()
        assert go.wait(SOON)
        link._clock._epoch -= 3600  # the hour is over
        link._clock._stop.wait = real_wait
        return False

    link._clock._stop.wait = wait
    source.give(BLOCK)
    assert reached.wait(SOON)
    source.give(BLOCK // 2)
    source.clear_media_buffer()
    source.give(2 * BLOCK)
    go.set()
    assert ear.hears(2 * BLOCK)
    link.stop()
    first = BLOCK + BLOCK // 2
    assert np.array_equal(ear.heard, numbered(first, 2 * BLOCK))
    assert link.stats.cleared == first


def test_a_clear_while_a_block_waits_for_room():
    """A speaker's full buffer: the block before it goes, the block after it comes."""
    source, speaker = Feed(), Speaker(BLOCK)
    link = source.send_media_to(speaker)
    source.give(3 * BLOCK)
    assert speaker.queue.wait_for(BLOCK, SOON)
    source.clear_media_buffer()
    source.give(BLOCK)
    got = speaker.queue.get(BLOCK, SOON, SOON)
    assert np.array_equal(got, numbered(3 * BLOCK, BLOCK))
    link.stop()


def test_what_is_under_way_is_stale_before_the_sink_is_cleared():
    """Else an old block could slip into a sink that is empty already."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    source.give(BLOCK)
    assert ear.hears(BLOCK)
    wanted = []
    ear.clear = lambda: wanted.append(link._wanted())
    assert link._wanted()
    source.clear_media_buffer()
    assert wanted == [False]
    link.stop()


def test_a_clear_reaches_the_rest_of_a_block():
    """No piece of an old block before the new audio."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    fed = threading.Event()
    feed = link._pipe.feed
    link._pipe.feed = lambda block: (feed(block), fed.set())[0]
    source.give(100)
    assert fed.wait(SOON)
    source.clear_media_buffer()
    source.give(BLOCK)
    assert ear.hears(BLOCK)
    link.stop()
    assert np.array_equal(ear.heard, numbered(100, BLOCK))
    assert link.stats.cleared == 100


def test_a_clear_reaches_the_resampler():
    """Loud before, silent after: not a trace of the old in the new."""
    source, ear = Feed(48000), Ear(16000)
    link = source.send_media_to(ear, paced=False)
    fed = threading.Event()
    feed = link._pipe.feed
    link._pipe.feed = lambda block: (feed(block), fed.set())[0]
    ear.uncover(False)
    source._deliver(np.full(960, 30000, np.int16))
    assert fed.wait(SOON)
    source.clear_media_buffer()
    ear.uncover()
    source._deliver(np.zeros(9600, np.int16))
    source.over()
    link.wait(SOON)
    assert len(ear.heard) == 3200
    assert not ear.heard.any()


def test_a_clear_then_the_end():
    """Nothing of what was cleared is flushed at the end."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    fed = threading.Event()
    feed = link._pipe.feed
    link._pipe.feed = lambda block: (feed(block), fed.set())[0]
    source.give(100)
    assert fed.wait(SOON)
    source.clear_media_buffer()
    source.over()
    link.wait(SOON)
    assert len(ear.heard) == 0
    assert link.stats.cleared == 100


def test_a_clear_does_not_end_a_link():
    """However it falls: the link waits for what comes then."""
    source, ear = Feed(), Ear()
    link = source.send_media_to(ear, paced=False)
    for _ in range(200):
        source.give(10)
        source.clear_media_buffer()
    start = source.given
    source.give(BLOCK)
    assert ear.hears(BLOCK)
    assert link.is_active
    link.stop()
    assert np.array_equal(ear.heard[-BLOCK:], numbered(start, BLOCK))


class Marking(Ear):
    """Writes down between which frames it was cleared."""

    def clear(self):
        with self._changed:
            self._heard.append(None)

    def generations(self):
        """What it heard between two clears each."""
        found = [[]]
        for block in self._heard:
            if block is None:
                found.append([])
            else:
                found[-1].append(block)
        return [np.concatenate([np.zeros(0, np.int16), *blocks]) for blocks in found]


def hammer(source, ear, give, seed, link):
    """Give audio and clear at random moments; returns what was given by each clear."""
    chance = random.Random(seed)
    cuts = [0]
    seen = threading.Event()
    put = ear._put
    ear._put = lambda block, wanted: (put(block, wanted), seen.set())[0]
    for _ in range(150):
        for _ in range(chance.randrange(4)):
            give(chance.choice([1, 100, BLOCK, 1000]))
        if chance.random() < 0.3:  # let the link's thread come to some other point
            seen.clear()
            seen.wait(0.001)
        source.clear_media_buffer()
        cuts.append(source.given)
    give(BLOCK + 7)
    source.over()
    link.wait(SOON)
    return cuts


class Hasty(Clock):
    """Time flies, and nobody waits for it."""

    def __init__(self):
        self.now = itertools.count(0, 0.015).__next__

    def wait(self, stop, seconds):
        return stop.is_set()


@pytest.mark.parametrize("kind", ["unpaced", "paced", "speaker"])
@pytest.mark.parametrize("seed", range(3))
def test_hammered_with_clears(kind, seed):
    """At random moments: nothing older after a clear, everything that came after it."""
    source, ear = Feed(), Marking(clock=kind == "speaker")
    link = source.send_media_to(ear, paced=kind == "paced")
    if kind == "paced":  # as if time flew
        link._clock._clock = Hasty()
    cuts = hammer(source, ear, source.give, seed, link)
    heard = ear.generations()
    assert len(heard) == len(cuts)
    ends = [*cuts[1:], source.given]
    for start, end, frames in zip(cuts, ends, heard, strict=True):
        # How far behind the clear each stood: numbers are modulo 2**16.
        places = (frames.view(np.uint16).astype(int) - start) % 65536
        assert (places < end - start).all(), "something older than the clear"
        # What comes before the next clear may be cut off by it, not have holes.
        assert np.array_equal(places, np.arange(len(frames)))
    assert len(heard[-1]) == BLOCK + 7
    stats = link.stats
    assert stats.frames + stats.cleared + stats.lost == source.given
    assert stats.frames == sum(map(len, heard))


@pytest.mark.parametrize("seed", range(3))
def test_hammered_with_clears_behind_a_resampler(seed):
    """Loud one way before the clear, the other way after it: nothing is mixed."""
    source, ear = Feed(48000), Marking(16000)
    link = source.send_media_to(ear, paced=False)
    sign = [1]

    def give(count):
        source._deliver(np.full(count, 20000 * sign[0], np.int16))
        source.given += count

    clear = ear.clear

    def clear_and_turn():
        clear()
        sign[0] = -sign[0]

    ear.clear = clear_and_turn
    hammer(source, ear, give, seed, link)
    way = 1
    for frames in ear.generations():
        # Filters ring; a piece of the old would be full scale the other way.
        assert (frames * way > -5000).all()
        way = -way
    assert len(ear.generations()[-1]) == round((BLOCK + 7) / 3)


# A stream from a network, heard on a device


def test_a_stream_is_heard_with_a_reserve():
    """The first blocks are gathered: what comes a little late leaves no gap."""
    source, ear = Feed(), Ear(clock=True)
    sizes = []
    put = ear._put
    ear._put = lambda block, wanted: sizes.append(len(block)) or put(block, wanted)
    link = source.send_media_to(ear)
    for _ in range(4):
        source.give(BLOCK)
    assert ear.hears(4 * BLOCK)
    assert sizes[0] >= 2 * BLOCK
    link.stop()


def test_a_short_word_is_heard_though_it_makes_no_reserve():
    """What is not followed by more goes on its way after a moment."""
    source, ear = Feed(), Ear(clock=True)
    link = source.send_media_to(ear)
    source.give(BLOCK)
    assert ear.hears(BLOCK)
    link.stop()
