"""One consumer's end of a source."""

import threading

import numpy as np
import pytest

from tests.media.toys import RATE, SOON, Feed, in_thread, numbered
from voxsync.errors import MediaError
from voxsync.media.source import EndOfStream, Source
from voxsync.media.tap import Tap


class Script(Source):
    """Makes what its script says: a number of frames, None, or an exception."""

    def __init__(self, *script):
        super().__init__(RATE, "script")
        self.script = list(script)
        self.asked = []
        self.made = 0
        self.before = lambda: None

    def _produce(self, frames):
        self.asked.append(frames)
        self.before()
        step = self.script.pop(0)
        if step is None:
            return None
        if isinstance(step, BaseException):
            raise step
        self.made += step
        return numbered(self.made - step, step)


def tap_of(source, capacity=1000):
    tap = Tap(source, capacity)
    source._attach(tap)
    return tap


def test_it_asks_until_there_is_enough():
    """Short pieces are put together; it asks for what is missing, no more."""
    source = Script(3, 4, 3)
    tap = tap_of(source)
    assert list(tap.get(10, 0)) == list(range(10))
    assert source.asked == [10, 7, 3]


def test_nothing_yet():
    """A source that has nothing now is no reason to wait longer than agreed."""
    tap = tap_of(Script(None))
    assert tap.get(10, 0) is None


def test_without_a_limit_it_asks_again():
    """Nobody would wake it, so it asks itself until audio comes."""
    source = Script(None, None, None, 10)
    tap = tap_of(source)
    join = in_thread(lambda: tap.get(10, None))
    assert list(join()) == list(range(10))


def test_it_asks_again_for_the_others():
    """With patience, half a block now and half a block a little later is one block."""
    source = Script(5, None, None, 5)
    tap = tap_of(source)
    join = in_thread(lambda: tap.get(10, 0, SOON))
    assert list(join()) == list(range(10))


def test_patience_has_an_end():
    """Fewer frames where no more come in time."""
    tap = tap_of(Script(5, *[None] * 1000))
    assert list(tap.get(10, SOON, 0.05)) == [0, 1, 2, 3, 4]


def test_the_end_comes_after_what_was_made():
    """Frames first, then `EndOfStream`, each time it is asked."""
    tap = tap_of(Script(5, EndOfStream()))
    assert len(tap.get(10, None)) == 5
    for _ in range(2):
        with pytest.raises(EndOfStream):
            tap.get(10, None)


def test_an_error_comes_after_what_was_made(caplog):
    """So does what ended the source."""
    tap = tap_of(Script(5, MediaError("torn")))
    assert len(tap.get(10, None)) == 5
    with pytest.raises(MediaError, match="torn"):
        tap.get(10, None)
    assert "torn" in caplog.text


def test_more_than_it_holds():
    """One asks for what fits, and does not wait for what never will."""
    tap = tap_of(Script(8), capacity=8)
    assert list(tap.get(100, None, SOON)) == list(range(8))


def test_not_wanted_any_more():
    """A link that is stopped does not go on asking."""
    source = Script(*[None] * 10_000)
    tap = tap_of(source)
    runs = [True]
    asked = threading.Event()
    source.before = asked.set
    join = in_thread(lambda: tap.get(10, None, wanted=lambda: runs[0]))
    assert asked.wait(SOON)
    runs[0] = False
    assert join() is None


def test_cleared_while_it_waits_for_the_others():
    """What came before the clear is gone, what is made after it is returned."""
    source = Script(5, None, 10)
    tap = tap_of(source)

    def clear_at_the_second():
        if len(source.asked) == 2:
            tap.buffer.clear()

    source.before = clear_at_the_second
    join = in_thread(lambda: tap.get(10, None, SOON))
    assert list(join()) == list(range(5, 15))


def test_a_pushed_source_is_not_asked():
    """Its audio comes by itself."""
    source = Feed()
    tap = tap_of(source)
    assert tap.get(10, 0) is None
    source.give(10)
    assert np.array_equal(tap.get(10, 0), numbered(0, 10))
