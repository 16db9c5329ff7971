"""What everything has that gives or takes audio."""

import logging
import math
import threading
import time

import numpy as np
import pytest

from tests.media.toys import BLOCK, RATE, SOON, Errors
from voxsync.audio.pcm import FLOOR_DBFS
from voxsync.errors import MediaError
from voxsync.media.unit import MediaUnit, UnitStats


def loud(frames, amplitude=16384):
    return np.full(frames, amplitude, np.int16)


@pytest.fixture
def unit():
    return MediaUnit(RATE, "unit")


def test_names():
    """A unit without a name gets one of its own."""
    one, two = MediaUnit(RATE), MediaUnit(RATE)
    assert one.name.startswith("mediaunit-")
    assert one.name != two.name
    assert repr(MediaUnit(RATE, "mine")) == "<MediaUnit mine 16000 Hz>"


@pytest.mark.parametrize("rate", [16000.0, "16000", None, True])
def test_a_rate_is_a_number_of_frames(rate):
    """Another type is refused at once, and the message says what is meant."""
    with pytest.raises(TypeError, match="frames per second"):
        MediaUnit(rate)


@pytest.mark.parametrize("rate", [0, -8000, 999, 768_001])
def test_rates_that_are_none(rate):
    """16 for 16000 is noticed where it is written."""
    with pytest.raises(ValueError, match="1000 to 768000"):
        MediaUnit(rate)


def test_stats_count_what_went_through(unit):
    """Frames, and the same as time."""
    unit._passed(loud(BLOCK))
    unit._passed(loud(BLOCK))
    assert unit.stats == UnitStats(frames=640, seconds=0.04)


def test_with_closes():
    """Leaving `with` closes, whatever happened; the exception goes on."""

    class Closing(MediaUnit):
        closed = 0

        def close(self):
            self.closed += 1

    unit = Closing(RATE)
    with pytest.raises(KeyError), unit as entered:
        assert entered is unit
        raise KeyError
    assert unit.closed == 1


# Levels


def test_silence_before_the_first_audio(unit):
    """A unit that has done nothing is silent."""
    assert (unit.level.peak, unit.level.rms) == (FLOOR_DBFS, FLOOR_DBFS)


def test_level_of_what_went_through(unit):
    """Half of full scale is -6 dBFS, peak and RMS."""
    unit._passed(loud(BLOCK))
    assert unit.level.peak == pytest.approx(-6.02, abs=0.01)
    assert unit.level.rms == pytest.approx(-6.02, abs=0.01)


def test_level_is_of_the_last_100_ms(unit, monkeypatch):
    """What is older does not count; 100 ms after the last audio there is silence."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    unit._passed(loud(BLOCK))
    now = 1000.06
    unit._passed(loud(BLOCK, 1638))
    assert unit.level.peak == pytest.approx(-6.02, abs=0.01)
    now = 1000.11
    assert unit.level.peak == pytest.approx(-26.02, abs=0.01)
    now = 1000.17
    assert (unit.level.peak, unit.level.rms) == (FLOOR_DBFS, FLOOR_DBFS)


def test_level_of_a_burst_is_that_of_its_end(unit):
    """Of 3 s that came at once the last 100 ms count: cheap, and not 3 s long."""
    block = np.concatenate((loud(3 * RATE), loud(RATE // 10, 1638)))
    unit._passed(block)
    assert unit.level.peak == pytest.approx(-26.02, abs=0.01)
    for _ in range(20):
        unit._passed(loud(BLOCK, 164))
    assert unit.level.peak == pytest.approx(-46.02, abs=0.01)


def test_what_is_kept_for_the_level_is_bounded(unit):
    """Neither many blocks nor long ones are kept alive for it."""
    for _ in range(200):
        unit._passed(loud(10 * RATE))
    kept = [block for _, block in unit._recent]
    assert len(kept) <= 64
    assert all(len(block) <= RATE // 10 for block in kept)
    assert all(block.base is None for block in kept)


def test_level_while_audio_goes_through(unit):
    """Polling from a GUI's thread never meets a half-changed list."""
    done = threading.Event()
    levels = []

    def poll():
        while not done.is_set():
            levels.append(unit.level.peak)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for _ in range(20_000):
            unit._passed(loud(16))
    finally:
        done.set()
        thread.join()
    assert levels
    half = 20 * math.log10(16384 / 32768)
    assert all(level in (FLOOR_DBFS, pytest.approx(half)) for level in levels)


# Errors


def test_an_error_is_told(unit):
    """To the listeners, on a thread of the unit that ends; and noted in `error`."""
    threads = []
    unit.add_event_listener(
        "error", lambda event: threads.append(threading.current_thread().name)
    )
    errors = Errors(unit)
    error = MediaError("broken")
    unit._failed(error)
    assert errors.come()
    assert errors.seen == [error]
    assert unit.error is error
    assert threads == ["voxsync-unit-unit"]


def test_without_a_listener_it_is_logged(unit, caplog):
    """Nothing is swallowed."""
    with caplog.at_level(logging.WARNING, "voxsync.media"):
        unit._failed(MediaError("broken"))
    assert "unit: broken" in caplog.text


def test_a_loss_is_told_once(unit):
    """However often it happens, and once for each kind."""
    errors = Errors(unit)
    for _ in range(5):
        unit._tell_once("lost", MediaError("one"))
    unit._tell_once("other", MediaError("two"))
    assert errors.come(2)
    assert [str(error) for error in errors.seen] == ["one", "two"]


def test_listeners_that_hang_hold_up_nobody(unit, caplog):
    """What cannot wait for them any more is logged: bounded; no lock is held (I3)."""
    errors_in_log = []

    class Nosy(logging.Handler):
        def emit(self, record):
            # The program's code; it may ask the unit whatever it likes.
            errors_in_log.append(unit._telling_lock.locked())

    handler = Nosy()
    logging.getLogger("voxsync.media").addHandler(handler)
    inside, gate = threading.Event(), threading.Event()
    seen = []

    def hang(event):
        inside.set()
        gate.wait(SOON)
        seen.append(event)

    unit.add_event_listener("error", hang)
    try:
        unit._tell(MediaError("first"))
        assert inside.wait(SOON)
        with caplog.at_level(logging.WARNING, "voxsync.media"):
            for number in range(70):
                unit._tell(MediaError(f"number {number}"))
    finally:
        gate.set()
        logging.getLogger("voxsync.media").removeHandler(handler)
    assert "its listeners hang; number 69" in caplog.text
    assert errors_in_log == [False] * 6
    last = Errors(unit)
    unit._tell(MediaError("after"))
    assert last.come()


def test_a_listener_may_do_anything(unit):
    """Close the unit, or cause the next error: told in turn, nobody waits."""
    told = []
    gone = threading.Event()

    def listener(event):
        told.append(str(event.error))
        unit.close()
        if len(told) < 3:
            unit._tell(MediaError(f"after {told[-1]}"))
        else:
            gone.set()

    unit.on_error = listener
    unit._tell(MediaError("one"))
    assert gone.wait(SOON)
    assert told == ["one", "after one", "after after one"]


def test_other_events_there_are_none(unit):
    """A unit tells of errors only."""
    with pytest.raises(ValueError, match="there are: error"):
        unit.add_event_listener("message", print)
