"""The way into a session that opens and shuts while the microphone goes on."""

import threading

import numpy as np
import pytest

from tests.conversation.model import SOON
from tests.media.toys import BLOCK, Feed
from voxsync.conversation.gate import Gate
from voxsync.errors import FormatError, InvalidState, SessionClosed
from voxsync.media import CallbackSource
from voxsync.plain import PlainSession


class Ends:
    """How the link ended."""

    def __init__(self):
        self.errors = []
        self.come = threading.Event()

    def __call__(self, error):
        self.errors.append(error)
        self.come.set()


@pytest.fixture
def ends():
    return Ends()


@pytest.fixture
def gate(session, ends):
    return Gate(session, ends)


@pytest.fixture
def feed(gate):
    with Feed() as feed:
        yield feed


def heard(far, frames):
    return far.hears(lambda far: len(far.audio) >= frames)


def gone(feed):
    """Wait until all that the microphone gave has left the link."""
    (link,) = feed.links
    done = threading.Event()
    for _ in range(2000):
        if link.stats.frames >= feed.given:
            return
        done.wait(0.005)
    raise AssertionError(link.stats)


def test_it_tells_the_service_where_audio_begins_and_ends(far, gate, feed, ends):
    """Once each, in order; the samples are those of the microphone."""
    link = feed.send_media_to(gate)
    feed.give(3 * BLOCK)
    heard(far, 3 * BLOCK)
    np.testing.assert_array_equal(far.audio, np.arange(3 * BLOCK))
    link.stop()
    assert far.hears(lambda far: far.marks == ["start", "audio", "end"])
    assert ends.come.wait(SOON)
    assert ends.errors == [None]


def test_while_it_is_muted_nothing_is_sent(far, gate, feed):
    """The end is told once; what is said meanwhile is lost, the microphone goes on."""
    feed.send_media_to(gate)
    feed.give(BLOCK)
    heard(far, BLOCK)
    gate.mute = True
    for _ in range(5):
        feed.give(BLOCK)
    gone(feed)
    assert far.hears(lambda far: far.marks == ["start", "audio", "end"])
    gate.mute = False
    feed.give(2 * BLOCK)
    heard(far, 3 * BLOCK)
    assert far.marks == ["start", "audio", "end", "start", "audio"]
    np.testing.assert_array_equal(far.audio[BLOCK:], np.arange(6 * BLOCK, 8 * BLOCK))


def test_muted_from_the_beginning(far, gate, feed):
    """Not a sample goes out."""
    gate.mute = True
    feed.send_media_to(gate)
    feed.give(2 * BLOCK)
    gone(feed)
    gate.mute = False
    feed.give(BLOCK)
    heard(far, BLOCK)
    np.testing.assert_array_equal(far.audio, np.arange(2 * BLOCK, 3 * BLOCK))


def test_the_level_is_the_microphones(gate, feed):
    """Muted or not: a person who speaks unheard can be told so."""
    gate.mute = True
    feed.send_media_to(gate)
    assert gate.level.peak == -120
    feed.given = 10_000
    feed.give(BLOCK)
    feed.given = BLOCK
    gone(feed)
    assert gate.level.peak > -12


def test_while_the_model_sounds_and_a_little_longer_it_is_shut(far, gate, feed):
    """What is in the speaker still, and its echo, are 250 ms."""
    feed.send_media_to(gate)
    feed.give(BLOCK)
    heard(far, BLOCK)
    gate.sounding(True)
    feed.give(2 * BLOCK)
    gone(feed)
    gate.sounding(False)
    tail = 13  # blocks of 20 ms
    for _ in range(tail + 2):
        feed.give(BLOCK)
    heard(far, 3 * BLOCK)
    assert far.marks == ["start", "audio", "end", "start", "audio"]
    first = (3 + tail) * BLOCK
    np.testing.assert_array_equal(
        far.audio[BLOCK:], np.arange(first, first + 2 * BLOCK)
    )


def test_finish_ends_the_link_without_an_error(far, session, gate, feed, ends):
    """Open or muted: who wants no more audio gets none."""
    feed.send_media_to(gate)
    session.finish()
    feed.give(BLOCK)
    assert ends.come.wait(SOON)
    assert ends.errors == [None]


def test_finish_while_it_is_muted(far, session, gate, feed, ends):
    """Found out when it opens again."""
    gate.mute = True
    feed.send_media_to(gate)
    feed.give(BLOCK)
    gone(feed)
    session.finish()
    gate.mute = False
    feed.give(BLOCK)
    assert ends.come.wait(SOON)
    assert ends.errors == [None]


def test_the_end_of_the_session_ends_the_link(far, session, gate, feed, ends):
    """At once, audio or not."""
    feed.send_media_to(gate)
    session.close()
    assert ends.come.wait(SOON)
    assert isinstance(ends.errors[0], SessionClosed)


def test_a_source_that_fails_is_told_of(far, gate, ends):
    """With its own error."""
    fault = OSError("no card")

    def fail(frames):
        raise fault

    with CallbackSource(fail) as source:
        source.send_media_to(gate)
        assert ends.come.wait(SOON)
    assert ends.errors == [fault]


def test_a_link_that_never_ran_is_only_raised(gate, ends, feed, session):
    """By whoever makes it: the stream is taken, or the device does not open."""
    with Feed() as other:
        other.send_media_to(session)
        with pytest.raises(InvalidState):
            feed.send_media_to(gate)
    assert ends.errors == []
    fault = OSError("no card")

    def fail():
        raise fault

    feed._begin = fail
    with pytest.raises(OSError, match="no card"):
        feed.send_media_to(gate)
    assert ends.errors == []
    del feed._begin
    feed.send_media_to(gate)  # and nothing is left of those


def test_a_session_without_audio():
    """Is refused at once."""
    with pytest.raises(FormatError):
        Gate(PlainSession("ws://127.0.0.1:1/"), print)


def test_what_waits_in_the_send_queue_is_buffered(session, gate):
    """It is one sink with the session's."""
    assert gate._waiting() == 0
    assert gate.sample_rate == 16_000
    assert gate.most_ahead is None
